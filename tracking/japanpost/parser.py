"""Reads Japan Post's tracking pages. The only module that knows their HTML; NOTES.md describes it.

Reads two kinds of page: the detail page of one item (two tables) and the list page (one table). Raises `UnexpectedPage`
for everything else, because half an answer would be a wrong answer. The HTML parser accepts almost any error, so many
checks below detect what it silently corrected.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date, time
from itertools import islice, takewhile

from lxml import etree

from .errors import JapanPostError, NotFound, Rejected, Unavailable, UnexpectedPage
from .limits import check_work
from .records import TrackedEvent, TrackedItem

Element = etree._Element
Row = list[Element]  # the td and th of one tr

MAX_BYTES = 2 * 1024 * 1024  # a real page has about 20 kB
MAX_EVENTS = 500

# We identify the tables by their summary, which is Japanese in every language of the page.
_DETAIL = "配達状況詳細"
_HISTORY = "履歴情報"
_LIST = "照会結果"

# fmt: off
# The headers and their columns, without text after a bracket, "/" or "・". An unknown header passes; a known header in
# another column does not.
_NUMBER = ("Item number", "お問い合わせ番号")
_CLASS = ("Class of goods", "商品種別", "種別")
_HISTORY_PLACES = {
    "State occurrence date": 0, "状態発生日": 0,
    "Shipping track record": 1, "配送履歴": 1,
    "Details": 2, "詳細": 2,
    "Office": 3, "取扱局": 3,
    "Prefecture": 4, "県名": 4,
    "ZIP code": 5, "郵便番号": 5,
}
_LIST_PLACES = {
    "Item number": 0, "お問い合わせ番号": 0,
    "Class of goods": 1, "商品種別": 1, "種別": 1,
    "Latest date": 2,
    "Latest status": 3,
    "Latest handling office": 4,
    "Prefecture": 5,
}
# fmt: on

_DATE = re.compile(r"(?:(\d\d)/(\d\d)/(20\d\d)|(20\d\d)/(\d\d)/(\d\d))(?: (\d\d):(\d\d))?", re.ASCII)
_HIGH, _LOW = ("2", "1"), ("1", "1")  # rowspan and colspan of a cell
_EVENT_SPANS = ([_HIGH, _HIGH, _HIGH, _LOW, _HIGH, _LOW], [_LOW] * 6)
_ASIDE = re.compile(" ?[（(/・].*")
_TABLE_END = re.compile("</table", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd]")  # U+FFFD: the text was decoded wrongly before us
_INLINE = {"a", "b", "br", "div", "em", "font", "i", "nobr", "p", "small", "span", "strong", "u", "wbr"}
_BREAKS = {"br", "div", "p"}
_END = "the-end-of-the-page"
_MOST_NODES_OF_DATE = 20  # elements and comments; a cell with more has other things than a date


def parse_page(html: str, number: str) -> TrackedItem:
    """The answer for one tracking number. A list page gives one event and `history_missing`.

    Raises NotFound and Rejected where Japan Post says so, Unavailable where the page is blank, UnexpectedPage where any
    part is not understood. Raises nothing else, for any text.
    """
    if not html.strip():
        raise Unavailable("blank page")
    root = _parse_html(html)
    tables = _find_tables(root)
    _check_tables_end(html, tables)
    if tables.keys() == {_DETAIL, _HISTORY}:
        detail, history = tables[_DETAIL], tables[_HISTORY]
        _check_no_stray_events(root, (detail, history))
        return TrackedItem(number, _parse_detail(detail, number), _parse_history(history))
    if tables.keys() == {_LIST}:
        return _parse_list_page(tables[_LIST], number)
    raise UnexpectedPage(f"tables on the page: {sorted(tables)}")


def _parse_html(html: str) -> Element:
    """The tree of a complete page. Raises UnexpectedPage for a truncated page and for one not parsed to its end."""
    if not re.search(r"</html\s*>$", html.rstrip()[-200:], re.IGNORECASE):
        raise UnexpectedPage(f"cut: the page ends in {html[-40:]!r}")
    if "\0" in html:
        raise UnexpectedPage("a NUL character")
    try:
        source = html.encode("utf-8")
    except UnicodeEncodeError:
        raise UnexpectedPage("half a surrogate pair") from None
    if len(source) > MAX_BYTES:
        raise UnexpectedPage(f"{len(source)} bytes")
    check_work(html)
    # We append an element of our own. Where it is missing, the parser gave up (nesting too deep) or is still inside a
    # comment, a script or a quoted attribute. The parser puts it alone into a second <html>.
    source += f"<wbr id={_END}>".encode()
    try:
        root = etree.fromstring(source, etree.HTMLParser(encoding="utf-8"))
    except etree.LxmlError as error:
        raise UnexpectedPage(f"not HTML: {error}") from None
    after = None if root is None else root.getnext()
    if after is None or [element.get("id") for element in after] != [_END]:
        raise UnexpectedPage("the page could not be read to its end, or has more after it")
    return root


def _find_tables(root: Element) -> dict[str, Element]:
    """Our tables by summary, anywhere on the page. Raises UnexpectedPage where one occurs twice."""
    tables: dict[str, Element] = {}
    for table in root.iter("table"):
        summary = table.get("summary", "").strip()
        if summary in tables:
            raise UnexpectedPage(f"two tables {summary}")
        if summary in (_DETAIL, _HISTORY, _LIST):
            tables[summary] = table
    return tables


def _check_tables_end(html: str, summaries: Iterable[str]) -> None:
    """Raise UnexpectedPage where a table has no end tag: the tree does not show that the parser added one."""
    for summary in summaries:
        if not _TABLE_END.search(html, html.find(summary)):
            raise UnexpectedPage(f"cut: no end of table {summary}")


def _parse_detail(table: Element, number: str) -> str:
    """The class of goods. Additional columns and rows are allowed (a planned delivery date), another number is not."""
    match _rows(table):
        case [headers, values, *_] if (
            _all(headers, "th") and _all(values, "td") and len(headers) == len(values) > 1
        ):
            titles = [_text(cell) for cell in headers]
            printed = _text(values[_column(titles, _NUMBER, otherwise=0)])
            if not _is_same_number(printed, number):
                raise UnexpectedPage(f"another number than ours: {printed}")
            return _text(values[_column(titles, _CLASS, otherwise=1)], 100)
    raise UnexpectedPage("cannot read the item's details")


def _column(titles: list[str], names: tuple[str, ...], *, otherwise: int) -> int:
    return next((place for place, title in enumerate(titles) if title in names), otherwise)


def _parse_history(table: Element) -> tuple[TrackedEvent, ...]:
    """The events in the page's order, not sorted: local times may run backwards; only Japan Post knows the order."""
    headers, rows = _split_headers(table)
    if [len(row) for row in headers] != [5, 1]:
        raise UnexpectedPage(f"headers of the history: {[_texts(row) for row in headers]}")
    _check_places([cell for row in headers for cell in row], _HISTORY_PLACES)
    if len(rows) % 2 or len(rows) > 2 * MAX_EVENTS:
        raise UnexpectedPage(f"{len(rows)} rows in the history")
    if not rows:
        raise NotFound("no event yet: a label was made, nothing posted")
    return tuple(_parse_event(*pair) for pair in zip(rows[::2], rows[1::2], strict=True))


def _parse_event(first: Row, second: Row) -> TrackedEvent:
    """The event of two rows: five cells, then only the ZIP code, under the office."""
    spans = [(cell.get("rowspan", "1"), cell.get("colspan", "1")) for cell in (*first, *second)]
    match first, second:
        case [when, phrase, details, office, region], [postal_code] if spans in _EVENT_SPANS:
            return _read_event(when, phrase, office, region, postal_code, _text(details, 500))
    raise UnexpectedPage(f"cannot read event {_texts(first)} {_texts(second)}")


def _read_event(
    when: Element, phrase: Element, office: Element, region: Element, postal_code: Element, details: str = ""
) -> TrackedEvent:
    words = _text(phrase)
    if not words:
        raise UnexpectedPage(f"nothing happened at {_text(when)}, {_text(office)}")
    local_date, local_time = _parse_date(_text(when))
    return TrackedEvent(
        local_date, local_time, words, details, _text(office), _text(region, 100), _text(postal_code, 20)
    )


def _parse_date(text: str) -> tuple[date, time | None]:
    """`MM/DD/YYYY HH:MM` on the English page, `YYYY/MM/DD HH:MM` on the Japanese; the time may be missing."""
    found = _DATE.fullmatch(text)
    if not found:
        raise UnexpectedPage(f"not a date: {text!r}")
    month, day, year, ja_year, ja_month, ja_day, hour, minute = found.groups()
    try:
        local_date = date(int(year or ja_year), int(month or ja_month), int(day or ja_day))
        return local_date, time(int(hour), int(minute)) if hour else None
    except ValueError:
        raise UnexpectedPage(f"no such date: {text!r}") from None


def _parse_list_page(table: Element, number: str) -> TrackedItem:
    """Our number's entry in the list. A found item has two rows, a problem one, so rows do not come in pairs.

    Raises the entry's failure where it is a problem.
    """
    headers, rows = _split_headers(table)
    if not headers:
        raise UnexpectedPage("a list without headers")
    _check_places(headers[0], _LIST_PLACES)
    ours: list[TrackedItem | JapanPostError] = []
    remaining = iter(rows)
    for row in remaining:
        entry: TrackedItem | JapanPostError
        match row:
            case [name, item_class, when, phrase, office, region]:
                match next(remaining, None):
                    case [postal_code]:
                        event = _read_event(when, phrase, office, region, postal_code)
                    case _:
                        raise UnexpectedPage(f"no ZIP code under {_texts(row)}")
                entry = TrackedItem(number, _text(item_class, 100), (event,), history_missing=True)
            case [name, problem] if problem.get("colspan"):
                entry = _failure(_text(problem))
            case _:
                raise UnexpectedPage(f"cannot read the list's row {_texts(row)}")
        if _is_same_number(_text(name), number):
            ours.append(entry)
    match ours:
        case [TrackedItem() as item]:
            return item
        case [JapanPostError() as failure]:
            raise failure
    raise UnexpectedPage(f"{len(ours)} entries for our number")


def _failure(text: str) -> JapanPostError:
    match text.lstrip("*＊ "):
        case words if words.startswith(("Your item was not found", "お問い合わせ番号が見つかりません")):
            return NotFound(words)
        case words if words.startswith("There is a mistake in") or "誤りがあります" in words:
            return Rejected(words)
        case words:
            return UnexpectedPage(f"instead of an item: {words!r}")


def _is_same_number(printed: str, number: str) -> bool:
    """True where the page prints our number: with spaces, with dashes, or as it was typed."""
    asked = _letters_and_digits(number)
    return asked != "" and _letters_and_digits(printed) == asked


def _letters_and_digits(text: str) -> str:
    return re.sub("[^0-9A-Za-z]", "", text).upper()


def _split_headers(table: Element) -> tuple[list[Row], list[Row]]:
    """(header rows at the top, data rows below). Raises UnexpectedPage for a header among the data."""
    rows = _rows(table)
    headers = list(takewhile(lambda row: _all(row, "th"), rows))
    others = rows[len(headers) :]
    if not all(_all(row, "td") for row in others):
        raise UnexpectedPage("a header among the rows")
    return headers, others


def _check_places(headers: Row, places: dict[str, int]) -> None:
    for place, cell in enumerate(headers):
        title = _ASIDE.sub("", _text(cell))
        if places.get(title, place) != place:
            raise UnexpectedPage(f"header {title!r} is now in place {place}")


def _check_no_stray_events(root: Element, ours: tuple[Element, Element]) -> None:
    """Raise UnexpectedPage for events outside our tables: a stray </table> or a second table cut the history."""
    for row in root.iter("tr"):
        cells = list(row.iterchildren("*"))  # without comments
        is_stray = len(cells) >= 5 and next(row.iterancestors("table"), None) not in ours
        if is_stray and _is_date(cells[0]):
            raise UnexpectedPage("events outside the history")


def _is_date(cell: Element) -> bool:
    """True where the cell has a date and nothing else. Reads only the beginning: the cell may hold a whole table."""
    if next(islice(cell.iter(), _MOST_NODES_OF_DATE, None), None) is not None:
        return False
    text = ""
    for piece in cell.itertext():
        text += "".join(str(piece).split(maxsplit=2))  # more words are no date
        if len(text) > len("MM/DD/YYYYHH:MM"):
            return False
    return _DATE.fullmatch(f"{text[:10]} {text[10:]}".rstrip()) is not None


def _rows(table: Element) -> list[Row]:
    """The table's own rows. Raises UnexpectedPage for text or elements between the cells."""
    if swallowed := next((text for text in _hidden_texts(table) if "<" in text), ""):
        raise UnexpectedPage(f"tags inside a comment or an attribute: {swallowed[:80]!r}")
    if between := next((text for text in _between_cells(table) if text.strip(" \t\r\n")), ""):
        raise UnexpectedPage(f"text between the cells: {between[:80]!r}")
    rows = []
    for part in _children(table, {"tr", "tbody", "thead", "tfoot"}):
        for row in [part] if part.tag == "tr" else _children(part, {"tr"}):
            rows.append(_children(row, {"td", "th"}))
    return rows


def _hidden_texts(table: Element) -> Iterator[str]:
    """The comments, then the attributes: an unclosed comment, quote or tag swallows the rows after it.

    One XPath for both would compare each comment with each attribute.
    """
    for comment in table.iter(etree.Comment):
        yield comment.text or ""
    for element in table.iter("*"):
        for name, value in element.items():
            yield str(name) + str(value)


def _between_cells(table: Element) -> Iterator[str]:
    """The texts between the rows and between the cells. XPath would take a time that grows with their square."""
    parts = list(table.iterchildren("*"))
    rows = [row for part in parts for row in part.iterchildren("tr")]
    for parent in (table, *parts, *rows):
        yield parent.text or ""
        for child in parent:
            yield child.tail or ""


def _children(parent: Element, tags: set[str]) -> list[Element]:
    children = list(parent)
    tags_of_children: set[object] = {child.tag for child in children}  # a comment's tag is a function
    if foreign := tags_of_children - tags:
        if foreign != {etree.Comment}:
            raise UnexpectedPage(f"in a table's <{parent.tag}>: {sorted(map(str, foreign))}")
        return [child for child in children if child.tag in tags]
    return children


def _all(row: Row, tag: str) -> bool:
    return {cell.tag for cell in row} == {tag}


def _texts(row: Row) -> list[str]:
    return [_text(cell) for cell in row]


def _text(cell: Element, longest: int = 200) -> str:
    """The visible text of the cell on one line. `longest`: the length of the column in our database."""
    text = "".join(_pieces(cell)) if len(cell) else cell.text
    if not text:
        return ""
    if _CONTROL.search(text):
        raise UnexpectedPage(f"unreadable characters: {text[:80]!r}")
    text = " ".join(text.split())
    if len(text) > longest or not text.isprintable():
        raise UnexpectedPage(f"unreadable cell: {text[:80]!r}")
    return text


def _pieces(cell: Element) -> Iterator[str]:
    """The texts in a cell that contains elements: without comments, with a blank at each line break."""
    for event, node in etree.iterwalk(cell, ("start", "end", "comment", "pi")):
        if event == "start" and node is not cell and node.tag not in _INLINE:
            raise UnexpectedPage(f"<{node.tag}> in a cell")
        if node.tag in _BREAKS:
            yield " "
        if event == "start":
            yield node.text or ""
        elif node is not cell:
            yield node.tail or ""
