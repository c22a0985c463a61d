"""The gate to Japan Post: one request per parcel, a few at a time, spaced in time, and none while Japan Post is down.

All state is in the database and shared by threads, processes and machines. A request starts in one short transaction
under the lock of the gate's only row, which also spaces the starts; no transaction is open during the request. A
request in flight holds a lease on its parcel. Unexpired leases are the count of requests in flight, so a crash leaves
nothing to clean up.

Waiting is bounded in time (the visitor's budget) and in number (JAPANPOST_WAITING in one process, half of them for one
visitor), so that a thread is always left for visitors who only read. The machines' clocks must agree to about a second.
"""

import logging
import random
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from tracking.fetching.timer import Timer
from tracking.japanpost.errors import Unavailable
from tracking.models import Allowance, AskedBy, Gate, Purpose, Shipment
from tracking.models.allowances import limits
from tracking.models.shipments import may_be_asked
from tracking.values.clocks import CLOCKS_DIFFER
from tracking.values.numbers import TrackingNumber
from tracking.values.pacing import Slots
from tracking.values.store import close_if_lost, lock_wait, tolerates_trouble

logger = logging.getLogger(__name__)

MOST_FAILURES = 5  # in a row; then we pause
SHORTEST_PAUSE = timedelta(seconds=60)
LONGEST_PAUSE = timedelta(minutes=10)  # between two probes; they may ask for more with Retry-After
LONGEST_RETRY_AFTER = timedelta(hours=1)
SENDING = timedelta(seconds=1)  # from the permission until the request is sent; a longer time is a crash
LEASE_MARGIN = timedelta(seconds=5)  # to read and store the answer, after the time to ask
MOST_ASKING_HERE = 4  # threads of this process; with JAPANPOST_WAITING fewer than gunicorn's eight
WORTH_ASKING = 2.0  # seconds; a visitor with less left after a wait had better come again
SHORT_WAIT = 0.5  # seconds that a visitor with a story waits for a turn
FAIR_CHANCE = 3.0  # seconds; no answer within less time says nothing about Japan Post
_POLL = 0.1  # seconds
_GIVE_BACK_WAIT = 0.2  # seconds for a lock, after an error: the lease ends without it, only later
_NONSENSE = timedelta(hours=2)  # a moment further ahead was written by a clock that was wrong


class Busy(Unavailable):
    """Too many requests at once: there is no room to wait, or the time to wait is over."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        # Random, so that visitors do not all come back at the same moment.
        super().__init__(reason, retry_after=retry_after or random.uniform(3, 10))


class OutOfTime(Busy):
    """The visitor's time was spent on other parcels before this one's turn came."""


class TooOften(Unavailable):
    """This visitor has used up the look-ups of this minute."""


class Paused(Unavailable):
    """Japan Post has not answered for a while, or asked us to stay away: no request is sent."""


@dataclass
class Ticket:
    """Permission to ask about one parcel. `token` identifies our lease."""

    number: TrackingNumber
    token: str
    timer: Timer
    asked_by: AskedBy
    next_start_at: datetime | None  # what this ticket stored at the gate for the next start
    probe_until: datetime | None = None  # the pause that a probe stored at the gate; None: no probe

    def take_another_turn(self, *, after: float) -> bool:
        """Wait `after` seconds, then for another start. Returns False where the budget does not allow it."""
        wait = after
        while wait < self.timer.left - min(WORTH_ASKING, self.timer.left / 2):
            time.sleep(wait)
            with transaction.atomic():
                gate = _locked_gate()
                wait = _until(gate.next_start_at, self.timer.now, CLOCKS_DIFFER)
                if not wait:
                    self.next_start_at = _take_turn(gate, self.timer.now)
                    return True
        return False

    def has_sent(self) -> None:
        """Call it when the request has been sent.

        The spacing counts from then, however busy this machine was before. Where that cannot be stored, the answer
        still counts.
        """
        if not settings.JAPANPOST_SPACING_MS:
            return
        with tolerates_trouble("the spacing counts from the permission"):
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
    visitor: tuple[str, ...] = (),
) -> Iterator[Ticket | None]:
    """Wait, within the timer's budget, for permission to ask Japan Post about this number.

    Yields None where no request is needed: the stored answer is fresh, or another request is in flight and this visitor
    has a story to read. `visitor`: the keys that are counted against LOOKUPS_PER_MINUTE; empty: no count.
    Raises Busy, TooOften or Paused. The code that stores the answer ends the lease with it: see `holds_lease`.
    """
    ticket = _admit(_Request(number, timer, asked_by, visitor, has_story))
    try:
        yield ticket
    except BaseException:
        if ticket:
            _give_back(ticket)
        raise
    finally:
        if ticket:
            _asking.free()


def holds_lease(shipment: Shipment, ticket: Ticket) -> bool:
    """Return False where the ticket's lease expired and another request took over: this answer is the older one."""
    return shipment.lease_token == ticket.token


def note_answer(ticket: Ticket) -> None:
    """Note that Japan Post answered, whatever it was.

    Only the answer to a probe ends a pause: other requests were sent before the pause.
    """
    silent = Q(failures_in_a_row__gt=0, paused_until=None)
    if ticket.probe_until:
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
    """Note that Japan Post did not answer. Needs a transaction.

    Five failures in a row, or a Retry-After, begin a pause. The request took `seconds` of the `allowed` ones.
    """
    if seconds >= allowed and allowed < min(FAIR_CHANCE, settings.JAPANPOST_TIMEOUT / 2):
        return  # we hung up too early to know whether they would have answered
    gate, now = _locked_gate(), ticket.timer.now
    was_paused = gate.paused_until is not None
    until = [gate.paused_until] if gate.paused_until else []
    gate.pause_reason = str(failure)[:500]
    if not was_paused or ticket.probe_until:  # else it started before the pause and says nothing new
        gate.failures_in_a_row += 1
    if ticket.probe_until:
        gate.failures_in_a_row = max(gate.failures_in_a_row, MOST_FAILURES)
    if gate.failures_in_a_row >= MOST_FAILURES and (not was_paused or ticket.probe_until):
        until.append(now + _pause_after(gate.failures_in_a_row))
    if failure.retry_after:
        until.append(now + min(timedelta(seconds=failure.retry_after), LONGEST_RETRY_AFTER))
    if until and gate.paused_until != max(until):
        gate.paused_until, gate.paused_since = max(until), gate.paused_since or now
        logger.warning("Japan Post is not asked before %s: %s", gate.paused_until, gate.pause_reason)
    gate.save()


def requests_under_way(now: datetime) -> int:
    """The requests in flight of all machines. One of a crashed process counts until its lease expires."""
    return Shipment.objects.filter(lease_until__gt=now, lease_until__lt=now + _NONSENSE).count()


def current_gate() -> Gate:
    """The only row, created where it is missing."""
    return Gate.objects.get_or_create(pk=1)[0]


_asking, _waiting = Slots(), Slots()


def full_for() -> float:
    """How long this process has had no slot left to ask, in seconds; 0.0: one is free."""
    return _asking.full_for()


@dataclass(frozen=True)
class _Request:
    """What is asked for: the arguments of `admission`."""

    number: TrackingNumber
    timer: Timer
    asked_by: AskedBy
    visitor: tuple[str, ...]
    has_story: bool

    @property
    def may_wait(self) -> bool:
        """True for visitors and staff without a story to read; the watch takes another parcel instead of waiting."""
        return self.asked_by != AskedBy.WATCH and not self.has_story


@dataclass(frozen=True)
class _Wait:
    """Not yet: how long to wait before the next attempt."""

    seconds: float | None  # None: unknown, another request is in flight or all slots are taken
    needed: float  # seconds of the budget that must be left afterwards

    def check(self, request: _Request) -> None:
        """Raise Busy where the wait is longer than this request may wait."""
        seconds, timer = self.seconds, request.timer
        if request.may_wait and (_POLL if seconds is None else seconds) > timer.left - self.needed:
            raise Busy("no time left to wait")
        if not request.may_wait and (seconds is None or seconds > SHORT_WAIT - timer.spent):
            raise Busy(f"no start within {SHORT_WAIT} seconds")


def _admit(request: _Request) -> Ticket | None:
    """Try until there is a ticket or none is needed. Waits in between, in one of JAPANPOST_WAITING slots.

    One visitor has half of the slots at most, because waiting for a request in flight is not counted as a look-up.
    """
    attempt = _attempt(request)
    if isinstance(attempt, _Wait):
        attempt.check(request)
        holder = request.visitor[0] if request.visitor and settings.LOOKUPS_PER_MINUTE else ""
        if not _waiting.take(settings.JAPANPOST_WAITING, holder=holder):
            raise Busy("all slots for waiting are taken, or this visitor's share of them")
        try:
            while isinstance(attempt, _Wait):
                attempt.check(request)
                time.sleep(min(attempt.seconds or _POLL, _POLL))
                attempt = _attempt(request)
        finally:
            _waiting.free(holder)
    return attempt


def _attempt(request: _Request) -> Ticket | _Wait | None:
    """A ticket, or how long to wait; None where the stored answer is fresh, or where another request is in flight and
    this one may not wait for it. Raises Paused or TooOften.
    """
    now = request.timer.now
    shipment = Shipment.objects.filter(number=request.number).first()
    if shipment is not None and not shipment.is_due(now):
        return None
    if shipment is not None and _is_leased(shipment, now):
        return _Wait(None, needed=_POLL) if request.may_wait else None
    seconds = _obstacle(request)
    if seconds == 0 and (ticket := _start(request)):
        return ticket
    if request.asked_by == AskedBy.VISITOR and request.may_wait:
        _let_the_watch_wait(request.timer.now)
    return _Wait(seconds, needed=min(WORTH_ASKING, settings.JAPANPOST_TIMEOUT / 2))


def _obstacle(request: _Request) -> float | None:
    """Seconds to wait before trying to start. 0: start now. None: unknown, all slots are taken. Writes nothing.

    Raises Paused or TooOften.
    """
    gate, now = current_gate(), request.timer.now
    if pause := _until(gate.paused_until, now):
        raise Paused(gate.pause_reason or "no answer lately", retry_after=max(1.0, pause))
    if not _may_look_up(request.visitor, now):
        raise TooOften("look-ups of this minute used up", retry_after=61 - now.second + random.uniform(0, 5))
    if _is_full(gate, now, request.asked_by):
        return None
    return _until(gate.next_start_at, now, CLOCKS_DIFFER)


def _start(request: _Request) -> Ticket | None:
    """Decide under the gate's lock. Returns a ticket, or None where another request was quicker."""
    if not _asking.take(MOST_ASKING_HERE):
        return None
    ticket, is_stored = None, False
    try:
        with transaction.atomic():
            gate, now = _locked_gate(), request.timer.now
            lease_until = now + timedelta(seconds=request.timer.left) + LEASE_MARGIN
            if (
                not _until(gate.paused_until, now)
                and not _until(gate.next_start_at, now, CLOCKS_DIFFER)
                and not _is_full(gate, now, request.asked_by)
                and _may_look_up(request.visitor, now)
                and (token := _take_lease(request.number, now, lease_until))
            ):
                _count_look_up(request.visitor, now)
                if gate.paused_until:  # no other request, until this one is back or its time is over
                    gate.paused_until = now + _pause_after(gate.failures_in_a_row)
                next_start_at, probe_until = _take_turn(gate, now), gate.paused_until
                ticket = Ticket(
                    request.number, token, request.timer, request.asked_by, next_start_at, probe_until
                )
        is_stored = True
    finally:
        if ticket is None or not is_stored:  # the COMMIT may fail, after the ticket was made
            _asking.free()
    return ticket


def _take_lease(number: TrackingNumber, now: datetime, until: datetime) -> str:
    """The token of a new lease on a parcel that is due and free; empty where it is not."""
    token = uuid.uuid4().hex
    lease = {"lease_until": until, "lease_token": token}
    free = Q(lease_until=None) | Q(lease_until__lte=now) | Q(lease_until__gte=now + _NONSENSE)
    taken = Shipment.objects.filter(may_be_asked(now), free, number=number).update(**lease)
    if not taken:  # it is leased, or was never asked about
        _, taken = Shipment.objects.get_or_create(number=number, defaults=lease)
    return token if taken else ""


def _is_leased(shipment: Shipment, now: datetime) -> bool:
    return _until(shipment.lease_until, now) > 0


def _give_back(ticket: Ticket) -> None:
    """Release the lease and the mark of a probe after an internal error, so that the next visitor can ask."""
    close_if_lost()  # the connection may be what failed
    with tolerates_trouble("a lease is not given back and has to expire"), lock_wait(_GIVE_BACK_WAIT):
        Shipment.objects.filter(number=ticket.number, lease_token=ticket.token).update(
            lease_until=None, lease_token=""
        )
        if ticket.probe_until:
            Gate.objects.filter(paused_until=ticket.probe_until).update(paused_until=ticket.timer.now)


def _locked_gate() -> Gate:
    """The only row, locked until the transaction ends. (SQLite locks as the transaction begins.)"""
    return Gate.objects.select_for_update().get_or_create(pk=1)[0]


def _take_turn(gate: Gate, now: datetime) -> datetime:
    """Set the next start: after this request is sent (see `has_sent`) and the spacing has passed."""
    distance = timedelta(milliseconds=settings.JAPANPOST_SPACING_MS)
    gate.next_start_at = now + distance + SENDING if distance else now
    gate.save(update_fields=["next_start_at", "paused_until"])
    return gate.next_start_at


def _is_full(gate: Gate, now: datetime, asked_by: AskedBy) -> bool:
    """True where all slots are taken. The watch leaves one slot free, and all of them while a visitor waits."""
    places = settings.JAPANPOST_CONCURRENCY
    if asked_by == AskedBy.WATCH:
        places = 0 if _until(gate.visitors_wait_until, now, CLOCKS_DIFFER) else max(1, places - 1)
    return requests_under_way(now) >= places


def _let_the_watch_wait(now: datetime) -> None:
    """Tell the watch that a visitor waits: good for one second, renewed every half second."""
    said = Q(
        visitors_wait_until__gt=now + timedelta(seconds=0.5), visitors_wait_until__lt=now + CLOCKS_DIFFER
    )
    Gate.objects.exclude(said).update(visitors_wait_until=now + timedelta(seconds=1))


def _pause_after(failures: int) -> timedelta:
    """One minute after the fifth failure, twice as long after each failed probe, ten minutes at most."""
    doublings: int = min(max(0, failures - MOST_FAILURES), 10)
    return min(SHORTEST_PAUSE * (1 << doublings), LONGEST_PAUSE)


def _until(moment: datetime | None, now: datetime, furthest: timedelta = _NONSENSE) -> float:
    """Seconds until `moment`; 0 where it has passed, or is so far ahead that a clock must have been wrong.

    `furthest`: CLOCKS_DIFFER for moments that we store seconds ahead, a minute at most.
    """
    if moment is None or not now < moment < now + furthest:
        return 0.0
    return (moment - now).total_seconds()


def _may_look_up(visitor: tuple[str, ...], now: datetime) -> bool:
    most = settings.LOOKUPS_PER_MINUTE
    if not most or not visitor:
        return True
    return Allowance.objects.has_room(Purpose.LOOK_UP, limits(visitor, most), now)


def _count_look_up(visitor: tuple[str, ...], now: datetime) -> None:
    """Counts one look-up. Call it after `_may_look_up`, under the gate's lock, so that no other process counts."""
    if settings.LOOKUPS_PER_MINUTE and visitor:
        Allowance.objects.take(Purpose.LOOK_UP, limits(visitor, settings.LOOKUPS_PER_MINUTE), now)
