"""The time budget of one look-up."""

import time
from datetime import datetime, timedelta


class Timer:
    """A visitor's time budget in seconds, and the time: it runs on from the moment passed in."""

    def __init__(self, now: datetime, seconds: float) -> None:
        self.began_at, self._began, self._seconds = now, time.monotonic(), seconds

    @property
    def now(self) -> datetime:
        """The aware moment passed in, and the seconds since then."""
        return self.began_at + timedelta(seconds=self.spent)

    @property
    def spent(self) -> float:
        return time.monotonic() - self._began

    @property
    def left(self) -> float:
        return self._seconds - self.spent
