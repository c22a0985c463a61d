"""All wording as one CSV: out to a translator, and back in after a dry run. Nothing is half brought in."""

import codecs
import csv
import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from django.conf.locale import LANG_INFO
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F

from tracking.models import Destination, Status, Wording
from tracking.staff.spreadsheets import as_meant, harmless

MOST_ROWS = 2000
MOST_BYTES = 1024 * 1024
TOO_MUCH = "More than 1 MB: bring it in in several parts, such as one language at a time."

TEXTS = ("title", "meaning", "what_to_do", "who_has_it")
COLUMNS = ("status", "status_name", "language", "destination", *TEXTS, "hidden")
TRANSLATOR_COLUMNS = (
    *COLUMNS[:4],
    *(column for text in TEXTS for column in (f"english_{text}", text)),
    "hidden",
)
_NEEDED = tuple(column for column in COLUMNS if column != "status_name")

_YES, _NO = {"yes", "true", "1"}, {"", "no", "false", "0"}

Key = tuple[str, str, str | None]  # slug of the status, language, ISO code of the destination or None


class Unreadable(ValueError):
    """The whole file cannot be read; the message tells staff why."""


class ChangedMeanwhile(Exception):
    """Bringing the file in would no longer do what was shown. Nothing was stored."""


@dataclass(frozen=True)
class Difference:
    """One text before and after."""

    column: str
    now: str
    then: str


@dataclass(frozen=True)
class Row:
    """One row of the file, and what will become of it. No differences and no problems: it stays as it is."""

    number: int  # as spreadsheets count: the header is row 1, a cell of several lines is in one row
    wording: Wording | None = None  # with the words of the file
    is_new: bool = False
    differences: tuple[Difference, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def has_other_draft(self) -> bool:
        """Somebody is writing other words for the same place; that draft stays, and is still to be published."""
        words = self.wording
        return words is not None and words.draft is not None and words.drafted_texts != words.texts


@dataclass(frozen=True)
class Plan:
    """What bringing a file in would do: all of it, or, where any row is bad, nothing."""

    rows: tuple[Row, ...]
    without_words: tuple[int, ...]  # rows that were left out, for nothing is written in them

    @cached_property
    def bad(self) -> list[Row]:
        return [row for row in self.rows if row.problems]

    @cached_property
    def new(self) -> list[Row]:
        return [row for row in self.rows if row.is_new and not row.problems]

    @cached_property
    def changed(self) -> list[Row]:
        return [row for row in self.rows if row.differences and not row.is_new and not row.problems]

    @cached_property
    def differences(self) -> tuple[Difference, ...]:
        return tuple(difference for row in self.rows for difference in row.differences)

    @property
    def does_something(self) -> bool:
        return bool(self.differences)

    @cached_property
    def left_out(self) -> str:
        """The rows without words in a few characters: “4, 7–19”."""
        ranges: list[list[int]] = []
        for number in self.without_words:
            if ranges and ranges[-1][-1] == number - 1:
                ranges[-1][1:] = [number]
            else:
                ranges.append([number])
        return ", ".join("–".join(map(str, some)) for some in ranges)

    @cached_property
    def unchanged(self) -> int:
        return len(self.rows) - len(self.bad) - len(self.new) - len(self.changed)

    @cached_property
    def fingerprint(self) -> str:
        """The same for two plans only if they do the same."""
        does = [(str(row.wording), row.is_new, row.differences) for row in self.rows if row.differences]
        return hashlib.sha256(repr(does).encode()).hexdigest()


# Out


def export_all() -> bytes:
    """Every wording in every language, hidden ones too, in the guide's order. Drafts stay at the desk."""
    return _written(COLUMNS, map(_cells, Wording.objects.ever_published().select_related("status")))


def export_for_translator(language: str) -> bytes:
    """One sheet to fill: the English words for reading, beside them the words in this language, or empty cells."""
    wordings = list(
        Wording.objects.ever_published()
        .filter(language__in=("en", language))
        .select_related("status")
        .order_by("status", F("destination").asc(nulls_first=True))
    )
    found = {(one.language, one.status_id, one.destination_id): one for one in wordings}
    wanted = {
        (one.status, one.destination_id): None
        for one in wordings
        if one.language == language or not one.hidden
    }
    rows = []
    for status, code in wanted:
        own = found.get((language, status.pk, code)) or Wording(
            status=status, language=language, destination_id=code
        )
        english = found.get(("en", status.pk, code)) or found.get(("en", status.pk, None))
        rows.append(_cells(own) | {f"english_{text}": getattr(english, text, "") for text in TEXTS})
    return _written(TRANSLATOR_COLUMNS, rows)


def _cells(wording: Wording) -> dict[str, str]:
    texts = {text: getattr(wording, text) for text in TEXTS}
    return {
        "status": wording.status.slug,
        "status_name": wording.status.name,
        "language": wording.language,
        "destination": wording.destination_id or "",
        # Words that are yet to be written would come back hidden, and nobody would know why.
        "hidden": "yes" if wording.hidden and any(texts.values()) else "",
        **texts,
    }


def _written(columns: Iterable[str], rows: Iterable[Mapping[str, str]]) -> bytes:
    """UTF-8 with its mark, without which Excel takes it for something else."""
    sheet = io.StringIO(newline="")
    writer = csv.DictWriter(sheet, list(columns))
    writer.writeheader()
    for row in rows:
        writer.writerow({column: harmless(text) for column, text in row.items()})
    return codecs.BOM_UTF8 + sheet.getvalue().encode()


# In


def decode(data: bytes) -> str:
    """The text of an uploaded file: UTF-8, or UTF-16 with its mark (Excel's “Unicode Text”). Raises Unreadable."""
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-16" if is_utf16 else "utf-8-sig", "ignore")
        row = sum(1 for _ in _records(before + "?", strict=False))
        raise Unreadable(
            f"Row {row} has letters that are not in UTF-8. Save the sheet once more as “CSV UTF-8”."
        ) from None
    if "\0" in text:
        raise Unreadable("The file is no text. Save the sheet as “CSV UTF-8”.")
    return text


def check(text: str, *, lock: bool = False) -> Plan:
    """The dry run: every row checked, nothing stored. Raises Unreadable."""
    if len(text.encode()) > MOST_BYTES:
        raise Unreadable(TOO_MUCH)
    words = _Words.read(lock=lock)
    rows, without_words = [], []
    first: dict[Key, int] = {}
    for number, cells, extra in _named(text):
        if not any(cells[column].strip() for column in TEXTS) and not extra:
            without_words.append(number)
            continue
        row = words.checked(number, cells)
        problems = list(row.problems)
        if extra:
            problems.append(f"More cells than there are columns: “{extra}”.")
        if (same := first.setdefault(words.key(cells), number)) != number:
            problems.append(f"The same status, language and destination as in row {same}.")
        rows.append(Row(number, row.wording, row.is_new, row.differences, tuple(problems)))
    if not rows and not without_words:
        raise Unreadable("There are no words in it, only the names of the columns.")
    return Plan(tuple(rows), tuple(without_words))


def bring_in(text: str, *, shown: str) -> Plan:
    """Store all of it, if that still does what was shown (a plan's fingerprint). Else raises ChangedMeanwhile."""
    try:
        with transaction.atomic():
            plan = check(text, lock=True)
            if plan.bad or plan.fingerprint != shown:
                raise ChangedMeanwhile
            for row in (*plan.new, *plan.changed):
                if row.wording:
                    row.wording.save()  # one by one: each save renews the words' version
            return plan
    except IntegrityError:  # somebody wrote new words at the same moment
        raise ChangedMeanwhile from None


@dataclass(frozen=True)
class _Words:
    """The store at the moment of checking, read once."""

    statuses: Mapping[str, Status]
    destinations: Mapping[str, Destination]
    languages: frozenset[str]
    wordings: Mapping[Key, Wording]

    @classmethod
    def read(cls, *, lock: bool) -> "_Words":
        wordings, statuses = Wording.objects.select_related("status", "destination"), Status.objects.all()
        if lock:  # the statuses too: that is where somebody who edits their words at this moment waits
            wordings, statuses = wordings.select_for_update(of=("self",)), statuses.select_for_update()
        by_key = {(one.status.slug, one.language, one.destination_id): one for one in wordings}
        return cls(
            statuses=statuses.in_bulk(field_name="slug"),
            destinations=Destination.objects.in_bulk(),
            languages=frozenset({*LANG_INFO, *(language for _, language, _ in by_key)}),
            wordings=by_key,
        )

    def key(self, cells: Mapping[str, str]) -> Key:
        language = cells["language"]
        if language not in self.languages:
            language = language.lower().replace("_", "-")
        return cells["status"], language, cells["destination"].upper() or None

    def checked(self, number: int, cells: Mapping[str, str]) -> Row:
        """The row's words put into its wording. What words may say is the model's own rule (`full_clean`)."""
        problems = tuple(self._unknown(cells))
        if problems:
            return Row(number, problems=problems)
        slug, language, code = key = self.key(cells)
        wording = self.wordings.get(key)
        is_new = wording is None
        if wording is None:
            wording = Wording(status=self.statuses[slug], language=language)
            wording.destination = self.destinations[code] if code else None
        differences = tuple(_put_in(wording, cells))
        if differences:
            try:
                wording.full_clean(exclude=["status", "destination"])  # found above; unique by their key
            except ValidationError as error:
                problems = tuple(_sentences(error))
        return Row(number, wording, is_new, differences, problems)

    def _unknown(self, cells: Mapping[str, str]) -> Iterator[str]:
        slug, language, code = self.key(cells)
        if slug not in self.statuses:
            yield f"There is no status “{slug}”: leave the column “status” as it was sent out."
        if language not in self.languages:
            yield f"Unknown language “{cells['language']}”: a code such as fr, de or ja."
        if code and code not in self.destinations:
            yield f"Unknown destination “{cells['destination']}”: two letters such as DE, or empty for all."
        if cells["hidden"].lower() not in _YES | _NO:
            yield f"hidden: “{cells['hidden']}” is neither “yes” nor empty."


def _put_in(wording: Wording, cells: Mapping[str, str]) -> Iterator[Difference]:
    for column in TEXTS:
        now, then = _tidy(column, getattr(wording, column)), _tidy(column, cells[column])
        if now != then:
            setattr(wording, column, then)
            yield Difference(column, now, then)
    hidden = cells["hidden"].lower() in _YES
    if hidden != wording.hidden:
        wording.hidden = hidden
        yield Difference("hidden", "no" if hidden else "yes", "yes" if hidden else "no")


def _tidy(column: str, text: str) -> str:
    """What a spreadsheet or a form changes on its way is no difference: line ends, spaces at the ends."""
    if column in ("title", "who_has_it"):  # one line; not every white space: French has its no-break space
        return re.sub(r"[ \t\r\n]+", " ", text).strip()
    return re.sub(r"\r\n?", "\n", text).strip()


def _sentences(error: ValidationError) -> Iterator[str]:
    for field, sentences in error.message_dict.items():
        for sentence in sentences:
            yield f"{field}: {sentence}" if field in COLUMNS else sentence


def _named(text: str) -> Iterator[tuple[int, dict[str, str], str]]:
    """Number, cells by column, and the first cell beyond the last column. Raises Unreadable."""
    header: list[str] = []
    for number, record in enumerate(_records(text), 1):
        cells = [as_meant(cell) for cell in record]
        if not header:
            if any(cells):
                header = _header(cells)
            continue
        if number > MOST_ROWS and any(cells):
            raise Unreadable(f"More than {MOST_ROWS} rows: bring them in in several parts.")
        cells += [""] * (len(header) - len(cells))
        named = dict(zip(header, cells, strict=False))
        named |= {column: named[column].strip() for column in _NEEDED if column not in TEXTS}
        yield number, named, next((cell for cell in cells[len(header) :] if cell.strip()), "")
    if not header:
        raise Unreadable("The file is empty.")


def _header(cells: Iterable[str]) -> list[str]:
    header = [cell.strip().lower() for cell in cells]
    while not header[-1]:  # spreadsheets like to add some
        header.pop()
    for column in header:
        if column not in TRANSLATOR_COLUMNS:
            raise Unreadable(f"Unknown column “{column}”. The first row names them: {', '.join(_NEEDED)}.")
        if header.count(column) > 1:
            raise Unreadable(f"Two columns “{column}”.")
    missing = [column for column in _NEEDED if column not in header]
    if missing:
        raise Unreadable(f"Columns are missing: {', '.join(missing)}. The first row names the columns.")
    return header


def _records(text: str, *, strict: bool = True) -> Iterator[list[str]]:
    """Every row, empty ones too, so that they count as in the spreadsheet."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    if first.lower().startswith("sep="):  # Excel's own first line, which it does not show as a row
        text = text[text.index(first) + len(first) :].removeprefix("\r").removeprefix("\n")
        first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict)
    number = 0
    while True:
        number += 1
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise Unreadable(
                f"Row {number} cannot be read: a quotation mark is not closed or stands where none belongs, "
                "or a cell is far too long."
            ) from None
