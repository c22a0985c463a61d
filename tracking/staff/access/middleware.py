"""What only the staff's desk needs, kept off the customers' pages: sessions and log-ins, and Japan's clock."""

from collections.abc import Awaitable, Callable

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin

from tracking.public.visitors import is_at_desk
from tracking.values.places import JAPAN_TIME


class _DeskOnly(MiddlewareMixin):
    """Passes by what does not begin with ADMIN_PATH; a view there that asks for `request.user` fails loudly."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if is_at_desk(request):
            return super().__call__(request)
        return self.get_response(request)


class DeskSessions(_DeskOnly, SessionMiddleware):
    pass


class DeskLogin(_DeskOnly, AuthenticationMiddleware):
    pass


class DeskMessages(_DeskOnly, MessageMiddleware):
    pass


def desk_clock(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Staff see and type times as the clock on their wall has them: Japan's. Elsewhere, and afterwards, it is UTC."""

    def by_japans_clock(request: HttpRequest) -> HttpResponse:
        if not is_at_desk(request):
            return get_response(request)
        with timezone.override(JAPAN_TIME):
            return get_response(request)

    return by_japans_clock
