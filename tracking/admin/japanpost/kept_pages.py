"""Pages that alarmed us. To read only, and as text only: nothing of them is ever rendered."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html

from tracking.fetching.alarms import DIGEST
from tracking.models import Alarm, KeptPage


class ReadOnlyAdmin(admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(KeptPage)
class KeptPageAdmin(ReadOnlyAdmin):
    """The newest twenty pages of Japan Post's that we could not read, or that had less than before."""

    list_display = ["kept_at", "number", "kind", "reason", "size"]
    list_filter = ["kind"]
    search_fields = ["number", "reason"]
    fields = ["number", "kept_at", "kind", "reason", "size", "page"]
    readonly_fields = ["page"]

    class Media:
        css = {"all": ["css/staff/health.css"]}

    @admin.display(description="the page, as text")
    def page(self, kept: KeptPage) -> str:
        return format_html('<pre class="kept-page">{}</pre>', kept.text)


@admin.register(Alarm)
class AlarmAdmin(ReadOnlyAdmin):
    """What kind of trouble there was on which day, and whether somebody was told by mail."""

    list_display = ["day_of", "kind", "mailed_at"]
    list_filter = ["kind"]

    fields = ["kind", "day_of", "claimed_at", "mailed_at"]
    readonly_fields = ["day_of"]

    @admin.display(description="day", ordering="day")
    def day_of(self, alarm: Alarm) -> str:
        return f"{alarm.day} ({'Japan' if alarm.kind == DIGEST else 'UTC'})"
