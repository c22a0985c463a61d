"""The history of a row of words: each change with its author and what was different, and the way back."""

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

from tracking.admin.edit_conflicts import TOKEN, ConflictAwareForm
from tracking.models import Notice, Status, Wording
from tracking.staff.words.history import Change, changes_of, go_back, histories_of, is_about_draft
from tracking.values.places import japans_day

PER_PAGE = 50
_SEEN_NOW = "Customers see it now."
_IS_DRAFT = "It is a draft: customers do not see it yet."


class WithHistory(admin.ModelAdmin):
    """For models with `kept_history`: our history page in place of Django's, no line where nothing changed, and nothing
    stored over what others stored meanwhile."""

    form = ConflictAwareForm

    class Media:
        css = {"all": ["css/staff/desk.css"]}

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without the version token: templates/admin/tracking/change_form.html prints it."""
        return [name for name in super().get_fields(request, obj) if name != TOKEN]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if form.changed_data or not change:
            super().save_model(request, obj, form, change)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """GET: the history. POST: back to what stood after one of its lines."""
        obj = self.get_object(request, object_id)
        if obj is None:
            raise Http404(object_id)
        if not self.has_view_or_change_permission(request, obj):
            raise PermissionDenied
        changes = changes_of(chain(*histories_of(obj)))
        if request.method == "POST":
            return self._go_back(request, obj, changes)
        return self._history_page(request, obj, changes, extra_context or {})

    def _history_page(
        self, request: HttpRequest, obj: Any, changes: list[Change], more: dict[str, Any]
    ) -> HttpResponse:
        page = Paginator(changes, PER_PAGE).get_page(request.GET.get("page"))
        context = {
            **self.admin_site.each_context(request),
            "title": f"History: {obj}",
            "opts": self.opts,
            "object": obj,
            "changes": page,
            "may_go_back": self.has_change_permission(request, obj),
        }
        return TemplateResponse(request, "admin/tracking/history.html", context | more)

    def _go_back(self, request: HttpRequest, obj: Any, changes: list[Change]) -> HttpResponse:
        if not self.has_change_permission(request, obj):
            raise PermissionDenied
        chosen = next((one for one in changes if one.key == request.POST.get("to")), None)
        if chosen is None:
            raise Http404("no such line")
        try:
            with transaction.atomic():
                row = go_back(chosen.record)
        except ValidationError as error:
            self.message_user(request, f"Nothing was changed: {' '.join(error.messages)}", messages.ERROR)
        else:
            when = f"{localtime(chosen.at):%Y-%m-%d %H:%M}, Japan time"
            self.log_change(request, obj, f"Went back to how {chosen.what.lower()} stood on {when}")
            sees = _IS_DRAFT if is_about_draft(chosen.record) else _who_sees(row, japans_day())
            self.message_user(request, f"{chosen.what}: back to how it was. {sees}", messages.SUCCESS)
        return HttpResponseRedirect(request.path)


def _who_sees(row: Any, today: date) -> str:
    """What has become of it for customers."""
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
