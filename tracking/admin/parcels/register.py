"""“Register parcels”: the page on which staff add many parcels from a list or a file."""

from django.contrib import messages
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from tracking.admin.base import admin_of, page_context
from tracking.models import Shipment, Standing
from tracking.staff.parcels import registration
from tracking.staff.parcels.forms import RegistrationForm


def register_parcels(request: HttpRequest) -> HttpResponse:
    """First a dry run; then stores the good lines and shows the bad ones, so that staff can correct them."""
    if not request.user.has_perm("tracking.add_shipment"):
        raise PermissionDenied
    form = RegistrationForm(request.POST or None, request.FILES or None)
    if not form.is_valid():
        return _page(request, form, [])
    lines = form.cleaned_data["lines"]
    if "register" not in request.POST:
        return _page(request, form, lines)
    bad = [line for line in lines if line.problem]
    left = f" {len(bad)} lines were not: they are listed below." if bad else ""
    words = _register(request, lines) + left
    messages.add_message(request, messages.WARNING if bad else messages.SUCCESS, words)
    if not bad:
        return HttpResponseRedirect(reverse("admin:tracking_shipment_changelist"))
    return _page(request, form, bad)


def _register(request: HttpRequest, lines: list[registration.ParcelRow]) -> str:
    """Store the good lines. Returns a sentence with their count."""
    with transaction.atomic():
        added, updated = registration.register_rows(lines, now=timezone.now())
        Standing.objects.filter(shipment__number__in=[line.number for line in lines]).outdate()
        _log(request, lines)
    return f"{added} parcels registered, {updated} known ones updated."


def _log(request: HttpRequest, lines: list[registration.ParcelRow]) -> None:
    """Write the parcels into the admin's log, which has only changes through its own forms otherwise."""
    for is_known, action in ((False, ADDITION), (True, CHANGE)):
        numbers = [line.number for line in lines if not line.problem and line.is_known == is_known]
        for some in registration.in_parts(numbers):
            LogEntry.objects.log_actions(
                str(request.user.pk), Shipment.objects.filter(number__in=some), action, "From a list."
            )


def _page(request: HttpRequest, form: RegistrationForm, lines: list[registration.ParcelRow]) -> HttpResponse:
    good = [line for line in lines if not line.problem]
    context = {
        **page_context(admin_of(Shipment), request, "Register parcels"),
        "form": form,
        "lines": lines,
        "good": len(good),
        "known": sum(line.is_known for line in good),
        "bad": len(lines) - len(good),
        "text": form.cleaned_data["all_text"] if lines else "",
        "columns": ",".join(registration.COLUMNS),
    }
    return TemplateResponse(request, "admin/tracking/shipment/register.html", context)
