"""An id for each request. It is in the response and in every log line of the request, so that these can be matched."""

import logging
import re
import uuid
from collections.abc import Callable
from contextvars import ContextVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from tracking.public.visitors import client_address
from tracking.values.redaction import redact

HEADER = "X-Request-ID"
_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,64}")

_current: ContextVar[str] = ContextVar("request_id", default="")
_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)


def middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware that sets the id. It must be the outermost, so that lines of the others have the id too."""

    def with_id(request: HttpRequest) -> HttpResponse:
        one = _given(request) or f"{uuid.uuid4().int:039}"  # without letters: the log redacts nothing of it
        token, of_request = _current.set(one), _request.set(request)
        try:
            response = get_response(request)
        finally:
            _current.reset(token)
            _request.reset(of_request)
        response[HEADER] = one
        return response

    return with_id


def current_address() -> str | None:
    """The client's address of the request of this thread; None outside requests."""
    request = _request.get()
    return None if request is None else client_address(request)


class RequestId(logging.Filter):
    """Adds the id of the request to log records, as `request_id`. Records outside requests get none."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the id; drop nothing."""
        if one := _current.get():
            record.request_id = one
        return True


def _given(request: HttpRequest) -> str:
    """The id that our own proxy set; empty without a proxy, for an invalid id, and for one that the log would redact.

    One in 400 hexadecimal ids contains what looks like a tracking number: two letters, nine digits, two letters.
    """
    given = request.headers.get(HEADER, "") if settings.TRUSTED_PROXIES else ""
    return given if _WELL_FORMED.fullmatch(given) and redact(given) == given else ""
