"""The time budget of one look-up."""

import time
from datetime import datetime, timedelta


class Timer:
    """A visitor's time budget in seconds, and a clock that runs on from the aware `now` passed in."""

    def __init__(self, now: datetime, seconds: float) -> None:
        self.began_at, self._began, self._seconds = now, time.monotonic(), seconds

    @property
    def now(self) -> datetime:
        """The current time, aware: the moment passed in plus the seconds since then."""
        return self.began_at + timedelta(seconds=self.spent)

    @property
    def spent(self) -> float:
        """The seconds since the start."""
        return time.monotonic() - self._began

    @property
    def left(self) -> float:
        """The seconds of the budget that are left; negative once it is used up."""
        return self._seconds - self.spent
