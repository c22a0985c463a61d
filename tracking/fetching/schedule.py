"""When the watch next asks Japan Post about a parcel. Defines all intervals; the result is Shipment.watch_at."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from tracking.journey.reading import Reading
from tracking.models import Shipment
from tracking.models.shipments import FAILURES

OUT_FOR_DELIVERY_EVERY = timedelta(hours=1)
MOVING_EVERY = timedelta(hours=4)
SLOWER_PER_DAY_OF_SILENCE = timedelta(hours=2)  # every 4 hours up to 2 days of silence, daily from 12 days on
SILENT_EVERY = timedelta(days=1)
NOTHING_YET_EVERY = timedelta(hours=6)
NOTHING_YET_FOR = timedelta(days=14)  # then daily
ONCE_MORE_AFTER = timedelta(days=1)  # after delivery or return; Japan Post corrects a mistake within a day
AFTER_FAILURE = timedelta(hours=1)
LONGEST_SILENCE = timedelta(days=180)


@dataclass(frozen=True)
class WatchFacts:
    """What the next request's time depends on. Instants are aware; `last_scan` is the local wall clock read as UTC."""

    outcome: str  # of the last request
    last_scan: datetime | None  # None: Japan Post has no event yet
    changed_at: datetime | None = None  # when we first saw the newest event
    registered_at: datetime | None = None  # None: staff have not registered it, a visitor looked it up
    is_over: bool = False  # delivered, or back at the sender
    is_out_for_delivery: bool = False


def next_watch(facts: WatchFacts, *, now: datetime) -> datetime | None:
    """When to send the next request, after an answer or a failure at `now`; None: never.

    A number that staff did not register and Japan Post does not know is never watched: it may be a typing error.
    """
    started = facts.last_scan or facts.registered_at
    if started is None or now - started > LONGEST_SILENCE:
        return None
    failed = facts.outcome in FAILURES
    if facts.is_over:
        check_at = (facts.changed_at or now) + ONCE_MORE_AFTER
        if now < check_at:
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
    return max(due, shipment.ask_again_at or due) if due else None


def _facts_of(shipment: Shipment, reading: Reading | None) -> WatchFacts:
    if reading is None:
        return WatchFacts(shipment.last_outcome, None, registered_at=shipment.registered_at)
    newest = reading.newest
    slug = newest.status.slug if newest.status else ""
    return WatchFacts(
        outcome=shipment.last_outcome,
        last_scan=datetime.combine(newest.event.local_date, newest.event.local_time or time(12), UTC),
        changed_at=shipment.changed_at,
        registered_at=shipment.registered_at,
        is_over=newest.is_over,
        is_out_for_delivery=slug == "out-for-delivery" and not newest.going_back,
    )
