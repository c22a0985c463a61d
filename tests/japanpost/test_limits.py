"""A page that would take long to read is refused before it is read, and a long page of Japan Post is not."""

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from tests.japanpost.test_parser import DETAIL, HELD, HISTORY_TABLE, NUMBER, ROWS, changed
from tests.support.hostile_pages import HOSTILE
from tracking.japanpost.errors import UnexpectedPage
from tracking.japanpost.limits import _TAG, MAX_ATTRIBUTES, MAX_TAGS, count_attributes
from tracking.japanpost.parser import MAX_EVENTS, parse_page

FULL = changed(
    DETAIL,
    HISTORY_TABLE,
    HISTORY_TABLE.replace(ROWS[2], (ROWS[2] + ROWS[3]) * (MAX_EVENTS - 5) + ROWS[2]),
)


def attributes(count: int, value: str = "") -> str:
    """A tag with this many attributes, all different."""
    return "<p " + " ".join(f"a{place}{value}" for place in range(count)) + ">"


@pytest.mark.parametrize(
    "html",
    [
        FULL,
        changed(FULL, "<td ", "<td id='x' style='color: black' data-x='1' ", -1),
        changed(changed(FULL, HELD, f"<b>{HELD}<br></b>", -1), "<tr>", "<!-- row --><tr>", -1),
        changed(DETAIL, "<body>", "<body>" + attributes(1_000)),
        changed(DETAIL, "<body>", f"<body><img src='data:image/png;base64,{'x' * 500_000}'>"),
        changed(
            DETAIL,
            "<body>",
            "<body><script>" + "for (i=0; i<n; i++) { s += '<li>' + x; }\n" * 50 + "</script>",
        ),
        changed(DETAIL, "<body>", "<body><script>if (a<b) {" + " x = 'y';" * 2_000 + "}</script>"),
    ],
    ids=[
        "500 events",
        "more attributes",
        "more tags",
        "1,000 attributes",
        "a picture",
        "loops",
        "a long script",
    ],
)
def test_a_long_page_of_japan_post_is_read(html: str) -> None:
    assert parse_page(html, NUMBER).events[-1].phrase == HELD


@pytest.mark.parametrize(
    "name",
    [
        "100,000 attributes",
        "tags that never end",
        "names that never end",
        "quotes that never end",
    ],
)
def test_a_page_of_too_long_tags_is_refused(name: str) -> None:
    with pytest.raises(UnexpectedPage, match="too long tags, or too many attributes"):
        parse_page(HOSTILE[name](), NUMBER)


@pytest.mark.parametrize(
    "tag",
    [
        attributes(8_000),
        attributes(8_000, "='>'"),
        attributes(8_000, '="<p>"'),
        attributes(8_000).replace(" ", "/"),
        attributes(8_000, "=''").replace("' a", "'a"),
        "<script>'<a b=\"</script>" + attributes(8_000, '="><x y="'),
        "<!--<a b='-->" + attributes(8_000, "='><x y='"),
    ],
    ids=["plain", "in quotes", "tags in quotes", "slashes", "no blanks", "after a script", "after a comment"],
)
def test_too_many_attributes_are_refused_however_they_are_written(tag: str) -> None:
    with pytest.raises(UnexpectedPage, match="too many attributes"):
        parse_page(changed(DETAIL, "<body>", "<body>" + tag), NUMBER)


@pytest.mark.parametrize("part", ["<!---->", "<b></b>", "<?a?>", "<br>", "</b>", "<"])
def test_a_page_of_too_many_tags_is_refused(part: str) -> None:
    with pytest.raises(UnexpectedPage, match="too many tags: "):
        parse_page(changed(DETAIL, HELD, HELD + part * MAX_TAGS), NUMBER)


@pytest.mark.parametrize("in_a_tag", [3, 14, 49])
@pytest.mark.parametrize("value", ["=x", "='&lt;'"])
def test_a_page_of_too_many_attributes_is_refused(in_a_tag: int, value: str) -> None:
    tag = attributes(in_a_tag, value)
    most = MAX_ATTRIBUTES // in_a_tag
    with pytest.raises(UnexpectedPage, match=r"too many attributes: more than \d+ on the page"):
        parse_page(changed(DETAIL, HELD, HELD + tag * most), NUMBER)


@pytest.mark.parametrize("in_a_tag", [3, 14, 49])
def test_a_page_of_fewer_attributes_is_read(in_a_tag: int) -> None:
    tag = attributes(in_a_tag, "=x")
    most = (MAX_ATTRIBUTES - DETAIL.count("=")) // in_a_tag - 100
    assert parse_page(changed(DETAIL, HELD, HELD + tag * most), NUMBER).events


@pytest.mark.parametrize("name", ["brackets in comments and in attributes", "attributes of brackets"])
def test_only_the_first_hidden_tag_is_read(name: str) -> None:
    with pytest.raises(UnexpectedPage) as failure:
        parse_page(HOSTILE[name](), NUMBER)
    assert len(str(failure.value)) < len("tags inside a comment or an attribute: '12345'")


@pytest.mark.parametrize("part", ["<br> ", "<i></i>", "<!---->", "<?a?> "])
def test_of_a_long_first_cell_only_the_beginning_is_read(part: str) -> None:
    def stray(count: int) -> str:
        row = f"<table><tr><td>{part * count}11/07/2026 10:24<td><td><td><td></table>"
        return changed(DETAIL, "<body>", "<body>" + row)

    with pytest.raises(UnexpectedPage, match="events outside the history"):
        parse_page(stray(10), NUMBER)
    assert parse_page(stray(100), NUMBER).events


@pytest.mark.parametrize(
    "name",
    [
        "as many attributes as allowed",
        "as many attributes in a cell as allowed",
        "different attributes",
        "nested rows around line breaks",
        "comments and texts between rows",
        "comments in a cell",
        "header cells of escaped brackets",
        "nested tables around a long text",
    ],
)
def test_a_page_near_the_limits_is_read_or_refused(name: str) -> None:
    with suppress(UnexpectedPage):
        assert parse_page(HOSTILE[name](), NUMBER).events


pieces = st.sampled_from(
    ["<p", "<b ", "<a/", "</a", "<script>", "</script>", "<!--", "-->", "<!", "<?", ">", "/>", '"', "'", "=", " ", "\n",
     "\x0b", "/", "x", "é", "&lt;", "<title>", "</title>", "<textarea>", "</textarea>"]
)  # fmt: skip


@given(st.lists(pieces | st.integers(0, 99).map("a{}".format), max_size=40).map("".join))
@example('<script>\'<a b="</script><p a1="><x y=" a2="><x y=" a3="><x y=">')
@example("<a =x=y='>' b==c d= 'e'f\"g=h>")
@example('<a"b=c d>e"f>')
def test_no_tag_of_libxml2_has_more_attributes_than_we_count(html: str) -> None:
    html = f"<html>{html}</html>"
    root = etree.fromstring(html, etree.HTMLParser())
    most = max((len(element.attrib) for element in root.iter("*")), default=0)
    assert most <= max(map(count_attributes, _TAG.finditer(html)))
