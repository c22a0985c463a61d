"""Whether this process can serve: what a load balancer asks every few seconds, so it costs next to nothing.

The words name what is wrong and never with which address or password: anybody can ask.
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
    """(ready or not, a word or a reason for each part). Whether Japan Post is asked is said, and decides nothing."""
    parts = {"database": _word(_check_database)}
    if parts["database"] == OK:
        parts["migrations"] = _word(_check_migrations)
    parts["cache"] = cache_word()
    is_ready = all(word == OK for word in parts.values())
    if parts["database"] == OK:
        parts["japan_post"] = _breaker()
    return is_ready, parts


def unapplied_migrations() -> list[str]:
    """As `app.name`, in the order of applying. Reads every migration: some tens of milliseconds."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def cache_word() -> str:
    """`ok`, or what is wrong with the cache."""
    return _word(_check_cache)


class _NotReadyError(Exception):
    """A part is not as it should be; the words say how."""


def _word(check: Callable[[], None]) -> str:
    try:
        check()
    except _NotReadyError as reason:
        return str(reason)
    except Exception as error:  # whatever a database's or a cache's library may raise
        # Not its words: they may have the address.
        return f"does not answer ({type(error).__name__})"
    return OK


def _check_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


@remembered  # an exception is not: so it is asked again until all are applied, and never after
def _check_migrations() -> None:
    if left := unapplied_migrations():
        raise _NotReadyError(f"{len(left)} not applied, the first is {left[0]}")


def _check_cache() -> None:
    token = uuid.uuid4().hex
    cache.set("readyz", token, 10)
    if cache.get("readyz") is None:  # another process may have written its own meanwhile
        raise _NotReadyError("does not keep what it is given")


def _breaker() -> str:
    try:
        paused = Gate.objects.filter(paused_until__gt=timezone.now()).exists()
    except DatabaseError:
        return "not known"
    return "paused" if paused else "asked"
