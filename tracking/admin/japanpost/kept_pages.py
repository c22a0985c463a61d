"""Pages of Japan Post that raised an alarm, and the alarms. Read-only; pages are shown as text."""

from django.contrib import admin
from django.utils.html import format_html

from tracking.admin.base import ReadOnlyAdmin
from tracking.fetching.alarms import DIGEST
from tracking.models import Alarm, KeptPage


@admin.register(KeptPage)
class KeptPageAdmin(ReadOnlyAdmin):
    """One of the newest twenty pages that we could not read, or that had less than before."""

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
    """One kind of alarm on one day, and the time of the mail to the technical contact."""

    list_display = ["day_of", "kind", "mailed_at"]
    list_filter = ["kind"]

    fields = ["kind", "day_of", "claimed_at", "mailed_at"]
    readonly_fields = ["day_of"]

    @admin.display(description="day", ordering="day")
    def day_of(self, alarm: Alarm) -> str:
        return f"{alarm.day} ({'Japan' if alarm.kind == DIGEST else 'UTC'})"
