"""Reads a page of Japan Post for a visitor: in bounded time, and without an error of ours ending in an error page."""

import logging
import queue

from .deadline import Deadline, next_answer, start_helper
from .errors import JapanPostError, UnexpectedPage, short_traceback
from .parser import parse_page
from .records import TrackedItem

logger = logging.getLogger(__name__)


def read_page(html: str, number: str, *, timeout: float) -> TrackedItem:
    """The answer for one tracking number, as `parse_page` reads it. Returns or raises within `timeout` seconds.

    Raises the four failures of `parse_page`. An UnexpectedPage also where the time is over, and where the parser fails
    with any other error: a page that we cannot read, whatever the reason.
    """
    deadline = Deadline(timeout)
    answers = queue.SimpleQueue[TrackedItem | JapanPostError]()
    try:
        start_helper(lambda: answers.put(_answer_of(html, number)), name="japanpost-reader")
    except RuntimeError:  # the machine has no thread left; the checks in limits.py bound the time too
        answers.put(_answer_of(html, number))
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
        return failure
    except Exception as error:  # a bug of ours or of a library: the page is kept, and staff get an alarm
        logger.error("reading a page failed with an unexpected error\n%s", short_traceback(error))
        return UnexpectedPage(f"reading failed: {error!r}")
