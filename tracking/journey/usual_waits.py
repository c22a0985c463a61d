"""How long parcels usually wait at each status, learnt from the stored stories.

Stories are read as a stream, so a large database takes time but not memory.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import groupby, zip_longest

from django.db import transaction

from tracking.japanpost.records import TrackedEvent
from tracking.journey.reading import Reading
from tracking.journey.route import Waypoint, is_last_scan
from tracking.journey.story import Story
from tracking.models import Destination, Event, Shop, Status, UsualWait
from tracking.models.shipments import TRACKED_FIELDS
from tracking.values.numbers import TrackingNumber
from tracking.values.places import days_between, instant_of
from tracking.words.glossary import Glossary
from tracking.words.version import renew_words_version

LEARN_FROM = timedelta(days=180)  # before today; older waits no longer describe the present
LEAST_PARCELS = 20
HALF, NINE_IN_TEN = Fraction(1, 2), Fraction(9, 10)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Dwell:
    """The longest time without a next row that one parcel spent at one status, in whole days."""

    days: int
    is_over: bool  # False: no next row at Japan Post's last answer, so the wait is at least this long


@dataclass(frozen=True)
class DwellTimes:
    """The waits of many parcels at one status: whole days -> number of parcels."""

    over: Counter[int] = field(default_factory=Counter)
    unfinished: Counter[int] = field(default_factory=Counter)

    def add(self, dwell: Dwell) -> None:
        """Count one parcel's wait."""
        (self.over if dwell.is_over else self.unfinished)[dwell.days] += 1


def usual_waits(glossary: Glossary, now: datetime) -> list[UsualWait]:
    """The usual waits at an aware `now`, computed from the stored stories and not stored yet. Costs one query.

    One per status and destination that at least 20 parcels left, and one per status for all destinations (None).
    """
    gathered: defaultdict[tuple[Status, Destination | None], DwellTimes] = defaultdict(DwellTimes)
    for story in stories(now):
        reading = Reading.of(story, glossary)
        for status, dwell in longest_dwells(reading, now).items():
            for there in {reading.there, None}:
                gathered[status, there].add(dwell)
    found = (_usual_wait(status, there, dwells, now) for (status, there), dwells in gathered.items())
    return sorted(
        (wait for wait in found if wait is not None),
        key=lambda wait: (glossary.statuses.index(wait.status), wait.destination_id or ""),
    )


def store_usual_waits(waits: Sequence[UsualWait]) -> bool:
    """Replace all stored usual waits in one short transaction. Returns True where any figure changed.

    A figure that is added or removed counts as changed. After a change it also renews the version of the words, so that
    every page reads the new figures.
    """
    with transaction.atomic():
        list(Shop.objects.select_for_update())  # a lock: two runs of `learn` must not overlap
        before = _figures(UsualWait.objects.all())
        UsualWait.objects.all().delete()
        UsualWait.objects.bulk_create(waits)
        is_changed = before != _figures(waits)
        if is_changed:
            renew_words_version()
    return is_changed


def stories(now: datetime) -> Iterator[Story]:
    """Every complete story that may have a row of the last 180 days. A stream: one query, few rows in memory."""
    rows = (
        Event.objects.current()
        .filter(
            shipment__history_missing=False,
            shipment__story_at__gte=now - LEARN_FROM - _DAY,
            shipment__story_at__lte=now + _DAY,  # a clock that was ahead would make the waits longer
        )
        .order_by("shipment_id", "position")
        .values_list("shipment__number", "shipment__destination", "shipment__story_at", *TRACKED_FIELDS)
        .iterator()
    )
    for (number, destination, confirmed_at), group in groupby(rows, key=lambda row: row[:3]):
        events = tuple(TrackedEvent(*row[3:]) for row in group)
        yield Story(
            TrackingNumber(number),
            events,
            history_missing=False,
            checked_at=confirmed_at,
            destination=destination,
        )


def longest_dwells(reading: Reading, now: datetime) -> dict[Status, Dwell]:
    """The parcel's longest wait at each status whose words explain a row of the last 180 days.

    The story's `checked_at` must be the time when Japan Post last confirmed it. Rows after which no scan is expected
    have no wait: the end of the journey, and the departure to a post that sends no scans.
    """
    since = (now - LEARN_FROM).date()
    longest: dict[Status, Dwell] = {}
    for waypoint, after in zip_longest(reading.route, reading.route[1:]):
        status = waypoint.explained_as
        if status is None or waypoint.event.local_date < since:
            continue
        if waypoint.is_over or is_last_scan(waypoint, reading.there):
            continue
        days = _days_to(waypoint, after) if after else _days_until(waypoint, reading.story.checked_at)
        before = longest[status].days if status in longest else 0  # so never negative
        longest[status] = Dwell(max(before, days), is_over=after is not None)
    return longest


def days_until(share: Fraction, dwells: DwellTimes) -> int | None:
    """The whole days within which this share of the parcels has moved on; None where fewer parcels ever did.

    The product-limit estimate of E. L. Kaplan and P. Meier, "Nonparametric Estimation from Incomplete Observations",
    Journal of the American Statistical Association 53 (1958): a parcel that still waits counts as one that could have
    moved on, for as long as we have observed it. Fractions, because with floats 9 of 10 may not equal 0.9.
    """
    could_move = dwells.over.total() + dwells.unfinished.total()
    still_here = Fraction(1)
    for day in sorted(dwells.over.keys() | dwells.unfinished.keys()):
        still_here *= 1 - Fraction(dwells.over[day], could_move)
        if still_here <= 1 - share:
            return day
        could_move -= dwells.over[day] + dwells.unfinished[day]
    return None


def _usual_wait(
    status: Status, destination: Destination | None, dwells: DwellTimes, now: datetime
) -> UsualWait | None:
    parcels = dwells.over.total()
    median, nine_in_ten = days_until(HALF, dwells), days_until(NINE_IN_TEN, dwells)
    if parcels < LEAST_PARCELS or median is None or nine_in_ten is None:
        return None
    return UsualWait(
        status=status,
        destination=destination,
        parcels=parcels,
        median_days=median,
        nine_in_ten_days=nine_in_ten,
        learned_at=now,
    )


def _days_to(waypoint: Waypoint, after: Waypoint) -> int:
    """Days between two rows: rounded up where both instants are certain, else by the calendar.

    Negative where local times run backwards, as they can across a border.
    """
    start, end = _instant(waypoint), _instant(after)
    if start and end:
        return math.ceil((end - start) / _DAY)
    return (after.event.local_date - waypoint.event.local_date).days


def _days_until(waypoint: Waypoint, confirmed_at: datetime) -> int:
    """Full days until the last confirmation, because the wait has not ended."""
    return days_between(waypoint.event.local_date, _instant(waypoint), confirmed_at)


def _instant(waypoint: Waypoint) -> datetime | None:
    """The instant of a row in UTC; None where it is not certain.

    In UTC because Python subtracts two times of one zone by the wall clock: an hour wrong over a clock change.
    """
    instant = instant_of(waypoint.event.local_date, waypoint.event.local_time, waypoint.country)
    return instant.astimezone(UTC) if instant else None


def _figures(waits: Iterable[UsualWait]) -> dict[tuple[int, str | None], tuple[int, int]]:
    """(median, 9 of 10) in days by (status, destination). Without the number of parcels, which changes no page."""
    return {
        (wait.status_id, wait.destination_id): (wait.median_days, wait.nine_in_ten_days) for wait in waits
    }
