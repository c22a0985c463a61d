"""The views behind the buttons of one parcel's page: ask Japan Post, mark as handled, print the evidence."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_POST, require_safe

from tracking.admin.base import admin_of
from tracking.journey import standing
from tracking.models import Shipment
from tracking.staff.parcels.ask_now import ask_now
from tracking.staff.parcels.evidence import Evidence, csv_of, evidence_of


@require_POST
def ask(request: HttpRequest, key: int) -> HttpResponse:
    """“Ask Japan Post now”: the parcel's page shows the result."""
    shipment = _shipment_to_change(request, key)
    result = ask_now(shipment, now=timezone.now())
    if result.was_asked:
        admin_of(Shipment).log_change(request, shipment, f"Asked Japan Post. {result.text}")
    messages.add_message(request, messages.SUCCESS if result.is_good else messages.WARNING, result.text)
    return _to_page(key)


@require_POST
def mark_handled(request: HttpRequest, key: int) -> HttpResponse:
    """“I have looked after it”: takes the parcel off the list until there is another reason."""
    shipment = _shipment_to_change(request, key)
    standing.mark_handled([shipment], now=timezone.now())
    admin_of(Shipment).log_change(request, shipment, "Looked after it.")
    messages.success(request, f"{shipment} needs no look until there is another reason.")
    return _to_page(key)


@require_safe
def evidence(request: HttpRequest, key: int) -> HttpResponse:
    """Everything that we keep about the parcel, to print."""
    context = {"evidence": _evidence(request, key)}
    return TemplateResponse(request, "admin/tracking/shipment/evidence.html", context)


@require_safe
def evidence_csv(request: HttpRequest, key: int) -> StreamingHttpResponse:
    """Everything that we keep about the parcel, as a CSV file."""
    found = _evidence(request, key)
    name = f"evidence-{found.shipment.number}.csv"
    return StreamingHttpResponse(
        csv_of(found),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": content_disposition_header(True, name) or ""},
    )


def _evidence(request: HttpRequest, key: int) -> Evidence:
    if not admin_of(Shipment).has_view_permission(request):
        raise PermissionDenied
    shipment = get_object_or_404(Shipment, pk=key)
    return evidence_of(
        shipment,
        now=timezone.now(),
        made_by=request.user.get_username(),
        page_url=request.build_absolute_uri(reverse("shipment", args=[shipment.number])),
    )


def _shipment_to_change(request: HttpRequest, key: int) -> Shipment:
    if not admin_of(Shipment).has_change_permission(request):
        raise PermissionDenied
    return get_object_or_404(Shipment, pk=key)


def _to_page(key: int) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:tracking_shipment_change", args=[key]))
