"""The words: what a phrase means, and what we say about it."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from tracking.admin.phrases import StatusForPhrase
from tracking.models import Status, Wording


class WordingInline(admin.StackedInline):
    model = Wording
    extra = 0
    autocomplete_fields = ["destination"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("language", "destination", "hidden"),
                    "title",
                    "meaning",
                    "what_to_do",
                    "who_has_it",
                ]
            },
        )
    ]


class WordsFilter(admin.SimpleListFilter):
    title = "English words"
    parameter_name = "words"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("missing", "Missing: write them next")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.without_words() if self.value() == "missing" else queryset


@admin.register(Status)
class StatusAdmin(StatusForPhrase):
    """What a phrase means, and our words for it."""

    list_display = [
        "name",
        "stage",
        "tone",
        "guide_order",
        "usual_days",
        "worry_days",
        "phrase_count",
        "reviewed_on",
        "seen_as",
    ]
    list_filter = [WordsFilter, "stage", "tone", "hidden"]
    search_fields = ["name", "slug", "wordings__title"]
    inlines = [WordingInline]
    fieldsets = [
        ("What it is", {"fields": ["name", "slug", "stage", "tone"]}),
        ("In the guide", {"fields": ["guide_order", "example", "hidden", "reviewed_on"]}),
        (
            "Is silence normal?",
            {
                "fields": [("usual_days", "worry_days")],
                "description": "What our own parcels teach comes first: see “Usual waits”. These days count where nothing is "
                "learnt yet, and the worry days are never cut short.",
            },
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Status]:
        return super().get_queryset(request).annotate(phrases_here=Count("phrases"))

    @admin.display(description="phrases", ordering="phrases_here")
    def phrase_count(self, status: Any) -> int:
        return status.phrases_here

    @admin.display(description="as customers see it")
    def seen_as(self, status: Status) -> str:
        if not status.example:
            return format_html('<a href="{}#{}">guide</a>', reverse("guide"), status.slug)
        return format_html(
            '<a href="{}#{}">guide</a> · <a href="{}">example</a>',
            reverse("guide"),
            status.slug,
            reverse("example", args=[status.example]),
        )

    def has_delete_permission(self, request: HttpRequest, obj: Status | None = None) -> bool:
        """Never: parcels may show it. Hide it from the guide instead."""
        return False
