"""The four ways of not getting a story. Never confuse them: each has its own words for the customer."""


class JapanPostError(Exception):
    """Base of the four; the message is for staff and logs, never shown to customers."""


class NotFound(JapanPostError):
    """They answered: no such item, or nothing scanned yet, or too old."""


class Rejected(JapanPostError):
    """They answered: the number is malformed."""


class Unavailable(JapanPostError):
    """No answer: time-out, refused, 403, 429, 5xx, maintenance.

    `retry_after` is the number of seconds they asked us to stay away, None where they did not say.
    `hung_up`: they closed the line before the first byte, as a server does that has just restarted or is tired of
    an idle connection. The only failure after which asking again at once helps.
    """

    def __init__(self, reason: str, *, retry_after: float | None = None, hung_up: bool = False) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.hung_up = hung_up


class UnexpectedPage(JapanPostError):
    """They answered something we cannot read: the page has changed, or it is not the page we asked for."""
