"""Middleware that runs only for the staff's desk: sessions, log-ins, messages, and times in Japan's time zone."""

from collections.abc import Awaitable, Callable, Iterator

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin

from tracking.public.visitors import is_at_desk
from tracking.values.places import JAPAN_TIME


class _DeskOnly(MiddlewareMixin):
    """Skips the middleware for requests outside ADMIN_PATH. `request.user` raises AttributeError there."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if is_at_desk(request):
            return super().__call__(request)
        return self.get_response(request)


class DeskSessions(_DeskOnly, SessionMiddleware):
    """Django's sessions, for the desk only."""


class DeskLogin(_DeskOnly, AuthenticationMiddleware):
    """Django's `request.user`, for the desk only."""


class DeskMessages(_DeskOnly, MessageMiddleware):
    """Django's messages, for the desk only."""


def refuse_nul(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: 400 for a NUL in the path, a parameter or a field of a form. PostgreSQL stores none.

    Django's forms refuse it too, but neither its lists, their searches and filters, nor what an address fills in.
    """

    def without_nul(request: HttpRequest) -> HttpResponse:
        if is_at_desk(request):
            try:
                has_nul = any("\0" in text for text in _sent(request))
            except UnreadablePostError:
                raise BadRequest("the client hung up") from None
            if has_nul:
                raise BadRequest("NUL in the address or in the form")
        return get_response(request)

    return without_nul


def _sent(request: HttpRequest) -> Iterator[str]:
    """Everything that the request sends as text: its path, and names and values of its parameters and fields."""
    yield request.path_info
    for data in (request.GET, request.POST):
        for name, values in data.lists():
            yield name
            yield from values


def desk_clock(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: staff see and type times in Japan's time zone. All other requests use UTC."""

    def in_japan_time(request: HttpRequest) -> HttpResponse:
        if not is_at_desk(request):
            return get_response(request)
        with timezone.override(JAPAN_TIME):
            return get_response(request)

    return in_japan_time
