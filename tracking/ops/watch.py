"""The watch: asks Japan Post about known parcels in the background, so that the store answers a customer.

Any number of watches may run on any number of machines. The gate gives the lease on a parcel to one of them, and the
answer sets the parcel's next `watch_at`. A watch keeps no other state, so a killed one leaves only a lease, which
expires. Parcels that staff registered come first; numbers that only visitors typed have a share of the requests.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import Error, close_old_connections
from django.utils import timezone

from tracking.fetching import asking, gate, schedule
from tracking.fetching.timer import Timer
from tracking.journey.standing import BATCH, recompute_outdated
from tracking.models import AskedBy, Fetch, Shipment
from tracking.models.shipments import FAILURES, ShipmentQuerySet
from tracking.ops import prune
from tracking.values import pacing
from tracking.values.clocks import FURTHEST_AHEAD, impossible
from tracking.values.numbers import TrackingNumber
from tracking.values.redaction import redact
from tracking.values.store import log_trouble

logger = logging.getLogger(__name__)

CYCLE_EVERY = 10.0  # seconds between two cycles
BUSY_FOR = 1.0  # seconds to wait after Busy
BUSY_TIMEOUT = 60.0  # seconds that `--once` retries after Busy
PRUNE_EVERY = timedelta(days=1)
PRUNE_AFTER_FAILURE = timedelta(minutes=10)  # such as a lock; meanwhile the watch asks
RECOMPUTED_IN_A_ROUND = (
    10_000  # standings recomputed after an edit of words; takes ten seconds, in which due parcels wait
)
_LONGEST_CYCLE = 500  # parcels; then the cycle ends with a line in the log


@dataclass
class Totals:
    """The work of a watch, counted."""

    asked: int = 0
    with_news: int = 0
    failed: int = 0  # no answer, or an unreadable one
    crashed: int = 0  # errors of our own; they are in the log
    seconds: float = 0.0

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    def __str__(self) -> str:
        crashed = f", {self.crashed} ended by an error of ours" if self.crashed else ""
        return (
            f"{self.asked} asked, {self.with_news} with news, {self.failed} without an answer{crashed}, "
            f"{self.seconds:.1f} s"
        )


@dataclass
class Watch:
    """`clock` returns the aware time. `report`, if given, is called with a line after each parcel and at each pause."""

    clock: Callable[[], datetime] = timezone.now
    report: Callable[[str], None] | None = None
    totals: Totals = field(default_factory=Totals)
    _pruned_at: datetime | None = None  # the last try
    _has_pruned: bool = False  # the last try succeeded
    _stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def is_stopping(self) -> bool:
        """True after `stop()`."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Stop after the request in flight; wake a sleeping watch. Callable from any thread.

        Do not call it in a signal handler, which may interrupt the thread that holds the lock of the event.
        """
        self._stopping.set()

    def run_once(self) -> Totals:
        """Prune, recompute standings, then ask about the parcels due now. A pause of the gate ends the pass."""
        self._prune()
        self._recompute_outdated()
        self._bring_back()
        self._cycle(busy_timeout=BUSY_TIMEOUT)
        return self.totals

    def run(self) -> Totals:
        """Run until `stop()`. Survives bugs and database outages."""
        while not self.is_stopping:
            close_old_connections()
            for step in (self._prune_daily, self._recompute_outdated, self._bring_back, self._cycle):
                try:
                    step()
                except Error as error:
                    log_trouble("the watch cannot use the database; it tries again", error)
                    break
                except Exception:
                    logger.exception("unexpected error in the watch; it continues")
            self._sleep(CYCLE_EVERY)
        return self.totals

    def _bring_back(self) -> None:
        """Make parcels due that a clock which was ahead postponed, or took for long silent.

        But not within an hour after a request that the present clock does not contradict: the clocks of two watches
        may differ for long.
        """
        now = self.clock()
        by_a_wrong_clock = Fetch.objects.filter(impossible("started_at", now)).values("shipment")
        lately = Fetch.objects.filter(started_at__gt=now - schedule.AFTER_FAILURE, started_at__lte=now)
        rested = Shipment.objects.exclude(pk__in=lately.values("shipment"))
        asked = rested.filter(impossible("asked_at", now), pk__in=by_a_wrong_clock)
        silent = asked.registered().filter(watch_at=None)
        too_far = rested.filter(watch_at__gte=now + FURTHEST_AHEAD)
        for lost in (too_far, asked.filter(watch_at__gt=now), silent):
            if lost.exists():  # else it writes nothing
                count = lost.update(watch_at=now)
                logger.warning("watch: %d parcels are due now: the clock was ahead as they were asked", count)

    def _cycle(self, *, busy_timeout: float | None = None) -> Totals:
        """Ask about the parcels that are due at the start. `busy_timeout`: seconds to retry each; None: no limit."""
        began, done = time.monotonic(), Totals()
        for number in self._due_numbers(until=None if busy_timeout is None else self.clock()):
            if not self._ask_in_turn(number, done, busy_timeout):
                break
            if self.report:  # else it does not count
                self.report(f"{done.asked} asked, {Shipment.objects.due(self.clock()).count()} due")
            if busy_timeout is None and done.asked + done.crashed >= _LONGEST_CYCLE:
                break
        done.seconds = time.monotonic() - began
        if done.asked or done.crashed:
            logger.info("watch: %s", done)
        self.totals += done
        return done

    def _due_numbers(self, *, until: datetime | None) -> Iterator[TrackingNumber]:
        """Yield due numbers: those that staff registered first, then the longest overdue.

        Leaves parcels that become due after `until`; None: a registered one that becomes due is the next. Reads the
        database for each, because other watches and visitors ask about the same parcels.
        """
        started, left_to_others = self.clock(), set[str]()
        while not self.is_stopping:
            due = Shipment.objects.due(until or self.clock()).registered()
            shipment = self._first(due, left_to_others) or self._first_typed(started, left_to_others)
            if shipment is None:
                return
            yield TrackingNumber(shipment.number)
            if Shipment.objects.due(started).filter(pk=shipment.pk).exists():
                left_to_others.add(shipment.number)

    def _first(self, due: ShipmentQuerySet, left_to_others: set[str]) -> Shipment | None:
        return due.free(self.clock()).exclude(number__in=left_to_others).first()

    def _first_typed(self, started: datetime, left_to_others: set[str]) -> Shipment | None:
        """The next number that only visitors typed; None where none is due or their share is used up.

        Ends the watch for those that waited until a week after their last visit.
        """
        due = Shipment.objects.due(started).typed()
        while not self.is_stopping and schedule.may_watch_typed(now=self.clock()):
            shipment = self._first(due, left_to_others)
            if shipment is None or schedule.is_watched(shipment, now=self.clock()):
                return shipment
            Shipment.objects.typed().filter(pk=shipment.pk, watch_at=shipment.watch_at).update(watch_at=None)
        return None

    def _ask_in_turn(self, number: TrackingNumber, done: Totals, busy_timeout: float | None) -> bool:
        """Ask about one parcel, retrying while the gate is busy. Return False to end this cycle."""
        until = None if busy_timeout is None else time.monotonic() + busy_timeout
        while not self.is_stopping:
            try:
                self._ask(number, done)
                return True
            except gate.Paused as pause:
                if self.report:
                    self.report(f"Japan Post is not asked for {pause.retry_after:.0f} s: {pause}")
                if until is not None:
                    return False
                self._sleep(min(pause.retry_after or 60.0, 60.0))
            except gate.Busy:
                if until is not None and time.monotonic() > until:
                    return False
                self._sleep(BUSY_FOR)
            except Error as error:
                log_trouble(f"the store failed while asking about {redact(number)}", error)
                return self._postpone(number, done)
            except Exception:
                logger.exception("unexpected error while asking about %s", redact(number))
                return self._postpone(number, done)
        return False

    def _ask(self, number: TrackingNumber, done: Totals) -> None:
        timer = Timer(self.clock(), settings.JAPANPOST_TIMEOUT)
        with gate.admission(number, timer=timer, has_story=True, asked_by=AskedBy.WATCH) as ticket:
            if ticket is None:
                return  # another request is in flight or has answered
            fetch = asking.ask(ticket)
        done.asked += 1
        done.failed += fetch.outcome in FAILURES
        done.with_news += fetch.shipment.changed_at == timer.began_at

    def _postpone(self, number: TrackingNumber, done: Totals) -> bool:
        """Count an error of ours, and move the parcel behind the others: an immediate retry would only repeat it.

        Returns False where that cannot be stored, so that the cycle ends: the other parcels would fail too.
        """
        done.crashed += 1
        try:
            Shipment.objects.filter(number=number).update(watch_at=self.clock() + schedule.AFTER_FAILURE)
        except Error as error:
            log_trouble(f"{redact(number)} could not be postponed", error)
            return False
        return True

    def _prune_daily(self) -> None:
        wait = PRUNE_EVERY if self._has_pruned else PRUNE_AFTER_FAILURE
        # `abs`: the clock may have been ahead at the last time.
        if self._pruned_at is None or abs(self.clock() - self._pruned_at) >= wait:
            self._prune()

    def _prune(self) -> None:
        """Delete expired rows. Several watches may do so at the same time."""
        self._pruned_at, self._has_pruned = self.clock(), False
        doubt = prune.doubt_about_clock(self._pruned_at)
        if doubt:
            logger.warning("watch: nothing that would be missed is deleted. %s", doubt)
        for rule in prune.operational_rules(self._pruned_at):
            if doubt and rule.would_be_missed:
                continue
            if count := sum(prune.delete_in_batches(rule)):
                logger.info("watch: %d deleted: %s", count, rule.what)
        self._has_pruned = True

    def _recompute_outdated(self) -> None:
        """Recompute standings after an edit changed what phrases mean."""
        for _ in range(RECOMPUTED_IN_A_ROUND // BATCH):
            if self.is_stopping or not recompute_outdated(most=BATCH):
                return
            self._sleep(pacing.BREATH)

    def _sleep(self, seconds: float) -> None:
        """Sleep; `stop()` ends it early."""
        self._stopping.wait(seconds)
