"""Messages of customers, each with its parcel then and now and a mail to answer it with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from tracking.admin.base import DefaultedFilter, OddInputMixin, RowContextList, admin_of
from tracking.admin.edit_conflicts import ConflictAwareForm
from tracking.models import Message, Shipment
from tracking.public.messages import one_line_summary
from tracking.staff.parcels.details import ShipmentSummary, summaries_of
from tracking.staff.parcels.replies import mailto
from tracking.values import numbers
from tracking.words.glossary import Glossary

_LIST = "admin:tracking_message_changelist"


@dataclass(frozen=True)
class MessageContext:
    """What the desk shows next to one message."""

    number: str  # the one tracking number that the customer gave; else empty
    parcel: int | None  # the key of the shipment, if we have it
    summary: ShipmentSummary | None  # of the parcel now; None: there is no story
    reply: str  # the mailto link
    may_change: bool
    may_see_parcel: bool


def chosen_messages(request: HttpRequest) -> str:
    """Which messages the list shows: the unanswered ones, unless staff chose others or search for one."""
    return request.GET.get("show") or ("all" if request.GET.get("q") else "unanswered")


class AnsweredFilter(DefaultedFilter):
    """Opens on the messages that still need an answer. Spam has a choice of its own."""

    title = "answer"
    parameter_name = "show"
    choice_of = staticmethod(chosen_messages)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("unanswered", "Not answered yet"),
            ("answered", "Answered"),
            ("spam", "Looks like spam"),
            ("all", "All messages"),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.chosen:
            case "unanswered":
                return queryset.unanswered()
            case "answered":
                return queryset.filter(answered=True, suspected_spam=False)
            case "spam":
                return queryset.filter(suspected_spam=True)
        return queryset


class MessageList(RowContextList):
    """The context of a row is a MessageContext."""

    def row_contexts(self, rows: Sequence[Message], request: HttpRequest) -> list[MessageContext]:
        return message_contexts(rows, request)


def message_contexts(letters: Sequence[Message], request: HttpRequest) -> list[MessageContext]:
    """The context of each message, in order. The number of queries does not depend on the number of messages."""
    found = {letter.pk: numbers.find_numbers(letter.number) for letter in letters}
    number_of = {key: str(some[0]) for key, some in found.items() if len(some) == 1}
    summaries = summaries_of(set(number_of.values()), now=timezone.now())
    parcels = dict(Shipment.objects.filter(number__in=number_of.values()).values_list("number", "pk"))
    may_change = request.user.has_perm("tracking.change_message")
    may_see_parcel = request.user.has_perm("tracking.view_shipment")
    shop_name = Glossary.current().shop.name
    contexts = []
    for letter in letters:
        number = number_of.get(letter.pk, "")
        summary = summaries.get(number)
        reply = mailto(
            letter.email,
            number=number,
            progress=summary.progress if summary else None,
            page_url=_page_url(request, number) if number else "",
            shop_name=shop_name,
        )
        contexts.append(
            MessageContext(number, parcels.get(number), summary, reply, may_change, may_see_parcel)
        )
    return contexts


def _page_url(request: HttpRequest, number: str) -> str:
    address = reverse("shipment", args=[number])
    return f"{settings.SITE_URL}{address}" if settings.SITE_URL else request.build_absolute_uri(address)


@admin.register(Message)
class MessageAdmin(OddInputMixin, admin.ModelAdmin):
    """Staff answer a message by mail and then press “Mark answered”."""

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
        """Save the edited fields only, because a colleague may have changed the others since."""
        obj.save(update_fields=form.changed_data)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[MessageList]:
        return MessageList

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        message = super().get_object(request, *args, **kwargs)
        if message is not None:
            message.row_context = message_contexts([message], request)[0]
        return message

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<key:key>/answered/", view(mark_answered), name="tracking_message_answered"),
            *super().get_urls(),
        ]

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
        """A link to the desk's page if we have the parcel, else what the customer typed."""
        context: MessageContext = message.row_context
        if context.parcel is None or not context.may_see_parcel:
            return str(message.number)
        address = reverse("admin:tracking_shipment_change", args=[context.parcel])
        return format_html('<a href="{}">{}</a>', address, context.number)

    @admin.display(description="the parcel then")
    def then(self, message: Message) -> str:
        return message.situation or "not known"

    @admin.display(description="the parcel now")
    def now(self, message: Any) -> str:
        summary: ShipmentSummary | None = message.row_context.summary
        return one_line_summary(summary.progress) if summary else "not known"

    @admin.display(description="answer by mail")
    def reply(self, message: Any) -> str:
        return format_html(
            '<a href="{}">Write a mail</a> with the facts filled in', message.row_context.reply
        )

    @admin.display(description="to do")
    def to_do(self, message: Any) -> str:
        return render_to_string("admin/tracking/message/_to_do.html", {"message": message})


@require_POST
def mark_answered(request: HttpRequest, key: int) -> HttpResponse:
    """The list's button. With `undo` in the data the message is unanswered again."""
    model_admin = admin_of(Message)
    if not model_admin.has_change_permission(request):
        raise PermissionDenied
    message, answered = get_object_or_404(Message, pk=key), "undo" not in request.POST
    if message.answered != answered:
        message.answered = answered
        message.save(update_fields=["answered"])
        model_admin.log_change(request, message, "Answered." if answered else "Not answered after all.")
    words = render_to_string("admin/tracking/message/_answered.html", {"message": message}, request)
    messages.success(request, words)
    return HttpResponseRedirect(reverse(_LIST))
