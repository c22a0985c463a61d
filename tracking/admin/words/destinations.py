"""Destinations: the countries that parcels go to."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.widgets import AdminTextInputWidget
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import ngettext

from tracking.admin.base import OddInputMixin
from tracking.admin.words.history import HistoryMixin
from tracking.models import Destination
from tracking.models.destinations import VERIFY_AFTER
from tracking.values.links import EXAMPLE_NUMBER
from tracking.values.places import japans_day


class LinkFilter(admin.SimpleListFilter):
    title = "link"
    parameter_name = "link"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("verify", f"Links to verify: not opened for {VERIFY_AFTER.days} days")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.with_link_to_verify(japans_day()) if self.value() == "verify" else queryset


@admin.register(Destination)
class DestinationAdmin(HistoryMixin, OddInputMixin, admin.ModelAdmin):
    """A country: how Japan Post prints its name, who delivers there, where to ask."""

    list_display = [
        "name",
        "code",
        "operator",
        "verified",
        "try_link",
        "holding_days",
        "exchanges_scans",
    ]
    list_filter = [LinkFilter, "link_kind", "exchanges_scans"]
    search_fields = ["name", "code", "printed_names", "operator"]
    actions = ["link_works"]
    fieldsets = [
        ("The country", {"fields": ["name", "name_in_text", "code", "printed_names"]}),
        (
            "Who delivers there",
            {"fields": ["operator", "tracking_url", "link_kind", "try_link", "link_verified_on"]},
        ),
        ("What to expect", {"fields": ["holding_days", "exchanges_scans", "enquiry_months"]}),
        ("For staff only", {"fields": ["note"]}),
    ]

    class Media:
        css = {"all": ["css/staff/desk.css"]}

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        """With a wide field for the link."""
        wide = {"tracking_url": AdminTextInputWidget(attrs={"class": "vLargeTextField"})}
        return super().get_form(request, obj, change, widgets=wide, **options)

    def get_readonly_fields(self, request: HttpRequest, obj: Destination | None = None) -> list[str]:
        return ["try_link", "code"] if obj else ["try_link"]

    def save_model(self, request: HttpRequest, obj: Destination, form: Any, change: bool) -> None:
        """Clear the date of verification after a change of the link, unless the same form sets it."""
        if change and "tracking_url" in form.changed_data and "link_verified_on" not in form.changed_data:
            obj.link_verified_on = None
            self.message_user(
                request, "The link is new: open it once to see that it works.", messages.WARNING
            )
        super().save_model(request, obj, form, change)

    @admin.action(description="I opened the link today and it works", permissions=["change"])
    def link_works(self, request: HttpRequest, queryset: QuerySet[Destination]) -> None:
        opened = list(queryset.exclude(tracking_url=""))
        with transaction.atomic():
            for one in opened:  # one by one: each save writes a history record
                one.link_verified_on = japans_day()
                one.save(update_fields=["link_verified_on"])
        LogEntry.objects.log_actions(str(request.user.pk), opened, CHANGE, "Opened the link: it works.")
        self.message_user(
            request,
            ngettext("%d link is verified.", "%d links are verified.", len(opened)) % len(opened),
            messages.SUCCESS if opened else messages.WARNING,
        )

    @admin.display(description="link opened on", ordering="link_verified_on")
    def verified(self, destination: Destination) -> str:
        opened = destination.link_verified_on
        if not destination.tracking_url:
            return "–"
        if opened is None:
            return "never: please try it"
        again = ": please try it again" if opened < japans_day() - VERIFY_AFTER else ""
        return f"{date_format(opened)}{again}"

    @admin.display(description="try the link")
    def try_link(self, destination: Destination) -> str:
        """The link with a made-up number: the page should open, although it does not know the parcel."""
        if not destination.tracking_url:
            return "–"
        return format_html(
            '<a href="{}" rel="noreferrer noopener" target="_blank">open with {}</a>',
            destination.link_for(EXAMPLE_NUMBER),
            EXAMPLE_NUMBER,
        )

    def has_delete_permission(self, request: HttpRequest, obj: Destination | None = None) -> bool:
        """Never, because the next upgrade would add the country again."""
        return False
