"""Parcels: what Japan Post said, kept as it was said. Staff read here; only destination is theirs to write."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from tracking.models import Event, Fetch, Shipment


class ReadOnlyInline(admin.TabularInline):
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class EventInline(ReadOnlyInline):
    """The story, rows that a later answer replaced included (they have a date in “superseded at”)."""

    model = Event
    verbose_name_plural = "What Japan Post said (superseded rows stay visible)"
    fields = [
        "position",
        "local_date",
        "local_time",
        "phrase",
        "details",
        "office",
        "region",
        "postal_code",
        "first_seen_at",
        "superseded_at",
    ]


class FetchInline(ReadOnlyInline):
    model = Fetch
    verbose_name_plural = "When we asked"
    fields = ["started_at", "asked_by", "outcome", "milliseconds", "size", "note"]


@admin.register(Shipment)
class ShipmentAdmin(admin.ModelAdmin):
    list_display = ["number", "last_outcome", "destination", "answered_at", "changed_at", "customers_page"]
    list_filter = ["last_outcome", "history_missing", ("destination", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["destination"]
    search_fields = ["number"]
    autocomplete_fields = ["destination"]
    inlines = [EventInline, FetchInline]
    fieldsets = [
        ("The parcel", {"fields": ["number", "item_class", "destination", "customers_page"]}),
        (
            "Japan Post's answers",
            {
                "fields": [
                    "last_outcome",
                    "history_missing",
                    "asked_at",
                    "answered_at",
                    "story_at",
                    "changed_at",
                    "ask_again_at",
                    "watch_at",
                ]
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
        theirs += ["story_at", "changed_at", "ask_again_at", "watch_at"]
        return ["number", *theirs] if obj else theirs

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A parcel appears here by itself when somebody first looks it up."""
        return False

    @admin.display(description="as the customer sees it")
    def customers_page(self, shipment: Shipment) -> str:
        return format_html('<a href="{}">open</a>', reverse("shipment", args=[shipment.number]))


@admin.register(Fetch)
class FetchAdmin(admin.ModelAdmin):
    """Every time we asked Japan Post."""

    list_display = ["started_at", "shipment", "asked_by", "outcome", "milliseconds", "size", "note"]
    list_filter = ["outcome", "asked_by", "started_at"]
    list_select_related = ["shipment"]
    search_fields = ["shipment__number"]
    date_hierarchy = "started_at"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Fetch | None = None) -> bool:
        return False
