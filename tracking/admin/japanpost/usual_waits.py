"""How long parcels really waited. Read-only: `manage.py learn` recomputes it."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from tracking.admin.base import ReadOnlyAdmin
from tracking.models import UsualWait

_TITLE = (
    "How long our own parcels waited for their next scan. "
    "“learn” counts them again each time; there is nothing to edit."
)


@admin.register(UsualWait)
class UsualWaitAdmin(ReadOnlyAdmin):
    """The days that customers read under “Is this normal?”, next to the days that staff entered."""

    list_display = [
        "status",
        "goes_to",
        "median_days",
        "nine_in_ten_days",
        "staff_days",
        "parcels",
        "learned_at",
    ]
    list_filter = ["status", "destination"]
    list_select_related = ["status", "destination"]
    fields = ["status", "goes_to", "median_days", "nine_in_ten_days", "staff_days", "parcels", "learned_at"]
    readonly_fields = ["goes_to", "staff_days"]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, {"title": _TITLE} | (extra_context or {}))

    @admin.display(description="parcels to", ordering="destination")
    def goes_to(self, wait: UsualWait) -> str:
        return wait.destination.name if wait.destination else "all countries together"

    @admin.display(description="usual days that staff gave", ordering="status__usual_days")
    def staff_days(self, wait: UsualWait) -> int:
        return wait.status.usual_days

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never by hand: `manage.py learn` deletes figures that too few parcels support."""
        return False
