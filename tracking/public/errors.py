"""The error pages."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tracking.public.forms import LONGEST_TEXT
from tracking.public.rendering import plain_page
from tracking.public.visitors import is_at_desk


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
    """Django's handler500. Uses neither the database nor a request context, so that it cannot fail itself."""
    return render(None, "500.html", status=500)


def form_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW. The page shows the text that the customer wrote, up to the length of a message."""
    if is_at_desk(request):
        return plain_page(request, "403_desk_form.html", {}, 403)
    is_ours = request.headers.get("Origin") in (None, f"{request.scheme}://{request.get_host()}")
    # A form on another site must not put text on our page.
    text = request.POST.get("text", "")[:LONGEST_TEXT] if is_ours else ""
    return plain_page(request, "403_csrf.html", {"text": text}, 403)
