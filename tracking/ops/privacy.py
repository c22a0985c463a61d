"""Exports or deletes all data about one parcel. Every model of the site is listed in one of the tables below.

A test checks that no model is missing.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core import serializers
from django.db import transaction
from django.db.models import CharField, JSONField, Model, Q, QuerySet, TextField

from tracking.models import Event, Fetch, KeptPage, Message, Shipment, Standing
from tracking.values.numbers import TrackingNumber
from tracking.values.redaction import mentions, remove_number

REPLACEMENT = "[forgotten]"
_LENGTH = 13  # of a number: a shorter column cannot hold one

Rows = QuerySet[Any]


@dataclass(frozen=True)
class Mention:
    """How a model may refer to a parcel.

    Rows that `about` finds are about the parcel: they are deleted, or, with `emptied`, only those columns are
    overwritten. In the texts of other rows only the number is replaced.
    """

    about: Callable[[TrackingNumber], Rows] | None = None
    emptied: tuple[str, ...] = ()


@dataclass(frozen=True)
class ForgetResult:
    """What `forget` has done, or would do, to the rows of one model. As a string: a line for staff."""

    model: type[Model]
    rows_about: int  # rows about the parcel: deleted or emptied
    rows_naming: int  # other rows that name it: the number in them is replaced

    def __str__(self) -> str:
        emptied = HOLDS[self.model._meta.label].emptied
        parts = [f"{self.rows_about} {'emptied' if emptied else 'deleted'}"] if self.rows_about else []
        parts += [f"number removed from {self.rows_naming}"] if self.rows_naming else []
        return f"{self.model._meta.verbose_name_plural}: {', '.join(parts)}"


def export(number: TrackingNumber, *, now: datetime) -> dict[str, Any]:
    """Return all rows about the parcel and all other texts that name it, ready for DjangoJSONEncoder.

    `about` and `mentions` are dicts by model. A mention has only the text, because the rest of the row is about others.
    """
    return {
        "number": number,
        "made_at": now,
        "about": {label: rows for label in HOLDS if (rows := list(_rows_about(label, number)))},
        "mentions": {label: rows for label in HOLDS if (rows := list(_mentions(label, number)))},
    }


def forget(number: TrackingNumber, *, dry_run: bool) -> list[ForgetResult]:
    """Delete everything that `export` returns, in one transaction; with `dry_run` only count it.

    Returns one result for each model that has data about the parcel.
    """
    with transaction.atomic():
        results = [_forget(label, number, dry_run) for label in HOLDS]
    return [one for one in results if one.rows_about or one.rows_naming]


def _forget(label: str, number: TrackingNumber, dry_run: bool) -> ForgetResult:
    place, model = HOLDS[label], apps.get_model(label)
    about, mentions = _that_are_about(label, number), _that_mention(label, number)
    result = ForgetResult(model, about.count(), mentions.count())
    if dry_run:
        return result
    for row in mentions:
        named = _texts_that_name(number, row)
        for name, value in named.items():
            setattr(row, name, _without(number, value))
        row.save(update_fields=named)
    if place.emptied:
        about.update(**dict.fromkeys(place.emptied, REPLACEMENT))
    else:
        about.delete()
    return result


def _without(number: TrackingNumber, value: Any) -> Any:
    """The value with the number replaced: a text, or the texts of a draft."""
    if isinstance(value, dict):
        return {name: _without(number, text) for name, text in value.items()}
    return remove_number(value, number, REPLACEMENT) if isinstance(value, str) else value


def _rows_about(label: str, number: TrackingNumber) -> Iterator[dict[str, Any]]:
    for row in _that_are_about(label, number).order_by("pk"):
        (row_data,) = serializers.serialize("python", [row])
        fields = row_data["fields"] | ({"body": row.text} if isinstance(row, KeptPage) else {})
        yield {"id": row_data["pk"], **fields}


def _mentions(label: str, number: TrackingNumber) -> Iterator[dict[str, Any]]:
    for row in _that_mention(label, number).order_by("pk"):
        yield {"pk": row.pk, **_texts_that_name(number, row)}


def _that_are_about(label: str, number: TrackingNumber) -> Rows:
    about = HOLDS[label].about
    return about(number) if about else apps.get_model(label)._default_manager.none()


def _that_mention(label: str, number: TrackingNumber) -> Rows:
    """Rows that name the parcel but are not about it."""
    return _that_name(number, apps.get_model(label)).exclude(
        pk__in=_that_are_about(label, number).values("pk")
    )


def _that_name(number: TrackingNumber, model: type[Model]) -> Rows:
    """Rows with a text that names the parcel. Python compares, because databases do not know every spelling of a
    number; it reads each distinct text once.
    """
    rows = model._default_manager.all()
    found = Q(pk__in=[])
    for field in _text_columns(model):
        if isinstance(field, JSONField):
            filled = rows.filter(**{f"{field.name}__isnull": False}).values_list("pk", field.name)
            found |= Q(pk__in=[key for key, value in filled.iterator() if _is_named(number, value)])
        else:
            texts = rows.order_by().values_list(field.name, flat=True).distinct()
            found |= Q(
                **{f"{field.name}__in": [text for text in texts.iterator() if _is_named(number, text)]}
            )
    return rows.filter(found)


def _texts_that_name(number: TrackingNumber, row: Model) -> dict[str, Any]:
    texts = {field.name: getattr(row, field.name) for field in _text_columns(type(row))}
    return {name: value for name, value in texts.items() if _is_named(number, value)}


def _is_named(number: TrackingNumber, value: Any) -> bool:
    if isinstance(value, dict):
        return any(_is_named(number, text) for text in value.values())
    return isinstance(value, str) and mentions(value, number)


def _text_columns(model: type[Model]) -> list[Any]:
    """The columns that may hold a text by people or by Japan Post that is long enough for a number."""
    return [
        field
        for field in model._meta.concrete_fields
        if isinstance(field, CharField | TextField | JSONField)
        and not (field.primary_key or field.choices)
        and (field.max_length or _LENGTH) >= _LENGTH
    ]


def _shipments(number: TrackingNumber) -> Rows:
    return Shipment.objects.filter(number=number)


def _events(number: TrackingNumber) -> Rows:
    return Event.objects.filter(shipment__number=number)


def _fetches(number: TrackingNumber) -> Rows:
    return Fetch.objects.filter(shipment__number=number)


def _standings(number: TrackingNumber) -> Rows:
    return Standing.objects.filter(shipment__number=number)


def _messages(number: TrackingNumber) -> Rows:
    return _that_name(number, Message)


def _kept_pages(number: TrackingNumber) -> Rows:
    """Kept pages that show the number or have it in a column. Python reads the pages, which are compressed."""
    shown = [page.pk for page in KeptPage.objects.all() if mentions(page.text, number)]
    return KeptPage.objects.filter(Q(pk__in=shown) | Q(pk__in=_that_name(number, KeptPage)))


def _log_entries(number: TrackingNumber) -> Rows:
    """Log entries of staff about the rows of the parcel, whatever their titles contain."""
    found = Q(pk__in=[])
    for find in (_shipments, _messages, _kept_pages, _events, _fetches):
        rows = find(number)
        keys = [str(key) for key in rows.values_list("pk", flat=True)]
        found |= Q(content_type=ContentType.objects.get_for_model(rows.model), object_id__in=keys)
    return LogEntry.objects.filter(found)


# In the order of deletion: log entries are found by their rows, events and requests by their shipment.
HOLDS: Mapping[str, Mention] = {
    "admin.LogEntry": Mention(about=_log_entries, emptied=("object_repr", "change_message")),
    "axes.AccessAttempt": Mention(),  # a failed log-in on the way to the page of a parcel
    "tracking.Gate": Mention(),  # the reason why Japan Post did not answer
    "tracking.Alarm": Mention(),
    "tracking.Message": Mention(about=_messages),
    "tracking.KeptPage": Mention(about=_kept_pages),
    "tracking.Event": Mention(about=_events),
    "tracking.Fetch": Mention(about=_fetches),
    "tracking.Standing": Mention(about=_standings),
    "tracking.Shipment": Mention(about=_shipments),
    # Words of staff, then their history: saving a row adds a version, so the history comes after it.
    "tracking.Destination": Mention(),
    "tracking.HistoricalDestination": Mention(),
    "tracking.Notice": Mention(),
    "tracking.HistoricalNotice": Mention(),
    "tracking.Phrase": Mention(),
    "tracking.HistoricalPhrase": Mention(),
    "tracking.Shop": Mention(),
    "tracking.HistoricalShop": Mention(),
    "tracking.Status": Mention(),
    "tracking.HistoricalStatus": Mention(),
    "tracking.Wording": Mention(),
    "tracking.HistoricalWording": Mention(),
}
# Not searched: models about people, not parcels. Accounts, keys, and sessions, which cannot be read.
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
        "tracking.Allowance",
        "tracking.VisitorMinute",
    }
)
# About neither: groups, statistics of many parcels, a picture, tables of Django itself.
ABOUT_NEITHER = frozenset(
    {
        "auth.Group",
        "auth.Group_permissions",
        "auth.Permission",
        "contenttypes.ContentType",
        "tracking.Logo",
        "tracking.UsualWait",
    }
)
