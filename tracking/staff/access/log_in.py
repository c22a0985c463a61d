"""The staff's log-in, locked after too many failures. django-axes counts them in the database, for all machines.

Its middleware would run on every request of every customer. Only this page needs it, so this page does its part.
"""

from datetime import datetime
from math import ceil

from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from tracking.public.visitors import client_address
from tracking.staff.access import second_factor, tries
from tracking.staff.access.trouble import with_short_waits
from tracking.values.clocks import CLOCKS_DIFFER

_LONGEST_TARGET = 8000  # characters; gunicorn takes no longer address


@never_cache
@with_short_waits
def log_in(request: HttpRequest) -> HttpResponse:
    """Django's log-in form; 429 with the time to wait if it is locked; or a redirect to the second factor.

    503 where the try cannot be counted. Raises BadRequest for a target that no browser would open.
    """
    if len(request.POST.get("next", "")) > _LONGEST_TARGET:
        raise BadRequest("the target of the log-in is too long")
    knows_password = second_factor.knows_password(request)
    if request.method == "GET" and knows_password and not second_factor.is_satisfied(request):
        page = reverse("admin:second_factor")
        return HttpResponseRedirect(f"{page}?{request.GET.urlencode()}" if request.GET else page)
    response = admin.site.login(request)
    return _locked_out(request) if getattr(request, "axes_locked_out", False) else response


def address_of(request: HttpRequest) -> str | None:
    """Return the client's address for django-axes; None if it has none, as on a Unix socket."""
    return client_address(request) or None


def _locked_out(request: HttpRequest) -> HttpResponse:
    name = (getattr(request, "axes_credentials", None) or {}).get("username") or ""
    address, now = address_of(request), timezone.now()
    is_paused = not AxesProxyHandler.is_allowed(request, {"username": name})
    wait = _pause_left(name, address, now) if is_paused else tries.seconds_to_wait(now)
    seconds = max(ceil(wait), 1)
    context = {
        **admin.site.each_context(request),
        "title": "Too many failed log-ins",
        "failures": settings.AXES_FAILURE_LIMIT,
        "minutes": ceil(seconds / 60),
        "is_name_locked": is_paused or tries.is_name_used_up(name, address, now),
    }
    response = render(request, "admin/locked_out.html", context, status=429)
    response["Retry-After"] = str(seconds)
    return response


def _pause_left(name: str, address: str | None, now: datetime) -> float:
    """Seconds until the newest failure of this name from this address expires."""
    failures = AccessAttempt.objects.filter(
        username=name, ip_address=address, attempt_time__lte=now + CLOCKS_DIFFER
    )
    newest = failures.order_by("-attempt_time").values_list("attempt_time", flat=True).first() or now
    return float((newest + settings.AXES_COOLOFF_TIME - now).total_seconds())
