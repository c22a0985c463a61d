"""Reads a page of Japan Post for a visitor: in bounded time, and without an error of ours ending in an error page.

A caller whose time is over leaves its reader at work. So the readers are counted until they end, not until their caller
leaves.
"""

import logging
import queue

from tracking.values.pacing import Slots

from .deadline import Deadline, next_answer, start_helper
from .errors import JapanPostError, UnexpectedPage, short_traceback
from .parser import parse_page
from .records import TrackedItem

logger = logging.getLogger(__name__)

MOST_READING_HERE = 4  # threads of this process, as many as may ask at once (MOST_ASKING_HERE of the gate)
_reading = Slots()


def read_page(html: str, number: str, *, timeout: float) -> TrackedItem:
    """The answer for one tracking number, as `parse_page` reads it. Returns or raises within `timeout` seconds.

    Raises the four failures of `parse_page`. An UnexpectedPage also where the time is over, where too many other pages
    are still being read, and where the parser fails with any other error: a page that we cannot read, whatever the
    reason.
    """
    deadline = Deadline(timeout)
    answers = queue.SimpleQueue[TrackedItem | JapanPostError]()

    def read() -> None:
        try:
            answer = _answer_of(html, number)
        finally:
            _reading.free()  # before the answer arrives: then the caller's next page finds a slot
        answers.put(answer)

    if not _reading.take(MOST_READING_HERE):
        raise UnexpectedPage("too many pages are being read")
    try:
        start_helper(read, name="japanpost-reader")
    except (RuntimeError, MemoryError):
        read()  # the machine has no thread left; the checks in limits.py bound the time too
    try:
        answer = next_answer(answers, deadline)
    except queue.Empty:
        raise UnexpectedPage(f"not read within {timeout:.1f} s") from None
    if isinstance(answer, JapanPostError):
        raise answer
    return answer


def _answer_of(html: str, number: str) -> TrackedItem | JapanPostError:
    try:
        return parse_page(html, number)
    except JapanPostError as failure:
        # Its traceback keeps the parser's variables, and so the tree, until the garbage collector runs.
        failure.__context__ = failure.__cause__ = None
        return failure.with_traceback(None)
    except Exception as error:  # a bug of ours or of a library: the page is kept, and staff get an alarm
        logger.error("reading a page failed with an unexpected error\n%s", short_traceback(error))
        return UnexpectedPage(f"reading failed: {error!r}")
