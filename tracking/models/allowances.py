"""How much one visitor may still do: look-ups, messages, log-ins. All machines count in one table."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.db import connections, models, transaction
from django.db.models import F, Q

from tracking.values.clocks import CLOCKS_DIFFER

NETWORK_FACTOR = 4  # a network of many visitors may do so many times as much as one visitor

Limits = Sequence[tuple[str, int]]  # keys, each with the most uses in one window


class Purpose(models.TextChoices):
    """What is counted."""

    LOOK_UP = "look-up", "look-ups that reach Japan Post"
    STORED = "stored", "stored look-ups of numbers without a story"
    MESSAGE = "message", "messages from the contact form"
    LOG_IN = "log-in", "tries to log in"


WINDOWS = {
    Purpose.LOOK_UP: timedelta(minutes=1),
    Purpose.STORED: timedelta(minutes=1),
    Purpose.MESSAGE: timedelta(hours=1),
    Purpose.LOG_IN: timedelta(minutes=15),
}


def limits(keys: Sequence[str], most: int) -> Limits:
    """Return the limits of a visitor: `most` for the first key, and more for the keys of networks that follow."""
    return [(key, most if key == keys[0] else most * NETWORK_FACTOR) for key in keys]


def window_start(purpose: Purpose, now: datetime) -> datetime:
    """Return the aware moment at which the window of `now` began. Windows are fixed: full minutes, hours, quarters."""
    seconds = int(WINDOWS[purpose].total_seconds())
    return datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, UTC)


def seconds_left(purpose: Purpose, now: datetime) -> float:
    """Return the seconds until the next window begins; more than 0."""
    return (window_start(purpose, now) + WINDOWS[purpose] - now).total_seconds()


class AllowanceManager(models.Manager["Allowance"]):
    """Counts what visitors do, and decides whether they may."""

    def has_room(self, purpose: Purpose, limits: Limits, now: datetime) -> bool:
        """Return True if no key has used up its limit. One query, which writes nothing: only `take` decides."""
        used_up = Q(pk__in=[])
        for key, most in limits:
            used_up |= Q(key=key, used__gte=most)
        rows = self.filter(used_up, purpose=purpose, window_start=window_start(purpose, now))
        return not rows.exists()

    def take(self, purpose: Purpose, limits: Limits, now: datetime) -> bool:
        """Count one use for all keys. Return False, and count nothing, if one of them has used up its limit.

        Ask `has_room` first, outside a transaction: `take` writes even where it refuses.
        One statement for each key counts and decides, so visitors at the same moment never use more than the limit.
        Every process takes the keys in the same order, so two cannot wait for each other. Each limit is at least 1.
        """
        start, counted, is_first = window_start(purpose, now), list[str](), False
        with transaction.atomic(using=self.db, savepoint=False):
            for key, most in sorted(limits):
                used = self._count(purpose, key, most, start)
                if not used:
                    self._uncount(purpose, counted, start)
                    return False
                counted.append(key)
                is_first = is_first or used == 1
            if is_first:
                self.over(purpose, now).delete()
        return True

    def give_back(self, purpose: Purpose, keys: Sequence[str], now: datetime) -> None:
        """Undo one `take` of these keys. `now` is the moment that `take` got."""
        self._uncount(purpose, keys, window_start(purpose, now))

    def forget(self, purpose: Purpose, keys: Sequence[str]) -> None:
        """Delete all counts of these keys."""
        self.filter(purpose=purpose, key__in=keys).delete()

    def over(self, purpose: Purpose, now: datetime) -> models.QuerySet["Allowance"]:
        """Return the rows that no clock reads again: of windows that are over, or that a wrong clock began."""
        start = window_start(purpose, now)
        oldest, newest = start - WINDOWS[purpose] - CLOCKS_DIFFER, start + WINDOWS[purpose] + CLOCKS_DIFFER
        return self.filter(Q(window_start__lt=oldest) | Q(window_start__gt=newest), purpose=purpose)

    def _count(self, purpose: Purpose, key: str, most: int, start: datetime) -> int:
        """The uses of the key after this one; 0 if the limit was used up, and nothing was counted.

        Plain SQL, because Django's `bulk_create` cannot compute or compare in ON CONFLICT.
        """
        table = connections[self.db].ops.quote_name(self.model._meta.db_table)
        moment = connections[self.db].ops.adapt_datetimefield_value(start)
        with connections[self.db].cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} (purpose, key, window_start, used) VALUES (%s, %s, %s, 1)"
                f" ON CONFLICT (purpose, key, window_start) DO UPDATE SET used = {table}.used + 1"
                f" WHERE {table}.used < %s RETURNING used",
                [purpose.value, key, moment, most],
            )
            counted = cursor.fetchone()
        return int(counted[0]) if counted else 0

    def _uncount(self, purpose: Purpose, keys: Sequence[str], start: datetime) -> None:
        """Take one use of each key back. A row without uses is deleted: else each new address would leave one."""
        if keys:
            counted = self.filter(purpose=purpose, key__in=keys, window_start=start)
            counted.filter(used__gt=0).update(used=F("used") - 1)
            counted.filter(used=0).delete()


class Allowance(models.Model):
    """How often one visitor, or one network, did something in one window of time. Deleted when the window is over."""

    purpose = models.CharField(max_length=20, choices=Purpose)
    key = models.CharField(
        max_length=64, help_text="Keyed hash of a network address, or of it with a user name."
    )
    window_start = models.DateTimeField()
    used = models.PositiveIntegerField()

    objects = AllowanceManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["purpose", "key", "window_start"], name="one_allowance_per_key_and_window"
            )
        ]
        indexes = [models.Index(fields=["purpose", "window_start"], name="allowances_by_window")]

    def __str__(self) -> str:
        return f"{self.purpose} {self.window_start:%H:%M} {self.used}"
