"""The four failures of a request. Keep them apart: the customer reads different words for each."""


class JapanPostError(Exception):
    """Base class of the four. The message is for staff and logs; customers never see it."""


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


class UnexpectedPage(JapanPostError):
    """Japan Post answered with a page that we cannot read: it has changed, or it is not the page we requested."""
