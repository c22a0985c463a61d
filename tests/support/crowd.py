"""Many visitors at the same moment, each in a thread with its own database connection."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from django.db import connections

LONGEST = 100.0  # seconds


class Visitor:
    """One visitor in a thread. After the visit, `result` or `failure` is set."""

    def __init__(self, visit: Callable[[], Any], start: threading.Barrier) -> None:
        self.result: Any = None
        self.failure: Exception | None = None
        self._visit, self._start = visit, start
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        self._start.wait(LONGEST)
        try:
            self.result = self._visit()
        except Exception as failure:
            self.failure = failure
        finally:
            connections.close_all()


def all_at_once(visits: Iterable[Callable[[], Any]]) -> list[Visitor]:
    """Start all visits at the same moment, and wait until all have ended. Returns the visitors in the same order."""
    visitors = let_in(visits)
    wait_for(visitors)
    return visitors


def let_in(visits: Iterable[Callable[[], Any]]) -> list[Visitor]:
    """Start all visits at the same moment. The caller passes the visitors to `wait_for` afterwards."""
    listed = list(visits)
    start = threading.Barrier(len(listed))
    visitors = [Visitor(visit, start) for visit in listed]
    for visitor in visitors:
        visitor.thread.start()
    return visitors


def wait_for(visitors: list[Visitor], *, but: int = 0) -> list[Visitor]:
    """Wait until all visits have ended, or all except `but` of them. Returns the visitors whose visit has ended.

    Raises TimeoutError after LONGEST seconds.
    """
    until = time.monotonic() + LONGEST
    while len(left := [one for one in visitors if not one.thread.is_alive()]) < len(visitors) - but:
        if time.monotonic() > until:
            raise TimeoutError(f"{len(visitors) - len(left)} of {len(visitors)} have not left")
        time.sleep(0.01)
    return left


def start_threads(works: Iterable[Callable[[], Any]]) -> list[threading.Thread]:
    """Start daemon threads, so that a test that fails does not keep its process alive. The caller `join`s them."""
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    return threads


def join(threads: Iterable[threading.Thread], *, within: float = LONGEST) -> None:
    """Wait until all threads have ended. Raises TimeoutError after `within` seconds."""
    until = time.monotonic() + within
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
        if thread.is_alive():
            raise TimeoutError(f"{thread.name} has not ended")
