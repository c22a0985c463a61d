"""Pages that are made to take long: each repeats one thing as often as the parser allows, in a page of Japan Post.

For the benchmark, which times them, and for tests, which show that none ends in anything but a story or a failure.
"""

from collections.abc import Callable

from tests import PROJECT
from tracking.japanpost.limits import MAX_ATTRIBUTES, MAX_TAGS
from tracking.japanpost.parser import MAX_BYTES, MAX_EVENTS

NUMBER = "EM123456785JP"
PAGE = (PROJECT / "tests/japanpost/pages/detail-in-customs.html").read_bytes().decode()
_PHRASE = "Held by import Customs"
_FIRST_EVENT, _LAST_EVENT, _HEADERS = (
    PAGE.index(text) for text in ("SHIBUYA", _PHRASE, "State occurrence date")
)


def _many(part: str, *, closed_by: str = "") -> str:
    """The part, as often as the limits of bytes and tags allow, and as often what closes it."""
    both = part + closed_by
    room = MAX_BYTES - len(PAGE.encode()) - 100
    times = room // len(both.encode())
    if tags := both.count("<"):
        times = min(times, (MAX_TAGS - PAGE.count("<") - 20) // tags)
    return part * times + closed_by * times


def _in_body(part: str) -> str:
    return PAGE.replace("<body>", f"<body>{part}", 1)


def _in_cell(part: str) -> str:
    return PAGE.replace(_PHRASE, _PHRASE + part, 1)


def _between_rows(part: str) -> str:
    place = PAGE.rindex("<tr>", 0, _LAST_EVENT)
    return PAGE[:place] + part + PAGE[place:]


def _in_headers(part: str) -> str:
    place = PAGE.rindex("<th", 0, _HEADERS)
    return PAGE[:place] + part + PAGE[place:]


def _attributes(count: int) -> str:
    """A tag with this many attributes, all different."""
    return "<p " + " ".join(f"a{place}" for place in range(count)) + ">"


def _comments_and_attributes(bracket: str) -> str:
    """A cell of comments and of attributes, with as many of both as the limits allow. Neither contains a tag."""
    tag = "<br " + " ".join(f"a{place}={bracket}" for place in range(150)) + ">"
    tags = tag * ((MAX_ATTRIBUTES - 1_000) // 150)
    comments = (MAX_TAGS - PAGE.count("<") - tags.count("<br") - 20) // 2
    return _in_cell("<!<>" * comments + tags)


def _nested_rows(part: str) -> str:
    """Rows inside the first cells of rows, around the part; each has five cells."""
    depth = 120
    return _in_body("<tr><b>" * depth + part + ("</b>" + "<br>" * 4 + "</tr>") * depth)


def _padded(part: str, text: str) -> str:
    """The part with a text that fills the page."""
    return part.replace(
        "@", text * ((MAX_BYTES - len(PAGE.encode()) - len(part.encode())) // len(text.encode()))
    )


def full_page() -> str:
    """A page of Japan Post with as many events as we read."""
    begin, history = PAGE.rindex("<tr>", 0, PAGE.index("Posting/Collection")), PAGE.index("履歴情報")
    rows = PAGE[begin : PAGE.index("</table>", history)]
    return PAGE[:begin] + rows * (MAX_EVENTS // rows.count("11/0")) + PAGE[begin + len(rows) :]


HOSTILE: dict[str, Callable[[], str]] = {
    "100,000 attributes": lambda: _in_body(_attributes(100_000)),
    "attributes in a page too short to check": lambda: (
        "<html><p " + " ".join(map(chr, range(0x4E00, 0x4E00 + 9_900))) + "></p></html>"
    ),
    "as many attributes as allowed": lambda: _in_body(_attributes(4_200)),
    "attributes with tags in quotes": lambda: _in_body(
        "<p " + " ".join(f"a{place}='<'" for place in range(4_200)) + ">"
    ),
    "attributes with long names": lambda: _in_body(
        "<p " + " ".join(f"{'a' * 90}{place}" for place in range(4_000)) + ">"
    ),
    "tags of many bytes": lambda: _in_body("<a b='" + "<a " * 9 + " " * 1_900_000 + "'>"),
    "brackets in comments and in attributes": lambda: _comments_and_attributes("&lt"),
    "brackets in comments only": lambda: _comments_and_attributes("x"),
    "more attributes in a cell than allowed": lambda: _in_cell(
        _many("<br " + " ".join(f"a{place}=&lt" for place in range(49)) + ">")
    ),
    "as many attributes in a cell as allowed": lambda: _in_cell(
        ("<br " + " ".join(f"a{place}=x" for place in range(49)) + ">") * ((MAX_ATTRIBUTES - 1_000) // 49)
    ),
    "different attributes": lambda: _in_cell("".join(f"<br a{one}=x b{one}=x>" for one in range(19_000))),
    "html tags with attributes": lambda: _in_body(
        "".join(f"<html {' '.join(f'a{one}x{place}' for place in range(190))}>" for one in range(200))
    ),
    "many tags with 70 attributes": lambda: _in_body(_many(_attributes(70))),
    "many tags with 30 attributes": lambda: _in_body(_many(_attributes(30))),
    "tags that never end": lambda: _in_body(_many("<a ")),
    "names that never end": lambda: _in_body(_many("<a")),
    "quotes that never end": lambda: _in_body(_many("<a b='\"")),
    "one long name": lambda: _in_body(_padded("<@>", "a")),
    "different long names": lambda: _in_body("".join(f"<a{place:0200}>" for place in range(9_500))),
    "comments in a cell": lambda: _in_cell(_many("<!---->")),
    "comments and texts in a cell": lambda: _in_cell(_many("x<!---->")),
    "comments between rows": lambda: _between_rows(_many("<!---->")),
    "comments and blanks between rows": lambda: _between_rows(_many(" <!---->")),
    "comments and texts between rows": lambda: _between_rows(_many("x<!---->")),
    "comments with tags": lambda: _in_cell(_many("<!--<-->")),
    "comments that never end": lambda: _in_body(_many("<!--")),
    "processing instructions": lambda: _in_cell(_many("<?a?>")),
    "one long comment": lambda: _in_body(_padded("<!--@-->", "-")),
    "elements in a cell": lambda: _in_cell(_many("<b></b>")),
    "elements and texts in a cell": lambda: _in_cell(_many("x<b></b>")),
    "attributes in a cell": lambda: _in_cell(_many("<b a='' b='' c='' d='' e=''></b>")),
    "attributes of escaped brackets": lambda: _in_cell(
        _many("<b " + "".join(f"{letter}='&lt;'" for letter in "abcdefghijklmn") + "></b>")
    ),
    "attributes of brackets": lambda: _in_cell(_many("<b a='<' b='<'></b>")),
    "line breaks in a cell": lambda: _in_cell(_many("<br>")),
    "paragraphs in a cell": lambda: _in_cell(_many("<p>")),
    "nested elements in a cell": lambda: _in_cell(_many("<b>" * 100 + "</b>" * 100)),
    "nested too deep": lambda: _in_body(_many("<div>")),
    "tables": lambda: _in_body(_many("<table></table>")),
    "tables with a row": lambda: _in_body(_many("<table><tr><td>1<td>2<td>3<td>4<td>5</table>")),
    "nested tables around a long text": lambda: _in_body(
        _padded("<table><tr><td>" * 80 + "@" + "<td><td><td><td></table>" * 80, "x ")
    ),
    "nested tables around blanks": lambda: _in_body(
        _padded("<table><tr><td>" * 80 + "@" + "<td><td><td><td></table>" * 80, " ")
    ),
    "nested tables around elements": lambda: _in_body(
        "<table><tr><td>" * 80 + "<b></b>" * 9_000 + "<td><td><td><td></table>" * 80
    ),
    "nested rows around line breaks": lambda: _nested_rows("<br> " * 17_800),
    "nested rows around elements": lambda: _nested_rows("<i></i>" * 9_200),
    "nested rows around blanks": lambda: _padded(_nested_rows("@"), " "),
    "header cells": lambda: _in_headers(_many("<th>x")),
    "header cells of escaped brackets": lambda: _in_headers(_many("<th>&lt;")),
    "header cells that fill the page": lambda: _in_headers(_many("<th>" + "&lt;" * 25)),
    "rows of one cell": lambda: _between_rows(_many("<tr><td>")),
    "rows of five cells": lambda: _between_rows(_many("<tr><td><td><td><td><td><tr><td>")),
    "cells of escaped brackets": lambda: _between_rows(_many("<tr><td>" + "&lt;" * 50)),
    "one long text": lambda: _in_cell(_padded("@", "x")),
    "one long text of blanks": lambda: _in_cell(_padded("@", " ")),
    "one long text of line ends": lambda: _in_body(_padded("@", "\r\n")),
    "many entities": lambda: _in_cell(_padded("@", "&amp;")),
    "many numeric entities": lambda: _in_cell(_padded("@", "&#x4e00;")),
    "one long entity": lambda: _in_cell(_padded("&@", "a")),
    "one long numeric entity": lambda: _in_cell(_padded("&#x@41;", "0")),
    "ampersands": lambda: _in_cell(_padded("@", "&")),
    "html tags": lambda: _in_body("".join(f"<html a{place}=1>" for place in range(19_500))),
    "body tags": lambda: _in_body("".join(f"<body a{place}=1>" for place in range(19_500))),
    "brackets": lambda: _in_body(_many("<")),
    "end tags": lambda: _in_body("<div>" * 200 + _many("</a>")[:-1_000]),
    "links that never end": lambda: _in_body(_many("<a>")),
    "list items": lambda: _in_body(_many("<li>")),
    "options": lambda: _in_body("<select>" + _many("<option>") + "</select>"),
    "scripts": lambda: _in_body(_many("<script></script>")),
    "comments in a script": lambda: _in_body("<script>" + _many("<!--") + "</script>"),
    "end tags in a title": lambda: _in_body("<title>" + _many("</t") + "</title>"),
    "document types": lambda: _many("<!DOCTYPE html>") + PAGE,
    "control characters": lambda: _in_body(_padded("@", "\x01")),
    "Chinese characters": lambda: _in_body(_padded("@", "漢")),
}
