"""When the watch next asks Japan Post about a parcel. Defines all intervals; the result is Shipment.watch_at.

Also defines what the watch does for numbers that only visitors typed. They may be parcels of other shops, any number of
them: the watch asks for a week after a visit, after the shop's own parcels, and with a share of its requests.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from django.conf import settings

from tracking.journey.reading import Reading
from tracking.models import AskedBy, Fetch, Shipment
from tracking.models.shipments import FAILURES
from tracking.values.clocks import FURTHEST_AHEAD, is_ahead

OUT_FOR_DELIVERY_EVERY = timedelta(hours=1)
MOVING_EVERY = timedelta(hours=4)
SLOWER_PER_DAY_OF_SILENCE = timedelta(hours=2)  # every 4 hours up to 2 days of silence, daily from 12 days on
SILENT_EVERY = timedelta(days=1)
NOTHING_YET_EVERY = timedelta(hours=6)
NOTHING_YET_FOR = timedelta(days=14)  # then daily
ONCE_MORE_AFTER = timedelta(days=1)  # after delivery or return; Japan Post corrects a mistake within a day
AFTER_FAILURE = timedelta(hours=1)
LONGEST_SILENCE = timedelta(days=180)
WATCHED_AFTER_A_VISIT = timedelta(days=7)  # where staff did not register the number
SHARE_OF_TYPED = 4  # one in so many of the watch's requests, at most, is about such a number
SHARE_PERIOD = timedelta(minutes=10)  # in which they are counted
USUAL_ANSWER = timedelta(seconds=2)  # how long Japan Post takes; the watch sends so many fewer


@dataclass(frozen=True)
class WatchFacts:
    """What the next request's time depends on. Instants are aware; `last_scan` is the local wall clock read as UTC."""

    outcome: str  # of the last request
    last_scan: datetime | None  # None: Japan Post has no event yet
    changed_at: datetime | None = None  # when we first saw the newest event
    registered_at: datetime | None = None  # None: staff have not registered it, a visitor looked it up
    is_over: bool = False  # delivered, or back at the sender
    is_out_for_delivery: bool = False
    visited_at: datetime | None = None  # by a visitor; None: does not count, for staff registered it


def next_watch(facts: WatchFacts, *, now: datetime) -> datetime | None:
    """When to send the next request, after an answer or a failure at `now`; None: never.

    A number that staff did not register and Japan Post does not know is never watched: it may be a typing error.
    """
    due = _next_watch(facts, now)
    return due if due and (facts.visited_at is None or _is_recent_visit(facts.visited_at, due)) else None


def _next_watch(facts: WatchFacts, now: datetime) -> datetime | None:
    """The same, however long ago the last visit was."""
    started = facts.last_scan or facts.registered_at
    if started is None or now - started > LONGEST_SILENCE:
        return None
    failed = facts.outcome in FAILURES
    if facts.is_over:
        check_at = (facts.changed_at or now) + ONCE_MORE_AFTER
        if is_ahead(check_at, now):
            return check_at
        return now + AFTER_FAILURE if failed else None
    interval = _interval(facts, max(timedelta(), now - started))
    return now + (min(interval, AFTER_FAILURE) if failed else interval)


def _interval(facts: WatchFacts, silence: timedelta) -> timedelta:
    if facts.last_scan is None:
        return NOTHING_YET_EVERY if silence <= NOTHING_YET_FOR else SILENT_EVERY
    if facts.is_out_for_delivery and silence <= timedelta(days=2):
        return OUT_FOR_DELIVERY_EVERY
    slower = SLOWER_PER_DAY_OF_SILENCE * (silence / timedelta(days=1))
    return min(max(MOVING_EVERY, slower), SILENT_EVERY)


def next_watch_of(shipment: Shipment, reading: Reading | None, *, now: datetime) -> datetime | None:
    """`next_watch` for a shipment, but not while its last answer is fresh. `reading`: of its story; None: no story."""
    due = next_watch(_facts_of(shipment, reading), now=now)
    return due if due is None or shipment.is_due(now) else max(due, shipment.ask_again_at or due)


def is_watched(shipment: Shipment, *, now: datetime) -> bool:
    """False where staff did not register it, and the last visit was more than a week before an aware `now`."""
    visited_at = _visited_at(shipment)
    return visited_at is None or _is_recent_visit(visited_at, now)


def may_watch_typed(*, now: datetime) -> bool:
    """True where the watch may ask about a number that only visitors typed: their share is not used up.

    Counts the stored requests, so the share holds for all watches on all machines together.
    """
    asked = Fetch.objects.filter(
        started_at__gt=now - SHARE_PERIOD,
        started_at__lt=now + SHARE_PERIOD,  # clocks differ; those of a clock that was far ahead do not count
        asked_by=AskedBy.WATCH,
        shipment__registered_at__isnull=True,
    )
    return asked.count() < most_for_typed()


def most_for_typed() -> int:
    """The most requests in SHARE_PERIOD about numbers that only visitors typed: a quarter of what the watch may send.

    That is limited by the distance between two requests, and by the slots: the gate leaves one of them to visitors.
    """
    distance = timedelta(milliseconds=settings.JAPANPOST_SPACING_MS)
    slots = max(1, settings.JAPANPOST_CONCURRENCY - 1)
    return max(1, round(SHARE_PERIOD / max(distance, USUAL_ANSWER / slots) / SHARE_OF_TYPED))


def _visited_at(shipment: Shipment) -> datetime | None:
    """The last visit; None where staff registered the parcel. Earlier releases stored none: then the creation."""
    return None if shipment.registered_at else shipment.visited_at or shipment.created_at


def _is_recent_visit(visited_at: datetime, moment: datetime) -> bool:
    """True where the visit was at most a week before `moment`, and not so far after it that a clock was wrong."""
    return visited_at - FURTHEST_AHEAD <= moment <= visited_at + WATCHED_AFTER_A_VISIT


def _facts_of(shipment: Shipment, reading: Reading | None) -> WatchFacts:
    visited_at = _visited_at(shipment)
    if reading is None:
        return WatchFacts(
            shipment.last_outcome, None, registered_at=shipment.registered_at, visited_at=visited_at
        )
    newest = reading.newest
    slug = newest.status.slug if newest.status else ""
    return WatchFacts(
        outcome=shipment.last_outcome,
        last_scan=datetime.combine(newest.event.local_date, newest.event.local_time or time(12), UTC),
        changed_at=shipment.changed_at,
        registered_at=shipment.registered_at,
        is_over=newest.is_over,
        is_out_for_delivery=slug == "out-for-delivery" and not newest.going_back,
        visited_at=visited_at,
    )
