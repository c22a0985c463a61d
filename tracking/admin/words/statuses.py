"""The words: what a phrase means, and what we say about it."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from tracking.admin.edit_conflicts import changed_since_opened, version_token
from tracking.admin.words.history import WithHistory
from tracking.admin.words.phrases import StatusForPhrase
from tracking.admin.words.preview import StatusPreview
from tracking.admin.words.wordings import StatusForm, WordingFormSet, WordingInline, keeps_drafts
from tracking.japanpost.examples import has_example
from tracking.models import Status, Wording
from tracking.staff.words.deletion import why_not_deleted
from tracking.staff.words.difference import word_difference
from tracking.staff.words.fallbacks import fallbacks, parcels_by_status
from tracking.staff.words.history import changes_of
from tracking.words.glossary import Glossary


class WordsFilter(admin.SimpleListFilter):
    title = "English words"
    parameter_name = "words"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("missing", "Missing: write them next")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.without_words() if self.value() == "missing" else queryset


class StatusList(ChangeList):
    """The list, with one count of parcels for all of its rows."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        parcels = parcels_by_status(Glossary.current())
        for status in self.result_list:
            status.parcels_now = parcels[status.pk]


@admin.register(Status)
class StatusAdmin(StatusForPhrase, WithHistory, StatusPreview):
    """What a phrase means, and our words for it: as drafts, until they are published."""

    form = StatusForm

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
                "description": "What our own parcels teach comes first: see “Usual waits”. These days count where nothing is "
                "learnt yet, and the worry days are never cut short.",
            },
        ),
    ]

    class Media:
        js = ["js/desk.js"]

    def get_readonly_fields(self, request: HttpRequest, obj: Status | None = None) -> list[str]:
        """The slug is for good: the seed, the rules of the journey and customers' links know the status by it."""
        return ["shown_now", "who_gets_what", *(["slug"] if obj else [])]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Status]:
        return (
            super()
            .get_queryset(request)
            .annotate(
                drafts_here=Count("wordings", filter=Q(wordings__draft__isnull=False), distinct=True),
            )
        )

    @admin.display(description="step", ordering="stage", empty_value="–")
    def step(self, status: Status) -> int | None:
        """Its number alone: the filter beside the list has the names."""
        return status.stage

    @admin.display(description="tone", ordering="tone")
    def kind(self, status: Status) -> str:
        """The word without its explanation."""
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
        """Parcels whose newest scan has a phrase of this status."""
        return status.parcels_now

    @admin.display(description="drafts", ordering="drafts_here")
    def has_draft(self, status: Any) -> str:
        return f"{status.drafts_here} waiting" if status.drafts_here else ""

    @admin.display(description="parcels now")
    def shown_now(self, status: Status) -> str:
        count = parcels_by_status(Glossary.current())[status.pk]
        return f"Shown on {count} parcel{'' if count == 1 else 's'} now: their newest scan has a phrase of this status."

    @admin.display(description="who gets what")
    def who_gets_what(self, status: Status) -> str:
        """The words that customers get in each country and language, as their pages look them up."""
        if not status.pk:
            return "Nobody yet: write the words first."
        table = fallbacks(status, Glossary.current())
        return render_to_string("admin/tracking/status/_fallbacks.html", {"fallbacks": table})

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return StatusList

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """No deleting of many: each is looked at by itself."""
        return {name: one for name, one in super().get_actions(request).items() if name != "delete_selected"}

    def get_urls(self) -> list[URLPattern]:
        discard = self.admin_site.admin_view(self.discard_page)
        return [
            path("<int:object_id>/discard/<int:wording_id>/", discard, name="tracking_status_discard"),
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
        return self._drafted(request, obj) or super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Status) -> HttpResponse:
        return self._drafted(request, obj) or super().response_change(request, obj)

    def _drafted(self, request: HttpRequest, obj: Status) -> HttpResponse | None:
        """After “Save draft” back to the page, after “Save draft and preview” to the preview."""
        if not keeps_drafts(request.POST):
            return None
        if not obj.wordings.exclude(draft=None).exists():
            self.message_user(request, "There is no draft: the words are those that customers see.")
        else:
            self.message_user(request, "The draft is saved. Customers do not see it yet.", messages.SUCCESS)
        page = "preview" if "_preview" in request.POST else "change"
        return HttpResponseRedirect(reverse(f"admin:tracking_status_{page}", args=[obj.pk]))

    def discard_page(self, request: HttpRequest, object_id: int, wording_id: int) -> HttpResponse:
        """GET: the draft beside what customers see. POST: away with the draft; the history keeps it."""
        may_discard = self.has_change_permission(request)
        if not may_discard and (request.method == "POST" or not self.has_view_permission(request)):
            raise PermissionDenied
        wording = Wording.objects.filter(pk=wording_id, status=object_id).exclude(draft=None).first()
        if wording is None:
            self.message_user(request, "These words have no draft any more.", messages.WARNING)
            return HttpResponseRedirect(reverse("admin:tracking_status_change", args=[object_id]))
        if request.method == "POST":
            return self._discard(request, wording)
        return self._draft_page(request, wording)

    def _draft_page(self, request: HttpRequest, wording: Wording) -> HttpResponse:
        drafted = wording.drafted_texts
        context = {
            **self.admin_site.each_context(request),
            "title": "Draft and what customers see",
            "opts": self.opts,
            "object": wording.status,
            "wording": wording,
            "version_token": version_token(wording),
            "may_discard": self.has_change_permission(request),
            "fields": [
                (name.replace("_", " "), word_difference(text, drafted[name]))
                for name, text in wording.texts.items()
            ],
        }
        return TemplateResponse(request, "admin/tracking/status/discard.html", context)

    def _discard(self, request: HttpRequest, wording: Wording) -> HttpResponse:
        """Only the draft that the page showed; another one is shown first."""
        with transaction.atomic():
            if changed_since_opened(request.POST, wording):
                who = changes_of(wording.history.all())[0].who
                words = f"Nothing is discarded: {who} changed these words after you opened this page. Here they are as they stand now."
                self.message_user(request, words, messages.WARNING)
                return HttpResponseRedirect(request.path)
            wording.discard_draft()
        self.log_change(request, wording.status, f"Discarded the draft of {wording}")
        self.message_user(request, "The draft is discarded. The history still has it.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:tracking_status_change", args=[wording.status_id]))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Refused with the reason while anything uses it."""
        status = self.get_object(request, object_id)
        if status and self.has_delete_permission(request, status) and (reason := why_not_deleted(status)):
            self.message_user(request, reason, messages.ERROR)
            return HttpResponseRedirect(reverse("admin:tracking_status_change", args=[status.pk]))
        return super().delete_view(request, object_id, extra_context)
