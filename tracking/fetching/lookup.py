"""Looks up a parcel: the stored story while it is fresh, else Japan Post's answer, else the last stored story."""

from datetime import datetime

from django.conf import settings
from django.db import Error

from tracking.fetching import gate
from tracking.fetching.asking import ask
from tracking.fetching.timer import Timer
from tracking.japanpost.errors import NotFound, Rejected, Unavailable, UnexpectedPage
from tracking.journey.story import Story, events_of, story_of
from tracking.models import AskedBy, Shipment
from tracking.models.shipments import Outcome
from tracking.values.numbers import TrackingNumber
from tracking.values.redaction import redact
from tracking.values.store import LOCK_WAIT, TIME_TO_STORE, lock_wait, log_trouble

BUDGET_WITH_STORY = 4.0  # seconds a visitor waits where we have something to show
LEAST_BUDGET = 0.5  # seconds; with less left, a request would only fail


class NotStored(Unavailable):
    """The store is full, read-only or locked: no request can be sent, or its answer cannot be kept."""


def look_up(
    number: TrackingNumber,
    *,
    now: datetime,
    budget: float | None = None,
    visitor: tuple[str, ...] = (),
    asked_by: AskedBy = AskedBy.VISITOR,
) -> Story:
    """The story of a parcel. Asks Japan Post where the stored story is no longer fresh and the gate permits it.

    `now` is aware. `budget`: the most seconds this visitor may wait; None: JAPANPOST_TIMEOUT. `visitor`: the keys by
    which the visitor's look-ups are counted, from `visitors.visitor_keys`; empty: no count.
    Raises one of the four failures of `japanpost.errors` where there is no story, new or stored. The subclasses of
    `tracking.fetching.gate` say why no request was sent. NotStored: the store can be read and not written.
    """
    shipment = Shipment.objects.filter(number=number).first()
    if shipment is not None and not shipment.is_due(now):
        return _from_store(shipment, now)
    has_story = shipment is not None and shipment.story_at is not None
    longest = min(settings.JAPANPOST_TIMEOUT, BUDGET_WITH_STORY) if has_story else settings.JAPANPOST_TIMEOUT
    timer = Timer(now, longest if budget is None else min(longest, budget))
    refusal: Unavailable | None = None
    try:
        if timer.left < LEAST_BUDGET:
            raise gate.OutOfTime("no time left to ask")
        with (
            lock_wait(LOCK_WAIT, in_all=timer.left + TIME_TO_STORE),
            gate.admission(
                number, timer=timer, has_story=has_story, asked_by=asked_by, visitor=visitor
            ) as ticket,
        ):
            if ticket is not None:
                ask(ticket)
    except Unavailable as reason:
        refusal = reason
    except Error as error:
        log_trouble(f"{redact(number)} could not be looked up", error)
        refusal = NotStored("the store cannot be written")
    if refusal is not None and not has_story:
        raise refusal
    shipment = Shipment.objects.get(number=number)
    return _from_store(shipment, timer.now, is_stale=isinstance(refusal, gate.Paused | NotStored))


def _from_store(shipment: Shipment, now: datetime, *, is_stale: bool = False) -> Story:
    events = events_of(shipment)
    if events and shipment.answered_at:
        return story_of(shipment, events, is_stale=is_stale)
    match shipment.last_outcome:
        case Outcome.NOT_FOUND:
            raise NotFound("Japan Post has no such item")
        case Outcome.REJECTED:
            raise Rejected("Japan Post says that the number is malformed")
        case Outcome.UNEXPECTED:
            raise UnexpectedPage("the last answer could not be read")
    rest = (shipment.ask_again_at or now) - now
    raise Unavailable("the last request failed", retry_after=max(1.0, rest.total_seconds()))
