"""Real troubles of the SQLite store of a test: full, read-only, locked, or no COMMIT. Each ends with its block.

They need a test with its own transactions. Readers read all the time.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager

from django.db import connection


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
