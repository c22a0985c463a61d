"""Notices: announcements for customers."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from tracking.admin.base import OddInputMixin
from tracking.admin.words.history import HistoryMixin
from tracking.admin.words.preview import NoticePreview, PreviewMixin
from tracking.models import Notice
from tracking.staff.start_page import NOTICE_ENDS_SOON
from tracking.values.places import japans_day


class TimeFilter(admin.SimpleListFilter):
    title = "time"
    parameter_name = "time"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("now", "Up now: customers see it"),
            ("ending", "Up now, ends within a week"),
            ("planned", "Planned"),
            ("over", "Over"),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        today = japans_day()
        match self.value():
            case "now":
                return queryset.current(today)
            case "ending":
                return queryset.ending_soon(today, NOTICE_ENDS_SOON)
            case "planned":
                return queryset.planned(today)
            case "over":
                return queryset.over(today)
        return queryset


@admin.register(Notice)
class NoticeAdmin(HistoryMixin, PreviewMixin, OddInputMixin, admin.ModelAdmin):
    """An announcement for one country or for all, with a first and a last day."""

    preview = NoticePreview()
    list_display = ["title", "destination", "severity", "starts_on", "ends_on", "state"]
    list_filter = [TimeFilter, "severity", ("destination", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["destination"]
    search_fields = ["title", "text"]
    autocomplete_fields = ["destination"]

    class Media:
        css = {"all": ["css/staff/desk.css"]}

    @admin.display(description="state")
    def state(self, notice: Notice) -> str:
        today = japans_day()
        if notice.is_current(today):
            return "up now"
        return "planned" if notice.starts_on > today else "over"
