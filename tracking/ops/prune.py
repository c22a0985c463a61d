"""Retention: deletes expired rows in small batches. All periods of days are defined here, except FETCHES_ARE_KEPT.

The evidence of a parcel depends on FETCHES_ARE_KEPT too, so it is in models/shipments.py. The lifetime of cached pages
and the number of kept pages are defined where the data is written.

Several machines may run it at once; it may be killed and run again. Each batch is a transaction of its own, and
evaluates the rule again before it deletes.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.timezone import localdate

from tracking.models import (
    Alarm,
    Allowance,
    Event,
    Fetch,
    KeptPage,
    Message,
    Purpose,
    Shipment,
    Standing,
    Tone,
    VisitorMinute,
)
from tracking.models.shipments import FETCHES_ARE_KEPT
from tracking.values import numbers, pacing
from tracking.values.clocks import FURTHEST_AHEAD, has_passed, impossible
from tracking.values.places import JAPAN, JAPAN_TIME
from tracking.words.glossary import Glossary

PARCELS_ARE_KEPT = timedelta(days=400)  # after the delivery, and after the last look-up
NUMBERS_ARE_KEPT = timedelta(days=90)  # without a story, after the last request to Japan Post
SPAM_IS_KEPT = timedelta(days=90)  # time for staff to say that it is not spam
MINUTES_ARE_KEPT = timedelta(hours=1)  # those that release 0.1.0 left
WEEKS_LOOKED_AT = 8  # before the newest week: in how many of them was Japan Post asked?
WEEKS_OF_USE = 3  # with fewer weeks, the clock is in doubt
_UNTOUCHED = Q(
    registered_at=None, order_reference="", note=""
)  # staff neither registered it nor wrote about it
# Also read again messages this much older than the rule: clocks of machines differ, and storing takes time.
_LATELY = timedelta(minutes=10)


@dataclass(frozen=True)
class Rule:
    """Which rows to delete: described by `what` for the dry run, found by `find`, deleted in parts of `batch` rows."""

    what: str
    find: Callable[[], QuerySet[Any]]
    batch: int = 500
    would_be_missed: bool = False  # True: do not delete them where `doubt_about_clock` says why

    @property
    def rows(self) -> QuerySet[Any]:
        """The rows that have expired, found again at each access."""
        return self.find()


def operational_rules(now: datetime) -> list[Rule]:
    """Return the rules for data that the site collects while it runs. The watch applies them daily."""
    oldest, today = now - FETCHES_ARE_KEPT, localdate(now, JAPAN_TIME)
    enquiry = Standing.objects.with_enquiry(today).filter(pk=OuterRef("shipment"))
    fetches = Fetch.objects.older_than(oldest).filter(~Exists(enquiry))
    minutes = VisitorMinute.objects.filter(_outside(now, minute=now - MINUTES_ARE_KEPT))
    # django-axes deletes these only at the next failed log-in, which may never come; its commands delete all rows.
    over = AccessAttempt.objects.filter(
        Q(attempt_time__lt=now - settings.AXES_COOLOFF_TIME) | impossible("attempt_time", now)
    )
    return [
        Rule(
            "requests to Japan Post older than 90 days, with no enquiry to come",
            fetches.all,
            would_be_missed=True,
        ),
        Rule("kept pages beyond the newest 20", KeptPage.objects.beyond_the_newest),
        Rule("alarms older than 90 days", Alarm.objects.filter(_outside(now, day=oldest)).all),
        *(Rule(f"counts of {one.label}", partial(Allowance.objects.over, one, now)) for one in Purpose),
        Rule("counts of look-ups that release 0.1.0 left", minutes.all),
        Rule("failed log-ins whose pause is over", over.all),
        Rule("log-ins that have run out", Session.objects.filter(_outside(now, expire_date=now)).all),
    ]


def doubt_about_clock(now: datetime) -> str:
    """Why this machine's clock may be ahead, as a sentence; empty: no reason.

    A site that is used stores requests to Japan Post in most weeks. After a jump of the clock, the weeks before the
    newest one have none, or only those of an earlier jump. One jump of a week touches two weeks at most, and so do
    single requests in two jumps. A new site has no older request, and nothing that could expire.
    """
    week = timedelta(days=7)
    ends = [now - number * week for number in range(1, WEEKS_LOOKED_AT + 1)]
    asked = sum(Fetch.objects.filter(started_at__gt=end - week, started_at__lte=end).exists() for end in ends)
    if asked >= WEEKS_OF_USE or not Fetch.objects.older_than(ends[-1] - week).exists():
        return ""
    return (
        f"This machine's clock says {now:%Y-%m-%d}. In the {WEEKS_LOOKED_AT} weeks before the last one, requests to "
        f"Japan Post are stored in fewer than {WEEKS_OF_USE} weeks ({asked}), so the clock may be ahead."
    )


def parcels(now: datetime) -> Rule:
    """Return the rule for parcels that were delivered and not looked up for 400 days. Keeps those still needed.

    A look-up of a delivered parcel asks Japan Post if the stored answer is more than a day old. So `asked_at` is at
    most a day earlier than the last look-up.
    """
    oldest, today = now - PARCELS_ARE_KEPT, localdate(now, JAPAN_TIME)
    # If the end of the enquiry is unknown, the parcel stays, unless another post takes the enquiry.
    no_enquiry = Q(enquiry_ends_on__lt=today) | ~Q(shipment__number__endswith=JAPAN)
    delivered = Standing.objects.filter(
        no_enquiry,
        pk=OuterRef("pk"),  # a subquery, so that SQLite finds each row by its key and not by `meaning`
        is_over=True,
        tone=Tone.DONE,
        meaning=Glossary.current().meaning,  # so that it was computed with today's words
        scanned_on__lt=oldest.date(),
    )
    rows = Shipment.objects.filter(_left_alone(oldest, now), Exists(delivered), asked_at__lt=oldest)
    what = "parcels delivered and not looked at for 400 days"
    return Rule(what, _not_written_about(rows, now), batch=25, would_be_missed=True)


def typed_parcels(now: datetime) -> Rule:
    """Return the rule for parcels that only visitors looked up, the last time 400 days ago, delivered or not.

    Visitors can create any number of these too. A parcel that staff registered, or wrote anything about, stays.
    """
    oldest, today = now - PARCELS_ARE_KEPT, localdate(now, JAPAN_TIME)
    enquiry = Standing.objects.with_enquiry(today).filter(pk=OuterRef("pk"))
    rows = Shipment.objects.filter(
        _left_alone(oldest, now),
        ~Exists(enquiry),
        _UNTOUCHED,
        asked_at__lt=oldest,
        story_at__isnull=False,
        handled_at=None,
        destination=None,
    )
    what = "parcels that only visitors typed and did not look at for 400 days"
    return Rule(what, _not_written_about(rows, now), batch=25, would_be_missed=True)


def without_a_story(now: datetime) -> Rule:
    """Return the rule for numbers that never had a story. Visitors can create any number of these by look-ups."""
    oldest = now - NUMBERS_ARE_KEPT
    never_asked = Q(asked_at=None, created_at__lt=oldest)  # the process that was about to ask was killed
    rows = Shipment.objects.filter(
        _left_alone(oldest, now),
        Q(asked_at__lt=oldest) | never_asked,
        ~Exists(Event.objects.filter(shipment=OuterRef("pk"))),
        _UNTOUCHED,
        story_at=None,
    )
    what = "numbers without a story, not asked about for 90 days"
    return Rule(what, _not_written_about(rows, now), batch=100, would_be_missed=True)


def spam(now: datetime) -> Rule:
    """Return the rule for messages that look like spam, unless staff cleared or answered them."""
    rows = Message.objects.filter(suspected_spam=True, answered=False, created_at__lt=now - SPAM_IS_KEPT)
    return Rule("messages that look like spam, older than 90 days", rows.all, would_be_missed=True)


def delete_in_batches(rule: Rule) -> Iterator[int]:
    """Delete the rows of a rule in batches, so that each holds the lock only briefly. Yield the count of each batch."""
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
    """Staff have not handled the parcel since `oldest`, the watch does not follow it, and no request is in flight.

    A `watch_at` before `oldest` means that the watch does not run.
    """
    return Q(
        Q(handled_at=None) | Q(handled_at__lt=oldest),
        has_passed("lease_until", now),
        Q(watch_at=None) | Q(watch_at__lt=oldest),
    )


def _outside(now: datetime, **oldest: datetime) -> Q:
    """The condition that the moment or day in a column is before the oldest to keep, or so far ahead that a clock was
    wrong: then the row would be kept for as long as the clock was ahead.
    """
    ((column, moment),) = oldest.items()
    ahead = now + FURTHEST_AHEAD
    if column == "day":
        return Q(day__lt=moment.date()) | Q(day__gt=ahead.date())
    return Q((f"{column}__lt", moment)) | Q((f"{column}__gt", ahead))


def _not_written_about(shipments: QuerySet[Shipment], now: datetime) -> Callable[[], QuerySet[Shipment]]:
    """The shipments that no unanswered message names. Messages that look like spam count, as they may be real.

    All messages are read once, here. Each batch holds the lock and so reads only those of the last minutes.
    """
    unanswered = Message.objects.filter(answered=False)
    named = _named_in(unanswered)
    lately = unanswered.filter(created_at__gt=now - _LATELY)
    return lambda: shipments.exclude(number__in=named | _named_in(lately)).order_by("pk")


def _named_in(letters: QuerySet[Message]) -> set[str]:
    texts = letters.values_list("number", "text").iterator()
    return {number for typed, text in texts for number in numbers.find_numbers(f"{typed}\n{text}")}
