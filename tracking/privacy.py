"""All that we hold about one parcel: to hand out, or to throw away. Every model of the site stands in one table here.

A test goes over all models, so that a new one is not forgotten.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core import serializers
from django.db import transaction
from django.db.models import Model, Q, QuerySet

from tracking.models import Event, Fetch, KeptPage, Message, Shipment, Standing
from tracking.models.words import TEXTS
from tracking.numbers import TrackingNumber

STRUCK_OUT = "[forgotten]"
_FULL_WIDTH = 0xFEE0  # from a sign to its full-width twin

Rows = QuerySet[Any]


@dataclass(frozen=True)
class Mention:
    """Where a model may name a parcel. Rows that `about` finds go whole; in `texts` of others the number is struck out.

    With `stays` the rows are left, and their `texts` go whole.
    """

    about: Callable[[TrackingNumber], Rows] | None = None
    texts: tuple[str, ...] = ()
    stays: bool = False


@dataclass(frozen=True)
class Gone:
    """What `forget` has done, or would do, to the rows of one model."""

    model: type[Model]
    whole: int  # rows that were about the parcel
    struck_out: int  # rows that named it

    def __str__(self) -> str:
        emptied = HOLDS[self.model._meta.label].stays
        parts = [f"{self.whole} {'emptied' if emptied else 'deleted'}"] if self.whole else []
        parts += [f"number struck out of {self.struck_out}"] if self.struck_out else []
        return f"{self.model._meta.verbose_name_plural}: {', '.join(parts)}"


def any_spelling(number: TrackingNumber) -> str:
    """A regular expression for the number as people write it: small letters, gaps, full-width signs."""
    return r"[ \s-]*".join(f"[{sign}{chr(ord(sign) + _FULL_WIDTH)}]" for sign in number)


def export(number: TrackingNumber, *, now: datetime) -> dict[str, Any]:
    """Everything that is about the parcel, and every text elsewhere that names it; ready for JSON.

    `about` and `mentions` are by model. A mention is the text alone: the rest of its row is about somebody else.
    """
    return {
        "number": number,
        "made_at": now,
        "about": {label: rows for label in HOLDS if (rows := list(_told(label, number)))},
        "mentions": {label: rows for label in HOLDS if (rows := list(_mentions(label, number)))},
    }


def forget(number: TrackingNumber, *, really: bool) -> list[Gone]:
    """Throw all of that away in one transaction; without `really` only count it. Models that hold nothing are left out."""
    with transaction.atomic():
        gone = [_forget(label, number, really) for label in HOLDS]
    return [one for one in gone if one.whole or one.struck_out]


def _forget(label: str, number: TrackingNumber, really: bool) -> Gone:
    place, model = HOLDS[label], apps.get_model(label)
    about, mentions = _that_are_about(label, number), _that_mention(label, number)
    gone = Gone(model, about.count(), mentions.count())
    if really:
        for row in mentions:
            for name in place.texts:
                setattr(row, name, _without(number, getattr(row, name)))
            row.save(update_fields=place.texts)
        if place.stays:
            about.update(**dict.fromkeys(place.texts, STRUCK_OUT))
        else:
            about.delete()
    return gone


def _without(number: TrackingNumber, value: Any) -> Any:
    """The text, or the texts of a draft, with the number struck out; None stays None."""
    if isinstance(value, dict):
        return {name: _without(number, text) for name, text in value.items()}
    return value and re.sub(any_spelling(number), STRUCK_OUT, value, flags=re.IGNORECASE)


def _told(label: str, number: TrackingNumber) -> Iterator[dict[str, Any]]:
    for row in _that_are_about(label, number).order_by("pk"):
        (told,) = serializers.serialize("python", [row])
        fields = told["fields"] | ({"body": row.text} if isinstance(row, KeptPage) else {})
        yield {"id": told["pk"], **fields}


def _mentions(label: str, number: TrackingNumber) -> Iterator[dict[str, Any]]:
    yield from _that_mention(label, number).order_by("pk").values("pk", *HOLDS[label].texts)


def _that_are_about(label: str, number: TrackingNumber) -> Rows:
    about = HOLDS[label].about
    return about(number) if about else apps.get_model(label)._default_manager.none()


def _that_mention(label: str, number: TrackingNumber) -> Rows:
    """Rows that name the parcel and are not about it."""
    named = apps.get_model(label)._default_manager.filter(_names(number, *HOLDS[label].texts))
    return named.exclude(pk__in=_that_are_about(label, number).values("pk"))


def _names(number: TrackingNumber, *fields: str) -> Q:
    found = Q(pk__in=[])
    for name in fields:
        found |= Q(**{f"{name}__iregex": any_spelling(number)})
    return found


def _shipments(number: TrackingNumber) -> Rows:
    return Shipment.objects.filter(number=number)


def _events(number: TrackingNumber) -> Rows:
    return Event.objects.filter(shipment__number=number)


def _fetches(number: TrackingNumber) -> Rows:
    return Fetch.objects.filter(shipment__number=number)


def _standings(number: TrackingNumber) -> Rows:
    return Standing.objects.filter(shipment__number=number)


def _messages(number: TrackingNumber) -> Rows:
    return Message.objects.filter(_names(number, "number", "text", "situation"))


def _kept_pages(number: TrackingNumber) -> Rows:
    """Pages of another number that show this one too. There are twenty at most, and the database cannot read them."""
    shows = re.compile(any_spelling(number), re.IGNORECASE)
    pages = [page.pk for page in KeptPage.objects.all() if shows.search(page.text)]
    return KeptPage.objects.filter(Q(pk__in=pages) | _names(number, "number", "reason"))


def _log_entries(number: TrackingNumber) -> Rows:
    """What staff did to the rows that are about the parcel: the entry's title names the number, or the customer."""
    found = Q(pk__in=[])
    for find in (_shipments, _messages, _kept_pages, _events, _fetches):
        rows = find(number)
        keys = [str(key) for key in rows.values_list("pk", flat=True)]
        found |= Q(content_type=ContentType.objects.get_for_model(rows.model), object_id__in=keys)
    return LogEntry.objects.filter(found)


_NOTICE = ("title", "text")
_WORDS = (*TEXTS, "draft")

# In the order of forgetting: the log is found by the rows it is about, and events and requests by their parcel.
HOLDS: Mapping[str, Mention] = {
    "admin.LogEntry": Mention(about=_log_entries, texts=("object_repr", "change_message"), stays=True),
    "axes.AccessAttempt": Mention(
        texts=("path_info", "get_data", "post_data")
    ),  # staff on their way to a parcel
    "tracking.Gate": Mention(texts=("pause_reason",)),
    "tracking.Message": Mention(about=_messages),
    "tracking.KeptPage": Mention(about=_kept_pages),
    "tracking.Event": Mention(about=_events, texts=("details",)),
    "tracking.Fetch": Mention(about=_fetches, texts=("note",)),
    "tracking.Standing": Mention(about=_standings),
    "tracking.Shipment": Mention(about=_shipments, texts=("order_reference", "note")),
    # What staff wrote for everybody, and its former versions: saving the first adds one, so they come after it.
    "tracking.Notice": Mention(texts=_NOTICE),
    "tracking.HistoricalNotice": Mention(texts=_NOTICE),
    "tracking.Wording": Mention(texts=_WORDS),
    "tracking.HistoricalWording": Mention(texts=_WORDS),
}
# About people, not about parcels.
ABOUT_PEOPLE = frozenset(
    {
        "auth.User",
        "auth.User_groups",
        "auth.User_user_permissions",
        "axes.AccessAttemptExpiration",
        "axes.AccessFailureLog",
        "axes.AccessLog",
        "otp_static.StaticDevice",
        "otp_static.StaticToken",
        "otp_totp.TOTPDevice",
        "sessions.Session",
        "tracking.HistoricalDestination",
        "tracking.HistoricalPhrase",
        "tracking.HistoricalShop",
        "tracking.HistoricalStatus",
        "tracking.VisitorMinute",
    }
)
# Neither: what staff write for everybody, figures over many parcels, Django's own bookkeeping.
ABOUT_NOBODY = frozenset(
    {
        "auth.Group",
        "auth.Group_permissions",
        "auth.Permission",
        "contenttypes.ContentType",
        "tracking.Alarm",
        "tracking.Destination",
        "tracking.Logo",
        "tracking.Phrase",
        "tracking.Shop",
        "tracking.Status",
        "tracking.UsualWait",
    }
)
