"""Django's middleware for people who log in, kept off the customers' pages: there is nobody to know there."""

from collections.abc import Awaitable

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin


class _DeskOnly(MiddlewareMixin):
    """Passes by what does not begin with ADMIN_PATH; a view there that asks for `request.user` fails loudly."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if request.path_info.startswith(f"/{settings.ADMIN_PATH}"):
            return super().__call__(request)
        return self.get_response(request)


class DeskSessions(_DeskOnly, SessionMiddleware):
    pass


class DeskLogin(_DeskOnly, AuthenticationMiddleware):
    pass


class DeskMessages(_DeskOnly, MessageMiddleware):
    pass
