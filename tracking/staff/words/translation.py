"""Exports all wording as one CSV for a translator, and imports it after a dry run. An import is all or nothing."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from django.conf.locale import LANG_INFO
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F

from tracking.models import Destination, Status, Wording
from tracking.staff.spreadsheets import MOST_BYTES, Record, SheetFormat, UnreadableFileError, write_csv

MOST_ROWS = 2000
TOO_MUCH = "More than 1 MB: bring it in in several parts, such as one language at a time."

COLUMNS = ("status", "status_name", "language", "destination", *Wording.TEXTS, "hidden")
TRANSLATOR_COLUMNS = (
    *COLUMNS[:4],
    *(column for text in Wording.TEXTS for column in (f"english_{text}", text)),
    "hidden",
)
SHEET = SheetFormat(
    columns=TRANSLATOR_COLUMNS, needed=tuple(column for column in COLUMNS if column != "status_name")
)

_YES, _NO = {"yes", "true", "1"}, {"", "no", "false", "0"}

Key = tuple[str, str, str | None]  # slug of the status, language, ISO code of the destination or None


class ChangedMeanwhileError(Exception):
    """The import would no longer do what the dry run showed. Nothing was stored."""


@dataclass(frozen=True)
class Difference:
    """One text before and after the import."""

    column: str
    now: str
    then: str


@dataclass(frozen=True)
class Row:
    """One row of the file, and what the import does with it: nothing if it has no differences and no problems."""

    number: int  # as spreadsheets count: the header is row 1, a cell of several lines is in one row
    wording: Wording | None = None  # with the texts of the file; None: the row names no wording
    is_new: bool = False
    differences: tuple[Difference, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def has_other_draft(self) -> bool:
        """True if staff have a draft with other texts. The import keeps that draft; it is still to be published."""
        words = self.wording
        return words is not None and words.draft is not None and words.drafted_texts != words.texts


@dataclass(frozen=True)
class Plan:
    """What the import of a file would do. It stores all rows, or nothing if any row is bad."""

    rows: tuple[Row, ...]
    without_words: tuple[int, ...]  # numbers of rows that are skipped because all texts are empty
    bad: list[Row]
    new: list[Row]
    changed: list[Row]
    differences: tuple[Difference, ...]
    fingerprint: str  # equal only in plans that do the same

    @classmethod
    def of(cls, rows: Sequence[Row], without_words: Iterable[int]) -> "Plan":
        """Return the plan of these rows, sorted into bad, new and changed ones."""
        good = [row for row in rows if not row.problems]
        does = [(str(row.wording), row.is_new, row.differences) for row in rows if row.differences]
        return cls(
            rows=tuple(rows),
            without_words=tuple(without_words),
            bad=[row for row in rows if row.problems],
            new=[row for row in good if row.is_new],
            changed=[row for row in good if row.differences and not row.is_new],
            differences=tuple(difference for row in rows for difference in row.differences),
            fingerprint=hashlib.sha256(repr(does).encode()).hexdigest(),
        )

    @property
    def does_something(self) -> bool:
        """True if any text would change."""
        return bool(self.differences)

    @property
    def unchanged(self) -> int:
        """The number of good rows that change nothing."""
        return len(self.rows) - len(self.bad) - len(self.new) - len(self.changed)

    @property
    def left_out(self) -> str:
        """The numbers of the skipped rows, in short: “4, 7–19”."""
        ranges: list[list[int]] = []
        for number in self.without_words:
            if ranges and ranges[-1][-1] == number - 1:
                ranges[-1][1:] = [number]
            else:
                ranges.append([number])
        return ", ".join("–".join(map(str, some)) for some in ranges)


# Export


def export_all() -> bytes:
    """Return a CSV of every published wording in every language, hidden ones too, in the guide's order. No drafts."""
    wordings = Wording.objects.ever_published().select_related("status")
    return b"".join(write_csv(COLUMNS, map(_cells, wordings)))


def export_for_translator(language: str) -> bytes:
    """Return a CSV for a translator: the English texts, each next to the text in this language or an empty cell."""
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
        rows.append(_cells(own) | {f"english_{text}": getattr(english, text, "") for text in Wording.TEXTS})
    return b"".join(write_csv(TRANSLATOR_COLUMNS, rows))


def _cells(wording: Wording) -> dict[str, str]:
    texts = wording.texts
    return {
        "status": wording.status.slug,
        "status_name": wording.status.name,
        "language": wording.language,
        "destination": wording.destination_id or "",
        # Texts that are not written yet would otherwise be imported as hidden.
        "hidden": "yes" if wording.hidden and any(texts.values()) else "",
        **texts,
    }


# Import


def plan_import(text: str, *, lock: bool = False) -> Plan:
    """Check every row and return the plan. Stores nothing. `lock`: lock the rows that the import will write.

    Raises UnreadableFileError.
    """
    if len(text.encode()) > MOST_BYTES:
        raise UnreadableFileError(TOO_MUCH)
    words = _Words.read(lock=lock)
    rows: list[Row] = []
    without_words: list[int] = []
    first: dict[Key, int] = {}
    for record in _records(text):
        if not any(record.cells[column].strip() for column in Wording.TEXTS) and not record.extra:
            without_words.append(record.number)
            continue
        row = words.checked(record)
        if (same := first.setdefault(words.key(record.cells), row.number)) != row.number:
            repeated = f"The same status, language and destination as in row {same}."
            row = replace(row, problems=(*row.problems, repeated))
        rows.append(row)
    if not rows and not without_words:
        raise UnreadableFileError("There are no words in it, only the names of the columns.")
    return Plan.of(rows, without_words)


def _records(text: str) -> Iterator[Record]:
    """The rows of the file. Cells of other columns than the texts are stripped. Raises UnreadableFileError."""
    for record in SHEET.records(text):
        if record.number > MOST_ROWS and (any(record.cells.values()) or record.extra):
            raise UnreadableFileError(f"More than {MOST_ROWS} rows: bring them in in several parts.")
        tidy = {
            column: cell if column in Wording.TEXTS else cell.strip() for column, cell in record.cells.items()
        }
        yield replace(record, cells=tidy)


def import_wording(text: str, *, shown: str) -> Plan:
    """Import the file in one transaction and return the plan. `shown`: the fingerprint of the plan that staff saw.

    Raises ChangedMeanwhileError if the import would now do something else, and UnreadableFileError.
    """
    try:
        with transaction.atomic():
            plan = plan_import(text, lock=True)
            if plan.bad or plan.fingerprint != shown:
                raise ChangedMeanwhileError
            for row in (*plan.new, *plan.changed):
                if row.wording:
                    row.wording.save()  # one by one, because each save changes the version of the words
            return plan
    except IntegrityError:  # other staff added the same wording at the same moment
        raise ChangedMeanwhileError from None


@dataclass(frozen=True)
class _Words:
    """The stored words, read once for a check."""

    statuses: Mapping[str, Status]
    destinations: Mapping[str, Destination]
    languages: frozenset[str]
    wordings: Mapping[Key, Wording]

    @classmethod
    def read(cls, *, lock: bool) -> "_Words":
        wordings, statuses = Wording.objects.select_related("status", "destination"), Status.objects.all()
        if lock:  # the statuses too: staff who edit their wording lock these first
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

    def checked(self, record: Record) -> Row:
        """Put the texts of the row into its wording, unsaved. The model's `full_clean` decides what is valid."""
        problems = list(self._unknown(record.cells))
        wording, is_new = None, False
        differences: tuple[Difference, ...] = ()
        if not problems:
            wording, is_new = self._wording_of(record.cells)
            differences = tuple(_apply(wording, record.cells))
            problems += _model_errors(wording) if differences else ()
        if record.extra:
            problems.append(f"More cells than there are columns: “{record.extra}”.")
        return Row(record.number, wording, is_new, differences, tuple(problems))

    def _wording_of(self, cells: Mapping[str, str]) -> tuple[Wording, bool]:
        """The wording that the row names, and True if it is new."""
        slug, language, code = key = self.key(cells)
        if wording := self.wordings.get(key):
            return wording, False
        destination = self.destinations[code] if code else None
        return Wording(status=self.statuses[slug], language=language, destination=destination), True

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


def _apply(wording: Wording, cells: Mapping[str, str]) -> Iterator[Difference]:
    for column in Wording.TEXTS:
        now, then = _tidy(column, getattr(wording, column)), _tidy(column, cells[column])
        if now != then:
            setattr(wording, column, then)
            yield Difference(column, now, then)
    hidden = cells["hidden"].lower() in _YES
    if hidden != wording.hidden:
        wording.hidden = hidden
        yield Difference("hidden", "no" if hidden else "yes", "yes" if hidden else "no")


def _tidy(column: str, text: str) -> str:
    """The text without what spreadsheets and forms change: line ends, and white space at both ends."""
    if column in (
        "title",
        "who_has_it",
    ):  # a text of one line; no-break spaces stay, because French uses them
        return re.sub(r"[ \t\r\n]+", " ", text).strip()
    return re.sub(r"\r\n?", "\n", text).strip()


def _model_errors(wording: Wording) -> Iterator[str]:
    """Yield the errors that the model finds in the texts."""
    try:
        wording.full_clean(exclude=["status", "destination"])  # both exist in the store; the key is unique
    except ValidationError as error:
        for field, sentences in error.message_dict.items():
            for sentence in sentences:
                yield f"{field}: {sentence}" if field in COLUMNS else sentence
