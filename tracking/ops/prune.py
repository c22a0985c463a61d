"""What nobody needs any more goes. How many days anything is kept stands here; what is kept for minutes (counts of
look-ups, printed pages) says so itself, and so do the unreadable pages, of which the newest twenty are kept.

Safe to run on several machines at once, to kill and to run again: each batch is a transaction of its own, and asks the
rule once more before it deletes.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.timezone import localdate

from tracking.models import Alarm, Event, Fetch, KeptPage, Message, Shipment, Standing, Tone, VisitorMinute
from tracking.models.shipments import FETCHES_ARE_KEPT
from tracking.values import numbers, pacing
from tracking.values.places import JAPAN, JAPAN_TIME
from tracking.words.glossary import Glossary

PARCELS_ARE_KEPT = timedelta(days=400)  # after their delivery, and after the last look at them
NUMBERS_ARE_KEPT = timedelta(days=90)  # that have no story, after Japan Post was last asked about them
SPAM_IS_KEPT = timedelta(days=90)  # in which staff can say that it is none
MINUTES_ARE_KEPT = timedelta(hours=1)
_LATELY = timedelta(minutes=10)  # before a rule began: machines' clocks differ, and a message takes its time


@dataclass(frozen=True)
class Rule:
    """What goes, in the words of the dry run, and how many rows at a time. `find` is asked anew each time."""

    what: str
    find: Callable[[], QuerySet[Any]]
    batch: int = 500

    @property
    def rows(self) -> QuerySet[Any]:
        return self.find()


def traces(now: datetime) -> list[Rule]:
    """What we wrote down along the way; the watch throws it away by itself."""
    oldest, today = now - FETCHES_ARE_KEPT, localdate(now, JAPAN_TIME)
    enquiry = Standing.objects.with_enquiry(today).filter(pk=OuterRef("shipment"))
    fetches = Fetch.objects.older_than(oldest).filter(~Exists(enquiry))
    minutes = VisitorMinute.objects.filter(minute__lt=now - MINUTES_ARE_KEPT)
    # django-axes does so with the next failed log-in, which may never come; its commands throw away all or none.
    over = AccessAttempt.objects.filter(attempt_time__lt=now - settings.AXES_COOLOFF_TIME)
    return [
        Rule("requests to Japan Post older than 90 days, with no enquiry to come", fetches.all),
        Rule("kept pages beyond the newest 20", KeptPage.objects.beyond_the_newest),
        Rule("alarms older than 90 days", lambda: Alarm.objects.filter(day__lt=oldest.date())),
        Rule("counts of visitors' look-ups", minutes.all),
        Rule("failed log-ins whose pause is over", over.all),
        Rule("log-ins that have run out", lambda: Session.objects.filter(expire_date__lt=now)),
    ]


def parcels(now: datetime) -> Rule:
    """Delivered, and not looked at since, for 400 days; none that staff or a customer may still need.

    A look at a parcel that was delivered makes us ask Japan Post, for its answer is fresh for a day only. So the last
    look is `asked_at`, at most a day too early.
    """
    oldest, today = now - PARCELS_ARE_KEPT, localdate(now, JAPAN_TIME)
    # Where the end is not known the parcel stays, unless the enquiry is none of ours.
    no_enquiry = Q(enquiry_ends_on__lt=today) | ~Q(shipment__number__endswith=JAPAN)
    delivered = Standing.objects.filter(
        no_enquiry,
        pk=OuterRef("pk"),  # a subquery, so that SQLite finds each by its key and not all of the same meaning
        is_over=True,
        tone=Tone.DONE,
        meaning=Glossary.current().meaning,  # so it says so in today's words
        scanned_on__lt=oldest.date(),
    )
    rows = Shipment.objects.filter(_left_alone(oldest, now), Exists(delivered), asked_at__lt=oldest)
    return Rule("parcels delivered and not looked at for 400 days", _not_written_about(rows, now), batch=25)


def without_a_story(now: datetime) -> Rule:
    """Numbers that somebody typed and that never had a story: anybody can make any number of them."""
    oldest = now - NUMBERS_ARE_KEPT
    never_asked = Q(asked_at=None, created_at__lt=oldest)  # whoever was about to ask was killed
    rows = Shipment.objects.filter(
        _left_alone(oldest, now),
        Q(asked_at__lt=oldest) | never_asked,
        ~Exists(Event.objects.filter(shipment=OuterRef("pk"))),
        story_at=None,
        registered_at=None,
        order_reference="",
        note="",
    )
    what = "numbers without a story, not asked about for 90 days"
    return Rule(what, _not_written_about(rows, now), batch=100)


def spam(now: datetime) -> Rule:
    """What looked like spam when it came, and of which staff have not said that it is none, nor answered it."""
    rows = Message.objects.filter(suspected_spam=True, answered=False, created_at__lt=now - SPAM_IS_KEPT)
    return Rule("messages that look like spam, older than 90 days", rows.all)


def throw_away(rule: Rule) -> Iterator[int]:
    """In batches, so that nobody waits long for the lock; after each, how many rows of the rule went."""
    keys = list(rule.rows.values_list("pk", flat=True))
    for start in range(0, len(keys), rule.batch):
        if start:
            time.sleep(pacing.BREATH)
        with transaction.atomic():
            batch = keys[start : start + rule.batch]
            still = list(rule.rows.select_for_update(of=("self",)).filter(pk__in=batch).only("pk"))
            rule.rows.model._default_manager.filter(pk__in=[one.pk for one in still]).delete()
        yield len(still)


def _left_alone(oldest: datetime, now: datetime) -> Q:
    """Neither staff nor the watch look after it, and nobody is asking about it. What the watch was to ask about long
    ago, it never did: it does not run.
    """
    return Q(
        Q(handled_at=None) | Q(handled_at__lt=oldest),
        Q(lease_until=None) | Q(lease_until__lt=now),
        Q(watch_at=None) | Q(watch_at__lt=oldest),
    )


def _not_written_about(shipments: QuerySet[Shipment], now: datetime) -> Callable[[], QuerySet[Shipment]]:
    """Without those that an open message names. What looked like spam counts: it may be a real customer's, and nobody
    has said that it is answered.

    Messages are read here, once; each batch, which has the lock meanwhile, reads only those that came lately.
    """
    unanswered = Message.objects.filter(answered=False)
    named = _named_in(unanswered)
    lately = unanswered.filter(created_at__gt=now - _LATELY)
    return lambda: shipments.exclude(number__in=named | _named_in(lately)).order_by("pk")


def _named_in(letters: QuerySet[Message]) -> set[str]:
    texts = letters.values_list("number", "text").iterator()
    return {number for typed, text in texts for number in numbers.find_numbers(f"{typed}\n{text}")}
