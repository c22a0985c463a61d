"""Real troubles of the SQLite store of a test: full, read-only, locked, unreadable, no COMMIT, connection lost.

Each ends with its block.
They need a test with its own transactions. Readers read all the time.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connection


def _pragma(statement: str) -> int:
    with connection.cursor() as cursor:
        row = cursor.execute(f"PRAGMA {statement}").fetchone()
    return row[0] if row else 0


@contextmanager
def read_only() -> Iterator[None]:
    """The next write fails: “attempt to write a readonly database”."""
    _pragma("query_only = ON")
    try:
        yield
    finally:
        _pragma("query_only = OFF")


@contextmanager
def unreadable() -> Iterator[None]:
    """The file cannot be opened, as a PostgreSQL that is down: not even a story can be read."""
    settings = connection.settings_dict
    name = settings["NAME"]
    connection.close()
    settings["NAME"] = f"{name}/none"
    try:
        yield
    finally:
        settings["NAME"] = name
        connection.close()


@contextmanager
def full() -> Iterator[None]:
    """The file cannot grow: a write that needs a further page fails with “database or disk is full”."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")  # leaves no free page
    most = _pragma("max_page_count")
    _pragma(f"max_page_count = {_pragma('page_count')}")
    try:
        yield
    finally:
        _pragma(f"max_page_count = {most}")


@contextmanager
def locked() -> Iterator[None]:
    """Another process holds the lock of the writer."""
    name = connection.settings_dict["NAME"]
    with closing(sqlite3.connect(name, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")


@contextmanager
def commit_fails(*after: str) -> Iterator[None]:
    """The COMMIT of each transaction with such a statement fails: it leaves a row without its parcel."""
    columns = "shipment_id, started_at, milliseconds, size, outcome, asked_by, note"
    row = f"INSERT INTO tracking_fetch ({columns}) VALUES (-1, '2026-11-01', 0, 0, '', '', '')"
    with connection.cursor() as cursor, ExitStack() as ends:
        for number, statement in enumerate(after):
            cursor.execute(f"CREATE TRIGGER fails{number} AFTER {statement} BEGIN {row}; END")
            ends.callback(cursor.execute, f"DROP TRIGGER fails{number}")
        yield


@contextmanager
def lost_at(statement: str) -> Iterator[list[str]]:
    """The connection is closed as the first statement begins that has this text. Yields the statements that had it."""
    met = list[str]()

    def lose(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if statement in sql:
            met.append(sql)
            if len(met) == 1:
                connection.connection.close()
                raise OperationalError("server closed the connection unexpectedly")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(lose):
        yield met


@contextmanager
def lost_after_commit(statement: str) -> Iterator[list[str]]:
    """The connection is closed right after the COMMIT of the first transaction with such a statement.

    Yields the statements.
    """
    met, commit = list[str](), connection.commit

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if statement in sql:
            met.append(sql)
        return execute(sql, params, many, context)

    def commit_and_lose() -> None:
        commit()
        if len(met) == 1:
            met.append("COMMIT")
            connection.connection.close()
            raise OperationalError("server closed the connection unexpectedly")

    with connection.execute_wrapper(note), pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "commit", commit_and_lose)
        yield met


_LEASES = "tracking_shipment WHEN new.lease_token <> ''"
TROUBLES: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "read-only": read_only,
    "locked": locked,
    "full": full,
    "start-not-committed": lambda: commit_fails(
        f"INSERT ON {_LEASES}", f"UPDATE OF lease_token ON {_LEASES}"
    ),
    "answer-not-committed": lambda: commit_fails("INSERT ON tracking_fetch"),
}
