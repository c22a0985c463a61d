"""Registers parcels before a customer looks them up: from pasted or uploaded lines to shipments."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction

from tracking.models import Destination, Shipment
from tracking.staff.spreadsheets import SheetFormat, UnreadableFileError
from tracking.values import numbers
from tracking.values.numbers import Problem, TrackingNumber

MOST_LINES = 2000
COLUMNS = ("number", "destination", "order_reference", "note")
MOST_CHARACTERS = {"order_reference": 100, "note": 500}
SHEET = SheetFormat(
    columns=COLUMNS,
    other_names={"tracking_number": "number", "order": "order_reference", "reference": "order_reference"},
    takes_shift_jis=True,
    row_word="Line",
)

_WRITTEN = ["destination_id", "order_reference", "note", "registered_at", "watch_at"]
_NO_HEADER = "For more than numbers, begin with a header line: " + ",".join(COLUMNS)


@dataclass(frozen=True)
class ParcelRow:
    """One row of the list as staff wrote it, and what registering it will do."""

    line: int  # its row as a spreadsheet counts, from 1
    number: str
    destination: str = ""  # ISO code
    order_reference: str = ""
    note: str = ""
    problem: str = ""  # a sentence why it cannot be registered; empty: it can
    is_known: bool = False  # the shipment exists: it is updated, not added


def read_lines(text: str) -> list[ParcelRow]:
    """Return every row that is not empty, checked. Stores nothing.

    Raises UnreadableFileError if the text has no number, too many rows, or is not a CSV.
    """
    has_header = "number" in SHEET.header(text)
    rows = list(_named_cells(text) if has_header else _only_numbers(text))
    if not rows:
        raise UnreadableFileError("There is no number in it.")
    if len(rows) > MOST_LINES:
        raise UnreadableFileError(f"{len(rows)} lines; at most {MOST_LINES} at a time.")
    countries = set(Destination.objects.values_list("code", flat=True))
    checked = [_checked(row, countries) for row in rows]
    known = _known({row.number for row in checked if not row.problem})
    first: dict[str, int] = {}
    result = []
    for row in checked:
        if not row.problem and first.setdefault(row.number, row.line) != row.line:
            row = replace(row, problem=f"The same number as on line {first[row.number]}.")
        result.append(replace(row, is_known=row.number in known))
    return result


def register_rows(rows: Sequence[ParcelRow], *, now: datetime) -> tuple[int, int]:
    """Store the rows without a problem in one transaction. Return the numbers of shipments added and updated.

    An empty cell keeps the stored value.
    """
    good = {row.number: row for row in rows if not row.problem}
    with transaction.atomic():
        known: dict[str, Shipment] = {}
        for some in in_parts(list(good)):
            found = Shipment.objects.select_for_update().filter(number__in=some).order_by("pk")
            known |= {shipment.number: shipment for shipment in found}
        shipments = [
            _filled_in(known.get(number) or Shipment(number=number), good[number], now) for number in good
        ]
        Shipment.objects.bulk_create(  # an upsert, because a visitor may look a new number up at the same moment
            [Shipment(**{name: getattr(one, name) for name in ("number", *_WRITTEN)}) for one in shipments],
            update_conflicts=True,
            unique_fields=["number"],
            update_fields=_WRITTEN,
            batch_size=100,
        )
    return len(good) - len(known), len(known)


def in_parts(values: Sequence[str], size: int = 500) -> Iterator[Sequence[str]]:
    """Yield the values in parts of `size`: old SQLite versions take at most 999 values in a query."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _filled_in(shipment: Shipment, row: ParcelRow, now: datetime) -> Shipment:
    shipment.destination_id = row.destination or shipment.destination_id
    shipment.order_reference = row.order_reference or shipment.order_reference
    shipment.note = row.note or shipment.note
    # With a story, the schedule sets the time of the next request. It sets none where only visitors typed the number
    # and none has looked for a week.
    if shipment.story_at is None or (shipment.registered_at is None and shipment.watch_at is None):
        shipment.watch_at = now
    # Also if it is registered already: if Japan Post reuses the number, the new parcel is ours.
    shipment.registered_at = now
    return shipment


def _known(wanted: Collection[str]) -> set[str]:
    return {
        number
        for some in in_parts(list(wanted))
        for number in Shipment.objects.filter(number__in=some).values_list("number", flat=True)
    }


def _only_numbers(text: str) -> Iterator[ParcelRow]:
    for number, line in SHEET.lines(text):
        if line.strip():
            yield ParcelRow(number, line.strip())


def _named_cells(text: str) -> Iterator[ParcelRow]:
    """The filled rows, unchecked."""
    for record in SHEET.records(text):
        cells = {name: " ".join(record.cells.get(name, "").split()) for name in COLUMNS}
        problem = f"More cells than the header has columns: “{record.extra}”." if record.extra else ""
        if any(cells.values()) or problem:
            number, destination, order_reference, note = cells.values()
            yield ParcelRow(record.number, number, destination, order_reference, note, problem)


def _checked(row: ParcelRow, countries: Collection[str]) -> ParcelRow:
    if row.problem:
        return row
    problem = _problem_of_number(row.number)
    if problem:
        return replace(row, problem=problem)
    (number,) = numbers.find_numbers(row.number)
    code = row.destination.upper()
    if code and code not in countries:
        problem = f"Unknown country “{row.destination}”: two letters such as DE."
    for name, most in MOST_CHARACTERS.items():
        if len(getattr(row, name)) > most:
            problem = f"The {name.replace('_', ' ')} has more than {most} characters."
    return replace(row, number=number, destination="" if problem else code, problem=problem)


def _problem_of_number(text: str) -> str:
    found = numbers.find_numbers(text)
    if len(found) > 1:
        return "More than one number: one a line."
    if found and not _is_all(found[0], text):
        return f"More than a number. {_NO_HEADER}"
    match numbers.diagnose(text):
        case Problem.EMPTY:
            return "The number is missing."
        case Problem.CHECK_DIGIT:
            return f"The check digit is wrong. Perhaps {' or '.join(numbers.suggestions(found[0]))}?"
        case Problem.UNTRACKED:
            return "A letter without tracking: Japan Post has no history of it."
        case Problem.DOMESTIC:
            return "A number of Japan's inland post, not EMS."
        case Problem.WRONG_SHAPE:
            shape = numbers.explain_shape(text)
            if shape.repaired:
                return f"Letters among the digits. Perhaps {shape.repaired}?"
            if shape.digits:
                return f"{shape.digits} digits where nine belong."
            return "Not a tracking number, such as EM123456785JP."
    return ""


def _is_all(number: TrackingNumber, text: str) -> bool:
    """True if the text is the number and nothing else, except for spaces and punctuation."""
    return "".join(c for c in numbers.clean(text) if c not in " -.,;:!?'\"()[]<>") == number
