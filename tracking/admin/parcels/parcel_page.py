"""One parcel's page at the desk: its state, its claim clock, its messages, its history, and the evidence of it all."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_POST, require_safe

from tracking.journey.standing import look_after
from tracking.models import Shipment
from tracking.staff.parcels.ask_now import ask_now
from tracking.staff.parcels.details import parcel_of
from tracking.staff.parcels.evidence import Evidence, csv_of, evidence_of


class ParcelDesk(admin.ModelAdmin):
    """For the shipments' admin: what its change form shows around the form, and the addresses behind its buttons."""

    change_form_template = "admin/tracking/shipment/change_form.html"

    class Media:
        css = {"all": ["css/staff/parcel.css"]}

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site
        return [
            path("<int:key>/ask/", site.admin_view(self.ask), name="tracking_shipment_ask"),
            path(
                "<int:key>/looked-after/",
                site.admin_view(self.say_looked_after),
                name="tracking_shipment_looked_after",
            ),
            path("<int:key>/evidence/", site.admin_view(self.evidence), name="tracking_shipment_evidence"),
            path(
                "<int:key>/evidence.csv",
                site.admin_view(self.evidence_csv),
                name="tracking_shipment_evidence_csv",
            ),
            *super().get_urls(),
        ]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        if shipment := kwargs.get("obj"):
            context = context | {"desk": parcel_of(shipment, now=timezone.now())}
        return super().render_change_form(request, context, *args, **kwargs)

    @method_decorator(require_POST)
    def ask(self, request: HttpRequest, key: int) -> HttpResponse:
        """“Ask Japan Post now”: what came of it is said on the parcel's page."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        shipment = get_object_or_404(Shipment, pk=key)
        came = ask_now(shipment, now=timezone.now())
        if came.was_asked:
            self.log_change(request, shipment, f"Asked Japan Post. {came.words}")
        self.message_user(request, came.words, messages.SUCCESS if came.is_good else messages.WARNING)
        return HttpResponseRedirect(reverse("admin:tracking_shipment_change", args=[key]))

    @method_decorator(require_POST)
    def say_looked_after(self, request: HttpRequest, key: int) -> HttpResponse:
        """“I have looked after it”: off the list until there is another reason."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        shipment = get_object_or_404(Shipment, pk=key)
        look_after([shipment], now=timezone.now())
        self.log_change(request, shipment, "Looked after it.")
        self.message_user(
            request, f"{shipment} needs no look until there is another reason.", messages.SUCCESS
        )
        return HttpResponseRedirect(reverse("admin:tracking_shipment_change", args=[key]))

    @method_decorator(require_safe)
    def evidence(self, request: HttpRequest, key: int) -> HttpResponse:
        """Everything we kept, on paper."""
        return TemplateResponse(
            request, "admin/tracking/shipment/evidence.html", {"evidence": self._evidence(request, key)}
        )

    @method_decorator(require_safe)
    def evidence_csv(self, request: HttpRequest, key: int) -> StreamingHttpResponse:
        """Everything we kept, as a sheet."""
        evidence = self._evidence(request, key)
        name = f"evidence-{evidence.shipment.number}.csv"
        return StreamingHttpResponse(
            csv_of(evidence),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": content_disposition_header(True, name) or ""},
        )

    def _evidence(self, request: HttpRequest, key: int) -> Evidence:
        if not self.has_view_permission(request):
            raise PermissionDenied
        shipment = get_object_or_404(Shipment, pk=key)
        return evidence_of(
            shipment,
            now=timezone.now(),
            made_by=request.user.get_username(),
            page_url=request.build_absolute_uri(reverse("shipment", args=[shipment.number])),
        )
