"""A request to Japan Post about one parcel, started by staff. It passes the gate as every request does."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import Error
from django.utils.timezone import localtime

from tracking.fetching import gate
from tracking.fetching.asking import ask
from tracking.fetching.timer import Timer
from tracking.journey.times import ago
from tracking.models import AskedBy, Event, Fetch, Shipment
from tracking.models.shipments import FAILURES, Outcome
from tracking.values.counting import count_of
from tracking.values.numbers import TrackingNumber
from tracking.values.places import JAPAN_TIME
from tracking.values.redaction import redact
from tracking.values.store import LOCK_WAIT, TIME_TO_STORE, lock_wait, log_trouble


@dataclass(frozen=True)
class AskResult:
    """The outcome of a request by staff."""

    text: str  # one or two sentences for staff
    was_asked: bool  # False: no request was sent
    is_good: bool = True  # False: there is no usable answer


def ask_now(shipment: Shipment, *, now: datetime) -> AskResult:
    """Ask Japan Post about the parcel, unless its last answer is still fresh or the gate refuses."""
    timer = Timer(now, settings.JAPANPOST_TIMEOUT)
    number, has_story = TrackingNumber(shipment.number), shipment.story_at is not None
    try:
        with (
            lock_wait(LOCK_WAIT, in_all=timer.left + TIME_TO_STORE),
            gate.admission(number, timer=timer, has_story=has_story, asked_by=AskedBy.STAFF) as ticket,
        ):
            fetch = ask(ticket) if ticket else None
    except gate.Paused as pause:
        until = now + timedelta(seconds=pause.retry_after or 0)
        return _not_asked(f"We pause until {_clock(until)}, for Japan Post does not answer: {pause}.")
    except gate.Busy as busy:
        seconds = math.ceil(busy.retry_after or 1)
        return _not_asked(f"Too many requests are under way. Try again in {seconds} seconds.")
    except Error as error:
        log_trouble(f"staff could not ask about {redact(number)}", error)
        text = "Our store cannot be written at the moment, so there is no new answer. Our story stays."
        return AskResult(text, was_asked=False, is_good=False)
    return _result_of(fetch) if fetch else _not_needed(shipment, now)


def _not_asked(reason: str) -> AskResult:
    return AskResult(f"Japan Post was not asked. {reason}", was_asked=False, is_good=False)


def _not_needed(shipment: Shipment, now: datetime) -> AskResult:
    """The result without a request: the last answer is fresh or failed lately, or a request is in flight."""
    shipment = Shipment.objects.get(pk=shipment.pk)
    again_at = shipment.ask_again_at
    if again_at is None or shipment.asked_at is None or shipment.is_due(now):
        return _not_asked("Another request about this parcel is in flight: reload in a few seconds.")
    asked, again = ago(shipment.asked_at, now), f"You can ask again from {_clock(again_at)} on."
    if shipment.last_outcome in FAILURES:
        return _not_asked(f"It failed {asked}, so it rests for a while. {again}")
    return AskResult(f"Fresh already: Japan Post was asked {asked}. {again}", was_asked=False)


def _result_of(fetch: Fetch) -> AskResult:
    if fetch.outcome in FAILURES:
        answer = (
            "gave no answer"
            if fetch.outcome == Outcome.UNAVAILABLE
            else "answered with a page we cannot read"
        )
        return AskResult(
            f"Japan Post {answer}: {fetch.note}. Our story stays.", was_asked=True, is_good=False
        )
    if fetch.outcome != Outcome.TRACKED:
        return AskResult(f"{fetch.get_outcome_display()}. What we had before stays.", was_asked=True)
    if fetch.note:
        return AskResult(f"Japan Post answered. {fetch.note}", was_asked=True)
    new = Event.objects.current().filter(shipment=fetch.shipment, first_seen_at__gte=fetch.started_at).count()
    rows = count_of(new, "new row") if new else "nothing new"
    return AskResult(f"Japan Post answered: {rows}.", was_asked=True)


def _clock(moment: datetime) -> str:
    """The time in Japan, rounded up to a full minute so that it is not too early."""
    return f"{localtime(moment + timedelta(seconds=59), JAPAN_TIME):%H:%M} Japan time"
