"""Phrases: the inbox of phrases that Japan Post used for the first time, and what each phrase means."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.text import slugify
from django.views.decorators.http import require_POST

from tracking.admin.base import DefaultedFilter, ModelAdminMixin, OddInputMixin, RowContextList, admin_of
from tracking.admin.words.history import HistoryMixin
from tracking.models import Phrase, Status
from tracking.models.words import NEWEST_FIRST
from tracking.staff.words.inbox import MeaningChangedError, give_meaning, items_of, take_back
from tracking.staff.words.phrase_usage import usage_of

TWO_MEANINGS = "two"  # what the button “It has two meanings” sends instead of a status
_KEEP_THE_INBOX = {"p", "o", "all", "e"}  # parameters of the list that do not choose other phrases
_INBOX = "admin:tracking_phrase_changelist"


def chosen_meaning(request: HttpRequest) -> str:
    """Which phrases the list shows: the inbox, unless staff chose others or search for one."""
    searches = bool(set(request.GET) - _KEEP_THE_INBOX)
    return request.GET.get("meaning") or ("all" if searches else "missing")


class InboxFilter(DefaultedFilter):
    """Opens on the phrases that still need a meaning."""

    title = "meaning"
    parameter_name = "meaning"
    choice_of = staticmethod(chosen_meaning)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("missing", "Inbox: waits for a meaning"),
            ("given", "Has a meaning"),
            ("two", "Two meanings on purpose"),
            ("all", "All phrases"),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.chosen:
            case "missing":
                return queryset.unmapped()
            case "given":
                return queryset.exclude(status=None)
            case "two":
                return queryset.filter(ambiguous=True)
        return queryset


class PhraseList(RowContextList):
    """The context of a row in the inbox is what its two templates need."""

    def row_contexts(self, rows: Sequence[Phrase], request: HttpRequest) -> Iterable[Any]:
        self.shows_inbox = chosen_meaning(request) == "missing"  # for the template
        if not self.shows_inbox:
            return [None] * len(rows)
        allowed = what_is_allowed(request)
        return [{"item": item} | allowed for item in items_of(rows)]


def what_is_allowed(request: HttpRequest) -> dict[str, Any]:
    """What the member of staff may do with a phrase, and the statuses to choose from."""
    may_change = request.user.has_perm("tracking.change_phrase")
    return {
        "may_change": may_change,
        "may_add_status": may_change and request.user.has_perm("tracking.add_status"),
        "statuses": list(Status.objects.order_by("name")) if may_change else [],
        "two_meanings": TWO_MEANINGS,
    }


@admin.register(Phrase)
class PhraseAdmin(HistoryMixin, OddInputMixin, admin.ModelAdmin):
    """Staff give a new phrase its status here. Every parcel that shows the phrase changes at once."""

    actions = None
    list_per_page = 25
    list_select_related = ["status"]
    search_fields = ["text"]
    show_facets = admin.ShowFacets.NEVER

    class Media:
        css = {"all": ["css/staff/desk.css", "css/staff/inbox.css"]}

    def get_list_display(self, request: HttpRequest) -> Any:
        if chosen_meaning(request) == "missing":
            return ["what_they_say", "meaning", "facts"]
        return ["what_they_say", "status", "ambiguous", "last_seen_at"]

    def get_list_filter(self, request: HttpRequest) -> Any:
        return [InboxFilter] if chosen_meaning(request) == "missing" else [InboxFilter, "status"]

    def get_ordering(self, request: HttpRequest) -> Any:
        if chosen_meaning(request) == "missing":
            return [NEWEST_FIRST, "text"]
        return ["text"]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        inbox = chosen_meaning(request) == "missing"
        title = "New phrases wait for their meaning" if inbox else "Phrases of Japan Post"
        return super().changelist_view(request, {"title": title} | (extra_context or {}))

    def get_changelist(self, request: HttpRequest, **_: Any) -> type[ChangeList]:
        return PhraseList

    def get_fieldsets(self, request: HttpRequest, obj: Phrase | None = None) -> Any:
        said = ["text", "first_seen_at", "last_seen_at"] if obj else ["text"]
        return [
            ("What Japan Post says", {"fields": said}),
            ("What it means", {"fields": ["status", "ambiguous"]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Phrase | None = None) -> list[str]:
        """The text is read-only once Japan Post has used it. Before that, staff can correct a typing error."""
        seen = obj is not None and (obj.first_seen_at or obj.last_seen_at)
        return ["first_seen_at", "last_seen_at", *(["text"] if seen else [])]

    def has_delete_permission(self, request: HttpRequest, obj: Phrase | None = None) -> bool:
        """Never, because Japan Post may use the phrase again. Staff change its meaning instead."""
        return False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<key:key>/meaning/", view(assign_meaning), name="tracking_phrase_meaning"),
            path("<key:key>/undo/", view(undo_meaning), name="tracking_phrase_undo"),
            *super().get_urls(),
        ]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        phrase = kwargs.get("obj")
        if phrase is not None and phrase.waits:
            context = context | {"meaning_form": {"item": items_of([phrase])[0]} | what_is_allowed(request)}
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description="Japan Post says", ordering="text")
    def what_they_say(self, phrase: Phrase) -> str:
        return format_html('<bdi class="phrase">{}</bdi>', phrase.text)

    @admin.display(description="what it means")
    def meaning(self, phrase: Any) -> str:
        return render_to_string("admin/tracking/phrase/_meanings.html", phrase.row_context)

    @admin.display(description="where it occurs", ordering="last_seen_at")
    def facts(self, phrase: Any) -> str:
        return render_to_string("admin/tracking/phrase/_facts.html", phrase.row_context)


@require_POST
def assign_meaning(request: HttpRequest, key: int) -> HttpResponse:
    """A button of the inbox: gives the phrase the meaning that the button or its list of statuses names."""
    _require_change(request)
    get_object_or_404(Phrase, pk=key)
    sent = request.POST.get("means") or request.POST.get(f"status-{key}", "")
    if sent:
        give_and_report(request, key, _status_named(sent))
    else:
        messages.warning(request, "Nothing was changed: choose a meaning from the list first.")
    return HttpResponseRedirect(reverse(_INBOX))


@require_POST
def undo_meaning(request: HttpRequest, key: int) -> HttpResponse:
    """Take the meaning back, unless a colleague has changed it since."""
    _require_change(request)
    get_object_or_404(Phrase, pk=key)
    try:
        phrase = take_back(key, _status_named(request.POST.get("was", "")))
    except MeaningChangedError as changed:
        _report_conflict(request, changed)
    else:
        admin_of(Phrase).log_change(request, phrase, "Undone: it waits for a meaning again.")
        messages.success(request, format_html("“<bdi>{}</bdi>” waits for a meaning again.", phrase))
    return HttpResponseRedirect(reverse(_INBOX))


def give_and_report(request: HttpRequest, key: int, status: Status | None) -> None:
    """Give the phrase its meaning, log it, and show a message with what customers see of it now."""
    try:
        phrase = give_meaning(key, status)
    except MeaningChangedError as changed:
        return _report_conflict(request, changed)
    means = f"It means “{status}”." if status else "It has two meanings."
    admin_of(Phrase).log_change(request, phrase, means)
    context = {
        "phrase": phrase,
        "status": status,
        "was": status.pk if status else TWO_MEANINGS,
        "lacks_words": status and Status.objects.without_words().filter(pk=status.pk).exists(),
        "usage": usage_of([phrase])[phrase.pk],
    }
    messages.success(request, render_to_string("admin/tracking/phrase/_given.html", context, request))


def _require_change(request: HttpRequest) -> None:
    if not admin_of(Phrase).has_change_permission(request):
        raise PermissionDenied


def _status_named(sent: str) -> Status | None:
    """The status that a button sent; None for two meanings. Raises Http404 if there is no such status."""
    if sent == TWO_MEANINGS:
        return None
    return get_object_or_404(Status, pk=_key(sent))


def _report_conflict(request: HttpRequest, changed: MeaningChangedError) -> None:
    phrase = changed.args[0]
    words = "Nothing was changed. A colleague was quicker: “<bdi>{}</bdi>” {} now."
    messages.warning(request, format_html(words, phrase, phrase.state))


class StatusForPhraseMixin(ModelAdminMixin):
    """For the statuses' admin: `?phrase=` names the phrase of the inbox that gets the new status when it is saved."""

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        phrase = _phrase_of(request)
        if phrase is not None and not request.user.has_perm("tracking.change_phrase"):
            raise PermissionDenied
        if phrase is not None and request.method == "GET":
            words = "Write what “<bdi>{}</bdi>” means. It gets this status as soon as you save, a draft too."
            messages.info(request, format_html(words, phrase))
        return super().add_view(request, form_url, extra_context)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        phrase = _phrase_of(request)
        proposed = {"name": phrase.text[:100], "slug": slugify(phrase.text)[:50]} if phrase else {}
        return proposed | super().get_changeform_initial_data(request)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        phrase = _phrase_of(request)
        if phrase is not None and not change:
            give_and_report(request, phrase.pk, form.instance)

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        response = super().response_add(request, obj, post_url_continue)
        stays = "_continue" in request.POST
        came_from_inbox = _phrase_of(request) is not None
        return HttpResponseRedirect(reverse(_INBOX)) if came_from_inbox and not stays else response


def _phrase_of(request: HttpRequest) -> Phrase | None:
    """The phrase that the address names. None if it names none that exists."""
    return Phrase.objects.filter(pk=_key(request.GET.get("phrase", ""))).first()


def _key(sent: str) -> int:
    """The key that an address or a button names. 0, which no row has, if the text is no key."""
    return int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 19 else 0
