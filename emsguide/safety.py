"""What holds for every request and answer, and neither Django nor a package of ours does."""

import re
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.debug import SafeExceptionReporterFilter

from tracking.public.visitors import is_at_desk

GetResponse = Callable[[HttpRequest], HttpResponse]


def headers(get_response: GetResponse) -> GetResponse:
    """No other site may load what is ours; neither search engines nor caches keep what the desk shows."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["Cross-Origin-Resource-Policy"] = "same-origin"
        if is_at_desk(request):
            response["X-Robots-Tag"] = "noindex"
            response.setdefault("Cache-Control", "no-store, private")
        return response

    return middleware


def body_limit(get_response: GetResponse) -> GetResponse:
    """413 before anything is read. Django bounds the fields of a form, but not the files beside them.

    A body without Content-Length is never read at all.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdigit() and int(length) > settings.MOST_BODY_BYTES:
            return render(request, "413.html", {"most": settings.MOST_BODY_BYTES}, status=413)
        return get_response(request)

    return middleware


class HidesSecrets(SafeExceptionReporterFilter):
    """The page about an error while DEBUG is on: addresses of database, cache and mail have passwords in them."""

    hidden_settings = re.compile(
        SafeExceptionReporterFilter.hidden_settings.pattern + "|_URL$|LOCATION", re.IGNORECASE
    )
