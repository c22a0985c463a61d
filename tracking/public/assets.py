"""Responses that are not pages: the shop's color as a stylesheet, its logo, robots.txt, the site map."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import cache_control

from tracking.models import Logo
from tracking.public.rendering import read_only
from tracking.values import colors


@read_only
@cache_control(public=True, max_age=365 * 86400, immutable=True)
def accent(request: HttpRequest, digits: str) -> HttpResponse:
    """`/accent-<digits>.css`: the shop's color. The address contains the color, so the content never changes."""
    color = f"#{digits}"
    if not colors.can_be_read(color):
        raise Http404(color)
    return HttpResponse(colors.stylesheet(color), content_type="text/css; charset=utf-8")


@read_only
@cache_control(public=True, max_age=365 * 86400, immutable=True)
def logo(request: HttpRequest, digest: str, extension: str) -> HttpResponse:
    """`/logo-<digest>.<extension>`: the shop's logo. The address contains a hash of the file, so it never changes."""
    found = get_object_or_404(Logo, digest=digest, extension=extension)
    return HttpResponse(bytes(found.data), content_type=found.content_type)


@read_only
@cache_control(public=True, max_age=86400)
def robots(request: HttpRequest) -> HttpResponse:
    """`/robots.txt`. Tracking pages are not excluded: crawlers must fetch them to see their noindex header."""
    lines = [
        "User-agent: *",
        "Disallow: /services/",
        f"Sitemap: {request.build_absolute_uri(reverse('sitemap'))}",
        "",
    ]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")


@read_only
@cache_control(public=True, max_age=86400)
def sitemap(request: HttpRequest) -> HttpResponse:
    """`/sitemap.xml`: the guide and the contact page."""
    pages = [request.build_absolute_uri(reverse(name)) for name in ("guide", "contact")]
    return render(request, "sitemap.xml", {"pages": pages}, content_type="application/xml; charset=utf-8")
