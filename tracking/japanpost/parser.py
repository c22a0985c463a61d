"""Reads Japan Post's tracking pages. The only module that knows their HTML; NOTES.md describes it.

Two kinds of page are read: the detail page of one item (two tables) and the list page (one table). Whatever does
not fit is `UnexpectedPage`: half an answer would be a wrong one. The HTML parser forgives almost everything, so
much below is there to notice what it forgave.
"""

import re
from datetime import date, time
from itertools import takewhile

from lxml import etree

from .errors import JapanPostError, NotFound, Rejected, Unavailable, UnexpectedPage
from .records import TrackedEvent, TrackedItem

Element = etree._Element
Row = list[Element]  # the td and th of one tr

MAX_BYTES = 2 * 1024 * 1024  # a real page has about 20 kB
MAX_EVENTS = 500

# The tables are known by their summary, which is Japanese in every language of the page.
_DETAIL = "配達状況詳細"
_HISTORY = "履歴情報"
_LIST = "照会結果"

# Where the headers stand that we know. Others may change their words, these may not change their place.
_DETAIL_NUMBER = ("Item number", "お問い合わせ番号")
_DETAIL_CLASS = ("Class of goods", "商品種別", "種別")
_HISTORY_PLACES = {
    "State occurrence date": 0, "状態発生日": 0,
    "Shipping track record": 1, "配送履歴": 1,
    "Details": 2, "詳細": 2,
    "Office": 3, "取扱局": 3,
    "Prefecture": 4, "県名": 4,
    "ZIP code": 5, "郵便番号": 5,
}  # fmt: skip
_LIST_PLACES = {
    "Item number": 0, "お問い合わせ番号": 0,
    "Class of goods": 1, "商品種別": 1,
    "Latest date": 2,
    "Latest status": 3,
    "Latest handling office": 4,
    "Prefecture": 5,
}  # fmt: skip

_DATE = re.compile(
    r"(?:(?P<month>\d\d)/(?P<day>\d\d)/(?P<year>20\d\d)|(?P<ja_year>20\d\d)/(?P<ja_month>\d\d)/(?P<ja_day>\d\d))"
    r"(?: (?P<hour>\d\d):(?P<minute>\d\d))?",
    re.ASCII,
)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd]")  # U+FFFD: somebody decoded wrongly
_INLINE = {"a", "b", "br", "div", "em", "font", "i", "nobr", "p", "small", "span", "strong", "u", "wbr"}
_BREAKS = {"br", "div", "p"}
_END = "the-end-of-the-page"
# A comment or quote that is never closed takes the rows after it along; so does a tag without its ">".
_SWALLOWED = etree.XPath(".//comment()[contains(., '<')] | .//@*[contains(., '<') or contains(name(), '<')]")


def parse_page(html: str, number: str) -> TrackedItem:
    """Read the answer for one tracking number. A list page gives one event and `history_missing`.

    Raises NotFound and Rejected (Japan Post says so), Unavailable (the page is blank), UnexpectedPage (anything
    that is not wholly understood), and nothing else whatever the text.
    """
    if not html.strip():
        raise Unavailable("blank page")
    tables = _find_tables(_parse_html(html))
    if tables.keys() == {_DETAIL, _HISTORY}:
        return _parse_detail_page(tables[_DETAIL], tables[_HISTORY], number)
    if tables.keys() == {_LIST}:
        return _parse_list_page(tables[_LIST], number)
    raise UnexpectedPage(f"tables on the page: {sorted(tables)}")


def _parse_html(html: str) -> Element:
    """The tree of a complete page; raises UnexpectedPage for a cut one and for one the parser left half-read."""
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
    # An element of our own at the end: where it is missing, the parser gave up (too deep a nesting) or still
    # believes itself inside a comment, a script or a quoted attribute.
    source += f"<wbr id={_END}>".encode()
    try:
        root = etree.fromstring(source, etree.HTMLParser(encoding="utf-8"))
    except etree.LxmlError as error:
        raise UnexpectedPage(f"not HTML: {error}") from None
    if root is None or not root.xpath(f"//wbr[@id='{_END}']"):
        raise UnexpectedPage("the page could not be read to its end")
    return root


def _find_tables(root: Element) -> dict[str, Element]:
    """Our tables by summary. From the document, not the root: what follows </html> stands beside the root."""
    tables: dict[str, Element] = {}
    for table in root.xpath("//table[@summary]"):
        summary = table.get("summary", "").strip()
        if summary in tables:
            raise UnexpectedPage(f"two tables {summary}")
        if summary in (_DETAIL, _HISTORY, _LIST):
            tables[summary] = table
    return tables


def _parse_detail_page(detail: Element, history: Element, number: str) -> TrackedItem:
    item_class = _parse_detail(detail, number)
    events = _parse_history(history)
    if not events:
        raise NotFound("known, but nothing happened yet: a label was made")
    return TrackedItem(number, item_class, events)


def _parse_detail(table: Element, number: str) -> str:
    """The class of goods. More columns and more rows are no drift (a planned delivery date); another number is."""
    match _rows(table):
        case [headers, values, *_] if (
            _all(headers, "th") and _all(values, "td") and len(headers) == len(values) > 1
        ):
            titles = [_text(cell) for cell in headers]
            printed = _text(values[_column(titles, _DETAIL_NUMBER, otherwise=0)])
            if not _is_same_number(printed, number):
                raise UnexpectedPage(f"another number than ours: {printed}")
            return _text(values[_column(titles, _DETAIL_CLASS, otherwise=1)], 100)
    raise UnexpectedPage("cannot read the item's details")


def _column(titles: list[str], names: tuple[str, ...], *, otherwise: int) -> int:
    return next((place for place, title in enumerate(titles) if title in names), otherwise)


def _parse_history(table: Element) -> tuple[TrackedEvent, ...]:
    """The events in the page's order: local times may run backwards, and the order is Japan Post's to know."""
    headers, rows = _split_headers(table)
    if [len(row) for row in headers] != [5, 1]:
        raise UnexpectedPage(f"headers of the history: {[_texts(row) for row in headers]}")
    _check_places([cell for row in headers for cell in row], _HISTORY_PLACES)
    if len(rows) % 2 or len(rows) > 2 * MAX_EVENTS:
        raise UnexpectedPage(f"{len(rows)} rows in the history")
    _check_no_stray_events(table)
    return tuple(_parse_event(*pair) for pair in zip(rows[::2], rows[1::2], strict=True))


def _parse_event(first: Row, second: Row) -> TrackedEvent:
    """An event has two rows: five cells, then the ZIP code alone, under the office."""
    spans = [cell.get("rowspan", "1").strip() for cell in (*first, *second)]
    if spans not in (["2", "2", "2", "1", "2", "1"], ["1"] * 6) or any(
        _is_wide(c) for c in (*first, *second)
    ):
        raise UnexpectedPage(f"event of another shape: {_texts(first)} {_texts(second)}")
    match first, second:
        case [when, phrase, details, office, region], [postal_code]:
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
    part = {name: int(digits) for name, digits in found.groupdict().items() if digits}
    try:
        if "year" in part:
            day = date(part["year"], part["month"], part["day"])
        else:
            day = date(part["ja_year"], part["ja_month"], part["ja_day"])
        return day, time(part["hour"], part["minute"]) if "hour" in part else None
    except ValueError:
        raise UnexpectedPage(f"no such date: {text!r}") from None


def _parse_list_page(table: Element, number: str) -> TrackedItem:
    """Our entry among those of the list. A found item has two rows, a problem one: no strict sequence of pairs."""
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
            case [name, problem] if _is_wide(problem):
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
    """Whether the page means our number, which it prints with spaces or dashes, or as it was typed."""
    asked = _letters_and_digits(number)
    return asked != "" and _letters_and_digits(printed) == asked


def _letters_and_digits(text: str) -> str:
    return re.sub("[^0-9A-Z]", "", text.upper())


def _split_headers(table: Element) -> tuple[list[Row], list[Row]]:
    """The rows of th above, the rows of td below."""
    rows = _rows(table)
    headers = list(takewhile(lambda row: _all(row, "th"), rows))
    others = rows[len(headers) :]
    if not all(_all(row, "td") for row in others):
        raise UnexpectedPage("a header among the rows")
    return headers, others


def _check_places(headers: Row, places: dict[str, int]) -> None:
    for place, cell in enumerate(headers):
        title = re.split("[（(/・]", _text(cell))[0].strip()
        if places.get(title, place) != place:
            raise UnexpectedPage(f"header {title!r} is now in place {place}")


def _check_no_stray_events(history: Element) -> None:
    """A history that ends too early (a </table>, a second table) leaves events behind elsewhere on the page."""
    for row in history.xpath("//tr[td[5]]"):
        table = next(row.iterancestors("table"), None)
        if table is not None and table.get("summary", "").strip() in (_DETAIL, _HISTORY):
            continue
        if _DATE.fullmatch(" ".join("".join(row.find("td").itertext()).split())):
            raise UnexpectedPage("events outside the history")


def _rows(table: Element) -> list[Row]:
    """The table's own rows. Raises UnexpectedPage for text or elements between them, and for empty ones."""
    if _SWALLOWED(table):
        raise UnexpectedPage("tags inside a comment or an attribute")
    rows = []
    for part in _children(table, "tr", "tbody", "thead", "tfoot"):
        for row in [part] if part.tag == "tr" else _children(part, "tr"):
            rows.append(_children(row, "td", "th"))
    if not all(rows):
        raise UnexpectedPage("an empty row")
    return rows


def _children(parent: Element, *tags: str) -> Row:
    """The elements in it, which must have these tags and only white space and comments between them."""
    children = []
    between = [parent.text]
    for child in parent:
        between.append(child.tail)
        if child.tag in tags:
            children.append(child)
        elif child.tag is not etree.Comment:
            raise UnexpectedPage(f"<{child.tag}> in <{parent.tag}>")
    if any(text and not text.isspace() for text in between):
        raise UnexpectedPage(f"text between the cells: {between}"[:200])
    return children


def _all(row: Row, tag: str) -> bool:
    return all(cell.tag == tag for cell in row)


def _is_wide(cell: Element) -> bool:
    return cell.get("colspan", "1").strip() != "1"


def _texts(row: Row) -> list[str]:
    return [_text(cell) for cell in row]


def _text(cell: Element, longest: int = 200) -> str:
    """What a reader sees in the cell, on one line. The lengths are those of our store."""
    text = cell.text or ""
    if len(cell):
        for node in cell.iterdescendants():
            if node.tag in _BREAKS:
                node.text, node.tail = f" {node.text or ''}", f" {node.tail or ''}"
            elif node.tag not in _INLINE and node.tag is not etree.Comment:
                raise UnexpectedPage(f"<{node.tag}> in a cell")
        text = str(cell.xpath("string()"))  # leaves comments out
    if _CONTROL.search(text):
        raise UnexpectedPage(f"unreadable characters: {text[:80]!r}")
    text = " ".join(text.split())
    if len(text) > longest or not text.isprintable():
        raise UnexpectedPage(f"unreadable cell: {text[:80]!r}")
    return text
