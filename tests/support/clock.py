"""A clock that only the test moves, so that the product sees the same seconds on every machine."""

from collections.abc import Callable


class Clock:
    """Replaces the `time` module inside one module. A sleep ends at once and moves the clock forward."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.jump: Callable[[], float] = lambda: 0.0  # seconds to add, which may depend on events

    def monotonic(self) -> float:
        return self.seconds + self.jump()

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
