"""The error pages."""

import sys

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tracking.journey.progress import JAPAN_POST_PAGE
from tracking.public.answers import RETRY_SECONDS, without_store
from tracking.public.forms import LONGEST_TEXT
from tracking.public.rendering import answer_json, plain_page, unindexed, unreferred
from tracking.public.visitors import is_at_desk
from tracking.values.numbers import TrackingNumber
from tracking.values.store import is_state


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400."""
    return render(request, "400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler403."""
    return render(request, "403.html", status=403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    return plain_page(request, "404.html", {}, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500. Uses neither the database nor a request context, so that it cannot fail itself.

    503 if the store cannot be used at the moment: it is down, or it is locked or read-only when staff save something.
    """
    if is_state(sys.exc_info()[1]):  # Django calls this function while it handles the exception
        return _without_store(request)
    return render(None, "500.html", status=500)


def form_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW. The page shows the text that the customer wrote, up to the length of a message."""
    if is_at_desk(request):
        return plain_page(request, "403_desk_form.html", {}, 403)
    return plain_page(request, "403_csrf.html", {"text": _written(request)}, 403)


def _written(request: HttpRequest) -> str:
    """The text that the customer wrote; empty for a form on another site, which must not put text on our page."""
    is_ours = request.headers.get("Origin") in (None, f"{request.scheme}://{request.get_host()}")
    return request.POST.get("text", "")[:LONGEST_TEXT] if is_ours else ""


def _without_store(request: HttpRequest) -> HttpResponse:
    """The page of a request for which the store is needed, or its JSON. It has the text that the customer wrote."""
    match = request.resolver_match
    number = str(match.kwargs.get("number", "")) if match else ""
    if match and match.url_name == "shipment_json":
        response = answer_json(without_store(TrackingNumber(number)))
    else:
        context = {
            "at_desk": is_at_desk(request),
            "japan_post_url": JAPAN_POST_PAGE.format(number) if number else "",
            "text": _written(request) if match and match.url_name == "contact" else "",
        }
        response = render(None, "503.html", context, status=503)
    response["Retry-After"] = str(RETRY_SECONDS)
    return unreferred(unindexed(response))
