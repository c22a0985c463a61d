"""Whether this process can serve. A load balancer asks every few seconds, so the checks are cheap.

The page is public: reasons say what is wrong, and never contain an address or password.
"""

import uuid
from collections.abc import Callable
from functools import cache as remembered

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from tracking.models import Gate

OK = "ok"


def readiness() -> tuple[bool, dict[str, str]]:
    """Return (True if the process can serve, `ok` or a reason for each part).

    The part `japan_post` says whether the site asks Japan Post at the moment, and does not count.
    """
    parts = {"database": _word(_check_database)}
    if parts["database"] == OK:
        parts["migrations"] = _word(_check_migrations)
    parts["cache"] = cache_word()
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


class _NotReadyError(Exception):
    """A part does not work. The message says what is wrong."""


def _word(check: Callable[[], None]) -> str:
    try:
        check()
    except _NotReadyError as reason:
        return str(reason)
    except Exception as error:  # libraries of databases and caches raise many kinds
        # Not its message, which may contain the address.
        return f"does not answer ({type(error).__name__})"
    return OK


def _check_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


@remembered  # exceptions are not cached: it checks until all are applied, and then never again
def _check_migrations() -> None:
    if left := unapplied_migrations():
        raise _NotReadyError(f"{len(left)} not applied, the first is {left[0]}")


def _check_cache() -> None:
    token = uuid.uuid4().hex
    cache.set("readyz", token, 10)
    if cache.get("readyz") is None:  # any value will do: another process may have overwritten ours
        raise _NotReadyError("does not keep what it is given")


def _japan_post_word() -> str:
    try:
        paused = Gate.objects.filter(paused_until__gt=timezone.now()).exists()
    except DatabaseError:
        return "not known"
    return "paused" if paused else "asked"
