"""Parcels: Japan Post's answers as we keep them, which staff read, and three fields that staff edit."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import ngettext

from tracking.admin.base import OddInputMixin
from tracking.admin.edit_conflicts import ConflictAwareForm
from tracking.admin.parcels import parcel_page
from tracking.admin.parcels.columns import StandingColumnsMixin
from tracking.admin.parcels.filters import (
    AttentionFilter,
    DestinationFilter,
    EnquiryFilter,
    SilenceFilter,
    StageFilter,
)
from tracking.admin.parcels.register import register_parcels
from tracking.journey.standing import BATCH, mark_handled, recompute, recompute_outdated
from tracking.models import Shipment
from tracking.staff.parcels.details import shipment_page_of
from tracking.values import numbers


@admin.register(Shipment)
class ShipmentAdmin(StandingColumnsMixin, OddInputMixin, admin.ModelAdmin):
    """A parcel. Its change form shows the parcel's state, messages and history around the form."""

    form = ConflictAwareForm
    change_form_template = "admin/tracking/shipment/change_form.html"
    list_display = [
        "number",
        "state",
        "goes_to",
        "newest_scan",
        "enquiry",
        "order_reference",
        "customers_page",
    ]
    list_filter = [
        AttentionFilter,
        StageFilter,
        ("standing__tone", admin.ChoicesFieldListFilter),
        SilenceFilter,
        EnquiryFilter,
        DestinationFilter,
        "last_outcome",
        "history_missing",
    ]
    list_select_related = ["destination", "standing__status", "standing__destination"]
    list_per_page = 50
    show_full_result_count = False  # it would count all parcels on each page
    show_facets = admin.ShowFacets.NEVER
    search_fields = ["number", "order_reference"]
    search_help_text = "A tracking number, as you have it, or an order reference."
    actions = ["looked_after"]
    autocomplete_fields = ["destination"]
    fieldsets = [
        ("The parcel", {"fields": ["number", "item_class", "destination"]}),
        ("For staff only", {"fields": ["order_reference", "note", "registered_at"]}),
        (
            "Japan Post's answers",
            {
                "classes": ["collapse"],
                "fields": [
                    "last_outcome",
                    "history_missing",
                    "asked_at",
                    "answered_at",
                    "story_at",
                    "changed_at",
                    "ask_again_at",
                    "watch_at",
                    "visited_at",
                ],
            },
        ),
    ]

    class Media:
        css = {"all": ["css/staff/parcel.css"]}

    def get_readonly_fields(self, request: HttpRequest, obj: Shipment | None = None) -> list[str]:
        kept = [
            "item_class",
            "customers_page",
            "last_outcome",
            "history_missing",
            "asked_at",
            "answered_at",
        ]
        kept += ["story_at", "changed_at", "ask_again_at", "watch_at", "visited_at", "registered_at"]
        return ["number", *kept] if obj else kept

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: the first look-up of a number stores the parcel, and so does “Register parcels”."""
        return False

    def save_model(self, request: HttpRequest, obj: Shipment, form: Any, change: bool) -> None:
        """Save the edited fields only: a colleague or Japan Post may have changed others since."""
        obj.save(update_fields=form.changed_data if change else None)
        recompute([obj.pk])

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        """The most urgent parcels first if staff filter by a look or an enquiry, else the newest."""
        for parameter, column in (("look", "standing__look_from"), ("enquiry", "standing__enquiry_ends_on")):
            if parameter in request.GET:
                return [column]
        return ["-created_at"]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Find a number in any spelling, and in a pasted address."""
        if found := numbers.find_numbers(search_term):
            return queryset.filter(number__in=found), False
        return super().get_search_results(request, queryset, search_term)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("register/", view(register_parcels), name="tracking_shipment_register"),
            path("<key:key>/ask/", view(parcel_page.ask), name="tracking_shipment_ask"),
            path(
                "<key:key>/looked-after/",
                view(parcel_page.mark_handled),
                name="tracking_shipment_looked_after",
            ),
            path("<key:key>/evidence/", view(parcel_page.evidence), name="tracking_shipment_evidence"),
            path(
                "<key:key>/evidence.csv",
                view(parcel_page.evidence_csv),
                name="tracking_shipment_evidence_csv",
            ),
            *super().get_urls(),
        ]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        if shipment := kwargs.get("obj"):
            context = context | {"page": shipment_page_of(shipment, now=timezone.now())}
        return super().render_change_form(request, context, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        may_register = request.user.has_perm("tracking.add_shipment")
        if left := recompute_outdated(most=BATCH):
            words = (
                "After a change of words, this list still has the old state of %s parcels. "
                "Each reload computes more of them, and so does the watch."
            )
            messages.info(request, words % f"{left:,}")
        return super().changelist_view(request, (extra_context or {}) | {"may_register": may_register})

    @admin.action(description="I have looked after these", permissions=["change"])
    def looked_after(self, request: HttpRequest, queryset: Any) -> None:
        chosen = list(queryset)
        mark_handled(chosen, now=timezone.now())
        LogEntry.objects.log_actions(str(request.user.pk), chosen, CHANGE, "Looked after it.")
        self.message_user(
            request,
            ngettext("%d parcel needs no look now.", "%d parcels need no look now.", len(chosen))
            % len(chosen),
            messages.SUCCESS,
        )

    @admin.display(description="page")
    def customers_page(self, shipment: Shipment) -> str:
        return format_html('<a href="{}">open</a>', reverse("shipment", args=[shipment.number]))
