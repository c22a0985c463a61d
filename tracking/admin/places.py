"""Where parcels go, and what we announce."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html

from tracking.admin.history import WithHistory
from tracking.admin.preview import NoticePreview
from tracking.models import Destination, Notice


class LinkFilter(admin.SimpleListFilter):
    title = "link"
    parameter_name = "link"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("unverified", "Nobody has opened it yet")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(link_verified_on=None) if self.value() == "unverified" else queryset


@admin.register(Destination)
class DestinationAdmin(WithHistory):
    """Countries: how Japan Post prints them, who delivers there, where to ask."""

    list_display = [
        "name",
        "code",
        "operator",
        "link_kind",
        "holding_days",
        "exchanges_scans",
        "link_verified_on",
        "try_link",
    ]
    list_filter = [LinkFilter, "link_kind", "exchanges_scans"]
    search_fields = ["name", "code", "printed_names", "operator"]
    fieldsets = [
        ("The country", {"fields": ["name", "name_in_text", "code", "printed_names"]}),
        ("Who delivers there", {"fields": ["operator", "tracking_url", "link_kind", "link_verified_on"]}),
        ("What to expect", {"fields": ["holding_days", "exchanges_scans", "enquiry_months"]}),
        ("For staff only", {"fields": ["note"]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Destination | None = None) -> list[str]:
        return ["code"] if obj else []

    @admin.display(description="try the link")
    def try_link(self, destination: Destination) -> str:
        if not destination.tracking_url:
            return "–"
        return format_html(
            '<a href="{}" rel="noreferrer noopener" target="_blank">open</a>',
            destination.link_for("EM123456785JP"),
        )

    def has_delete_permission(self, request: HttpRequest, obj: Destination | None = None) -> bool:
        """Never: it would come back with the next upgrade."""
        return False


class CurrentFilter(admin.SimpleListFilter):
    title = "time"
    parameter_name = "time"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("now", "Customers see it today")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.current(timezone.localdate()) if self.value() == "now" else queryset


@admin.register(Notice)
class NoticeAdmin(WithHistory, NoticePreview):
    """Announcements, for one country or for all, with a first and a last day."""

    list_display = ["title", "destination", "severity", "starts_on", "ends_on", "is_up"]
    list_filter = [CurrentFilter, "severity", "destination"]
    search_fields = ["title", "text"]
    autocomplete_fields = ["destination"]

    @admin.display(description="customers see it today", boolean=True)
    def is_up(self, notice: Notice) -> bool:
        return notice.is_current(timezone.localdate())
