"""The parser against drift: one change in a good page raises UnexpectedPage. Then the changes that are no drift."""

import re
from datetime import date, time
from pathlib import Path

import pytest

from tracking.japanpost.errors import NotFound, Rejected, Unavailable, UnexpectedPage
from tracking.japanpost.parser import MAX_BYTES, MAX_EVENTS, parse_page

PAGES = Path(__file__).parent / "pages"
NUMBER = "EM123456785JP"
OTHER = "EN123456785JP"


def page(name: str) -> str:
    """The written page of this name."""
    return (PAGES / f"{name}.html").read_bytes().decode("utf-8")


DETAIL = page("detail-in-customs")  # five events
LIST = page("list-mixed")  # NUMBER and OTHER found, three problems
NOT_FOUND = page("not-found-en")


def changed(html: str, old: str, new: str, count: int = 1) -> str:
    """The page with the first `count` places changed; a `count` of -1 changes all."""
    assert old in html, old
    return html.replace(old, new, count)


def last_changed(html: str, old: str, new: str) -> str:
    """The page with the last place changed."""
    head, found, tail = html.rpartition(old)
    assert found, old
    return head + new + tail


def cells(*texts: str) -> str:
    """The texts as cells of a table row."""
    return "".join(f"<td>{text}</td>" for text in texts)


def table_of(html: str, summary: str) -> str:
    """The table of the page with this summary."""
    found = re.search(rf'<table[^>]*summary="{summary}".*?</table>', html, re.DOTALL)
    assert found
    return found.group()


DETAIL_TABLE = table_of(DETAIL, "配達状況詳細")
HISTORY_TABLE = table_of(DETAIL, "履歴情報")
LIST_TABLE = table_of(LIST, "照会結果")
ROWS = re.findall(r"<tr>.*?</tr>", HISTORY_TABLE, re.DOTALL)  # two of headers, then two for each event
FOUND_ROWS = re.findall(r"<tr>.*?</tr>", LIST_TABLE, re.DOTALL)[-3:-1]  # OTHER
HELD = "Held by import Customs"
FIRST_OFFICE = '<td class="w_105">SHIBUYA</td>'
FIRST_ZIP = '<td class="w_105">150-8799</td>'

DRIFT = {
    # The page as a whole
    "nothing but text": "Maintenance",
    "a maintenance page": "<html><body><h1>Maintenance</h1></body></html>",
    "cut after an event": DETAIL[: DETAIL.index(ROWS[4])],
    "cut in the last letter": DETAIL[:-1],
    "text after the end": DETAIL + "x",
    "cut in a row, then closed": DETAIL[: DETAIL.index(ROWS[4]) + 40] + "</html>",
    "cut between events, then closed": DETAIL[: DETAIL.index(ROWS[4])] + "</body></html>",
    "two pages": DETAIL + DETAIL,
    "a NUL": changed(DETAIL, HELD, f"{HELD}\0"),
    "a NUL in the title": changed(DETAIL, "<title>", "<title>\0"),
    "half a surrogate pair": changed(DETAIL, HELD, f"{HELD}\ud83d"),
    "too big": changed(DETAIL, "</body>", " " * MAX_BYTES + "</body>"),
    "nested too deep before the tables": changed(DETAIL, "<body>", "<body>" + "<div>" * 5000),
    "nested too deep after the tables": changed(
        DETAIL, '<div id="footer"', "<div>" * 5000 + '<div id="footer"'
    ),
    "nested too deep in a cell": changed(DETAIL, HELD, "<b>" * 5000 + HELD),
    # Which tables
    "no summary": changed(DETAIL, "summary=", "title=", -1),
    "detail alone": changed(DETAIL, HISTORY_TABLE, ""),
    "history alone": changed(DETAIL, DETAIL_TABLE, ""),
    "list and detail": changed(DETAIL, DETAIL_TABLE, DETAIL_TABLE + LIST_TABLE),
    "list and history": changed(LIST, LIST_TABLE, LIST_TABLE + HISTORY_TABLE),
    "two histories": changed(DETAIL, HISTORY_TABLE, HISTORY_TABLE * 2),
    "two details": changed(DETAIL, DETAIL_TABLE, DETAIL_TABLE * 2),
    "two lists": changed(LIST, LIST_TABLE, LIST_TABLE * 2),
    "history inside the detail table": changed(DETAIL, DETAIL_TABLE, DETAIL_TABLE.removesuffix("</table>")),
    # The detail table
    "another number": changed(DETAIL, "EM 123 456 785 JP", "EM 123 456 799 JP"),
    "no number": changed(DETAIL, "EM 123 456 785 JP", "&nbsp;"),
    "the number elsewhere": changed(DETAIL, '<td class="w_180">EM 123', '<td class="w_180"></td><td>EM 123'),
    "a value missing": changed(DETAIL, '<td class="w_180">EMS   </td>', ""),
    "no row of values": changed(DETAIL, DETAIL_TABLE, re.sub(r"(?s)</tr>.*</tr>", "</tr>", DETAIL_TABLE)),
    # The history's headers
    "a header missing": changed(DETAIL, '<th scope="row" rowspan="2" class="bg01 w_180">Details</th>', ""),
    "an extra header": changed(DETAIL, ">Details</th>", ">Details</th><th>Weight</th>"),
    "headers swapped": changed(changed(DETAIL, ">Office</th>", ">X</th>"), ">Details</th>", ">Office</th>"),
    "the ZIP code moved": changed(DETAIL, ">Prefecture / Country<", ">ZIP code（Postal code number）<"),
    "Japanese headers swapped": changed(page("detail-ja"), ">取扱局<", ">県名・国名<"),
    "no second header row": changed(DETAIL, ROWS[1], ""),
    "no headers": changed(DETAIL, ROWS[0] + "\r\n              " + ROWS[1], ""),
    "a header row between events": changed(DETAIL, ROWS[4], ROWS[0] + ROWS[1] + ROWS[4]),
    "a header cell in an event": changed(DETAIL, FIRST_OFFICE, FIRST_OFFICE.replace("td", "th")),
    # The history's rows
    "an odd row": changed(DETAIL, ROWS[3], ""),
    "an odd row at the end": last_changed(DETAIL, ROWS[-1], ""),
    "an event's first row missing": changed(DETAIL, ROWS[4], ""),
    "an event's rows swapped": changed(
        changed(changed(DETAIL, ROWS[2], "@"), ROWS[3], ROWS[2]), "@", ROWS[3]
    ),
    "an empty row": changed(DETAIL, ROWS[4], "<tr></tr>" + ROWS[4]),
    "two empty rows": changed(DETAIL, ROWS[4], "<tr></tr><tr></tr>" + ROWS[4]),
    "a cell too few": changed(DETAIL, FIRST_OFFICE, ""),
    "a cell too many": changed(DETAIL, FIRST_OFFICE, FIRST_OFFICE + "<td></td>"),
    "a cell in the second row": changed(
        changed(DETAIL, FIRST_OFFICE, ""), FIRST_ZIP, FIRST_OFFICE + FIRST_ZIP
    ),
    "two ZIP codes": changed(DETAIL, ">150-8799</td>", ">150-8799</td><td></td>"),
    "a cell over two columns": changed(DETAIL, FIRST_OFFICE, FIRST_OFFICE.replace("<td", '<td colspan="2"')),
    "an office over two rows": changed(DETAIL, FIRST_OFFICE, FIRST_OFFICE.replace("<td", '<td rowspan="2"')),
    "an odd rowspan": changed(DETAIL, '<td rowspan="2" class="w_150">', '<td rowspan="3" class="w_150">'),
    "a rowspan missing": changed(DETAIL, '<td rowspan="2" class="w_150">', '<td class="w_150">'),
    "text between the rows": changed(DETAIL, ROWS[4], "more" + ROWS[4]),
    "text between the cells": changed(DETAIL, FIRST_OFFICE, FIRST_OFFICE + "more"),
    "a form between the rows": changed(DETAIL, ROWS[4], "<form>" + ROWS[4]),
    "a row that is not begun": changed(DETAIL, ROWS[4], ROWS[4].removeprefix("<tr>")),
    "the history ends between events": changed(DETAIL, ROWS[4], "</table>" + ROWS[4]),
    "the same, in a layout table": changed(
        changed(DETAIL, HISTORY_TABLE, f"<table><tr><td>{HISTORY_TABLE}</td></tr></table>"),
        ROWS[4],
        "</table>" + ROWS[4],
    ),
    "the history continues in another table": changed(DETAIL, ROWS[4], "</table><table>" + ROWS[4]),
    "the page ends between events": changed(DETAIL, ROWS[4], "</table></body></html>" + ROWS[4]),
    "a comment that is not closed": changed(DETAIL, ROWS[4], "<!--" + ROWS[4]),
    "a comment over the last event": changed(DETAIL, ROWS[-2], "<!--" + ROWS[-2]).replace(
        ROWS[-1] + "\r\n              \r\n            </table>", ROWS[-1] + "--></table>"
    ),
    "a script that is not closed": changed(DETAIL, ROWS[4], "<script>" + ROWS[4]),
    "a quote that is not closed": changed(DETAIL, ROWS[4], "<tr title='" + ROWS[4]),
    "a quote closed much later": changed(DETAIL, 'class="w_105">SHIBUYA', 'class="w_105>SHIBUYA'),
    "a tag without its end": changed(DETAIL, 'class="w_105">150-8799', 'class="w_105"150-8799'),
    "too many events": changed(DETAIL, ROWS[2], (ROWS[2] + ROWS[3]) * (MAX_EVENTS - 4) + ROWS[2]),
    # The cells
    "no phrase": changed(DETAIL, HELD, ""),
    "a phrase of blanks": changed(DETAIL, HELD, "&nbsp;&#x3000; "),
    "a long phrase": changed(DETAIL, HELD, "x" * 201),
    "a long office": changed(DETAIL, "SHIBUYA", "x" * 201),
    "a long region": changed(DETAIL, ">TOKYO<", f">{'x' * 101}<"),
    "a long ZIP code": changed(DETAIL, ">150-8799<", f">{'1' * 21}<"),
    "long details": changed(
        DETAIL, '<td rowspan="2" class="w_180">', f'<td rowspan="2" class="w_180">{"x" * 501}'
    ),
    "a long class": changed(DETAIL, "EMS   ", "x" * 101),
    "decoded wrongly": changed(DETAIL, HELD, f"{HELD}\ufffd"),
    "a control character": changed(DETAIL, HELD, f"{HELD}\x07"),
    "a control character that str.split takes for a blank": changed(DETAIL, HELD, f"{HELD}\x1f"),
    "a control character among elements": changed(DETAIL, HELD, f"{HELD}<br>\x07<b>\x08</b>"),
    "a C1 control as an entity": changed(DETAIL, HELD, f"{HELD}&#x9d;"),
    "a zero-width space": changed(DETAIL, HELD, f"{HELD}&#x200b;"),
    "text written from right to left": changed(DETAIL, HELD, f"\u202e{HELD}"),
    "a table in a cell": changed(DETAIL, HELD, f"<table><tr><td>{HELD}</td></tr></table>"),
    "a script in a cell": changed(DETAIL, HELD, f"{HELD}<script>1</script>"),
    "a style in a cell": changed(DETAIL, HELD, f"{HELD}<style>1</style>"),
    "a field in a cell": changed(DETAIL, HELD, f'<input value="{HELD}">'),
    "a row in a cell": changed(DETAIL, HELD, f"<div>{HELD}<tr><td>"),
    # The list
    "a list without our number": changed(LIST, "EN 123 456 785 JP", "EN 123 456 799 JP"),
    "several entries for our number": changed(LIST, "EM 123 456 785 JP", "EN 123 456 785 JP"),
    "found and not found": changed(LIST, "CN000000005JP", OTHER),
    "a list without headers": changed(LIST, LIST_TABLE, re.sub(r"(?s)<tr>.*?</tr>", "", LIST_TABLE, count=2)),
    "list headers swapped": changed(LIST, ">Latest status<", ">Latest handling office<"),
    "an entry without its ZIP row": changed(LIST, FOUND_ROWS[1], ""),
    "an entry with two ZIP codes": changed(LIST, "340-0199</td>", "340-0199</td><td></td>"),
    "an entry with a cell too few": changed(LIST, '<td rowspan="2" class="w_150">Retention</td>', ""),
    "an entry with a cell too many": changed(LIST, ">Retention</td>", ">Retention</td><td></td>"),
    "an entry without a status": changed(LIST, "Retention", " "),
    "an entry of a long class": changed(LIST, ">EMS<", f">{'x' * 101}<"),
    "an entry without a date": changed(LIST, "11/04/2026", "Wednesday"),
    "another number's entry unreadable": changed(LIST, "11/05/2026 14:03", "Thursday"),
    "a row of one cell": changed(LIST, FOUND_ROWS[0], f"<tr>{cells('x')}</tr>" + FOUND_ROWS[0]),
    "a list with an empty row": changed(LIST, FOUND_ROWS[0], "<tr></tr>" + FOUND_ROWS[0]),
    "a header row in the list": changed(LIST, FOUND_ROWS[0], "<tr><th>x</th></tr>" + FOUND_ROWS[0]),
}


@pytest.mark.parametrize("html", DRIFT.values(), ids=DRIFT.keys())
def test_drift_is_noticed(html: str) -> None:
    with pytest.raises(UnexpectedPage):
        parse_page(html, NUMBER if HELD in html or "照会結果" not in html else OTHER)


PROBLEM_DRIFT = {
    "another text": changed(NOT_FOUND, "Your item was not found", "Please try later"),
    "no text": re.sub(r"\*\*[^<]*", "", NOT_FOUND),
    "other words before the text": changed(NOT_FOUND, "Your item was", "Sorry. Your item was"),
    "another number": changed(NOT_FOUND, "em 123456785 jp", "em 123456799 jp"),
    "a text over one column": changed(NOT_FOUND, 'colspan="5" ', ""),
    "a third cell": changed(NOT_FOUND, "</font></td>", "</font></td><td></td>"),
}


@pytest.mark.parametrize("html", PROBLEM_DRIFT.values(), ids=PROBLEM_DRIFT.keys())
def test_drift_in_a_problem_page_is_not_read_as_not_found(html: str) -> None:
    with pytest.raises(UnexpectedPage):
        parse_page(html, NUMBER)


@pytest.mark.parametrize(
    "printed",
    [
        "", "-", "yesterday", "2026-11-04 05:30", "11/4/2026 05:30", "11/04/26 05:30", "11/04 05:30",
        "1/04/2026", "2026/1/04", "1999/11/04", "2100/11/04", "11/31/2026 05:30", "13/04/2026 05:30",
        "00/04/2026", "2026/02/29 05:30", "2026/04/11/ 05:30", "04/2026/11 05:30", "11/04/1999 05:30",
        "11/04/2100 05:30", "11/04/2026 24:00", "11/04/2026 05:60", "11/04/2026 5:30",
        "11/04/2026 05:30:00", "11/04/2026 05:30 JST", "11/04/2026 05:30+0900", "11/04/2026T05:30",
        "11/04/2026 05 : 30", "11/04/202605:30", "１１/０４/２０２６ 05:30", "11/04/2026 ０５:３０",
        "11/04/2026 05:30 05:30", "~11/04/2026", "11/04/2026 AM 05:30", "٠٤/11/2026",
    ],
)  # fmt: skip
def test_an_unreadable_date_is_drift(printed: str) -> None:
    with pytest.raises(UnexpectedPage):
        parse_page(changed(DETAIL, "11/04/2026 05:31", printed), NUMBER)


@pytest.mark.parametrize(
    ("printed", "local_date", "local_time"),
    [
        ("11/04/2026 05:31", date(2026, 11, 4), time(5, 31)),
        ("2026/11/04 05:31", date(2026, 11, 4), time(5, 31)),
        ("02/29/2028 00:00", date(2028, 2, 29), time(0, 0)),
        ("12/31/2099", date(2099, 12, 31), None),
        ("2000/01/01", date(2000, 1, 1), None),
        ("\r\n  11/04/2026<br>\r\n&nbsp; 23:59 ", date(2026, 11, 4), time(23, 59)),
    ],
)
def test_both_ways_of_writing_a_date_are_read(
    printed: str, local_date: date, local_time: time | None
) -> None:
    event = parse_page(changed(DETAIL, "11/04/2026 05:31", printed), NUMBER).events[-1]
    assert (event.local_date, event.local_time) == (local_date, local_time)


def test_the_page_order_is_kept_even_against_local_times() -> None:
    html = changed(DETAIL, "11/04/2026 05:30", "11/01/2026 23:10")
    assert [event.local_date.day for event in parse_page(html, NUMBER).events] == [2, 2, 3, 1, 4]


@pytest.mark.parametrize(
    "phrase",
    [
        "Returned to Sender",
        "Returned to sender",
        "Final delivery - Collected at counter",
        "Office closed. Retention.",
        "Arrival",
    ],
)
def test_a_phrase_stays_as_printed(phrase: str) -> None:
    assert parse_page(changed(DETAIL, HELD, phrase), NUMBER).events[-1].phrase == phrase


@pytest.mark.parametrize(
    ("printed", "phrase"),
    [
        ("  Held\r\n   by &nbsp; import　Customs\t", HELD),
        ("Held by<br>import<br />Customs", HELD),
        ("<p>Held by</p><p>import Customs</p>", HELD),
        ("<div>Held by</div>import Customs", HELD),
        ("Held <!-- or not -->by import Customs<!-- -->", HELD),
        ("<span><b>Held</b> by <a href='/x'>import</a></span> Customs", HELD),
        ("H&eacute;ld &amp; &lt;b&gt; &#39;&#x5f15;&#21463;", "Héld & <b> '引受"),
        ("x" * 200, "x" * 200),
    ],
)
def test_a_cell_is_read_as_a_reader_sees_it(printed: str, phrase: str) -> None:
    assert parse_page(changed(DETAIL, HELD, printed), NUMBER).events[-1].phrase == phrase


NO_DRIFT = {
    "line feeds alone": changed(DETAIL, "\r\n", "\n", -1),
    "one line": re.sub(r">\s+<", "><", DETAIL),
    "white space after the end": DETAIL + "\r\n \r\n",
    "the end in capitals": changed(DETAIL, "</html>", "</HTML >"),
    "tags in capitals": re.sub(r"</?(?:table|tr|td|th)\b", lambda tag: tag.group().upper(), DETAIL),
    "end tags left out, as HTML allows": re.sub("</t[rdh]>", "", DETAIL),
    "a byte order mark": "\ufeff" + DETAIL,
    "an XML declaration": '<?xml version="1.0" encoding="Shift_JIS"?>' + DETAIL,
    "another charset in a meta tag": changed(DETAIL, "charset=UTF-8", "charset=Shift_JIS"),
    "a tbody": changed(
        changed(DETAIL, ROWS[2], "<tbody>" + ROWS[2]),
        ROWS[-1] + "\r\n              \r\n",
        ROWS[-1] + "</tbody>",
    ),
    "a thead": changed(changed(DETAIL, ROWS[0], "<thead>" + ROWS[0]), ROWS[1], ROWS[1] + "</thead>"),
    "a layout table": changed(
        changed(DETAIL, "<body>", "<body><table summary=''><tr><td>"),
        "</body>",
        "</td></tr></table></body>",
    ),
    "blanks around a summary": changed(DETAIL, 'summary="履歴情報"', 'summary=" 履歴情報 "'),
    "no rowspans": re.sub(' rowspan="2"', "", DETAIL),
    "no attributes": re.sub(r"(<t[rdh]) [^>]*>", r"\1>", DETAIL),
    "more attributes": changed(DETAIL, "<td ", '<td id="x" data-x="1" ', -1),
    "unknown headers": changed(changed(DETAIL, ">Office<", ">Branch<"), ">Shipping track record<", ">Event<"),
    "the domestic page's header": changed(DETAIL, "Prefecture / Country", "Prefecture"),
    "unknown headers of the detail table": changed(
        changed(DETAIL, ">Item number<", ">No.<"), ">Class of goods<", ">Kind<"
    ),
    "the number with dashes": changed(DETAIL, "EM 123 456 785 JP", "em-123-456-785-jp"),
    "a comment between the rows": changed(DETAIL, ROWS[4], "<!-- third -->" + ROWS[4]),
    "another table with a date": changed(
        DETAIL, "<br>", f"<table><tr>{cells('11/20/2026', 'maintenance')}</tr></table><br>"
    ),
    "rows in a script": changed(DETAIL, "var ala", "'<table summary=\"履歴情報\"><tr><td>';\nvar ala"),
    "an old table in a comment": changed(DETAIL, HISTORY_TABLE, f"<!-- {HISTORY_TABLE} -->{HISTORY_TABLE}"),
    "no table of offices": changed(DETAIL, table_of(DETAIL, "窓口店"), ""),
}


@pytest.mark.parametrize("html", NO_DRIFT.values(), ids=NO_DRIFT.keys())
def test_a_harmless_change_is_no_drift(html: str) -> None:
    assert html != DETAIL
    assert parse_page(html, NUMBER) == parse_page(DETAIL, NUMBER)


# Comments and what libxml2 makes of other markup, in every place where a page may have them.
MARKUP = {
    "comment": "<!-- x -->",
    "processing instruction": "<?x y?>",
    "entity": "&xyzzy;",
    "declaration": "<!ELEMENT x>",
    "CDATA": "<![CDATA[x]]>",
    "end tag": "</nothing>",
}
CELL = '<td class="w_105">SHIBUYA'
PLACES = [
    "<html", "<head", "<title", "</title>", "<body", "<table", "</table>", ROWS[0], ROWS[1], ROWS[4], "<tr", "</tr>",
    "<th", "</th>", CELL, "SHIBUYA", HELD, "</td>", "</body>", "</html>",
]  # fmt: skip
OTHER_TABLE = f"<table><tr>{cells(*'12345')}</tr><tr><td>11/04/2026</td></tr></table>"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("markup", MARKUP.values(), ids=MARKUP.keys())
def test_markup_anywhere_is_read_over_or_drift(markup: str, place: str) -> None:
    html = DETAIL.replace("<br>", OTHER_TABLE, 1)
    for changed_html in (html.replace(place, markup + place), html.replace(place, place + markup)):
        try:
            item = parse_page(changed_html, NUMBER)
        except UnexpectedPage:
            continue
        assert len(item.events) == 5 and item.events[-1].phrase.removeprefix(markup).startswith(HELD)


@pytest.mark.parametrize("markup", ["<!-- x -->", "<?x y?>", "<!-- x --><!-- y -->"])
def test_a_comment_in_a_row_of_another_table_is_no_drift(markup: str) -> None:
    row = f"<table><tr>{markup}{cells(*'12345')}</tr></table>"
    assert parse_page(changed(DETAIL, "<br>", row), NUMBER) == parse_page(DETAIL, NUMBER)
    assert parse_page(changed(DETAIL, "<br>", row.replace("<td>2", f"{markup}<td>2")), NUMBER)


@pytest.mark.parametrize(
    "when",
    [
        "11/04/2026 05:30",
        "2026/11/04",
        "<!-- x --><b>11/04/2026</b> <i> 05:30\n</i>",
        "<?x?>11/04/2026<br>05:30",
    ],
)
def test_events_in_another_table_are_drift_with_comments_too(when: str) -> None:
    row = f"<table><tr><!-- x -->{cells(when, '2', '3', '4', '5')}</tr></table>"
    with pytest.raises(UnexpectedPage, match="events outside the history"):
        parse_page(changed(DETAIL, "<br>", row), NUMBER)


@pytest.mark.parametrize("blank", ["", " ", "\r\n\t", "\u3000\xa0"])
def test_a_blank_page_is_no_answer(blank: str) -> None:
    with pytest.raises(Unavailable):
        parse_page(blank, NUMBER)


def test_a_label_without_events_is_not_found_only_for_our_number() -> None:
    with pytest.raises(NotFound):
        parse_page(page("no-events"), NUMBER)
    with pytest.raises(UnexpectedPage):
        parse_page(page("no-events"), OTHER)


def test_a_page_without_a_number_answers_no_number() -> None:
    with pytest.raises(UnexpectedPage):
        parse_page(changed(DETAIL, "EM 123 456 785 JP", "-"), "")


def test_each_number_of_a_list_has_its_own_answer() -> None:
    newest = {number: parse_page(LIST, number) for number in (NUMBER, OTHER)}
    assert [(item.number, item.history_missing, item.events[0].phrase) for item in newest.values()] == [
        (NUMBER, True, "Departure from inward office of exchange"),
        (OTHER, True, "Retention"),
    ]
    with pytest.raises(NotFound, match="Your item was not found"):
        parse_page(LIST, "CN000000005JP")
    with pytest.raises(Rejected, match="There is a mistake"):
        parse_page(LIST, "EM1234")


def test_as_many_events_as_allowed_are_read() -> None:
    html = changed(
        DETAIL,
        "".join(HISTORY_TABLE),
        HISTORY_TABLE.replace(ROWS[2], (ROWS[2] + ROWS[3]) * (MAX_EVENTS - 5) + ROWS[2]),
    )
    assert len(parse_page(html, NUMBER).events) == MAX_EVENTS
