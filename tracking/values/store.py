"""Troubles of the store: full, read-only, locked, or its connection lost. How long to wait for a lock, what to log."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.db import Error, InterfaceError, InternalError, OperationalError, connection

logger = logging.getLogger(__name__)

LOCK_WAIT = 2.0  # seconds that a look-up or a message waits for a lock, before the page does without it
_LONGEST_MESSAGE = 200  # characters in the log
_STATES = (OperationalError, InternalError, InterfaceError)  # of the store; other errors are faults of ours


@contextmanager
def lock_wait(seconds: float) -> Iterator[None]:
    """Let each statement of this block wait at most so long for a lock; then it raises OperationalError.

    At the end, the time of the settings holds again: the blocks cannot be nested.
    """
    _set_lock_wait(seconds)
    try:
        yield
    finally:
        if connection.connection is not None:
            with suppress(Error):  # a broken connection; the next one has the time of the settings
                _set_lock_wait(None)


@contextmanager
def tolerates_trouble(what: str) -> Iterator[None]:
    """Log an error of the store and end the block, which does something that may be missing.

    `what` says in the log what is missing now.
    """
    try:
        yield
    except Error as error:
        log_trouble(what, error)


def log_trouble(what: str, error: Error) -> None:
    """Log an error of the store in one line, with a traceback only for a fault of ours. Close a lost connection."""
    message = " ".join(str(error).split())[:_LONGEST_MESSAGE]
    is_fault = not isinstance(error, _STATES)
    logger.warning("%s: %s: %s", what, type(error).__name__, message, exc_info=error if is_fault else None)
    close_if_lost()


def close_if_lost() -> None:
    """Close this thread's connection if it no longer works, so that the next query opens another one."""
    if not connection.in_atomic_block:  # there, the transaction is lost with it
        connection.close_if_unusable_or_obsolete()


def _set_lock_wait(seconds: float | None) -> None:
    """None: as in the settings."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            default: float = connection.settings_dict["OPTIONS"]["timeout"]
            cursor.execute(f"PRAGMA busy_timeout = {_milliseconds(default if seconds is None else seconds)}")
        elif seconds is None:
            cursor.execute("RESET lock_timeout")
        else:
            cursor.execute(f"SET lock_timeout = {_milliseconds(seconds)}")


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))  # 0 would be no limit in PostgreSQL
