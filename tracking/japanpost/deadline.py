"""The time for one request, and how a caller waits for a helper thread until it is over."""

import queue
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from typing import TypeVar

_Answer = TypeVar("_Answer")

_POLL = 0.5  # seconds


class Deadline:
    """The moment this many seconds from now."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """The seconds until then; 0 once it has passed."""
        return max(0.0, self._end - time.monotonic())


def start_helper(work: Callable[[], None], *, name: str) -> None:
    """Start a thread that does `work`. Raises RuntimeError where the machine has no thread left.

    It runs in the caller's context, so that its log lines carry the id of the same request.
    """
    threading.Thread(target=copy_context().run, args=(work,), name=name, daemon=True).start()


def next_answer(answers: "queue.SimpleQueue[_Answer]", deadline: Deadline) -> _Answer:
    """The next answer before the deadline. Raises queue.Empty where none comes.

    Polls: a signal delivered just before a blocking wait does not interrupt it, so its handler would be delayed.
    """
    while True:
        left = deadline.left
        try:
            return answers.get(timeout=min(left, _POLL))
        except queue.Empty:
            if left <= _POLL:
                raise
