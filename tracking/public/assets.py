"""What browsers and machines ask for beside the pages: the shop's colour and logo, robots, health."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import cache_control

from tracking.models import Logo
from tracking.ops.readiness import readiness
from tracking.public.views import read_only
from tracking.values import colours


@read_only
@cache_control(public=True, max_age=365 * 86400, immutable=True)
def accent(request: HttpRequest, digits: str) -> HttpResponse:
    """The shop's colour as a stylesheet. The address names the colour, so it never changes."""
    color = f"#{digits}"
    if not colours.can_be_read(color):
        raise Http404(color)
    return HttpResponse(colours.stylesheet(color), content_type="text/css; charset=utf-8")


@read_only
@cache_control(public=True, max_age=365 * 86400, immutable=True)
def logo(request: HttpRequest, digest: str, extension: str) -> HttpResponse:
    """The shop's present logo. The address names the content, so it never changes."""
    found = get_object_or_404(Logo, digest=digest, extension=extension)
    return HttpResponse(bytes(found.data), content_type=found.content_type)


@read_only
@cache_control(public=True, max_age=86400)
def robots(request: HttpRequest) -> HttpResponse:
    """What machines may read: the guide. Tracking pages say noindex themselves, so they may be fetched."""
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
    """The pages worth finding: the guide and the contact page."""
    pages = [request.build_absolute_uri(reverse(name)) for name in ("guide", "contact")]
    return render(request, "sitemap.xml", {"pages": pages}, content_type="application/xml; charset=utf-8")


@read_only
@cache_control(no_store=True)
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


@read_only
@cache_control(no_store=True)
def readyz(request: HttpRequest) -> HttpResponse:
    """Whether this process can serve, as JSON: `ready`, and a word for each part. 503 where it cannot."""
    is_ready, parts = readiness()
    return JsonResponse({"ready": is_ready, **parts}, status=200 if is_ready else 503)


@read_only
@cache_control(no_store=True)
def metrics(request: HttpRequest) -> HttpResponse:
    """Figures for Prometheus, for whoever has the token. Without METRICS_TOKEN there is no such page."""
    if not settings.METRICS_TOKEN:
        raise Http404
    if not constant_time_compare(
        request.headers.get("Authorization", ""), f"Bearer {settings.METRICS_TOKEN}"
    ):
        return HttpResponse(
            "A token is needed.\n",
            status=401,
            content_type="text/plain",
            headers={"WWW-Authenticate": "Bearer"},
        )
    from tracking.ops.metrics import exposition  # its library is loaded by those who use it alone

    return HttpResponse(
        exposition(now=timezone.now()), content_type="text/plain; version=0.0.4; charset=utf-8"
    )
