"""Troubles of the store: full, read-only, locked, or its connection lost. How long to wait for a lock, what to log."""

import logging
import math
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeGuard

from django.db import Error, InterfaceError, InternalError, OperationalError, connection

logger = logging.getLogger(__name__)

LOCK_WAIT = 2.0  # seconds that a look-up or a message waits for a lock, before the page does without it
TIME_TO_STORE = 1.0  # seconds that locks may take of a look-up after the visitor's time is over
_LONGEST_MESSAGE = 200  # characters in the log
_STATES = (OperationalError, InternalError, InterfaceError)  # of the store; other errors are faults of ours


@contextmanager
def lock_wait(seconds: float, *, in_all: float | None = None) -> Iterator[None]:
    """Let each statement of this block wait at most so long for a lock; then it raises OperationalError.

    `in_all`: the seconds of the whole block, whatever they are used for; a statement waits no longer than what is left
    of them. None: no limit. All this holds on each connection of this thread, also on one that is opened in the block.
    At the end, the limit of the block around it holds again, or the time of the settings.
    """
    limit = _LockLimit(seconds, in_all)
    try:
        with connection.execute_wrapper(limit):
            yield
    finally:
        if outer := _innermost_limit():
            outer.forget()
        elif connection.connection is not None and limit.was_set:
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
    logger.warning("%s: %s", what, in_one_line(error), exc_info=None if is_state(error) else error)
    close_if_lost()


def in_one_line(error: Error) -> str:
    """Return the kind of the error, and the beginning of its message."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:_LONGEST_MESSAGE]}"


def is_state(error: BaseException | None) -> TypeGuard[Error]:
    """Return True for an error that is a state of the store, such as a full disk, and no fault of ours.

    SQLite has no class of its own for a faulty statement, such as one about a table that does not exist; PostgreSQL has
    none for a statement after one that failed.
    """
    cause = error.__cause__ if error else None
    codes = {getattr(cause, "sqlite_errorcode", None), getattr(cause, "sqlstate", None)}
    return isinstance(error, _STATES) and codes.isdisjoint({sqlite3.SQLITE_ERROR, "25P02"})


def close_if_lost() -> None:
    """Close this thread's connection if it no longer works, so that the next query opens another one.

    With PostgreSQL, the next query also checks the connection.
    """
    if not connection.in_atomic_block:  # there, the transaction is lost with it
        connection.close_if_unusable_or_obsolete()


def working_connection() -> object:
    """This thread's connection, for `was_lost`. Checked with PostgreSQL, and opened where there is none.

    Raises OperationalError where none can be opened.
    """
    close_if_lost()
    with connection.cursor():
        return connection.connection


def was_lost(before: object) -> bool:
    """Return True if `before`, from `working_connection`, works no longer.

    Django often has another one by then: it opens one as soon as a transaction has failed.
    """
    return connection.connection is not before or not connection.is_usable()


class _LockLimit:
    """The limit of a block: a wrapper of Django's that sets it before each statement that needs it."""

    def __init__(self, longest: float, in_all: float | None) -> None:
        self.was_set = False
        self._longest = longest
        self._ends_at = time.monotonic() + (math.inf if in_all is None else in_all)
        self._holds_on: object = (
            None  # the connection on which `longest` is set, and a rollback does not end it
        )

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        # In a transaction that failed, PostgreSQL takes no statement but this.
        if not str(sql).startswith("ROLLBACK") and _innermost_limit() is self:
            self._set()
        return execute(sql, params, many, context)

    def forget(self) -> None:
        """Set the limit again before the next statement."""
        self._holds_on = None

    def _set(self) -> None:
        seconds = min(self._longest, self._ends_at - time.monotonic())
        if seconds == self._longest and self._holds_on is connection.connection:
            return
        _set_lock_wait(seconds)
        self.was_set = True
        stays = seconds == self._longest and not connection.in_atomic_block
        self._holds_on = connection.connection if stays else None


def _innermost_limit() -> _LockLimit | None:
    """The limit of the present block; None outside of all."""
    limits = [one for one in connection.execute_wrappers if isinstance(one, _LockLimit)]
    return limits[-1] if limits else None


def _set_lock_wait(seconds: float | None) -> None:
    """Set it on the open connection. None: as in the settings."""
    if connection.vendor == "sqlite":
        default: float = connection.settings_dict["OPTIONS"]["timeout"]
        statement = f"PRAGMA busy_timeout = {_milliseconds(default if seconds is None else seconds)}"
    elif seconds is None:
        statement = "RESET lock_timeout"
    else:
        statement = f"SET lock_timeout = {_milliseconds(seconds)}"
    with connection.wrap_database_errors:
        connection.connection.execute(statement)  # not a cursor of Django's, which would set the limit first


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))  # 0 would be no limit in PostgreSQL
