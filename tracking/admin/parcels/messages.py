"""What customers wrote: beside the parcel as it was then and as it is now, with the answer begun."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from tracking.admin.edit_conflicts import ConflictAwareForm
from tracking.models import Message, Shipment
from tracking.public.messages import situation_of
from tracking.staff.parcels.details import State, states_of
from tracking.staff.parcels.replies import mailto
from tracking.values import numbers
from tracking.words.glossary import Glossary

_LIST = "admin:tracking_message_changelist"


@dataclass(frozen=True)
class Margin:
    """What stands beside one message."""

    number: str  # the one tracking number that the customer gave; else empty
    parcel: int | None  # its key, where we know it
    state: State | None
    reply: str  # the mailto link
    may_change: bool
    may_see_parcel: bool


def shown(request: HttpRequest) -> str:
    """Which messages the list shows: those that wait for an answer, unless staff chose others or look for one."""
    return request.GET.get("show") or ("all" if request.GET.get("q") else "unanswered")


class AnsweredFilter(admin.SimpleListFilter):
    """What is still to do is what the list opens on; spam stands apart."""

    title = "answer"
    parameter_name = "show"

    def __init__(self, request: HttpRequest, *arguments: Any) -> None:
        super().__init__(request, *arguments)
        self.chosen = shown(request)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("unanswered", "Not answered yet"),
            ("answered", "Answered"),
            ("spam", "Looks like spam"),
            ("all", "All messages"),
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
            case "unanswered":
                return queryset.unanswered()
            case "answered":
                return queryset.filter(answered=True, suspected_spam=False)
            case "spam":
                return queryset.filter(suspected_spam=True)
        return queryset


class MessageList(ChangeList):
    """Each message gets what stands beside it, for the shown page at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        set_margins(self.result_list, request)


def set_margins(letters: Sequence[Any], request: HttpRequest) -> None:
    """Give each message its `margin`. However many: the same few queries."""
    found = {one.pk: numbers.find_numbers(one.number) for one in letters}
    number_of = {key: str(some[0]) for key, some in found.items() if len(some) == 1}
    states = states_of(set(number_of.values()), now=timezone.now())
    parcels = dict(Shipment.objects.filter(number__in=number_of.values()).values_list("number", "pk"))
    may_change = request.user.has_perm("tracking.change_message")
    may_see_parcel = request.user.has_perm("tracking.view_shipment")
    shop_name = Glossary.current().shop.name
    for one in letters:
        number = number_of.get(one.pk, "")
        state = states.get(number)
        reply = mailto(
            one.email,
            number=number,
            progress=state.progress if state else None,
            page_url=_page_url(request, number) if number else "",
            shop_name=shop_name,
        )
        one.margin = Margin(number, parcels.get(number), state, reply, may_change, may_see_parcel)


def _page_url(request: HttpRequest, number: str) -> str:
    address = reverse("shipment", args=[number])
    return f"{settings.SITE_URL}{address}" if settings.SITE_URL else request.build_absolute_uri(address)


@admin.register(Message)
class MessageAdmin(admin.ModelAdmin):
    """What customers wrote. Press “Mark answered” when you have."""

    form = ConflictAwareForm
    list_display = ["written", "letter", "both", "to_do"]
    list_filter = [AnsweredFilter, "mailed", "created_at"]
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER
    search_fields = ["email", "name", "number", "text"]
    fieldsets = [
        ("The message", {"fields": ["created_at", "name", "email", "words"]}),
        ("The parcel", {"fields": ["parcel", "then", "now"]}),
        ("Your answer", {"fields": ["reply", "answered", "suspected_spam", "mailed"]}),
    ]
    readonly_fields = ["created_at", "name", "email", "words", "parcel", "then", "now", "reply", "mailed"]

    class Media:
        css = {"all": ["css/staff/parcel.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Message, form: Any, change: bool) -> None:
        """Only what was edited: meanwhile a colleague may have marked it answered."""
        obj.save(update_fields=form.changed_data)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return MessageList

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        message = super().get_object(request, *args, **kwargs)
        if message is not None:
            set_margins([message], request)
        return message

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:key>/answered/", view(self.say_answered), name="tracking_message_answered"),
            *super().get_urls(),
        ]

    @method_decorator(require_POST)
    def say_answered(self, request: HttpRequest, key: int) -> HttpResponse:
        """The list's button, and with `undo` the way back."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        message, answered = get_object_or_404(Message, pk=key), "undo" not in request.POST
        if message.answered != answered:
            message.answered = answered
            message.save(update_fields=["answered"])
            self.log_change(request, message, "Answered." if answered else "Not answered after all.")
        words = render_to_string("admin/tracking/message/_answered.html", {"message": message}, request)
        messages.success(request, words)
        return HttpResponseRedirect(reverse(_LIST))

    @admin.display(description="written", ordering="created_at")
    def written(self, message: Message) -> str:
        return f"{timezone.localtime(message.created_at):%Y-%m-%d %H:%M}"

    @admin.display(description="message", ordering="email")
    def letter(self, message: Message) -> str:
        return render_to_string("admin/tracking/message/_letter.html", {"message": message})

    @admin.display(description="the parcel then and now", ordering="number")
    def both(self, message: Message) -> str:
        facts = {"parcel": self.parcel(message), "then": self.then(message), "now": self.now(message)}
        return render_to_string("admin/tracking/message/_parcel.html", facts)

    @admin.display(description="what the customer wrote")
    def words(self, message: Message) -> str:
        return format_html('<div class="customers-words"><bdi>{}</bdi></div>', message.text)

    @admin.display(description="parcel")
    def parcel(self, message: Any) -> str:
        """The desk's page where we know the parcel, else what the customer typed."""
        margin: Margin = message.margin
        if margin.parcel is None or not margin.may_see_parcel:
            return message.number
        address = reverse("admin:tracking_shipment_change", args=[margin.parcel])
        return format_html('<a href="{}">{}</a>', address, margin.number)

    @admin.display(description="the parcel then")
    def then(self, message: Message) -> str:
        return message.situation or "not known"

    @admin.display(description="the parcel now")
    def now(self, message: Any) -> str:
        state: State | None = message.margin.state
        return situation_of(state.progress) if state else "not known"

    @admin.display(description="answer by mail")
    def reply(self, message: Any) -> str:
        return format_html('<a href="{}">Write a mail</a> with the facts filled in', message.margin.reply)

    @admin.display(description="to do")
    def to_do(self, message: Any) -> str:
        return render_to_string("admin/tracking/message/_to_do.html", {"message": message})
