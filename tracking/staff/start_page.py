"""The start page of the desk: the tasks that wait for staff. Each links to the list that it counts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.urls import reverse
from django.utils.timezone import localdate
from django.utils.translation import ngettext

from tracking.fetching import health
from tracking.models import Message, Notice, Phrase, Shipment
from tracking.values.places import JAPAN_TIME

NOTICE_ENDS_SOON = timedelta(days=7)
Person = AbstractBaseUser | AnonymousUser


@dataclass(frozen=True)
class Task:
    """A kind of task, with its count in words."""

    text: str
    address: str
    is_waiting: bool = True  # False: there is nothing to do
    details: tuple["Task", ...] = ()


def tasks_for(person: Person, *, now: datetime) -> list[Task]:
    """Return the tasks that this person may see. The number of queries does not depend on the amount of data."""
    may_see = getattr(person, "has_perm", lambda _: False)
    kinds = (
        ("phrase", _phrases),
        ("message", _messages),
        ("shipment", _parcels),
        ("gate", _health),
        ("notice", _notices),
    )
    return [task for kind, tasks in kinds if may_see(f"tracking.view_{kind}") for task in tasks(now)]


def _phrases(now: datetime) -> Iterator[Task]:
    count = Phrase.objects.unmapped().count()
    words = ngettext("%d phrase waits for a meaning", "%d phrases wait for a meaning", count) % count
    yield Task(words if count else "No phrase waits for a meaning", _list("phrase"), bool(count))


def _messages(now: datetime) -> Iterator[Task]:
    count = Message.objects.unanswered().count()
    words = ngettext("%d message is not answered", "%d messages are not answered", count) % count
    yield Task(words if count else "Every message is answered", _list("message"), bool(count))


def _parcels(now: datetime) -> Iterator[Task]:
    """The reasons may add up to more than the parcels, because a parcel may have several."""
    waiting = Shipment.objects.needing_attention(now)
    count = waiting.count()
    reasons = tuple(
        Task(f"{one.label}: {parcels:,}", _list("shipment", f"look={one.value}"))
        for one, parcels in waiting.count_reasons(now).items()
    )
    words = ngettext("%s parcel needs a look", "%s parcels need a look", count) % f"{count:,}"
    yield Task(
        words if count else "No parcel needs a look", _list("shipment", "look=any"), bool(count), reasons
    )


def _health(now: datetime) -> Iterator[Task]:
    today = health.today(now=now)
    yield Task(today.text, _list("gate"), not today.is_well)


def _notices(now: datetime) -> Iterator[Task]:
    count = Notice.objects.ending_soon(localdate(now, JAPAN_TIME), NOTICE_ENDS_SOON).count()
    words = ngettext("%d notice ends within a week", "%d notices end within a week", count) % count
    yield Task(
        words if count else "No notice ends within a week", _list("notice", "time=ending"), bool(count)
    )


def _list(kind: str, query: str = "") -> str:
    return reverse(f"admin:tracking_{kind}_changelist") + (f"?{query}" if query else "")
