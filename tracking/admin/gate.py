"""Whether Japan Post answers, and whether we ask. To read only: the gate opens and closes by itself."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from tracking import gate
from tracking.models import Gate


@admin.register(Gate)
class GateAdmin(admin.ModelAdmin):
    """One row: asking, or pausing since when and why."""

    list_display = ["state", "failures_in_a_row", "paused_since", "paused_until", "pause_reason", "under_way"]
    fields = ["state", "failures_in_a_row", "paused_since", "paused_until", "pause_reason", "under_way"]
    readonly_fields = ["state", "under_way"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Gate]:
        gate.current_gate()
        return super().get_queryset(request)

    @admin.display(description="state")
    def state(self, row: Gate) -> str:
        if row.paused_until is None:
            return "Asking" if not row.failures_in_a_row else "Asking, though the last requests failed"
        if row.paused_until > timezone.now():
            return "Pausing: customers see the stored stories"
        return "Pausing until somebody looks up a parcel: that request finds out whether they answer again"

    @admin.display(description="requests under way")
    def under_way(self, row: Gate) -> int:
        return gate.requests_under_way(timezone.now())

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
