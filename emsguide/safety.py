"""Safety of every request and response that neither Django nor an installed package provides."""

import re
from collections.abc import Callable
from contextlib import suppress

from django.conf import settings
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.debug import SafeExceptionReporterFilter

from tracking.public.visitors import is_at_desk

_MOST_OF_A_PROXY = 5 * 1024 * 1024  # bytes; the proxies of deploy/ refuse larger bodies themselves
_CHUNK = 64 * 1024
_MOST_OF_A_LOCATION = 2_000  # bytes; with the other headers it fits into the 4 kB that nginx has for them
GetResponse = Callable[[HttpRequest], HttpResponse]


def headers(get_response: GetResponse) -> GetResponse:
    """Middleware: other sites must not load our files; search engines and caches must not store pages of the desk."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["Cross-Origin-Resource-Policy"] = "same-origin"
        if is_at_desk(request):
            response["X-Robots-Tag"] = "noindex"
            response.setdefault("Cache-Control", "no-store, private")
        return response

    return middleware


def short_redirects(get_response: GetResponse) -> GetResponse:
    """Middleware: drops the query of a redirection that is too long; 414 if its path alone is too long.

    Proxies have a buffer for the headers of a response, and answer 502 if it is too small for them.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        location = response.get("Location", "")
        if len(location) > _MOST_OF_A_LOCATION:
            path = location.partition("?")[0]
            if len(path) <= _MOST_OF_A_LOCATION:
                response["Location"] = path
            else:
                _refuse_redirection(request, response)
        return response

    return middleware


def _refuse_redirection(request: HttpRequest, response: HttpResponse) -> None:
    """Turn a redirection into our page of a wrong address, with the headers that it already has."""
    reason = _("This address is too long for this site.")
    response.status_code = 414
    response.content = render_to_string("400.html", {"reason": reason}, request).encode()
    response["Content-Length"] = str(len(response.content))
    del response["Location"]


def body_limit(get_response: GetResponse) -> GetResponse:
    """Middleware: 413 for a body over MOST_BODY_BYTES, before it is read. Django limits fields, but not files.

    Django never reads a body without Content-Length.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"  # as Django reads it; a header could differ
        if length.isdigit() and int(length) > settings.MOST_BODY_BYTES:
            return render(request, "413.html", {"most": settings.MOST_BODY_BYTES}, status=413)
        return get_response(request)

    return middleware


def read_to_the_end(get_response: GetResponse) -> GetResponse:
    """Middleware: reads what a view has left of a body, such as that of a form without its cookie.

    gunicorn closes a connection with more than 64 kB left, while the proxy still sends; visitors then get the proxy's
    error 502 instead of our answer. Bodies that no proxy of ours lets through are not read, nor are those in chunks.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdigit() and int(length) <= _MOST_OF_A_PROXY:
            with suppress(UnreadablePostError):  # the client is gone
                while request.read(_CHUNK):
                    pass
        return response

    return middleware


class HidesSecrets(SafeExceptionReporterFilter):
    """Also hides addresses of database, cache and mail, which contain passwords, on the error page of DEBUG."""

    hidden_settings = re.compile(
        SafeExceptionReporterFilter.hidden_settings.pattern + "|_URL$|LOCATION", re.IGNORECASE
    )
