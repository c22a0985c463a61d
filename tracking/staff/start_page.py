"""What waits for staff: the start page of the desk. Each line leads to the list it counts."""

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
    """One thing that waits, or that nothing does."""

    text: str
    address: str
    is_waiting: bool = True
    details: tuple["Task", ...] = ()


def tasks_for(person: Person, *, now: datetime) -> list[Task]:
    """What this person may look after. However much there is: the same few queries."""
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
    """A parcel may have several reasons, so these may add up to more."""
    waiting = Shipment.objects.needing_a_look(now)
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
    yield Task(today.words, _list("gate"), not today.is_well)


def _notices(now: datetime) -> Iterator[Task]:
    count = Notice.objects.ending_soon(localdate(now, JAPAN_TIME), NOTICE_ENDS_SOON).count()
    words = ngettext("%d notice ends within a week", "%d notices end within a week", count) % count
    yield Task(
        words if count else "No notice ends within a week", _list("notice", "time=ending"), bool(count)
    )


def _list(kind: str, query: str = "") -> str:
    return reverse(f"admin:tracking_{kind}_changelist") + (f"?{query}" if query else "")
