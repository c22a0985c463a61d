"""Whether Japan Post answers, and whether we ask it. Read-only: the gate pauses and resumes by itself."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from tracking.admin.base import ReadOnlyAdmin, page_context
from tracking.fetching import alarms, gate, health
from tracking.models import Gate, KeptPage
from tracking.staff import charts


@admin.register(Gate)
class GateAdmin(ReadOnlyAdmin):
    """The one row of the gate. Its list is the page of Japan Post's health."""

    fields = ["state", "failures_in_a_row", "paused_since", "paused_until", "pause_reason", "under_way"]
    readonly_fields = ["state", "under_way"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Gate]:
        gate.current_gate()
        return super().get_queryset(request)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The page of Japan Post's health instead of a list of one row."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        now = timezone.now()
        row = gate.current_gate()
        context = {
            **page_context(self, request, str(self.opts.verbose_name)),
            "today": health.today(now=now).text,
            "gate": row,
            "state": self.state(row),
            "under_way": self.under_way(row),
            "last_asked": health.last_asked(now=now),
            "panels": [_panel(health.last_hours(now=now)), _panel(health.last_days(now=now))],
            "unreadable": KeptPage.objects.exclude(kind=alarms.STORY_VANISHED).defer("body"),
        }
        return TemplateResponse(request, "admin/tracking/gate/health.html", context)

    @admin.display(description="state")
    def state(self, row: Gate) -> str:
        return health.pause_text(row, now=timezone.now())

    @admin.display(description="requests under way")
    def under_way(self, row: Gate) -> int:
        return gate.requests_under_way(timezone.now())

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _panel(span: health.Span) -> dict[str, Any]:
    """One span of time with its two charts, each with its legend."""
    charts_of_span = [
        ("How they ended", charts.outcomes_chart(span), charts.OUTCOMES),
        ("How long answers took", charts.latency_chart(span), charts.LATENCIES),
    ]
    return {"span": span, "drawings": charts_of_span, "outcomes": charts.OUTCOMES}
