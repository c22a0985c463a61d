"""Who may ask Japan Post now: one asker per parcel, a few at a time, at a distance, and nobody while they are down.

All of it stands in the database, so that it holds over threads, processes and machines. A request starts in one
short transaction under the lock of the gate's only row, which also makes starts keep their distance; no transaction
is open while Japan Post is asked. Whoever asks holds a lease on the parcel, and the leases that have not run out are
the requests under way: there is nothing else to count, and nothing to clear up after a crash.

Waiting is bounded in time (the visitor's budget) and in number (JAPANPOST_WAITING in one process), so that there is
always a thread left for everybody who only wants to read. The machines' clocks must agree to about a second.
"""

import logging
import random
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import F, Q

from tracking.fetching.timer import Timer
from tracking.japanpost.errors import Unavailable
from tracking.models import AskedBy, Gate, Shipment, VisitorMinute
from tracking.values.numbers import TrackingNumber

logger = logging.getLogger(__name__)

MOST_FAILURES = 5  # in a row; then we pause
SHORTEST_PAUSE = timedelta(seconds=60)
LONGEST_PAUSE = timedelta(minutes=10)  # between two probes; they may ask for more with Retry-After
LONGEST_RETRY_AFTER = timedelta(hours=1)
SENDING = timedelta(seconds=1)  # from leave to ask until the request has gone; more is somebody who crashed
LEASE_MARGIN = timedelta(seconds=5)  # to read and store the answer, after the time to ask
MOST_ASKING_HERE = 4  # threads of this process; with JAPANPOST_WAITING fewer than gunicorn's eight
WORTH_ASKING = 2.0  # seconds; whoever has waited until less is left had better come again
SHORT_WAIT = 0.5  # seconds that somebody with a story waits for a turn
FAIR_CHANCE = 3.0  # seconds; no answer within less says nothing about Japan Post
_POLL = 0.1  # seconds
_NONSENSE = timedelta(hours=2)  # a time further ahead was written by a clock that was wrong


class Busy(Unavailable):
    """Too many people are asking: there is no room to wait, or the time to wait is over."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        # Not everybody at the same moment again.
        super().__init__(reason, retry_after=retry_after or random.uniform(3, 10))


class OutOfTime(Busy):
    """The visitor's time was spent on other parcels before this one's turn came."""


class TooOften(Unavailable):
    """This visitor has had the look-ups of this minute."""


class Paused(Unavailable):
    """Japan Post has not answered for a while, or asked us to stay away: nobody is asked."""


@dataclass
class Ticket:
    """Leave to ask about one parcel. `token` tells our lease from that of a later asker."""

    number: TrackingNumber
    token: str
    timer: Timer
    asked_by: AskedBy
    next_start_at: datetime | None  # what we left at the gate for the next one
    is_probe: bool = False  # the one that finds out whether a pause can end

    def take_another_turn(self, *, after: float) -> bool:
        """Wait that many seconds and then for another start; False where the budget does not allow it."""
        wait = after
        while wait < self.timer.left - min(WORTH_ASKING, self.timer.left / 2):
            time.sleep(wait)
            with transaction.atomic():
                gate = _locked_gate()
                wait = _until(gate.next_start_at, self.timer.now)
                if not wait:
                    self.next_start_at = _take_turn(gate, self.timer.now)
                    return True
        return False

    def has_sent(self) -> None:
        """The request has just gone: the distance counts from now on, however busy this machine was until then."""
        if settings.JAPANPOST_SPACING_MS:
            Gate.objects.filter(next_start_at=self.next_start_at).update(
                next_start_at=self.timer.now + timedelta(milliseconds=settings.JAPANPOST_SPACING_MS)
            )


@contextmanager
def admission(
    number: TrackingNumber,
    *,
    timer: Timer,
    has_story: bool,
    asked_by: AskedBy = AskedBy.VISITOR,
    visitor: str = "",
) -> Iterator[Ticket | None]:
    """Leave to ask Japan Post about this number, if need be after waiting for it within the timer's budget.

    None: nobody need ask any more, or somebody is asking and this visitor has a story to read meanwhile.
    `visitor` is counted against LOOKUPS_PER_MINUTE; empty: nobody to count.
    Raises Busy, TooOften or Paused. Whoever stores the answer ends the lease with it: see `holds_lease`.
    """
    ticket = _admit(number, timer, has_story, asked_by, visitor)
    try:
        yield ticket
    except BaseException:
        if ticket:
            _give_back(ticket)
        raise
    finally:
        if ticket:
            _asking.leave()


def holds_lease(shipment: Shipment, ticket: Ticket) -> bool:
    """False: the ticket ran out and somebody else took over, so this answer is the older one and comes too late."""
    return shipment.lease_token == ticket.token


def note_answer(ticket: Ticket) -> None:
    """They answered, whatever it was. A pause is ended by its probe alone: others were sent before it began."""
    silent = Q(failures_in_a_row__gt=0, paused_until=None)
    if ticket.is_probe:
        silent = Q(failures_in_a_row__gt=0) | Q(paused_until__isnull=False)
    before = Gate.objects.filter(silent).first()
    if before is None:
        return
    Gate.objects.filter(silent).update(
        failures_in_a_row=0, paused_until=None, paused_since=None, pause_reason=""
    )
    if before.paused_until:
        logger.warning("Japan Post answers again; the pause is over")


def note_failure(ticket: Ticket, failure: Unavailable, *, seconds: float, allowed: float) -> None:
    """They did not answer. Five in a row, or a Retry-After, and everybody pauses. Needs a transaction.

    `seconds` were spent on asking, of the `allowed` ones.
    """
    if seconds >= allowed and allowed < min(FAIR_CHANCE, settings.JAPANPOST_TIMEOUT / 2):
        return  # we hung up too early to know
    gate, now = _locked_gate(), ticket.timer.now
    was_paused = gate.paused_until is not None
    until = [gate.paused_until] if gate.paused_until else []
    gate.pause_reason = str(failure)[:500]
    if not was_paused or ticket.is_probe:  # else it started before the pause: it tells nothing new
        gate.failures_in_a_row += 1
    if ticket.is_probe:
        gate.failures_in_a_row = max(gate.failures_in_a_row, MOST_FAILURES)
    if gate.failures_in_a_row >= MOST_FAILURES and (not was_paused or ticket.is_probe):
        until.append(now + _pause_after(gate.failures_in_a_row))
    if failure.retry_after:
        until.append(now + min(timedelta(seconds=failure.retry_after), LONGEST_RETRY_AFTER))
    if until and gate.paused_until != max(until):
        gate.paused_until, gate.paused_since = max(until), gate.paused_since or now
        logger.warning("Japan Post is not asked before %s: %s", gate.paused_until, gate.pause_reason)
    gate.save()


def requests_under_way(now: datetime) -> int:
    """Over the whole installation; one of a crashed process counts until its lease runs out."""
    return Shipment.objects.filter(lease_until__gt=now, lease_until__lt=now + _NONSENSE).count()


def current_gate() -> Gate:
    """The one row, made where it is missing."""
    return Gate.objects.get_or_create(pk=1)[0]


class _Seats:
    """A count of threads in this process, with a limit that may change between two calls."""

    def __init__(self) -> None:
        self._lock, self._taken = threading.Lock(), 0

    def take(self, limit: int) -> bool:
        with self._lock:
            if self._taken >= limit:
                return False
            self._taken += 1
            return True

    def leave(self) -> None:
        with self._lock:
            self._taken -= 1


_asking, _waiting = _Seats(), _Seats()


def _admit(  # noqa: C901
    number: TrackingNumber, timer: Timer, has_story: bool, asked_by: AskedBy, visitor: str
) -> Ticket | None:
    is_patient = asked_by != AskedBy.WATCH and not has_story
    has_seat = False
    wait: float | None
    try:
        while True:
            shipment = Shipment.objects.filter(number=number).first()
            if shipment is not None and not shipment.is_due(timer.now):
                return None
            if shipment is not None and _is_leased(shipment, timer.now):
                if not is_patient:
                    return None
                wait, needed = None, _POLL
            else:
                wait = _obstacle(timer.now, asked_by, visitor)
                if wait == 0 and (ticket := _start(number, timer, asked_by, visitor)):
                    return ticket
                needed = min(WORTH_ASKING, settings.JAPANPOST_TIMEOUT / 2)
                if asked_by == AskedBy.VISITOR and is_patient:
                    _let_the_watch_wait(timer.now)
            if is_patient and (_POLL if wait is None else wait) > timer.left - needed:
                raise Busy("no time left to wait")
            if not is_patient and (wait is None or wait > SHORT_WAIT - timer.spent):
                raise Busy("no turn at once")
            has_seat = has_seat or _waiting.take(settings.JAPANPOST_WAITING)
            if not has_seat:
                raise Busy("enough people wait here already")
            time.sleep(min(wait or _POLL, _POLL))
    finally:
        if has_seat:
            _waiting.leave()


def _obstacle(now: datetime, asked_by: AskedBy, visitor: str) -> float | None:
    """Seconds until it is worth trying to start; 0: now; None: nobody knows. Reads only. Raises Paused or TooOften."""
    gate = current_gate()
    if pause := _until(gate.paused_until, now):
        raise Paused(gate.pause_reason or "no answer lately", retry_after=max(1.0, pause))
    if not _may_look_up(visitor, now):
        raise TooOften("look-ups of this minute used up", retry_after=61 - now.second + random.uniform(0, 5))
    if _is_full(gate, now, asked_by):
        return None
    return _until(gate.next_start_at, now)


def _start(number: TrackingNumber, timer: Timer, asked_by: AskedBy, visitor: str) -> Ticket | None:
    """The moment it is decided, under the gate's lock. None: somebody was quicker."""
    if not _asking.take(MOST_ASKING_HERE):
        return None
    ticket = None
    try:
        with transaction.atomic():
            gate, now = _locked_gate(), timer.now
            if (
                not _until(gate.paused_until, now)
                and not _until(gate.next_start_at, now)
                and not _is_full(gate, now, asked_by)
                and _may_look_up(visitor, now)
                and (token := _take_lease(number, now, now + timedelta(seconds=timer.left) + LEASE_MARGIN))
            ):
                _count_look_up(visitor, now)
                is_probe = gate.paused_until is not None
                if is_probe:  # nobody else, until this one is back or has had its time
                    gate.paused_until = now + _pause_after(gate.failures_in_a_row)
                next_start_at = _take_turn(gate, now)
                ticket = Ticket(number, token, timer, asked_by, next_start_at, is_probe)
    finally:
        if ticket is None:
            _asking.leave()
    return ticket


def _take_lease(number: TrackingNumber, now: datetime, until: datetime) -> str:
    """The token of a lease on a parcel that is due and free; empty where it is not."""
    token = uuid.uuid4().hex
    lease = {"lease_until": until, "lease_token": token}
    due = Q(ask_again_at=None) | Q(ask_again_at__lte=now)
    free = Q(lease_until=None) | Q(lease_until__lte=now) | Q(lease_until__gte=now + _NONSENSE)
    taken = Shipment.objects.filter(due, free, number=number).update(**lease)
    if not taken:  # somebody has it, or nobody has ever asked about it
        _, taken = Shipment.objects.get_or_create(number=number, defaults=lease)
    return token if taken else ""


def _is_leased(shipment: Shipment, now: datetime) -> bool:
    return _until(shipment.lease_until, now) > 0


def _give_back(ticket: Ticket) -> None:
    """Something of ours went wrong: the next visitor may ask."""
    with suppress(DatabaseError):  # then it runs out by itself
        Shipment.objects.filter(number=ticket.number, lease_token=ticket.token).update(
            lease_until=None, lease_token=""
        )


def _locked_gate() -> Gate:
    """The one row, ours until the transaction ends. (SQLite locks as the transaction begins.)"""
    return Gate.objects.select_for_update().get_or_create(pk=1)[0]


def _take_turn(gate: Gate, now: datetime) -> datetime:
    """Nobody else starts before our request has gone (see `has_sent`) and the distance is kept."""
    distance = timedelta(milliseconds=settings.JAPANPOST_SPACING_MS)
    gate.next_start_at = now + distance + SENDING if distance else now
    gate.save(update_fields=["next_start_at", "paused_until"])
    return gate.next_start_at


def _is_full(gate: Gate, now: datetime, asked_by: AskedBy) -> bool:
    """The watch leaves one place free, and all of them while a visitor waits."""
    places = settings.JAPANPOST_CONCURRENCY
    if asked_by == AskedBy.WATCH:
        places = 0 if _until(gate.visitors_wait_until, now) else max(1, places - 1)
    return requests_under_way(now) >= places


def _let_the_watch_wait(now: datetime) -> None:
    """Said again every half second, as long as a visitor waits."""
    said = Q(visitors_wait_until__gt=now + timedelta(seconds=0.5), visitors_wait_until__lt=now + _NONSENSE)
    Gate.objects.exclude(said).update(visitors_wait_until=now + timedelta(seconds=1))


def _pause_after(failures: int) -> timedelta:
    """A minute after the fifth failure, twice as long after each probe that fails, ten minutes at most."""
    return min(SHORTEST_PAUSE * 2 ** min(max(0, failures - MOST_FAILURES), 10), LONGEST_PAUSE)


def _until(moment: datetime | None, now: datetime) -> float:
    """Seconds until then; 0 where it is over, or so far ahead that a clock must have been wrong."""
    if moment is None or not now < moment < now + _NONSENSE:
        return 0.0
    return (moment - now).total_seconds()


def _may_look_up(visitor: str, now: datetime) -> bool:
    limit = settings.LOOKUPS_PER_MINUTE
    if not limit or not visitor:
        return True
    used_up = VisitorMinute.objects.filter(visitor=visitor, minute=_minute(now), lookups__gte=limit)
    return not used_up.exists()


def _count_look_up(visitor: str, now: datetime) -> None:
    """Under the gate's lock, so that nobody else counts at the same time."""
    if not settings.LOOKUPS_PER_MINUTE or not visitor:
        return
    if not VisitorMinute.objects.filter(visitor=visitor, minute=_minute(now)).update(
        lookups=F("lookups") + 1
    ):
        VisitorMinute.objects.create(visitor=visitor, minute=_minute(now), lookups=1)
        VisitorMinute.objects.filter(minute__lt=now - timedelta(minutes=5)).delete()


def _minute(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0)
