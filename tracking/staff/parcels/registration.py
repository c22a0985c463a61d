"""Parcels that staff register before any customer clicks: from pasted or uploaded lines to rows of the store."""

import csv
import io
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction

from tracking.models import Destination, Shipment
from tracking.values import numbers
from tracking.values.numbers import Problem, TrackingNumber

MOST_LINES = 2000
MOST_BYTES = 1024 * 1024
COLUMNS = ("number", "destination", "order_reference", "note")
MOST_CHARACTERS = {"order_reference": 100, "note": 500}

_WRITTEN = ["destination_id", "order_reference", "note", "registered_at", "watch_at"]
_SAME_COLUMN = {"tracking_number": "number", "order": "order_reference", "reference": "order_reference"}
_NO_HEADER = "For more than numbers, begin with a header line: " + ",".join(COLUMNS)


class Unreadable(ValueError):
    """The whole text cannot be read; the message tells staff why."""


@dataclass(frozen=True)
class Line:
    """One parcel as written, and what will become of it."""

    line: int  # where it begins, counted from 1
    number: str
    destination: str = ""  # ISO code
    order_reference: str = ""
    note: str = ""
    problem: str = ""  # why it cannot be registered; empty: it can
    is_known: bool = False  # a parcel we have already: updated, not added


def decode(data: bytes) -> str:
    """The text of an uploaded file: UTF-8, UTF-16 with its mark, or what Excel writes in Japan. Raises Unreadable."""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    for candidate in (encoding, "cp932"):
        try:
            text = data.decode(candidate)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise Unreadable("The file is no text. Save it as “CSV UTF-8”.")


def read_lines(text: str) -> list[Line]:
    """Every line that is not empty, checked, nothing stored. Raises Unreadable."""
    lines = list(_parse(text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")))
    if not lines:
        raise Unreadable("There is no number in it.")
    if len(lines) > MOST_LINES:
        raise Unreadable(f"{len(lines)} lines; at most {MOST_LINES} at a time.")
    countries = set(Destination.objects.values_list("code", flat=True))
    checked = [_checked(line, countries) for line in lines]
    known = _known({line.number for line in checked if not line.problem})
    first: dict[str, int] = {}
    result = []
    for line in checked:
        if not line.problem and first.setdefault(line.number, line.line) != line.line:
            line = replace(line, problem=f"The same number as on line {first[line.number]}.")
        result.append(replace(line, is_known=line.number in known))
    return result


def register(lines: Sequence[Line], *, now: datetime) -> tuple[int, int]:
    """Store the good lines, all or none of them; (added, updated). Empty cells leave what was there."""
    good = {line.number: line for line in lines if not line.problem}
    with transaction.atomic():
        known: dict[str, Shipment] = {}
        for some in in_parts(list(good)):
            found = Shipment.objects.select_for_update().filter(number__in=some).order_by("pk")
            known |= {shipment.number: shipment for shipment in found}
        shipments = [
            _filled_in(known.get(number) or Shipment(number=number), good[number], now) for number in good
        ]
        Shipment.objects.bulk_create(  # an upsert: a visitor may be quicker with a new number
            [Shipment(**{name: getattr(one, name) for name in ("number", *_WRITTEN)}) for one in shipments],
            update_conflicts=True,
            unique_fields=["number"],
            update_fields=_WRITTEN,
            batch_size=100,
        )
    return len(good) - len(known), len(known)


def in_parts(values: Sequence[str], size: int = 500) -> Iterator[Sequence[str]]:
    """A few at a time: old SQLites take no more than 999 values in one query."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _filled_in(shipment: Shipment, line: Line, now: datetime) -> Shipment:
    shipment.destination_id = line.destination or shipment.destination_id
    shipment.order_reference = line.order_reference or shipment.order_reference
    shipment.note = line.note or shipment.note
    # Also where it was registered before: if the number is used again, the new parcel is ours.
    shipment.registered_at = now
    if shipment.story_at is None:  # else its times are set by what we know
        shipment.watch_at = now
    return shipment


def _known(wanted: Collection[str]) -> set[str]:
    return {
        number
        for some in in_parts(list(wanted))
        for number in Shipment.objects.filter(number__in=some).values_list("number", flat=True)
    }


def _parse(text: str) -> Iterator[Line]:  # noqa: C901, PLR0915
    """Cells by name, unchecked."""
    written = text.split("\n")
    start = next((place for place, line in enumerate(written) if line.strip() and not _is_hint(line)), None)
    if start is None:
        return
    delimiter = max("\t;,", key=written[start].count)
    header = [_column(cell) for cell in written[start].split(delimiter)]
    if "number" not in header:
        for place, raw in enumerate(written[start:], start + 1):
            if raw.strip():
                yield Line(place, raw.strip())
        return
    while header and not header[-1]:  # Excel likes to add some
        header.pop()
    for name in header:
        if name not in COLUMNS:
            raise Unreadable(f"Unknown column “{name}”. There are: {', '.join(COLUMNS)}.")
        if header.count(name) > 1:
            raise Unreadable(f"Two columns “{name}”.")
    reader = csv.reader(io.StringIO("\n".join(written[start + 1 :])), delimiter=delimiter, strict=True)
    place = start + 2
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise Unreadable(
                f"Line {place} cannot be read: {error}. A quotation mark in a cell is doubled."
            ) from None
        if cells is None:
            return
        end = start + 1 + reader.line_num
        if any(cell.strip() for cell in cells):
            extra = [cell for cell in cells[len(header) :] if cell.strip()]
            named = {name: " ".join(cell.split()) for name, cell in zip(header, cells, strict=False)}
            number, destination, order_reference, note = (named.get(name, "") for name in COLUMNS)
            problem = f"More cells than the header has columns: “{extra[0]}”." if extra else ""
            yield Line(place, number, destination, order_reference, note, problem)
        place = end + 1


def _is_hint(line: str) -> bool:
    """Excel's own first line, which names the separator."""
    return line.strip().lower().startswith("sep=")


def _column(cell: str) -> str:
    name = "_".join(cell.strip().strip('"').strip().lower().replace("-", " ").replace("_", " ").split())
    return _SAME_COLUMN.get(name, name)


def _checked(line: Line, countries: Collection[str]) -> Line:
    if line.problem:
        return line
    problem = _problem_of_number(line.number)
    if problem:
        return replace(line, problem=problem)
    (number,) = numbers.find_numbers(line.number)
    code = line.destination.upper()
    if code and code not in countries:
        problem = f"Unknown country “{line.destination}”: two letters such as DE."
    for name, most in MOST_CHARACTERS.items():
        if len(getattr(line, name)) > most:
            problem = f"The {name.replace('_', ' ')} has more than {most} characters."
    return replace(line, number=number, destination="" if problem else code, problem=problem)


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
            return "A letter without tracking: Japan Post has nothing to tell about it."
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
    """True where the text is the number and nothing else, spaces and punctuation at the ends aside."""
    return "".join(c for c in numbers.clean(text) if c not in " -.,;:!?'\"()[]<>") == number
