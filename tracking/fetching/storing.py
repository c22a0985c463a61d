"""Stores an answer of Japan Post. `decide` computes its effect without side effects; `store` applies it.

A story is stored completely or not at all. A less complete answer never replaces it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F

from tracking.fetching import gate
from tracking.fetching.alarms import STORY_VANISHED, Drift, kind_of
from tracking.fetching.schedule import next_watch_of
from tracking.japanpost.errors import JapanPostError, NotFound, Rejected, Unavailable, UnexpectedPage
from tracking.japanpost.records import TrackedEvent, TrackedItem
from tracking.journey.reading import Reading
from tracking.journey.standing import standing_of, store_standings
from tracking.journey.story import is_no_longer_listed, story_of
from tracking.models import AskedBy, Event, Fetch, Shipment, Tone
from tracking.models.shipments import FAILURES, Outcome, row_of
from tracking.words.glossary import Glossary

DELIVERED_IS_FRESH = timedelta(days=1)
NOTHING_IS_FRESH = timedelta(minutes=10)
REST_AFTER_FAILURE = timedelta(seconds=60)
LONGEST_REST = timedelta(hours=1)
FORGETTING_IS_NORMAL = timedelta(days=330)  # after the newest scan; Japan Post keeps stories for a year
# A post reuses a number after 12 months at the earliest (UPU S10); a parcel may travel for some of them.
USED_AGAIN_AFTER = timedelta(days=180)
REGISTERED_BEFORE = timedelta(
    days=60
)  # the longest time from the registration of a parcel to its first event
_LONGEST_NOTE = Shipment._meta.get_field("note").max_length or 0
_TEMPORARY_OFFSET = 10_000  # rows; no page is that long

_OUTCOMES: dict[type[JapanPostError], Outcome] = {
    NotFound: Outcome.NOT_FOUND,
    Rejected: Outcome.REJECTED,
    Unavailable: Outcome.UNAVAILABLE,
    UnexpectedPage: Outcome.UNEXPECTED,
}


@dataclass(frozen=True)
class RowChange:
    """How the rows of a story change. An equal row keeps its `first_seen_at`, even where its position changes."""

    superseded: tuple[Event, ...] = ()
    moved: tuple[tuple[Event, int], ...] = ()  # with the new position
    added: tuple[tuple[int, TrackedEvent], ...] = ()  # with its position


@dataclass(frozen=True)
class AnswerEffect:
    """What one answer changes."""

    outcome: Outcome
    note: str = ""  # for staff, kept with the request
    fields: Mapping[str, Any] = field(default_factory=dict)  # of the shipment, by name
    rows: RowChange | None = None  # None: the stored story stays
    drift: Drift | None = None  # the reason for an alarm; None: no alarm

    @property
    def keeps_story(self) -> bool:
        """True where the answer is a less complete story than the stored one."""
        return self.outcome == Outcome.TRACKED and self.rows is None

    @property
    def new_phrases(self) -> set[str]:
        """The phrases of the new rows."""
        return {event.phrase for _, event in self.rows.added} if self.rows else set()


def store(ticket: gate.Ticket, fetch: Fetch, answer: TrackedItem | JapanPostError) -> AnswerEffect:
    """Store the answer with its request and end the lease. Returns what changed.

    Where the lease was lost, the answer is too late: only the request is stored. Needs a transaction.
    """
    shipment, _ = Shipment.objects.select_for_update().get_or_create(number=ticket.number)
    fetch.shipment = shipment
    if not gate.holds_lease(shipment, ticket):
        effect = AnswerEffect(
            _outcome_of(answer), note="Not used: a newer request had taken over before this answer came."
        )
    else:
        rows = list(Event.objects.current().filter(shipment=shipment).order_by("position"))
        glossary, now = Glossary.current(), ticket.timer.began_at
        effect = decide(shipment, rows, answer, glossary, now=now, ended_at=ticket.timer.now)
        if effect.keeps_story and Fetch.objects.filter(shipment=shipment, note=effect.note).exists():
            effect = replace(effect, drift=None)  # the same answer has raised an alarm before
        events = tuple(row.as_tracked for row in rows)
        if effect.rows is not None and isinstance(answer, TrackedItem):
            events = answer.events
        _apply(effect, shipment, seen_at=fetch.ended_at)
        if ticket.asked_by == AskedBy.VISITOR:
            shipment.visited_at = now
        _conclude(shipment, events, glossary, now)
    fetch.outcome, fetch.note = effect.outcome, effect.note
    fetch.save()
    return effect


def decide(
    shipment: Shipment,
    rows: Sequence[Event],
    answer: TrackedItem | JapanPostError,
    glossary: Glossary,
    *,
    now: datetime,
    ended_at: datetime,
) -> AnswerEffect:
    """The effect of the answer. Neither reads the database nor modifies its arguments.

    `shipment` and its current `rows` (oldest first) are as stored. `now` (aware): when the visitor came. `ended_at`:
    when the request ended.
    """
    outcome = _outcome_of(answer)
    fields: dict[str, Any] = {
        "asked_at": now,
        "last_outcome": outcome,
        "lease_until": None,
        "lease_token": "",
    }
    if outcome not in FAILURES:
        fields |= {"last_answer": outcome, "answered_at": now}
    if isinstance(answer, TrackedItem):
        effect = _decide_story(shipment, rows, answer, glossary, now)
        return replace(effect, fields={**fields, **effect.fields})
    fields["ask_again_at"] = _rest_after(answer, ended_at) if outcome in FAILURES else now + NOTHING_IS_FRESH
    return AnswerEffect(outcome, str(answer)[:500], fields, drift=_drift_in(answer, shipment, rows, now))


def _decide_story(
    shipment: Shipment, rows: Sequence[Event], item: TrackedItem, glossary: Glossary, now: datetime
) -> AnswerEffect:
    """The effect of a story: it replaces the stored one, unless it is less complete."""
    note, fields = "", dict[str, Any]()
    if _is_another_parcel(rows, item):
        ours = f"our {len(rows)} rows end on {rows[-1].local_date}"
        note = f"The number is used again: {ours}, theirs begin later."
        fields |= _fields_of_new_parcel(shipment, item.events[0].local_date)
    elif reason := _why_story_stays(shipment, rows, item):
        fields["ask_again_at"] = now + _fresh_for(rows[-1].phrase, glossary)
        return AnswerEffect(Outcome.TRACKED, reason, fields, drift=Drift(STORY_VANISHED, reason))
    row_change = _compare(rows, item.events)
    fields |= {
        "story_at": now,
        "item_class": item.item_class,
        "history_missing": item.history_missing,
        "ask_again_at": now + _fresh_for(item.events[-1].phrase, glossary),
    }
    if row_change.added or row_change.moved:
        fields["changed_at"] = now
    return AnswerEffect(Outcome.TRACKED, note, fields, row_change)


def _is_another_parcel(rows: Sequence[Event], item: TrackedItem) -> bool:
    """True where the number was reused: the answer begins long after the stored story ended.

    Where the answer has only the newest row, the stored story must be old enough for Japan Post to have deleted it.
    """
    if not rows:
        return False
    rest = FORGETTING_IS_NORMAL if item.history_missing else USED_AGAIN_AFTER
    return item.events[0].local_date - rows[-1].local_date > rest


def _fields_of_new_parcel(shipment: Shipment, begins_on: date) -> dict[str, Any]:
    """New values of the shipment's fields where the number was reused.

    Clears what described the earlier parcel: when staff handled it, and its destination, which customers could read.
    Its order number moves to the note. What staff registered shortly before the new story begins is about the new
    parcel, so it stays.
    """
    fields: dict[str, Any] = {"handled_at": None}
    if shipment.registered_at is None or shipment.registered_at.date() < begins_on - REGISTERED_BEFORE:
        fields |= {"destination": None, "registered_at": None}
        if shipment.order_reference:
            before = f"Before: order {shipment.order_reference}. "
            note = f"{before[: _LONGEST_NOTE - len(shipment.note)]}{shipment.note}".strip()
            fields |= {"note": note, "order_reference": ""}
    return fields


def _why_story_stays(shipment: Shipment, rows: Sequence[Event], item: TrackedItem) -> str:
    """Why the stored story stays; empty where the answer is at least as complete."""
    if not rows:
        return ""
    if item.history_missing and not shipment.history_missing:
        return (
            f"The answer gave only the newest status, “{item.events[0].phrase}”; "
            f"our history of {len(rows)} rows stays."
        )
    if len(item.events) < len(rows):
        return f"The answer had {len(item.events)} rows, we have {len(rows)}; ours stay."
    return ""


def _compare(rows: Sequence[Event], events: Sequence[TrackedEvent]) -> RowChange:
    """Compare the stored rows with the new story: rows without an equal, rows at a new position, and new rows."""
    left = [(row.as_tracked, row) for row in rows]
    moved, added = list[tuple[Event, int]](), list[tuple[int, TrackedEvent]]()
    for position, event in enumerate(events):
        place = next((place for place, (same, _) in enumerate(left) if same == event), None)
        if place is None:
            added.append((position, event))
            continue
        _, row = left.pop(place)
        if row.position != position:
            moved.append((row, position))
    return RowChange(tuple(row for _, row in left), tuple(moved), tuple(added))


def _fresh_for(phrase: str, glossary: Glossary) -> timedelta:
    """How long a story with this newest phrase is fresh: one day after a delivery, else FRESH_MINUTES."""
    status = glossary.status_of(phrase)
    if status is not None and status.tone == Tone.DONE:
        return DELIVERED_IS_FRESH
    return timedelta(minutes=settings.FRESH_MINUTES)


def _rest_after(failure: JapanPostError, ended_at: datetime) -> datetime:
    """The earliest time of the next request after a failure. A Retry-After header can extend it."""
    asked_for = timedelta(seconds=getattr(failure, "retry_after", None) or 0)
    return ended_at + min(max(REST_AFTER_FAILURE, asked_for), LONGEST_REST)


def _drift_in(
    failure: JapanPostError, shipment: Shipment, rows: Sequence[Event], now: datetime
) -> Drift | None:
    """The reason for an alarm: an unreadable page, or a story that Japan Post no longer has. None: no alarm."""
    if isinstance(failure, UnexpectedPage):
        return Drift(kind_of(str(failure)), str(failure))
    if isinstance(failure, Unavailable) or shipment.story_at is None or is_no_longer_listed(shipment):
        return None
    if not rows or now.date() - rows[-1].local_date > FORGETTING_IS_NORMAL:
        return None
    return Drift(STORY_VANISHED, f"We had a story, and now they say: {failure}")


def _outcome_of(answer: TrackedItem | JapanPostError) -> Outcome:
    """The outcome to store. `gate.Busy` and its siblings cannot occur here: with them, no request was sent."""
    return Outcome.TRACKED if isinstance(answer, TrackedItem) else _OUTCOMES[type(answer)]


def _apply(effect: AnswerEffect, shipment: Shipment, *, seen_at: datetime) -> None:
    """Write the rows and set the shipment's fields; `_conclude` saves the shipment. Never deletes a row of a story."""
    for name, value in effect.fields.items():
        setattr(shipment, name, value)
    if effect.rows is None:
        return
    rows = effect.rows
    Event.objects.filter(pk__in=[row.pk for row in rows.superseded]).update(superseded_at=seen_at)
    # The positions of current rows are unique at every moment, so rows that swap first get temporary ones.
    Event.objects.filter(pk__in=[row.pk for row, _ in rows.moved]).update(
        position=F("position") + _TEMPORARY_OFFSET
    )
    for row, position in rows.moved:
        row.position = position
    Event.objects.bulk_update([row for row, _ in rows.moved], ["position"])
    Event.objects.bulk_create(
        Event(shipment=shipment, position=position, first_seen_at=seen_at, **row_of(event))
        for position, event in rows.added
    )


def _conclude(
    shipment: Shipment, events: tuple[TrackedEvent, ...], glossary: Glossary, now: datetime
) -> None:
    """Save what follows from the story: when the watch asks again, and the standing."""
    reading = Reading.of(story_of(shipment, events), glossary) if events else None
    shipment.watch_at = next_watch_of(shipment, reading, now=now)
    shipment.save()
    if reading:
        store_standings([standing_of(shipment, reading, now=now)])
