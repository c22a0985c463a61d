"""Statuses: what a phrase can mean, and our words for it."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from tracking.admin.base import OddInputMixin, RowContextList
from tracking.admin.words.drafts import discard_draft
from tracking.admin.words.history import HistoryMixin
from tracking.admin.words.phrases import StatusForPhraseMixin
from tracking.admin.words.preview import PreviewMixin, StatusPreview
from tracking.admin.words.wordings import StatusForm, WordingFormSet, WordingInline, keeps_drafts
from tracking.japanpost.examples import has_example
from tracking.models import Status
from tracking.staff.words.deletion import why_not_deleted
from tracking.staff.words.fallbacks import fallbacks, parcels_by_status
from tracking.values.counting import count_of
from tracking.words.glossary import Glossary


class WordsFilter(admin.SimpleListFilter):
    title = "English words"
    parameter_name = "words"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("missing", "Missing: write them next")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.without_words() if self.value() == "missing" else queryset


class StatusList(RowContextList):
    """The context of a row is the count of parcels whose newest scan has a phrase of this status."""

    def row_contexts(self, rows: Sequence[Status], request: HttpRequest) -> list[int]:
        parcels = parcels_by_status(Glossary.current())
        return [parcels[status.pk] for status in rows]


@admin.register(Status)
class StatusAdmin(StatusForPhraseMixin, HistoryMixin, PreviewMixin, OddInputMixin, admin.ModelAdmin):
    """A status with its words, which are drafts until staff publish them."""

    form = StatusForm
    preview = StatusPreview()
    list_display = [
        "name",
        "guide_order",
        "parcel_count",
        "has_draft",
        "step",
        "kind",
        "seen_as",
    ]
    list_editable = ["guide_order"]
    list_filter = [WordsFilter, "stage", "tone", "hidden"]
    search_fields = ["name", "slug", "wordings__title"]
    inlines = [WordingInline]
    fieldsets = [
        ("Where customers meet it", {"fields": ["shown_now", "who_gets_what"]}),
        ("What it is", {"fields": ["name", "slug", "stage", "tone"]}),
        (
            "In the guide",
            {"classes": ["collapse"], "fields": ["guide_order", "example", "hidden", "reviewed_on"]},
        ),
        (
            "Is silence normal?",
            {
                "classes": ["collapse"],
                "fields": [("usual_days", "worry_days")],
                "description": "What our own parcels teach comes first: see “Usual waits”. "
                "These days count where nothing is learnt yet, and the worry days are never cut short.",
            },
        ),
    ]

    class Media:
        css = {"all": ["css/staff/desk.css"]}
        js = ["js/desk.js"]

    def get_readonly_fields(self, request: HttpRequest, obj: Status | None = None) -> list[str]:
        """The slug never changes: the seed, the journey's rules and customers' links name the status by it."""
        return ["shown_now", "who_gets_what", *(["slug"] if obj else [])]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Status]:
        statuses: QuerySet[Status] = super().get_queryset(request)
        drafts = Count("wordings", filter=Q(wordings__draft__isnull=False), distinct=True)
        return statuses.annotate(drafts_here=drafts)

    @admin.display(description="step", ordering="stage", empty_value="–")
    def step(self, status: Status) -> int | None:
        """The number only; the filter of the list has the names."""
        return status.stage

    @admin.display(description="tone", ordering="tone")
    def kind(self, status: Status) -> str:
        """The tone without its explanation."""
        return status.tone

    @admin.display(description="look")
    def seen_as(self, status: Status) -> str:
        if not has_example(status.example):
            return format_html('<a href="{}#{}">guide</a>', reverse("guide"), status.slug)
        return format_html(
            '<a href="{}#{}">guide</a> · <a href="{}">example</a>',
            reverse("guide"),
            status.slug,
            reverse("example", args=[status.example]),
        )

    @admin.display(description="parcels")
    def parcel_count(self, status: Any) -> int:
        return int(status.row_context)

    @admin.display(description="drafts", ordering="drafts_here")
    def has_draft(self, status: Any) -> str:
        return f"{status.drafts_here} waiting" if status.drafts_here else ""

    @admin.display(description="parcels now")
    def shown_now(self, status: Status) -> str:
        count = parcels_by_status(Glossary.current())[status.pk]
        return f"Shown on {count_of(count, 'parcel')} now: their newest scan has a phrase of this status."

    @admin.display(description="who gets what")
    def who_gets_what(self, status: Status) -> str:
        """A table of the words that customers get for each country and language."""
        if not status.pk:
            return "No customer yet: write the words first."
        table = fallbacks(status, Glossary.current())
        return render_to_string("admin/tracking/status/_fallbacks.html", {"fallbacks": table})

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[StatusList]:
        return StatusList

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without the action that deletes many statuses at once."""
        return {name: one for name, one in super().get_actions(request).items() if name != "delete_selected"}

    def get_urls(self) -> list[URLPattern]:
        discard = self.admin_site.admin_view(discard_draft)
        return [
            path("<key:object_id>/discard/<key:wording_id>/", discard, name="tracking_status_discard"),
            *super().get_urls(),
        ]

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        if not isinstance(formset, WordingFormSet):
            super().save_formset(request, form, formset, change)
        elif keeps_drafts(request.POST):
            formset.save_drafts()
        else:
            formset.publish()

    def response_add(
        self, request: HttpRequest, obj: Status, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._after_draft(request, obj) or super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Status) -> HttpResponse:
        return self._after_draft(request, obj) or super().response_change(request, obj)

    def _after_draft(self, request: HttpRequest, obj: Status) -> HttpResponse | None:
        """Lead back to the page after “Save draft”, and to the preview after “Save draft and preview”.

        None after “Save and publish”.
        """
        if not keeps_drafts(request.POST):
            return None
        if not obj.wordings.exclude(draft=None).exists():
            self.message_user(request, "There is no draft: the words are those that customers see.")
        else:
            self.message_user(request, "The draft is saved. Customers do not see it yet.", messages.SUCCESS)
        page = "preview" if "_preview" in request.POST else "change"
        return HttpResponseRedirect(reverse(f"admin:tracking_status_{page}", args=[obj.pk]))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Refuse with the reason while something uses the status."""
        status = self.get_object(request, object_id)
        if status and self.has_delete_permission(request, status) and (reason := why_not_deleted(status)):
            self.message_user(request, reason, messages.ERROR)
            return HttpResponseRedirect(reverse("admin:tracking_status_change", args=[status.pk]))
        return super().delete_view(request, object_id, extra_context)
