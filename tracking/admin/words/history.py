"""The history page of a row of words: each change with its author and its difference, and the way back."""

from datetime import date
from itertools import chain
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.formats import date_format
from django.utils.timezone import localtime

from tracking.admin.base import ModelAdminMixin, page_context
from tracking.admin.edit_conflicts import TOKEN, ConflictAwareForm
from tracking.models import Notice, Status, Wording
from tracking.staff.words.history import HistoryLine, changes_of, go_back, histories_of, is_about_draft
from tracking.values.places import japans_day

PER_PAGE = 50
_SEEN_NOW = "Customers see it now."
_IS_DRAFT = "It is a draft: customers do not see it yet."


class HistoryMixin(ModelAdminMixin):
    """For models with `kept_history`: our history page instead of Django's, no record for a save that changes nothing,
    and the check for edit conflicts. Needs css/staff/desk.css.
    """

    form = ConflictAwareForm

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without the version token: templates/admin/tracking/change_form.html prints it."""
        return [name for name in super().get_fields(request, obj) if name != TOKEN]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if form.changed_data or not change:
            super().save_model(request, obj, form, change)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """GET: the history. POST: makes the row what it was after one of the changes."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404(object_id)
        may_change = self.has_change_permission(request, row)
        if not (may_change or self.has_view_permission(request, row)):
            raise PermissionDenied
        changes = changes_of(chain(*histories_of(row)))
        if request.method == "POST":
            if not may_change:
                raise PermissionDenied
            return _go_back(self, request, row, changes)
        context = {
            **page_context(self, request, f"History: {row}"),
            "object": row,
            "changes": Paginator(changes, PER_PAGE).get_page(request.GET.get("page")),
            "may_go_back": may_change,
        }
        return TemplateResponse(request, "admin/tracking/history.html", context | (extra_context or {}))


def _go_back(
    model_admin: admin.ModelAdmin, request: HttpRequest, row: Any, changes: list[HistoryLine]
) -> HttpResponse:
    chosen = next((change for change in changes if change.key == request.POST.get("to")), None)
    if chosen is None:
        raise Http404("no such line")
    try:
        with transaction.atomic():
            restored = go_back(chosen.record)
    except ValidationError as error:
        messages.error(request, f"Nothing was changed: {' '.join(error.messages)}")
    else:
        when = f"{localtime(chosen.at):%Y-%m-%d %H:%M}, Japan time"
        model_admin.log_change(request, row, f"Went back to how {chosen.what.lower()} stood on {when}")
        sees = _IS_DRAFT if is_about_draft(chosen.record) else _who_sees(restored, japans_day())
        messages.success(request, f"{chosen.what}: back to how it was. {sees}")
    return HttpResponseRedirect(request.path)


def _who_sees(row: Any, today: date) -> str:
    """A sentence on whether customers see the restored row."""
    match row:
        case Wording():
            sees = "These words are hidden: customers do not see them." if row.hidden else _SEEN_NOW
            return f"{sees} A draft of these words still waits." if row.draft else sees
        case Status(hidden=True):
            return "It is hidden: the guide leaves it out; on parcels' pages customers see it now."
        case Notice() if row.starts_on > today:
            return f"Customers see it from {date_format(row.starts_on, 'j F Y')} on."
        case Notice() if not row.is_current(today):
            return "Its last day is gone: customers do not see it."
    return _SEEN_NOW
