"""The four failures of a request. Keep them apart: the customer reads different words for each."""

import traceback

LONGEST_REASON = 500  # characters, as in the columns that store it
_LONGEST_TRACEBACK = 4_000  # characters


class JapanPostError(Exception):
    """Base class of the four. The message is for staff and logs; customers never see it.

    It quotes what Japan Post sent, which may have any length and any character. So it is cut here, for logs, mails and
    the store alike, and is one line of printable characters.
    """

    def __init__(self, reason: str = "") -> None:
        super().__init__(_one_line(reason))


class NotFound(JapanPostError):
    """Japan Post answered that it has no such item: unknown, not scanned yet, or too old."""


class Rejected(JapanPostError):
    """Japan Post answered that the number is malformed."""


class Unavailable(JapanPostError):
    """No answer: time-out, connection refused, HTTP 403, 408, 429 or 5xx, maintenance.

    `retry_after`: for how many seconds Japan Post asked us to send no request; None where it did not say. `hung_up`:
    the server closed the connection before the first byte, as after a restart or a long idle time. Only after this
    failure does an immediate retry help.
    """

    def __init__(self, reason: str, *, retry_after: float | None = None, hung_up: bool = False) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.hung_up = hung_up


class NotSent(Unavailable):
    """We sent no request: there was no time or no thread left. It says nothing about Japan Post."""


class UnexpectedPage(JapanPostError):
    """Japan Post answered with a page that we cannot read: it has changed, or it is not the page we requested."""


def short_traceback(error: BaseException) -> str:
    """Where the error was raised, and the error: for a log. Of limited length, whatever text the error quotes."""
    places = "".join(traceback.format_tb(error.__traceback__))
    return f"{places[-_LONGEST_TRACEBACK:]}{_one_line(repr(error))}"


def _one_line(text: str) -> str:
    """The beginning of the text, with escapes such as \\n for characters that are not printable."""
    printable = "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode()
        for one in text[: LONGEST_REASON + 1]
    )
    return printable if len(printable) <= LONGEST_REASON else printable[: LONGEST_REASON - 1] + "…"
