"""All wordings in one list, with export to a translator and import. Staff edit wordings at their status."""

from typing import Any

from django import forms
from django.conf.locale import LANG_INFO
from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.http import content_disposition_header

from tracking.admin.base import OddInputMixin
from tracking.models import Wording
from tracking.staff.spreadsheets import MOST_BYTES, UnreadableFileError
from tracking.staff.words import translation
from tracking.staff.words.translation import ChangedMeanwhileError, Plan
from tracking.values.places import japans_day

ALL = "all"


def _languages() -> list[tuple[str, str]]:
    named = [(code, facts["name"]) for code, facts in LANG_INFO.items() if "name" in facts and code != "en"]
    return [(code, f"{name} ({code})") for code, name in sorted(named, key=lambda language: language[1])]


class ExportForm(forms.Form):
    """The language to translate into; `all` exports every language as it is."""

    language = forms.ChoiceField(label="Into", choices=[(ALL, "All languages"), *_languages()], initial="fr")


class ImportForm(forms.Form):
    """The file, for the dry run; or its text and the fingerprint of the plan that was shown, to confirm.

    The cleaned data has `text` and `plan`.
    """

    file = forms.FileField(label="The filled-in sheet", required=False, allow_empty_file=True)
    text = forms.CharField(required=False, strip=False)
    shown = forms.CharField(required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        file = cleaned.get("file")
        if self.errors:
            return cleaned
        if not file and not cleaned.get("text"):
            raise forms.ValidationError("Choose a file first.")
        if file and file.size > MOST_BYTES:
            raise forms.ValidationError(translation.TOO_MUCH)
        try:
            cleaned["text"] = translation.SHEET.decode(file.read()) if file else cleaned["text"]
            cleaned["plan"] = translation.plan_import(cleaned["text"])
        except UnreadableFileError as reason:
            raise forms.ValidationError(str(reason)) from None
        return cleaned


def may_import(request: HttpRequest) -> bool:
    """True with both permissions, because an import adds wordings and changes them."""
    return request.user.has_perms(["tracking.add_wording", "tracking.change_wording"])


@admin.register(Wording)
class WordingAdmin(OddInputMixin, admin.ModelAdmin):
    """Staff can read and search here. They edit words at the status, next to its other words."""

    list_display = ["status_name", "language", "destination_name", "title", "is_hidden"]
    list_filter = ["language", "hidden", ("destination", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["status", "destination"]
    search_fields = [*Wording.TEXTS, "status__name", "status__slug"]
    fields = ["status", "language", "destination", *Wording.TEXTS, "hidden", "where_to_edit"]
    readonly_fields = ["where_to_edit"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("tracking.view_wording")

    @admin.display(description="status", ordering="status")
    def status_name(self, wording: Wording) -> str:
        return wording.status.name

    @admin.display(description="destination", ordering="destination", empty_value="any")
    def destination_name(self, wording: Wording) -> str | None:
        return wording.destination.name if wording.destination else None

    @admin.display(description="hidden", ordering="hidden")
    def is_hidden(self, wording: Wording) -> str:
        """A word: Django's red cross for “no” would look like an error."""
        return "hidden" if wording.hidden else ""

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Lead to the history of the status, which includes that of its words."""
        wording = self.get_object(request, object_id)
        if not self.has_view_permission(request):
            raise PermissionDenied
        if wording is None:
            raise Http404(object_id)
        return HttpResponseRedirect(reverse("admin:tracking_status_history", args=[wording.status_id]))

    @admin.display(description="to edit them")
    def where_to_edit(self, wording: Wording) -> str:
        address = reverse("admin:tracking_status_change", args=[wording.status_id])
        return format_html('<a href="{}">open the status “{}”</a>', address, wording.status)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("export/", view(self.export_page), name="tracking_wording_export"),
            path("import/", view(self.import_page), name="tracking_wording_import"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        extra = {"may_import": may_import(request)}
        return super().changelist_view(request, (extra_context or {}) | extra)

    def export_page(self, request: HttpRequest) -> HttpResponse:
        """A form to choose the language; with a language in the address, the file."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = ExportForm(request.GET or None)
        if not form.is_valid():
            return self._page(request, "export", "Send out for translation", form=form)
        language = form.cleaned_data["language"]
        is_all = language == ALL
        data = translation.export_all() if is_all else translation.export_for_translator(language)
        name = f"wording-{language}-{japans_day()}.csv"
        disposition = content_disposition_header(True, name) or ""
        return HttpResponse(
            data, content_type="text/csv; charset=utf-8", headers={"Content-Disposition": disposition}
        )

    def import_page(self, request: HttpRequest) -> HttpResponse:
        """First a dry run, then the import of all rows or none."""
        if not may_import(request):
            raise PermissionDenied
        form = ImportForm(request.POST or None, request.FILES or None)
        checked: dict[str, Any] = {}
        if form.is_valid():
            checked = form.cleaned_data
            if checked["shown"]:
                try:
                    return self._import(request, checked["text"], checked["shown"])
                except ChangedMeanwhileError:
                    checked["plan"] = translation.plan_import(checked["text"])
                    self.message_user(
                        request,
                        "Nothing was brought in: a colleague changed words here in the meantime. "
                        "Look once more at what would change.",
                        messages.WARNING,
                    )
        return self._page(request, "import", "Bring translations in", form=form, **checked)

    def _import(self, request: HttpRequest, text: str, shown: str) -> HttpResponse:
        with transaction.atomic():
            plan = translation.import_wording(text, shown=shown)
            _log(int(request.user.pk or 0), plan)
        self.message_user(
            request,
            f"Brought in: {len(plan.new)} new, {len(plan.changed)} changed. Customers see them from now on.",
            messages.SUCCESS,
        )
        return HttpResponseRedirect(reverse("admin:tracking_wording_changelist"))

    def _page(self, request: HttpRequest, name: str, title: str, **context: Any) -> HttpResponse:
        everywhere = self.admin_site.each_context(request)
        context |= {**everywhere, "opts": self.opts, "title": title, "may_import": may_import(request)}
        return TemplateResponse(request, f"admin/tracking/wording/{name}.html", context)


def _log(user_id: int, plan: Plan) -> None:
    """Write the imported wordings into the admin's log, as for changes in a form."""
    for rows, flag in ((plan.new, ADDITION), (plan.changed, CHANGE)):
        wordings = [row.wording for row in rows if row.wording]
        if wordings:
            LogEntry.objects.log_actions(user_id, wordings, flag, "Brought in from a translator's file.")
