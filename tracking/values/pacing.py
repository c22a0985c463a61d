"""How fast work may be done, and how much of it at once."""

import threading
import time
from collections import Counter

BREATH = 0.05  # seconds between two batches of database work, in which other processes can take the lock


class Slots:
    """A count of threads in this process, with a limit that may change between two calls."""

    def __init__(self) -> None:
        self._lock, self._taken = threading.Lock(), 0
        self._held = Counter[str]()  # slots by holder; nothing of those without a name
        self._full_since: float | None = None

    def take(self, limit: int, *, holder: str = "") -> bool:
        """Take a slot. Returns False where `limit` slots are taken already, or half of them by this holder.

        The half is rounded up, so it is at least one. An empty holder has no share and may take all.
        """
        with self._lock:
            if self._taken >= limit or (holder and self._held[holder] >= (limit + 1) // 2):
                return False
            self._taken += 1
            if holder:
                self._held[holder] += 1
            if self._taken == limit:
                self._full_since = time.monotonic()
            return True

    def free(self, holder: str = "") -> None:
        """Free a slot that this thread took for this holder."""
        with self._lock:
            self._taken -= 1
            self._held -= Counter([holder] if holder else [])  # leaves out those who hold none
            self._full_since = None

    def full_for(self) -> float:
        """How long all slots have been taken and none was freed, in seconds; 0.0: one is free."""
        with self._lock:
            return 0.0 if self._full_since is None else time.monotonic() - self._full_since
