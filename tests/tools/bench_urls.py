"""The site's addresses and one with an empty view, which is what Django and gunicorn cost by themselves."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from emsguide.urls import handler400, handler403, handler404, handler500
from emsguide.urls import urlpatterns as site

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def empty(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


urlpatterns = [path("empty", empty), *site]
