"""Whether this process can serve. A load balancer asks every few seconds, so the checks are cheap.

The page is public: reasons say what is wrong, and never contain an address or password.
"""

import threading
import time
import uuid
from collections.abc import Callable
from functools import cache as remembered

from django.core.cache import cache
from django.db import Error, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import F
from django.utils import timezone

from tracking.fetching import gate
from tracking.models import Gate
from tracking.values.clocks import has_passed
from tracking.values.store import lock_wait

OK = "ok"
WRITES_EVERY = 3.0  # seconds between two writes of one process
LOCK_WAIT = 1.0  # seconds that such a write waits for a lock
STUCK_AFTER = 120.0  # seconds without a free slot; a request to Japan Post takes half a minute at most


def readiness() -> tuple[bool, dict[str, str]]:
    """Return (True if the process can serve, `ok` or a reason for each part).

    The part `japan_post` says whether the site asks Japan Post at the moment, and does not count.
    """
    parts = {"database": _word(_check_database)}
    if parts["database"] == OK:
        parts["migrations"] = _word(_check_migrations)
    if parts.get("migrations") == OK:
        parts["writes"] = _writes.word()
    parts["cache"] = cache_word()
    parts["slots"] = _word(_check_slots)
    is_ready = all(word == OK for word in parts.values())
    if parts["database"] == OK:
        parts["japan_post"] = _japan_post_word()
    return is_ready, parts


def unapplied_migrations() -> list[str]:
    """Return the names as `app.name`, in the order in which they are applied. Takes some tens of milliseconds."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def cache_word() -> str:
    """Return `ok`, or what is wrong with the cache."""
    return _word(_check_cache)


def write() -> None:
    """Write a row that exists, and commit.

    Raises an Error of Django's database where the store is full, read-only or locked.

    Its number is the same afterwards. In between it is another one, because SQLite does not write an equal row.
    """
    with lock_wait(LOCK_WAIT), transaction.atomic():
        row = Gate.objects.filter(pk=gate.current_gate().pk)
        for step in (1, -1):
            row.update(failures_in_a_row=F("failures_in_a_row") + step)


class _NotReadyError(Exception):
    """A part does not work. The message says what is wrong."""


def _word(check: Callable[[], None], failure: str = "does not answer") -> str:
    try:
        check()
    except _NotReadyError as reason:
        return str(reason)
    except Exception as error:  # libraries of databases and caches raise many kinds
        # Not its message, which may contain the address.
        return f"{failure} ({type(error).__name__})"
    return OK


def _check_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


@remembered  # exceptions are not cached: it checks until all are applied, and then never again
def _check_migrations() -> None:
    if left := unapplied_migrations():
        raise _NotReadyError(f"{len(left)} not applied, the first is {left[0]}")


class _Writes:
    """The result of the last write of this process, which is used for some seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._word, self._wrote_at = "", float("-inf")

    def word(self) -> str:
        """Return `ok`, or why nothing can be written."""
        with self._lock:  # so that many questions at once are one write
            if time.monotonic() - self._wrote_at >= WRITES_EVERY:
                self._word, self._wrote_at = _word(write, "cannot be written"), time.monotonic()
            return self._word


_writes = _Writes()


def _check_slots() -> None:
    seconds = gate.full_for()
    if seconds > STUCK_AFTER:
        raise _NotReadyError(f"all slots to ask Japan Post have been taken for {seconds:.0f} s: restart it")


def _check_cache() -> None:
    token = uuid.uuid4().hex
    cache.set("readyz", token, 10)
    if cache.get("readyz") is None:  # any value will do: another process may have overwritten ours
        raise _NotReadyError("does not keep what it is given")


def _japan_post_word() -> str:
    try:
        paused = Gate.objects.exclude(has_passed("paused_until", timezone.now())).exists()
    except Error:
        return "not known"
    return "paused" if paused else "asked"
