"""The parser against generated pages: each gives a whole answer or one of the four failures."""

import re
from dataclasses import astuple
from datetime import date, time
from html import escape
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tracking.japanpost.errors import NotFound, Rejected, Unavailable, UnexpectedPage
from tracking.japanpost.parser import parse_page
from tracking.japanpost.records import TrackedEvent, TrackedItem

PAGES = {
    path.stem: path.read_bytes().decode("utf-8") for path in (Path(__file__).parent / "pages").glob("*.html")
}
NUMBER = "EM123456785JP"
DETAIL = PAGES["detail-in-customs"]
STORY = parse_page(DETAIL, NUMBER)
HISTORY = DETAIL.index("履歴情報")
END = DETAIL.index("</table>", HISTORY)
TABLES = range(DETAIL.index("配達状況詳細"), END)  # the positions of our two tables

some = settings(max_examples=150)
many = settings(max_examples=1000)


def answer(html: str, number: str = NUMBER) -> TrackedItem | None:
    """The item; None for one of the four failures. Any other exception fails the test."""
    try:
        return parse_page(html, number)
    except (NotFound, Rejected, Unavailable, UnexpectedPage):
        return None


# Every item that can be printed is read back.

words = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S"), exclude_characters="\ufffd"),
    min_size=1,
    max_size=30,
).map(lambda text: re.sub(r"\s+", "", text))
optional = st.just("") | words
events = st.builds(
    TrackedEvent,
    local_date=st.dates(date(2000, 1, 1), date(2099, 12, 31)),
    local_time=st.none() | st.builds(time, st.integers(0, 23), st.integers(0, 59)),
    phrase=st.lists(words, min_size=1, max_size=4).map(" ".join),
    details=optional,
    office=optional,
    region=optional,
    postal_code=st.from_regex(r"[0-9]{3}-[0-9]{4}|", fullmatch=True),
)
items = st.builds(
    TrackedItem,
    number=st.sampled_from([NUMBER, "EN123456785JP", "CN000000005JP", "RB123456785GB"]),
    item_class=optional,
    events=st.lists(events, min_size=1, max_size=6).map(tuple),
)
blanks = st.sampled_from(["", " ", "\r\n\t", "&nbsp;", "\u3000", "<br>", "<!-- x -->"])


def render(item: TrackedItem, blank: str, *, japanese: bool, spans: bool) -> str:
    """A page with only the two tables, with blanks where they do not matter."""
    two = ' rowspan="2"' if spans else ""

    def row(*cells: str) -> str:
        return "<tr>" + "".join(f"{cell}\r\n" for cell in cells) + "</tr>\r\n"

    def td(text: str, span: str = "") -> str:
        return f"<td{span}>{blank}{escape(text).replace(' ', f' {blank} ')}{blank}</td>"

    def when(event: TrackedEvent) -> str:
        day = event.local_date.strftime("%Y/%m/%d" if japanese else "%m/%d/%Y")
        return day if event.local_time is None else f"{day} {event.local_time:%H:%M}"

    history = "".join(
        row(
            td(when(event), two),
            td(event.phrase, two),
            td(event.details, two),
            td(event.office),
            td(event.region, two),
        )
        + row(td(event.postal_code))
        for event in item.events
    )
    return (
        '<html><body><table summary="配達状況詳細">'
        + row("<th>Item number</th>", "<th>Class of goods</th>")
        + row(td(f"{item.number[:2]} {item.number[2:]}"), td(item.item_class))
        + '</table><table summary="履歴情報">'
        + row(*(f"<th>{header}</th>" for header in ("When", "What", "Details", "Office", "Prefecture")))
        + row("<th>ZIP code</th>")
        + history
        + "</table></body></html>"
    )


@given(items, blanks, st.booleans(), st.booleans())
@some
def test_every_item_that_can_be_printed_is_read_back(
    item: TrackedItem, blank: str, japanese: bool, spans: bool
) -> None:
    assert parse_page(render(item, blank, japanese=japanese, spans=spans), item.number) == item


# Any text gives one of the four failures, unless it is a whole page.


@given(st.text(st.characters(categories=["Cs", "Cc", "L", "P", "Z"])), st.text(max_size=15))
@example("<?xml version='1.0' encoding='utf-16'?><html></html>", NUMBER)
@example("<![CDATA[</html>", NUMBER)
@example("</html>", "")
@example("\0</html>", NUMBER)
@example("<a " * 3000 + "</html>", NUMBER)
@example("<table>" * 5000 + "</html>", NUMBER)
@some
def test_no_text_is_mistaken_for_an_answer(text: str, number: str) -> None:
    assert answer(text, number) is None
    assert answer(text + "</html>", number) is None


@given(st.binary(max_size=300))
@some
def test_no_bytes_are_mistaken_for_an_answer(body: bytes) -> None:
    assert answer(body.decode("latin-1") + "</html>") is None


@given(st.sampled_from(sorted(PAGES)), st.sampled_from(["latin-1", "cp1252", "cp932", "euc_jp", "utf-16"]))
@some
def test_a_page_decoded_wrongly_is_no_answer(name: str, encoding: str) -> None:
    assert answer(PAGES[name].encode().decode(encoding, "replace")) is None


@given(st.integers(0, len(DETAIL.encode()) - 1), st.sampled_from(["", "</html>", "</body></html>"]))
@some
def test_a_page_cut_at_any_byte_is_never_a_shorter_story(end: int, closing: str) -> None:
    cut = DETAIL.encode()[:end].decode("utf-8", "replace")
    item = answer(cut + closing)
    assert item is None or (item == STORY and len(cut) > END)


# One thing changed in a good page gives the same events, or none. A story with an event missing would be the worst.

SNIPPETS = [
    "<", ">", '"', "'", "=", "/", "&", "&lt;", "&nbsp;", "&#0;", "&#x200b;", "\0", "\ufffd", "\x1f", "<!--",
    "-->", "<!", "<?", "]]>", "<tr>", "</tr>", "<td>", "</td>", "<th>", "</th>", "<table>", "</table>",
    "</table><table>", "<tbody>", "</tbody>", "<script>", "</script>", "<style>", "<textarea>", "<title>",
    "<select>", "<noscript>", "<template>", "<svg>", "<iframe>", "<plaintext>", "<xmp>", "<form>",
    "</form>", "<div>", "</div>", "<b>", "</b>", "<p>", "<h2>", "<caption>", "<head>", "<body>", "</body>",
    "<html>", "</html>", "</body></html>", "<tr title='", '<tr title="', "<td class='",
    "<table summary='履歴情報'>", "<b>" * 300, "x" * 600,
]  # fmt: skip
places = st.sampled_from(TABLES)


def shape(item: TrackedItem) -> list[tuple[date, time | None]]:
    """The dates and times of the events, in order."""
    return [(event.local_date, event.local_time) for event in item.events]


def visible(html: str) -> str:
    """The page without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"</?[a-z][^<>]*>", " ", html))


@given(places, st.sampled_from(SNIPPETS))
@many
def test_a_snippet_inserted_anywhere_hides_no_event(place: int, snippet: str) -> None:
    item = answer(DETAIL[:place] + snippet + DETAIL[place:])
    if item is not None:
        assert shape(item) == shape(STORY)
        assert not any(event.phrase.startswith("Final delivery") for event in item.events)


TAGS = [tag.span() for tag in re.finditer(r"<[^>]*>", DETAIL) if tag.start() in TABLES]


@given(st.sampled_from(TAGS))
@many
def test_a_dropped_tag_is_noticed_or_harmless(tag: tuple[int, int]) -> None:
    start, end = tag
    assert answer(DETAIL[:start] + DETAIL[end:]) in (STORY, None)


@given(places, st.integers(1, 60))
@many
def test_a_page_with_lost_characters_keeps_all_its_events(start: int, length: int) -> None:
    """Characters may be lost anywhere. The item has as many events as before, with phrases that the page still has."""
    html = DETAIL[:start] + DETAIL[start + length :]
    item = answer(html)
    if item is not None:
        assert len(item.events) == len(STORY.events)
        assert all(event.phrase in visible(html) for event in item.events)


ROWS = [row.span() for row in re.finditer(r"<tr>.*?</tr>", DETAIL, re.DOTALL) if row.start() in TABLES]


@given(st.sampled_from(ROWS), st.sampled_from(ROWS))
@some
def test_a_row_repeated_elsewhere_is_noticed_or_harmless(
    row: tuple[int, int], before: tuple[int, int]
) -> None:
    html = DETAIL[: before[0]] + DETAIL[slice(*row)] + DETAIL[before[0] :]
    assert answer(html) in (STORY, None)


CELLS = [cell.span() for cell in re.finditer(r"<td.*?</td>", DETAIL) if HISTORY < cell.start() < END]


def texts_of(item: TrackedItem) -> list[str]:
    """The values of all events as sorted texts."""
    return sorted(str(value) for event in item.events for value in astuple(event))


@given(st.sampled_from(CELLS), st.sampled_from(CELLS))
@many
def test_swapped_cells_lose_no_text(one: tuple[int, int], other: tuple[int, int]) -> None:
    (start, end), (start2, end2) = sorted((one, other))
    if start != start2:
        html = DETAIL[:start] + DETAIL[start2:end2] + DETAIL[end:start2] + DETAIL[start:end] + DETAIL[end2:]
        item = answer(html)
        assert item is None or texts_of(item) == texts_of(STORY)


@given(
    st.sampled_from(CELLS), st.text(min_size=1) | st.sampled_from(["x" * 100_000, "<table><tr><td>x</table>"])
)
@some
def test_a_cell_with_any_text_is_read_whole_or_refused(cell: tuple[int, int], text: str) -> None:
    start = DETAIL.index(">", cell[0]) + 1
    end = DETAIL.index("</td>", start)
    item = answer(DETAIL[:start] + escape(text) + DETAIL[end:])
    if item is not None:
        assert " ".join(text.split()) in texts_of(item)
        assert len(item.events) == len(STORY.events)
