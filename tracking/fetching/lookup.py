"""What do we know about this parcel? From the store while it is fresh, else from Japan Post, else our last story."""

import random
import time
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F

from tracking.fetching import alarms, gate
from tracking.fetching.schedule import watch_again
from tracking.japanpost import client, parser
from tracking.japanpost.errors import JapanPostError, NotFound, Rejected, Unavailable, UnexpectedPage
from tracking.japanpost.records import TrackedEvent, TrackedItem
from tracking.journey import standing
from tracking.journey.story import Lookup, events_of, is_gone, story_of
from tracking.models import AskedBy, Event, Fetch, Shipment, Shop, Tone
from tracking.models.shipments import FAILURES, Outcome, row_of
from tracking.values.numbers import TrackingNumber
from tracking.words.glossary import Glossary
from tracking.words.phrases import note_seen, note_unknown

VERSION = "0.1"

DELIVERED_IS_FRESH = timedelta(days=1)
NOTHING_IS_FRESH = timedelta(minutes=10)
REST_AFTER_FAILURE = timedelta(seconds=60)
FORGETTING_IS_NORMAL = timedelta(days=330)  # after the newest scan; Japan Post keeps stories for a year
USED_AGAIN_AFTER = timedelta(
    days=180
)  # a number rests for 12 months at least (UPU S10), a parcel travels for some
REGISTERED_BEFORE = timedelta(days=60)  # a parcel is posted so soon after staff registered it
LONGEST_REST = timedelta(hours=1)
BUDGET_WITH_STORY = 4.0  # seconds a visitor waits where we have something to show
_LONGEST_NOTE = Shipment._meta.get_field("note").max_length or 0
_OUT_OF_THE_WAY = 10_000  # rows; no page is that long
LEAST_BUDGET = 0.5  # seconds; with less left, asking would only fail

_OUTCOMES: dict[type[JapanPostError], Outcome] = {
    NotFound: Outcome.NOT_FOUND,
    Rejected: Outcome.REJECTED,
    Unavailable: Outcome.UNAVAILABLE,
    UnexpectedPage: Outcome.UNEXPECTED,
}


def look_up(
    number: TrackingNumber,
    *,
    now: datetime,
    budget: float | None = None,
    visitor: str = "",
    asked_by: AskedBy = AskedBy.VISITOR,
) -> Lookup:
    """The story of a parcel, asking Japan Post where ours is no longer fresh and the gate lets us.

    `budget` is the longest this visitor may wait, in seconds; JAPANPOST_TIMEOUT where it is None. `visitor` is
    who asks, as `visitors.visitor_key` has it; empty: nobody whose look-ups are counted.
    Raises one of the four failures of `japanpost.errors` where there is no story, new or stored; those of
    `tracking.fetching.gate` say why nobody was asked.
    """
    shipment = Shipment.objects.filter(number=number).first()
    if shipment is not None and not shipment.is_due(now):
        return _tell(shipment, now)
    has_story = shipment is not None and shipment.story_at is not None
    longest = min(settings.JAPANPOST_TIMEOUT, BUDGET_WITH_STORY) if has_story else settings.JAPANPOST_TIMEOUT
    timer = gate.Timer(now, longest if budget is None else min(longest, budget))
    refusal = None
    try:
        if timer.left < LEAST_BUDGET:
            raise gate.OutOfTime("no time left to ask")
        with gate.admission(
            number, timer=timer, has_story=has_story, asked_by=asked_by, visitor=visitor
        ) as ticket:
            if ticket is not None:
                ask(ticket)
    except Unavailable as reason:
        if not has_story:
            raise
        refusal = reason
    shipment = Shipment.objects.get(number=number)
    return _tell(shipment, timer.now, is_paused=isinstance(refusal, gate.Paused))


def ask(ticket: gate.Ticket) -> Fetch:
    """Ask Japan Post, in the time the ticket has left, and store what came of it. Raises nothing of theirs.

    No transaction is open while they are asked.
    """
    glossary, allowed = Glossary.current(), ticket.timer.left
    started_at, started = ticket.timer.now, time.monotonic()
    html, size, item, failure = "", 0, None, None
    try:
        page = _fetch_page(ticket, _user_agent(glossary.shop))
        html, size = page.html, page.size
        item = parser.parse_page(page.html, ticket.number)
    except JapanPostError as error:
        failure = error
    seconds = time.monotonic() - started
    # The story is noted as of the visitor's arrival: after a wait that makes it look older, never newer, than it is. What
    # is evidence, the request and the first sight of a row, has its own time.
    asked_at = ticket.timer.began_at
    fetch = Fetch(
        started_at=started_at, milliseconds=round(seconds * 1000), size=size, asked_by=ticket.asked_by
    )
    # What they say is noted before and after, each phrase for itself, for the same reason as the order within: two who
    # lock in different orders wait for each other.
    if item is not None:
        note_unknown({event.phrase for event in item.events}, glossary, asked_at)
    with transaction.atomic():
        # The gate before the parcel, as everywhere.
        if isinstance(failure, Unavailable):
            gate.note_failure(ticket, failure, seconds=seconds, allowed=allowed)
        else:
            gate.note_answer(ticket)
        drift, new_phrases = _store(ticket, fetch, item, failure)
    note_seen(new_phrases, asked_at)
    if drift:
        alarms.sound(drift, number=ticket.number, html=html, now=asked_at)
    return fetch


def _fetch_page(ticket: gate.Ticket, user_agent: str) -> client.Page:
    """Once more where they hung up before the first byte: the one failure that asking again at once mends."""

    def fetch() -> client.Page:
        return client.fetch_page(
            ticket.number,
            base_url=settings.JAPANPOST_URL,
            user_agent=user_agent,
            timeout=ticket.timer.left,
            on_sent=ticket.has_sent,
        )

    try:
        return fetch()
    except Unavailable as failure:
        if not failure.hung_up or not ticket.take_another_turn(after=random.uniform(0.05, 0.25)):
            raise
    return fetch()


def _store(
    ticket: gate.Ticket, fetch: Fetch, item: TrackedItem | None, failure: JapanPostError | None
) -> tuple[alarms.Drift | None, set[str]]:
    """Keep what they said, or that they said nothing; end the lease with it. Too late: note that, and no more.

    Returns what is alarming about the answer, and the phrases of its new rows.
    """
    now = ticket.timer.began_at
    shipment, _ = Shipment.objects.select_for_update().get_or_create(number=ticket.number)
    fetch.shipment = shipment
    if not gate.holds_lease(shipment, ticket):
        fetch.outcome = Outcome.TRACKED if failure is None else _OUTCOMES[type(failure)]
        fetch.note = "Came too late: somebody else had asked meanwhile. Not used."
        fetch.save()
        return None, set()
    drift, new_phrases, glossary = None, set[str](), Glossary.current()
    if item is not None:
        new_phrases, fetch.note = _store_story(shipment, item, glossary, now, fetch.ended_at)
        fetch.outcome = Outcome.TRACKED
        ours_stays = shipment.story_at != now
        if ours_stays and not Fetch.objects.filter(shipment=shipment, note=fetch.note).exists():
            drift = alarms.Drift(alarms.STORY_VANISHED, fetch.note)
    elif failure is not None:
        drift = _drift_in(failure, shipment, now)
        fetch.outcome, fetch.note = _store_failure(shipment, failure, now, ticket.timer.now)
    shipment.asked_at, shipment.last_outcome = now, fetch.outcome
    if fetch.outcome not in FAILURES:
        shipment.last_answer = fetch.outcome
    shipment.lease_until, shipment.lease_token = None, ""
    events = events_of(shipment)
    shipment.watch_at = watch_again(shipment, events, glossary, now=now)
    shipment.save()
    fetch.save()
    if events:
        standing.store(shipment, story_of(shipment, events), glossary)
    return drift, new_phrases


def _drift_in(failure: JapanPostError, shipment: Shipment, now: datetime) -> alarms.Drift | None:
    """A page we cannot read, or nothing any more where there was a story. `shipment` is as it was before."""
    if isinstance(failure, UnexpectedPage):
        return alarms.Drift(alarms.kind_of(str(failure)), str(failure))
    if isinstance(failure, Unavailable) or shipment.story_at is None or is_gone(shipment):
        return None
    newest = Event.objects.current().filter(shipment=shipment).order_by("-position").first()
    if newest is None or now.date() - newest.local_date > FORGETTING_IS_NORMAL:
        return None
    return alarms.Drift(alarms.STORY_VANISHED, f"We had a story, and now they say: {failure}")


def _user_agent(shop: Shop) -> str:
    """Who asks, honestly: the software and where to reach the shop."""
    return f"emsguide/{VERSION} (parcel tracking for one shop; {shop.email or shop.website or 'no contact given'})"


def _tell(shipment: Shipment, now: datetime, *, is_paused: bool = False) -> Lookup:
    events = events_of(shipment)
    if events and shipment.answered_at:
        return story_of(shipment, events, is_paused=is_paused)
    match shipment.last_outcome:
        case Outcome.NOT_FOUND:
            raise NotFound("Japan Post has no such item")
        case Outcome.REJECTED:
            raise Rejected("Japan Post says that the number is malformed")
        case Outcome.UNEXPECTED:
            raise UnexpectedPage("the last answer could not be read")
    rest = (shipment.ask_again_at or now) - now
    raise Unavailable("the last ask failed", retry_after=max(1.0, rest.total_seconds()))


def _store_story(
    shipment: Shipment, item: TrackedItem, glossary: Glossary, now: datetime, seen_at: datetime
) -> tuple[set[str], str]:
    """Replace the story, or keep ours where theirs tells less.

    Returns the phrases of new rows, and a note for staff where theirs is not simply the same story going on.
    """
    stored = list(Event.objects.current().filter(shipment=shipment).order_by("position"))
    shipment.answered_at, new_phrases = now, set[str]()
    is_another = _is_another_parcel(stored, item)
    note = "" if is_another else _why_ours_stays(shipment, stored, item)
    if not note:
        new_phrases, has_changed = _replace_events(shipment, stored, item.events, seen_at)
        shipment.story_at, shipment.item_class = now, item.item_class
        shipment.history_missing = item.history_missing
        shipment.changed_at = now if has_changed else shipment.changed_at
    newest = stored[-1] if note else item.events[-1]
    shipment.ask_again_at = now + _fresh_for(newest.phrase, glossary)
    if is_another:
        _forget_the_parcel_before(shipment, item.events[0].local_date)
        note = f"The number is used again: our {len(stored)} rows end on {stored[-1].local_date}, theirs begin later."
    return new_phrases, note


def _is_another_parcel(stored: Sequence[Event], item: TrackedItem) -> bool:
    """Their whole story begins long after ours ended, or their newest row comes when they had forgotten ours."""
    if not stored:
        return False
    rest = FORGETTING_IS_NORMAL if item.history_missing else USED_AGAIN_AFTER
    return item.events[0].local_date - stored[-1].local_date > rest


def _forget_the_parcel_before(shipment: Shipment, begins_on: date) -> None:
    """What staff wrote about it stays readable, in the note; where it went is no longer told to customers.

    What they registered shortly before the new story begins is about the new parcel.
    """
    shipment.handled_at = None
    if shipment.registered_at is None or shipment.registered_at.date() < begins_on - REGISTERED_BEFORE:
        shipment.destination, shipment.registered_at = None, None
        if shipment.order_reference:
            before = f"Before: order {shipment.order_reference}. "
            shipment.note = f"{before[: _LONGEST_NOTE - len(shipment.note)]}{shipment.note}".strip()
            shipment.order_reference = ""


def _why_ours_stays(shipment: Shipment, stored: Sequence[Event], item: TrackedItem) -> str:
    """Empty: the answer tells at least as much as we have. Else the reason why nothing is replaced."""
    if not stored:
        return ""
    if item.history_missing and not shipment.history_missing:
        return f"The answer gave only the newest status, “{item.events[0].phrase}”; our history of {len(stored)} rows stays."
    if len(item.events) < len(stored):
        return f"The answer had {len(item.events)} rows, we have {len(stored)}; ours stay."
    return ""


def _replace_events(
    shipment: Shipment, stored: Sequence[Event], events: Sequence[TrackedEvent], seen_at: datetime
) -> tuple[set[str], bool]:
    """Rows that are the same stay with their date of first sight, wherever they stand now; the others are superseded,
    never deleted. Returns the phrases of the new rows, and whether rows came or moved.
    """
    left = [(row.as_tracked, row) for row in stored]
    moved, added = list[Event](), list[Event]()
    for position, event in enumerate(events):
        place = next((place for place, (same, _) in enumerate(left) if same == event), None)
        if place is None:
            added.append(Event(shipment=shipment, position=position, first_seen_at=seen_at, **row_of(event)))
            continue
        _, row = left.pop(place)
        if row.position != position:
            row.position = position
            moved.append(row)
    Event.objects.filter(pk__in=[row.pk for _, row in left]).update(superseded_at=seen_at)
    # Out of each other's way first: no two rows of a story may have one position, not even for a moment.
    Event.objects.filter(pk__in=[row.pk for row in moved]).update(position=F("position") + _OUT_OF_THE_WAY)
    Event.objects.bulk_update(moved, ["position"])
    Event.objects.bulk_create(added)
    return {row.phrase for row in added}, bool(added or moved)


def _fresh_for(phrase: str, glossary: Glossary) -> timedelta:
    status = glossary.status_of(phrase)
    if status is not None and status.tone == Tone.DONE:
        return DELIVERED_IS_FRESH
    return timedelta(minutes=settings.FRESH_MINUTES)


def _store_failure(
    shipment: Shipment, failure: JapanPostError, now: datetime, ended_at: datetime
) -> tuple[Outcome, str]:
    outcome = _OUTCOMES[type(failure)]
    if outcome in FAILURES:
        asked_for = timedelta(seconds=getattr(failure, "retry_after", None) or 0)
        shipment.ask_again_at = ended_at + min(max(REST_AFTER_FAILURE, asked_for), LONGEST_REST)
    else:
        shipment.answered_at = now
        shipment.ask_again_at = now + NOTHING_IS_FRESH
    return outcome, str(failure)[:500]
