"""Keeps known parcels fresh in the background, so that a customer's click is answered from the store.

Any number of watches on any number of machines: the lease on a parcel, taken at the gate like everybody's, lets one
of them ask, and the answer moves the parcel's `watch_at` on. Nothing is remembered elsewhere, so a watch that is
killed leaves only a lease that runs out by itself.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.utils import timezone

from tracking.fetching import asking, gate
from tracking.fetching.schedule import AFTER_FAILURE
from tracking.fetching.timer import Timer
from tracking.journey.standing import BATCH, recompute_outdated
from tracking.models import AskedBy, Shipment
from tracking.models.shipments import FAILURES
from tracking.ops import prune
from tracking.values import pacing
from tracking.values.numbers import TrackingNumber
from tracking.values.redaction import redact

logger = logging.getLogger(__name__)

LOOK_EVERY = 10.0  # seconds between two looks at what is due
BUSY_FOR = 1.0  # seconds until the watch tries again for a turn
PATIENCE = 60.0  # seconds without a turn that `--once` waits
PRUNE_EVERY = timedelta(days=1)
RECOMPUTED_IN_A_ROUND = 10_000  # parcels that an edit of words moves; ten seconds, and what is due waits
_LONGEST_CYCLE = 500  # parcels; then a line in the log


class Stopped(BaseException):
    """Stop now, in the middle of a request. Not an Exception, so that no handler of errors catches it."""


@dataclass
class Totals:
    """What a watch has done."""

    asked: int = 0
    with_news: int = 0
    failed: int = 0  # no answer, or one we cannot read
    crashed: int = 0  # a bug of ours; the log has it
    seconds: float = 0.0

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    def __str__(self) -> str:
        crashed = f", {self.crashed} ended by an error of ours" if self.crashed else ""
        return f"{self.asked} asked, {self.with_news} with news, {self.failed} without an answer{crashed}, {self.seconds:.1f} s"


@dataclass
class Watch:
    """`clock` says what time it is; `report` hears of each parcel and of each pause."""

    clock: Callable[[], datetime] = timezone.now
    report: Callable[[str], None] = lambda line: None
    totals: Totals = field(default_factory=Totals)
    _pruned_at: datetime | None = None
    _stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def stop(self) -> None:
        """Finish the request under way, then stop; a sleeping watch wakes at once. Call it from any thread, but not from a
        signal handler, which may interrupt the thread that holds the lock inside the event.
        """
        self._stopping.set()

    def run_once(self) -> Totals:
        """Tidy up, then one pass over what is due now. A pause ends the pass: cron comes again."""
        self._prune()
        self._recompute_outdated()
        self._cycle(patience=PATIENCE)
        return self.totals

    def run(self) -> Totals:
        """Until somebody says stop. Neither a bug nor a database that is away ends it."""
        while not self.is_stopping:
            close_old_connections()
            for step in (self._prune_daily, self._recompute_outdated, self._cycle):
                try:
                    step()
                except DatabaseError:
                    logger.exception("the watch cannot use the database; it tries again")
                    break
                except Exception:
                    logger.exception("the watch met an error of ours; it goes on")
            self._sleep(LOOK_EVERY)
        return self.totals

    def _cycle(self, *, patience: float | None = None) -> Totals:
        """Everything that is due at its start. `patience` is how long it waits for a turn; None: as long as it takes."""
        began, done = time.monotonic(), Totals()
        for number in self._due_numbers():
            if not self._ask_in_turn(number, done, patience):
                break
            self.report(f"{done.asked} asked, {Shipment.objects.due(self.clock()).count()} due")
            if patience is None and done.asked + done.crashed >= _LONGEST_CYCLE:
                break
        done.seconds = time.monotonic() - began
        if done.asked or done.crashed:
            logger.info("watch: %s", done)
        self.totals += done
        return done

    def _due_numbers(self) -> Iterator[TrackingNumber]:
        """Oldest due first, read anew each time, for other watches and visitors work on the same list."""
        started, left_to_others = self.clock(), set[str]()
        while not self.is_stopping:
            free = Shipment.objects.due(started).free(self.clock()).exclude(number__in=left_to_others)
            number = free.values_list("number", flat=True).first()
            if number is None:
                return
            yield TrackingNumber(number)
            if Shipment.objects.due(started).filter(number=number).exists():
                left_to_others.add(number)

    def _ask_in_turn(self, number: TrackingNumber, done: Totals, patience: float | None) -> bool:
        """Ask about one parcel, after waiting for a turn. False: stop this cycle."""
        until = None if patience is None else time.monotonic() + patience
        while not self.is_stopping:
            try:
                self._ask(number, done)
                return True
            except gate.Paused as pause:
                self.report(f"Japan Post is not asked for {pause.retry_after:.0f} s: {pause}")
                if until is not None:
                    return False
                self._sleep(min(pause.retry_after or 60.0, 60.0))
            except gate.Busy:
                if until is not None and time.monotonic() > until:
                    return False
                self._sleep(BUSY_FOR)
            except Exception:
                logger.exception("the watch could not deal with %s", redact(number))
                done.crashed += 1
                self._push_back(number)
                return True
        return False

    def _ask(self, number: TrackingNumber, done: Totals) -> None:
        timer = Timer(self.clock(), settings.JAPANPOST_TIMEOUT)
        with gate.admission(number, timer=timer, has_story=True, asked_by=AskedBy.WATCH) as ticket:
            if ticket is None:
                return  # somebody else was quicker
            fetch = asking.ask(ticket)
        done.asked += 1
        done.failed += fetch.outcome in FAILURES
        done.with_news += fetch.shipment.changed_at == timer.began_at

    def _push_back(self, number: TrackingNumber) -> None:
        """The others come first; an error of ours is not mended by meeting it again at once."""
        try:
            Shipment.objects.filter(number=number).update(watch_at=self.clock() + AFTER_FAILURE)
        except DatabaseError:
            logger.exception("%s could not be pushed back", redact(number))
            self._sleep(BUSY_FOR)

    def _prune_daily(self) -> None:
        if self._pruned_at is None or self.clock() - self._pruned_at >= PRUNE_EVERY:
            self._prune()

    def _prune(self) -> None:
        """Throw away what nobody reads any more. Several watches may do so at the same time."""
        self._pruned_at = self.clock()
        for rule in prune.traces(self._pruned_at):
            if count := sum(prune.throw_away(rule)):
                logger.info("watch: %d thrown away: %s", count, rule.what)

    def _recompute_outdated(self) -> None:
        """Where parcels stand, after an edit of what words mean."""
        for _ in range(RECOMPUTED_IN_A_ROUND // BATCH):
            if self.is_stopping or not recompute_outdated(most=BATCH):
                return
            self._sleep(pacing.BREATH)

    def _sleep(self, seconds: float) -> None:
        """Until `stop` at the longest."""
        self._stopping.wait(seconds)
