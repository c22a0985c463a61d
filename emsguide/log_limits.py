"""Bounds the lines that visitors can cause in the log: those of one address in a minute, and those of all visitors."""

import logging
from collections import Counter
from collections.abc import Callable
from contextvars import Context
from threading import Lock
from traceback import walk_tb

from emsguide.request_ids import current_address

LINES_OF_ONE = 20  # in a minute and a process
LINES_OF_ALL = 100
_PLACES = 50  # faults at so many places of the code are written once in a minute, whatever else was written

logger = logging.getLogger(__name__)


class LimitLines(logging.Filter):
    """Drops lines about requests over the limits of their minute. The first line of a later minute says how many.

    Lines outside requests always pass, except those of gunicorn, which are about clients. So does the first line of a
    minute with an exception from a place in the code.
    """

    def __init__(
        self, address: Callable[[], str | None] = current_address, of_one: int = LINES_OF_ONE
    ) -> None:
        """`address` names the cause of the present line; None: no visitor."""
        super().__init__()
        self._address, self._of_one = address, of_one
        self._lock = Lock()
        self._begin(0)

    def filter(self, record: logging.LogRecord) -> bool:
        """Return False for a line over a limit."""
        address = self._address() or ("gunicorn" if record.name.startswith("gunicorn.") else None)
        with self._lock:
            left_out = 0
            if (minute := int(record.created // 60)) != self._minute:
                left_out = self._left_out
                self._begin(minute)
            passes = address is None or self._takes(record, address)
        if left_out:  # without the id of this request, which did not cause these lines
            Context().run(logger.warning, _LEFT_OUT, left_out, self._of_one, LINES_OF_ALL)
        return passes

    def _begin(self, minute: int) -> None:
        self._minute, self._left_out = minute, 0
        self._lines = Counter[str]()  # of each address, LINES_OF_ALL at most
        self._places = set[tuple[object, ...]]()

    def _takes(self, record: logging.LogRecord, address: str) -> bool:
        """Count the line. Returns whether to write it."""
        if self._is_new_fault(record):
            return True
        if self._lines[address] < self._of_one and self._lines.total() < LINES_OF_ALL:
            self._lines[address] += 1
            return True
        self._left_out += 1
        return False

    def _is_new_fault(self, record: logging.LogRecord) -> bool:
        """True for the first exception of this minute from its place in the code. Notes the place."""
        if not record.exc_info or record.exc_info[0] is None or len(self._places) >= _PLACES:
            return False
        frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(record.exc_info[2])]
        place = (record.exc_info[0], *frames[-1:])
        is_new = place not in self._places
        self._places.add(place)
        return is_new


_LEFT_OUT = (
    "%d more lines about visitors of one minute were left out: "
    "this process writes %d for an address and %d for all in a minute"
)
