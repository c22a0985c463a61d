"""Parcels: what Japan Post said, kept as it was said. Staff read here; destination, order and note are theirs to write."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import ngettext

from tracking.admin.edit_conflicts import ConflictAwareForm
from tracking.admin.parcels.filters import (
    DestinationFilter,
    EnquiryFilter,
    LookFilter,
    SilenceFilter,
    StageFilter,
    StandingColumns,
)
from tracking.admin.parcels.parcel_page import ParcelDesk
from tracking.journey.standing import RENEWED_AT_ONCE, look_after, renew, renew_outdated
from tracking.models import Shipment, Standing
from tracking.staff.parcels import registration
from tracking.staff.parcels.forms import RegistrationForm
from tracking.values import numbers


@admin.register(Shipment)
class ShipmentAdmin(StandingColumns, ParcelDesk):
    form = ConflictAwareForm
    list_display = [
        "number",
        "stands",
        "goes_to",
        "newest_scan",
        "enquiry",
        "order_reference",
        "customers_page",
    ]
    list_filter = [
        LookFilter,
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
                ],
            },
        ),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Shipment | None = None) -> list[str]:
        theirs = [
            "item_class",
            "customers_page",
            "last_outcome",
            "history_missing",
            "asked_at",
            "answered_at",
        ]
        theirs += ["story_at", "changed_at", "ask_again_at", "watch_at", "registered_at"]
        return ["number", *theirs] if obj else theirs

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A parcel appears here by itself when somebody first looks it up, or by “Register parcels”."""
        return False

    def save_model(self, request: HttpRequest, obj: Shipment, form: Any, change: bool) -> None:
        """Only what was edited: meanwhile others may have written, or asked Japan Post about it."""
        obj.save(update_fields=form.changed_data if change else None)
        renew([obj.pk])

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        """The most urgent first where staff look for those; else the newest."""
        for parameter, column in (("look", "standing__look_from"), ("enquiry", "standing__enquiry_ends_on")):
            if parameter in request.GET:
                return [column]
        return ["-created_at"]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """A number is found however it is written, a pasted address included."""
        if found := numbers.find_numbers(search_term):
            return queryset.filter(number__in=found), False
        return super().get_search_results(request, queryset, search_term)

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.register_page)
        return [path("register/", page, name="tracking_shipment_register"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        may_register = request.user.has_perm("tracking.add_shipment")
        if left := renew_outdated(most=RENEWED_AT_ONCE):
            words = "After a change of words %s parcels still stand here as before. Reload to go on; the watch does so too."
            messages.info(request, words % f"{left:,}")
        return super().changelist_view(request, (extra_context or {}) | {"may_register": may_register})

    def register_page(self, request: HttpRequest) -> HttpResponse:
        """First a dry run, then the good lines are stored; the bad ones stay to be corrected."""
        if not request.user.has_perm("tracking.add_shipment"):
            raise PermissionDenied
        form = RegistrationForm(request.POST or None, request.FILES or None)
        if not form.is_valid():
            return self._register_page(request, form, [])
        lines = form.cleaned_data["lines"]
        if "register" not in request.POST:
            return self._register_page(request, form, lines)
        bad = [line for line in lines if line.problem]
        left = f" {len(bad)} lines were not: they are listed below." if bad else ""
        words = self._register(request, lines) + left
        self.message_user(request, words, messages.WARNING if bad else messages.SUCCESS)
        if not bad:
            return HttpResponseRedirect(reverse("admin:tracking_shipment_changelist"))
        return self._register_page(request, form, bad)

    def _register(self, request: HttpRequest, lines: list[registration.ParcelRow]) -> str:
        """Store the good lines; says how many there were."""
        with transaction.atomic():
            added, updated = registration.register(lines, now=timezone.now())
            Standing.objects.filter(shipment__number__in=[line.number for line in lines]).outdate()
            self._log_registration(request, lines)
        return f"{added} parcels registered, {updated} known ones updated."

    def _log_registration(self, request: HttpRequest, lines: list[registration.ParcelRow]) -> None:
        """Who registered or updated which parcel: the admin logs by itself only what goes through its forms."""
        for is_known, action in ((False, ADDITION), (True, CHANGE)):
            numbers = [line.number for line in lines if not line.problem and line.is_known == is_known]
            for some in registration.in_parts(numbers):
                LogEntry.objects.log_actions(
                    str(request.user.pk), Shipment.objects.filter(number__in=some), action, "From a list."
                )

    def _register_page(
        self, request: HttpRequest, form: RegistrationForm, lines: list[registration.ParcelRow]
    ) -> HttpResponse:
        good = [line for line in lines if not line.problem]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Register parcels",
            "form": form,
            "lines": lines,
            "good": len(good),
            "known": sum(line.is_known for line in good),
            "bad": len(lines) - len(good),
            "text": form.cleaned_data["all_text"] if lines else "",
            "columns": ",".join(registration.COLUMNS),
        }
        return TemplateResponse(request, "admin/tracking/shipment/register.html", context)

    @admin.action(description="I have looked after these", permissions=["change"])
    def looked_after(self, request: HttpRequest, queryset: Any) -> None:
        chosen = list(queryset)
        look_after(chosen, now=timezone.now())
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
