"""How long parcels usually wait at each status, learnt from the stories we keep.

Stories are read as a stream, so a large store takes time but no memory.
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
from tracking.journey.route import Place, destination_of, travel
from tracking.journey.silence import is_last_scan
from tracking.models import Destination, Event, Shop, Status, UsualWait
from tracking.models.shipments import TRACKED_FIELDS
from tracking.values import numbers
from tracking.values.numbers import TrackingNumber
from tracking.values.places import days_between, instant_of
from tracking.words.glossary import Glossary
from tracking.words.version import renew_words_version

LEARN_FROM = timedelta(days=180)  # before today; older steps tell of other times
LEAST_PARCELS = 20
HALF, NINE_IN_TEN = Fraction(1, 2), Fraction(9, 10)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Story:
    """A parcel's story as Japan Post last confirmed it."""

    number: TrackingNumber
    destination: str | None  # ISO code, where staff gave it
    confirmed_at: datetime  # aware
    events: Sequence[TrackedEvent]  # oldest first, at least one


@dataclass(frozen=True)
class Wait:
    """The longest time a parcel went without a next row at one status, in whole days."""

    days: int
    is_over: bool  # False: it waits there still, or did when we last heard, so it is at least so long


@dataclass(frozen=True)
class Waits:
    """Many parcels' waits at one status: whole days -> how many parcels."""

    over: Counter[int] = field(default_factory=Counter)
    unfinished: Counter[int] = field(default_factory=Counter)

    def add(self, wait: Wait) -> None:
        (self.over if wait.is_over else self.unfinished)[wait.days] += 1


def usual_waits(glossary: Glossary, now: datetime) -> list[UsualWait]:
    """What the stored stories teach at an aware `now`, not stored yet: for each status and destination that at
    least 20 parcels left, and for all destinations together (destination None). Needs one query.
    """
    gathered: defaultdict[tuple[Status, Destination | None], Waits] = defaultdict(Waits)
    for story in stories(now):
        origin = numbers.country(story.number)
        journey = travel(story.events, origin, glossary)
        there = glossary.destinations.get(destination_of(journey, origin) or story.destination or "")
        for status, wait in longest_waits(journey, there, story.confirmed_at, now).items():
            for place in {there, None}:
                gathered[status, place].add(wait)
    found = (_usual_wait(status, there, waits, now) for (status, there), waits in gathered.items())
    return sorted(
        (wait for wait in found if wait is not None),
        key=lambda wait: (glossary.statuses.index(wait.status), wait.destination_id or ""),
    )


def store(waits: Sequence[UsualWait]) -> bool:
    """Replace all that was learnt before, in one short transaction. True where any figure is new, gone or another:
    then every page is told to read them.
    """
    with transaction.atomic():
        list(Shop.objects.select_for_update())  # one learner after the other
        before = _figures(UsualWait.objects.all())
        UsualWait.objects.all().delete()
        UsualWait.objects.bulk_create(waits)
        is_changed = before != _figures(waits)
        if is_changed:
            renew_words_version()
    return is_changed


def stories(now: datetime) -> Iterator[Story]:
    """Every whole story that may have a step of the last 180 days. A stream: one query, a few rows in memory."""
    rows = (
        Event.objects.current()
        .filter(shipment__history_missing=False, shipment__story_at__gte=now - LEARN_FROM - _DAY)
        .order_by("shipment_id", "position")
        .values_list("shipment__number", "shipment__destination", "shipment__story_at", *TRACKED_FIELDS)
        .iterator()
    )
    for (number, destination, confirmed_at), group in groupby(rows, key=lambda row: row[:3]):
        events = [TrackedEvent(*row[3:]) for row in group]
        yield Story(TrackingNumber(number), destination, confirmed_at, events)


def longest_waits(
    journey: Sequence[Place], there: Destination | None, confirmed_at: datetime, now: datetime
) -> dict[Status, Wait]:
    """The parcel's longest wait at each status whose words explain a row of the last 180 days; `there` is where it goes.

    Nothing is waited for once the journey is over, nor where the post of the destination sends no scans.
    """
    since = (now - LEARN_FROM).date()
    longest: dict[Status, Wait] = {}
    for place, after in zip_longest(journey, journey[1:]):
        if place.words is None or place.event.local_date < since:
            continue
        if place.is_over or is_last_scan(place, there):
            continue
        days = _days_to(place, after) if after else _days_until_confirmed(place, confirmed_at)
        before = longest[place.words].days if place.words in longest else 0  # so never negative
        longest[place.words] = Wait(max(before, days), is_over=after is not None)
    return longest


def days_until(share: Fraction, waits: Waits) -> int | None:
    """Whole days within which this share of the parcels has moved on; None where so many never did.

    The product-limit estimate of E. L. Kaplan and P. Meier, "Nonparametric Estimation from Incomplete Observations",
    Journal of the American Statistical Association 53 (1958): a parcel that waits still counts among those who could
    have moved on for as long as we know of it. Exact arithmetic, so that 9 of 10 is 9 of 10.
    """
    could_move = waits.over.total() + waits.unfinished.total()
    still_here = Fraction(1)
    for day in sorted(waits.over.keys() | waits.unfinished.keys()):
        still_here *= 1 - Fraction(waits.over[day], could_move)
        if still_here <= 1 - share:
            return day
        could_move -= waits.over[day] + waits.unfinished[day]
    return None


def _usual_wait(
    status: Status, destination: Destination | None, waits: Waits, now: datetime
) -> UsualWait | None:
    parcels = waits.over.total()
    median, nine_in_ten = days_until(HALF, waits), days_until(NINE_IN_TEN, waits)
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


def _days_to(place: Place, after: Place) -> int:
    """Days between two rows, rounded up where both instants are certain, else by the calendar. Negative where times
    seem to run backwards, as they can across a border.
    """
    left, met = _instant(place), _instant(after)
    if left and met:
        return math.ceil((met - left) / _DAY)
    return (after.event.local_date - place.event.local_date).days


def _days_until_confirmed(place: Place, confirmed_at: datetime) -> int:
    """Days that are full: of the one under way nobody knows the end."""
    return days_between(place.event.local_date, _instant(place), confirmed_at)


def _instant(place: Place) -> datetime | None:
    """In UTC: between two times of one zone Python counts by the wall clock, an hour wrong over a clock change."""
    instant = instant_of(place.event.local_date, place.event.local_time, place.country)
    return instant.astimezone(UTC) if instant else None


def _figures(waits: Iterable[UsualWait]) -> dict[tuple[int, str | None], tuple[int, int]]:
    """What customers and staff go by; how many parcels it took is no reason to read anything anew."""
    return {
        (wait.status_id, wait.destination_id): (wait.median_days, wait.nine_in_ten_days) for wait in waits
    }
