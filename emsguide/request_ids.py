"""An id for each request: in every log line that is written on its way, and in the answer, so that both can be found."""

import logging
import re
import uuid
from collections.abc import Callable
from contextvars import ContextVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse

HEADER = "X-Request-ID"
_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,64}")

_current: ContextVar[str] = ContextVar("request_id", default="")


def middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """The outermost one, so that whatever the others log has the id too."""

    def with_id(request: HttpRequest) -> HttpResponse:
        one = _given(request) or uuid.uuid4().hex
        token = _current.set(one)
        try:
            response = get_response(request)
        finally:
            _current.reset(token)
        response[HEADER] = one
        return response

    return with_id


class RequestId(logging.Filter):
    """Gives a log line the id of its request, as `request_id`. Lines of no request, such as the watch's, get none."""

    def filter(self, record: logging.LogRecord) -> bool:
        if one := _current.get():
            record.request_id = one
        return True


def _given(request: HttpRequest) -> str:
    """The id that our own proxy gave it; empty where there is no such proxy, or what came is no id."""
    given = request.headers.get(HEADER, "") if settings.TRUSTED_PROXIES else ""
    return given if _WELL_FORMED.fullmatch(given) else ""
