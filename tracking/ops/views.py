"""Views for machines: is the process alive, can it serve, and the metrics."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import cache_control

from tracking.ops.readiness import readiness
from tracking.public.rendering import read_only


@read_only
@cache_control(no_store=True)
def healthz(request: HttpRequest) -> HttpResponse:
    """`/healthz`: 200 if the process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


@read_only
@cache_control(no_store=True)
def readyz(request: HttpRequest) -> HttpResponse:
    """`/readyz`: whether this process can serve, as JSON with `ready` and the state of each part. 503 if it cannot."""
    is_ready, parts = readiness()
    return JsonResponse({"ready": is_ready, **parts}, status=200 if is_ready else 503)


@read_only
@cache_control(no_store=True)
def metrics(request: HttpRequest) -> HttpResponse:
    """`/metrics`: metrics for Prometheus. 401 without the right token, 404 if METRICS_TOKEN is not set."""
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
    from tracking.ops.metrics import exposition  # here, so that the library is loaded only if it is used

    return HttpResponse(
        exposition(now=timezone.now()), content_type="text/plain; version=0.0.4; charset=utf-8"
    )
