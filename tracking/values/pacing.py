"""How fast work may be done, and how much of it at once."""

import threading

BREATH = 0.05  # seconds between two batches of database work, in which other processes can take the lock


class Slots:
    """A count of threads in this process, with a limit that may change between two calls."""

    def __init__(self) -> None:
        self._lock, self._taken = threading.Lock(), 0

    def take(self, limit: int) -> bool:
        """Take a slot. Returns False where `limit` slots are taken already."""
        with self._lock:
            if self._taken >= limit:
                return False
            self._taken += 1
            return True

    def free(self) -> None:
        """Free a slot that this thread took."""
        with self._lock:
            self._taken -= 1
