"""Phrases: an inbox of what Japan Post says for the first time, and what each phrase means."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.text import slugify
from django.views.decorators.http import require_POST

from tracking.admin.words.history import WithHistory
from tracking.models import Phrase, Status
from tracking.models.words import NEWEST_FIRST
from tracking.staff.words.inbox import MeaningChanged, give_meaning, items_of, take_back
from tracking.staff.words.sightings import sightings_of

TWO_MEANINGS = "two"  # what the button “It has two meanings” sends in place of a status
_BESIDE_THE_POINT = {"p", "o", "all", "e"}  # parameters of the list that ask for no other phrases
_INBOX = "admin:tracking_phrase_changelist"


def meaning_asked_for(request: HttpRequest) -> str:
    """Which phrases the list shows: the inbox, unless staff chose others or look for one."""
    looks_for_one = bool(set(request.GET) - _BESIDE_THE_POINT)
    return request.GET.get("meaning") or ("all" if looks_for_one else "missing")


class InboxFilter(admin.SimpleListFilter):
    """What is still to do comes first, and is what the list opens on."""

    title = "meaning"
    parameter_name = "meaning"

    def __init__(self, request: HttpRequest, *arguments: Any) -> None:
        super().__init__(request, *arguments)
        self.chosen = meaning_asked_for(request)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("missing", "Inbox: waits for a meaning"),
            ("given", "Has a meaning"),
            ("two", "Two meanings on purpose"),
            ("all", "All phrases"),
        ]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        for value, words in self.lookup_choices:
            yield {
                "selected": value == self.chosen,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": words,
            }

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.chosen:
            case "missing":
                return queryset.unmapped()
            case "given":
                return queryset.exclude(status=None)
            case "two":
                return queryset.filter(ambiguous=True)
        return queryset


class PhraseList(ChangeList):
    """Each phrase of the inbox gets its facts, for the shown page at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.shows_inbox = meaning_asked_for(request) == "missing"
        if self.shows_inbox:
            phrases = list(self.result_list)
            allowed = what_is_allowed(request)
            for phrase, item in zip(phrases, items_of(phrases), strict=True):
                phrase.desk = {"item": item} | allowed
            self.result_list = phrases


def what_is_allowed(request: HttpRequest) -> dict[str, Any]:
    """What the buttons need to know about the member of staff, and the statuses to choose from."""
    may_change = request.user.has_perm("tracking.change_phrase")
    return {
        "may_change": may_change,
        "may_add_status": may_change and request.user.has_perm("tracking.add_status"),
        "statuses": list(Status.objects.order_by("name")) if may_change else [],
        "two_meanings": TWO_MEANINGS,
    }


@admin.register(Phrase)
class PhraseAdmin(WithHistory):
    """Give a new phrase its status here: every parcel that shows it changes at once."""

    actions = None
    list_per_page = 25
    list_select_related = ["status"]
    search_fields = ["text"]
    show_facets = admin.ShowFacets.NEVER

    class Media:
        css = {"all": ["css/staff/inbox.css"]}

    def get_list_display(self, request: HttpRequest) -> Any:
        if meaning_asked_for(request) == "missing":
            return ["what_they_say", "meaning", "facts"]
        return ["what_they_say", "status", "ambiguous", "last_seen_at"]

    def get_list_filter(self, request: HttpRequest) -> Any:
        return [InboxFilter] if meaning_asked_for(request) == "missing" else [InboxFilter, "status"]

    def get_ordering(self, request: HttpRequest) -> Any:
        if meaning_asked_for(request) == "missing":
            return [NEWEST_FIRST, "text"]
        return ["text"]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        inbox = meaning_asked_for(request) == "missing"
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
        """The words are Japan Post's once they have said them; before, a slip of the pen can be mended."""
        seen = obj is not None and (obj.first_seen_at or obj.last_seen_at)
        return ["first_seen_at", "last_seen_at", *(["text"] if seen else [])]

    def has_delete_permission(self, request: HttpRequest, obj: Phrase | None = None) -> bool:
        """Never: Japan Post may use it again. Change its meaning instead."""
        return False

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site
        return [
            path("<int:key>/meaning/", site.admin_view(self.give), name="tracking_phrase_meaning"),
            path("<int:key>/undo/", site.admin_view(self.undo), name="tracking_phrase_undo"),
            *super().get_urls(),
        ]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        phrase = kwargs.get("obj")
        if phrase is not None and phrase.waits:
            context = context | {"desk": {"item": items_of([phrase])[0]} | what_is_allowed(request)}
        return super().render_change_form(request, context, *args, **kwargs)

    @method_decorator(require_POST)
    def give(self, request: HttpRequest, key: int) -> HttpResponse:
        """A button of the inbox: the phrase gets the meaning that the button, or the choice beside it, names."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        get_object_or_404(Phrase, pk=key)
        sent = request.POST.get("means") or request.POST.get(f"status-{key}", "")
        if sent:
            say_meaning(self, request, key, _status_named(sent))
        else:
            messages.warning(request, "Nothing was changed: choose a meaning from the list first.")
        return HttpResponseRedirect(reverse(_INBOX))

    @method_decorator(require_POST)
    def undo(self, request: HttpRequest, key: int) -> HttpResponse:
        """Only where the meaning is still the one that was given: what others did since is theirs."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        get_object_or_404(Phrase, pk=key)
        try:
            phrase = take_back(key, _status_named(request.POST.get("was", "")))
        except MeaningChanged as changed:
            _say_who_was_first(request, changed)
        else:
            self.log_change(request, phrase, "Undone: it waits for a meaning again.")
            messages.success(request, format_html("“<bdi>{}</bdi>” waits for a meaning again.", phrase))
        return HttpResponseRedirect(reverse(_INBOX))

    @admin.display(description="Japan Post says", ordering="text")
    def what_they_say(self, phrase: Phrase) -> str:
        return format_html('<bdi class="phrase">{}</bdi>', phrase.text)

    @admin.display(description="what it means")
    def meaning(self, phrase: Any) -> str:
        return render_to_string("admin/tracking/phrase/_meanings.html", phrase.desk)

    @admin.display(description="where it stands", ordering="last_seen_at")
    def facts(self, phrase: Any) -> str:
        return render_to_string("admin/tracking/phrase/_facts.html", phrase.desk)


def _status_named(sent: str) -> Status | None:
    """The status a button sent; None for two meanings. A status that is not there is a 404."""
    if sent == TWO_MEANINGS:
        return None
    return get_object_or_404(Status, pk=_key(sent))


def say_meaning(desk: admin.ModelAdmin, request: HttpRequest, key: int, status: Status | None) -> None:
    """Give the phrase its meaning, log it, and say what customers see of it now."""
    try:
        phrase = give_meaning(key, status)
    except MeaningChanged as changed:
        return _say_who_was_first(request, changed)
    means = f"It means “{status}”." if status else "It has two meanings."
    desk.log_change(request, phrase, means)
    context = {
        "phrase": phrase,
        "status": status,
        "was": status.pk if status else TWO_MEANINGS,
        "lacks_words": status and Status.objects.without_words().filter(pk=status.pk).exists(),
        "sightings": sightings_of([phrase])[phrase.pk],
    }
    messages.success(request, render_to_string("admin/tracking/phrase/_given.html", context, request))


def _say_who_was_first(request: HttpRequest, changed: MeaningChanged) -> None:
    phrase = changed.args[0]
    words = "Nothing was changed. Somebody was here before you: “<bdi>{}</bdi>” {} now."
    messages.warning(request, format_html(words, phrase, phrase.state))


class StatusForPhrase(admin.ModelAdmin):
    """For the status form: `?phrase=` names the phrase of the inbox that gets the new status once it is saved."""

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        phrase = _phrase_asked_for(request)
        if phrase is not None and not request.user.has_perm("tracking.change_phrase"):
            raise PermissionDenied
        if phrase is not None and request.method == "GET":
            words = "Write what “<bdi>{}</bdi>” means. It gets this status as soon as you save, a draft too."
            messages.info(request, format_html(words, phrase))
        return super().add_view(request, form_url, extra_context)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        phrase = _phrase_asked_for(request)
        proposed = {"name": phrase.text[:100], "slug": slugify(phrase.text)[:50]} if phrase else {}
        return proposed | super().get_changeform_initial_data(request)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        phrase = _phrase_asked_for(request)
        if phrase is not None and not change:
            say_meaning(self, request, phrase.pk, form.instance)

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        response = super().response_add(request, obj, post_url_continue)
        stays = "_continue" in request.POST
        came_from_inbox = _phrase_asked_for(request) is not None
        return HttpResponseRedirect(reverse(_INBOX)) if came_from_inbox and not stays else response


def _phrase_asked_for(request: HttpRequest) -> Phrase | None:
    return Phrase.objects.filter(pk=_key(request.GET.get("phrase", ""))).first()


def _key(sent: str) -> int:
    """What an address or a button names; 0, which no row has, for what is no key."""
    return int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 19 else 0
