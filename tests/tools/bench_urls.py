"""The URLs of the benchmarks: those of the site, and an empty view that shows what Django and gunicorn cost alone."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from emsguide.urls import handler400, handler403, handler404, handler500
from emsguide.urls import urlpatterns as site

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def empty(request: HttpRequest) -> HttpResponse:
    """An answer without a body."""
    return HttpResponse()


urlpatterns = [path("empty", empty), *site]
