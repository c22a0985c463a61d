"""CSV files of staff: bytes to named cells and back, with the same rules on every page that takes or gives one."""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count

MOST_BYTES = 1024 * 1024
MOST_ROWS = 50_000  # with the empty ones; each page has a smaller limit for the others

_DELIMITERS = ",;\t"
# Excel's own first line. It names the delimiter, and Excel does not show it as a row.
_SEPARATOR_LINE = re.compile(r"\s*sep=(?P<sign>[^\r\n]?)[^\r\n]*(\r\n?|\n|\Z)", re.IGNORECASE)

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1f]")
# What Python makes of bytes that Shift_JIS leaves open.
_NO_SHIFT_JIS = re.compile("[\x80-\x9f\ue000-\uf8ff]")
_MAYBE_JAPANESE = re.compile("[ｦ-ﾟ]{2}|(?<![A-Za-z])[^\x00-\x7fｦ-ﾟ](?![A-Za-z])")
_RARE_KANJI = b"\xa0"  # kana, signs and the kanji of the standard's first level come before it

_SAVE_AS = (
    "open it, choose “Save As” and the type “CSV UTF-8” (in LibreOffice “Text CSV”), and upload that file."
)
_NOT_TEXT = "This is not a text file: save the sheet as “CSV UTF-8” and upload that file."
_PDF = "This is a PDF, not a CSV: upload the sheet from which it was made, saved as “CSV UTF-8”."
# The beginning of the ZIP, not compressed.
_OPEN_DOCUMENT = b"application/vnd.oasis.opendocument.spreadsheet"

# What makes a spreadsheet take a cell for a formula, full-width signs in Japan too; our mark may be in front of it.
_FORMULA = re.compile(r"'*\s*[=+\-@＝＋－＠]")
_MARK = "'"


class UnreadableFileError(ValueError):
    """The whole file cannot be read. The message is a sentence for staff."""


@dataclass(frozen=True)
class Record:
    """One row below the header."""

    number: int  # as spreadsheets count: the header is row 1, a cell of several lines is in one row
    cells: Mapping[str, str]  # by column; empty where the row is shorter than the header
    extra: str  # the first filled cell beyond the last column, or empty


@dataclass(frozen=True, kw_only=True)
class SheetFormat:
    """What one page takes, and how it reads that. All methods raise UnreadableFileError."""

    columns: tuple[str, ...]
    needed: tuple[str, ...] = ()
    other_names: Mapping[str, str] = field(default_factory=dict)  # of columns
    takes_shift_jis: bool = False
    row_word: str = "Row"  # in the sentences

    def decode(self, data: bytes) -> str:
        """Return the text of an uploaded file.

        In this order, each strictly: UTF-16 with its mark; UTF-8 with or without its mark; without a mark Shift_JIS,
        where the page takes it and the result is Japanese. There is no other encoding.
        """
        if refusal := _refusal(data):
            raise UnreadableFileError(refusal)
        encoding = "utf-16" if data.startswith(_UTF16_MARKS) else "utf-8"
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError as error:
            text = self._decode_shift_jis(data, encoding, at=error.start)
        if "\0" in text:
            raise UnreadableFileError(_NOT_TEXT)
        return text.removeprefix("\ufeff")

    def rows(self, text: str, *, strict: bool = True) -> Iterator[tuple[int, list[str]]]:
        """Yield the number and the cells of every row, empty rows too. Not strict: quotation marks are no error."""
        text, delimiter = _opened(text)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict)
        for number in count(1):
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                raise UnreadableFileError(
                    f"{self.row_word} {number} cannot be read: a quotation mark is not closed or not doubled, "
                    "or a cell is far too long."
                ) from None
            if number > MOST_ROWS:
                raise UnreadableFileError(
                    f"More than {MOST_ROWS:,} rows, empty ones included: delete the empty rows and save it once more."
                )
            yield number, [unescape_formula(cell) for cell in cells]

    def lines(self, text: str) -> Iterator[tuple[int, str]]:
        """Yield the number and the text of every line, for lists that have neither header nor cells."""
        text, _ = _opened(text)
        return enumerate(io.StringIO(text, newline=""), 1)

    def header(self, text: str) -> list[str]:
        """Return the names in the first filled row, unchecked; an empty list if no row is filled."""
        for _, cells in self.rows(text, strict=False):
            if names := self._names(cells):
                return names
        return []

    def records(self, text: str) -> Iterator[Record]:
        """Yield every row below the header, empty rows too."""
        header: list[str] = []
        for number, cells in self.rows(text):
            if not header:
                header = self._names(cells)
                self._check(header)
                continue
            cells += [""] * (len(header) - len(cells))
            extra = next((cell for cell in cells[len(header) :] if cell.strip()), "")
            yield Record(number, dict(zip(header, cells, strict=False)), extra)
        if not header:
            raise UnreadableFileError("The file is empty.")

    def _decode_shift_jis(self, data: bytes, encoding: str, *, at: int) -> str:
        """The text of a file whose byte `at` is wrong in the encoding."""
        has_mark = encoding == "utf-16" or data.startswith(codecs.BOM_UTF8)
        if encoding == "utf-8" and _BINARY.search(data):
            raise UnreadableFileError(_NOT_TEXT)
        if self.takes_shift_jis and not has_mark:
            if (text := _japanese(data)) is not None:
                return text
            known = "neither in UTF-8 nor in Shift_JIS"
        else:
            known = f"not in {encoding.upper()}"
        number = sum(1 for _ in self.rows(data[:at].decode(encoding, "ignore") + "?", strict=False))
        raise UnreadableFileError(
            f"{self.row_word} {number} has letters that are {known}. Save the sheet once more as “CSV UTF-8”."
        )

    def _names(self, cells: Iterable[str]) -> list[str]:
        """“Order reference” is order_reference. Spreadsheets add empty cells at the end: these are no columns."""
        names = ["_".join(re.sub(r'[-_"]', " ", cell).lower().split()) for cell in cells]
        while names and not names[-1]:
            names.pop()
        return [self.other_names.get(name, name) for name in names]

    def _check(self, header: list[str]) -> None:
        for name in header:
            if name not in self.columns:
                known = ", ".join(self.needed or self.columns)
                raise UnreadableFileError(
                    f"Unknown column “{name}”. The first row names the columns: {known}."
                )
            if header.count(name) > 1:
                raise UnreadableFileError(f"Two columns “{name}”.")
        missing = [name for name in self.needed if name not in header]
        if header and missing:
            raise UnreadableFileError(
                f"Columns are missing: {', '.join(missing)}. The first row names the columns."
            )


def write_csv(columns: Iterable[str], rows: Iterable[Mapping[str, str]]) -> Iterator[bytes]:
    """Yield the file piece by piece: UTF-8 with its mark, without which Excel reads it in another encoding."""
    yield codecs.BOM_UTF8
    writer = csv.DictWriter(_Passer(), list(columns), restval="")
    yield writer.writerow({column: column for column in writer.fieldnames})
    for row in rows:
        yield writer.writerow({column: escape_formula(text) for column, text in row.items()})


class _Passer:
    """A file that hands each line on instead of keeping it."""

    def write(self, line: str) -> bytes:
        return line.encode()


def escape_formula(text: str) -> str:
    """Return the cell for a text: with an apostrophe in front where a spreadsheet would take it for a formula."""
    return _MARK + text if _FORMULA.match(text) else text


def unescape_formula(cell: str) -> str:
    """Return the text of a cell: without the apostrophe of `escape_formula`."""
    return cell[len(_MARK) :] if cell.startswith(_MARK) and _FORMULA.match(cell) else cell


def _opened(text: str) -> tuple[str, str]:
    """The text from its first row on, and its delimiter: the most frequent in that row, else what `sep=` names."""
    text = text.removeprefix("\ufeff")
    named = ""
    if line := _SEPARATOR_LINE.match(text):
        text, named = text[line.end() :], line["sign"]
    first = next((line for line in io.StringIO(text, newline="") if line.strip()), "")
    return text, max(_DELIMITERS, key=lambda sign: (first.count(sign), sign == named))


def _refusal(data: bytes) -> str:
    """The sentence about a file of another kind; empty if it may be a CSV."""
    if data.startswith(b"PK\x03\x04"):
        is_open_document = _OPEN_DOCUMENT in data[:200]
        kind = "a LibreOffice spreadsheet (.ods)" if is_open_document else "an Excel file (.xlsx)"
        return f"This is {kind}, not a CSV: {_SAVE_AS}"
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        return f"This is an Excel file (.xls), not a CSV: {_SAVE_AS}"
    return _PDF if data.startswith(b"%PDF-") else ""


def _japanese(data: bytes) -> str | None:
    """The text, if it is Japanese in Shift_JIS; most bytes of other encodings mean something there too.

    Words of Western Europe in Windows-1252 become rare kanji, single half-width kana, or a common kanji next to a Latin
    letter ("Don’t"). Japanese has common letters away from Latin ones, or half-width kana in a row.
    """
    try:
        text = data.decode("cp932")
    except UnicodeDecodeError:
        return None
    if _NO_SHIFT_JIS.search(text):
        return None
    found = (match[0] for match in _MAYBE_JAPANESE.finditer(text))
    return text if any(len(one) == 2 or one.encode("cp932") < _RARE_KANJI for one in found) else None
