"""What an answer changes in the store: decided first, by a function without side effects, then applied by another.

A story is stored whole or not at all, and never gives way to a poorer one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F

from tracking.fetching import gate
from tracking.fetching.alarms import STORY_VANISHED, Drift, kind_of
from tracking.fetching.schedule import watch_again
from tracking.japanpost.errors import JapanPostError, NotFound, Rejected, Unavailable, UnexpectedPage
from tracking.japanpost.records import TrackedEvent, TrackedItem
from tracking.journey.reading import Reading
from tracking.journey.standing import standing_of, store_standings
from tracking.journey.story import is_gone, story_of
from tracking.models import Event, Fetch, Shipment, Tone
from tracking.models.shipments import FAILURES, Outcome, row_of
from tracking.words.glossary import Glossary

DELIVERED_IS_FRESH = timedelta(days=1)
NOTHING_IS_FRESH = timedelta(minutes=10)
REST_AFTER_FAILURE = timedelta(seconds=60)
LONGEST_REST = timedelta(hours=1)
FORGETTING_IS_NORMAL = timedelta(days=330)  # after the newest scan; Japan Post keeps stories for a year
# A number rests for 12 months at least (UPU S10), a parcel travels for some of them.
USED_AGAIN_AFTER = timedelta(days=180)
REGISTERED_BEFORE = timedelta(days=60)  # a parcel is posted so soon after staff registered it
_LONGEST_NOTE = Shipment._meta.get_field("note").max_length or 0
_OUT_OF_THE_WAY = 10_000  # rows; no page is that long

_OUTCOMES: dict[type[JapanPostError], Outcome] = {
    NotFound: Outcome.NOT_FOUND,
    Rejected: Outcome.REJECTED,
    Unavailable: Outcome.UNAVAILABLE,
    UnexpectedPage: Outcome.UNEXPECTED,
}


@dataclass(frozen=True)
class RowChange:
    """How the rows of a story change. A row that is the same keeps its date of first sight, wherever it is now."""

    superseded: tuple[Event, ...] = ()
    moved: tuple[tuple[Event, int], ...] = ()  # with the new position
    added: tuple[tuple[int, TrackedEvent], ...] = ()  # with its position


@dataclass(frozen=True)
class Change:
    """What one answer changes."""

    outcome: Outcome
    note: str = ""  # for staff, kept with the request
    fields: Mapping[str, Any] = field(default_factory=dict)  # of the shipment, by name
    rows: RowChange | None = None  # None: the stored story stays
    drift: Drift | None = None  # what is alarming about the answer

    @property
    def keeps_ours(self) -> bool:
        """True where the answer is a story that has less than the stored one."""
        return self.outcome == Outcome.TRACKED and self.rows is None

    @property
    def new_phrases(self) -> set[str]:
        """The phrases of the new rows."""
        return {event.phrase for _, event in self.rows.added} if self.rows else set()


def store(ticket: gate.Ticket, fetch: Fetch, answer: TrackedItem | JapanPostError) -> Change:
    """Store the answer with its request and end the lease. Returns what changed.

    An answer whose lease is lost is too late: only the request is stored. Needs a transaction.
    """
    shipment, _ = Shipment.objects.select_for_update().get_or_create(number=ticket.number)
    fetch.shipment = shipment
    if not gate.holds_lease(shipment, ticket):
        change = Change(
            _outcome_of(answer), note="Came too late: somebody else had asked meanwhile. Not used."
        )
    else:
        rows = list(Event.objects.current().filter(shipment=shipment).order_by("position"))
        glossary, now = Glossary.current(), ticket.timer.began_at
        change = decide(shipment, rows, answer, glossary, now=now, ended_at=ticket.timer.now)
        if change.keeps_ours and Fetch.objects.filter(shipment=shipment, note=change.note).exists():
            change = replace(change, drift=None)  # the same poorer answer has sounded the alarm before
        events = tuple(row.as_tracked for row in rows)
        if change.rows is not None and isinstance(answer, TrackedItem):
            events = answer.events
        _apply(change, shipment, seen_at=fetch.ended_at)
        _conclude(shipment, events, glossary, now)
    fetch.outcome, fetch.note = change.outcome, change.note
    fetch.save()
    return change


def decide(
    shipment: Shipment,
    rows: Sequence[Event],
    answer: TrackedItem | JapanPostError,
    glossary: Glossary,
    *,
    now: datetime,
    ended_at: datetime,
) -> Change:
    """What the answer changes. Reads no database and modifies nothing.

    `shipment` and its current `rows`, oldest first, are as stored. The visitor came at `now` (aware), the answer was there
    at `ended_at`.
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
        change = _decide_story(shipment, rows, answer, glossary, now)
        return replace(change, fields={**fields, **change.fields})
    fields["ask_again_at"] = _rest_after(answer, ended_at) if outcome in FAILURES else now + NOTHING_IS_FRESH
    return Change(outcome, str(answer)[:500], fields, drift=_drift_in(answer, shipment, rows, now))


def _decide_story(
    shipment: Shipment, rows: Sequence[Event], item: TrackedItem, glossary: Glossary, now: datetime
) -> Change:
    """Theirs replaces the stored story, or ours stays where theirs has less."""
    note, fields = "", dict[str, Any]()
    if _is_another_parcel(rows, item):
        ours = f"our {len(rows)} rows end on {rows[-1].local_date}"
        note = f"The number is used again: {ours}, theirs begin later."
        fields |= _without_the_parcel_before(shipment, item.events[0].local_date)
    elif reason := _why_ours_stays(shipment, rows, item):
        fields["ask_again_at"] = now + _fresh_for(rows[-1].phrase, glossary)
        return Change(Outcome.TRACKED, reason, fields, drift=Drift(STORY_VANISHED, reason))
    change = _compare(rows, item.events)
    fields |= {
        "story_at": now,
        "item_class": item.item_class,
        "history_missing": item.history_missing,
        "ask_again_at": now + _fresh_for(item.events[-1].phrase, glossary),
    }
    if change.added or change.moved:
        fields["changed_at"] = now
    return Change(Outcome.TRACKED, note, fields, change)


def _is_another_parcel(rows: Sequence[Event], item: TrackedItem) -> bool:
    """Their whole story begins long after ours ended, or their newest row comes when they had forgotten ours."""
    if not rows:
        return False
    rest = FORGETTING_IS_NORMAL if item.history_missing else USED_AGAIN_AFTER
    return item.events[0].local_date - rows[-1].local_date > rest


def _without_the_parcel_before(shipment: Shipment, begins_on: date) -> dict[str, Any]:
    """New values of the fields that were about the parcel before: it needs no look, and customers no longer read where it
    went. What staff wrote about it stays in the note. What they registered shortly before the new story begins is about
    the new parcel.
    """
    fields: dict[str, Any] = {"handled_at": None}
    if shipment.registered_at is None or shipment.registered_at.date() < begins_on - REGISTERED_BEFORE:
        fields |= {"destination": None, "registered_at": None}
        if shipment.order_reference:
            before = f"Before: order {shipment.order_reference}. "
            note = f"{before[: _LONGEST_NOTE - len(shipment.note)]}{shipment.note}".strip()
            fields |= {"note": note, "order_reference": ""}
    return fields


def _why_ours_stays(shipment: Shipment, rows: Sequence[Event], item: TrackedItem) -> str:
    """The reason why the stored story stays; empty where the answer has at least as much."""
    if not rows:
        return ""
    if item.history_missing and not shipment.history_missing:
        return f"The answer gave only the newest status, “{item.events[0].phrase}”; our history of {len(rows)} rows stays."
    if len(item.events) < len(rows):
        return f"The answer had {len(item.events)} rows, we have {len(rows)}; ours stay."
    return ""


def _compare(rows: Sequence[Event], events: Sequence[TrackedEvent]) -> RowChange:
    """The rows of which the new story no longer has an equal, those that moved, and those that are new."""
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
    status = glossary.status_of(phrase)
    if status is not None and status.tone == Tone.DONE:
        return DELIVERED_IS_FRESH
    return timedelta(minutes=settings.FRESH_MINUTES)


def _rest_after(failure: JapanPostError, ended_at: datetime) -> datetime:
    """When to ask again after a failure: they may ask for more time with Retry-After."""
    asked_for = timedelta(seconds=getattr(failure, "retry_after", None) or 0)
    return ended_at + min(max(REST_AFTER_FAILURE, asked_for), LONGEST_REST)


def _drift_in(
    failure: JapanPostError, shipment: Shipment, rows: Sequence[Event], now: datetime
) -> Drift | None:
    """A page we cannot read, or a story that Japan Post had and no longer has; else None."""
    if isinstance(failure, UnexpectedPage):
        return Drift(kind_of(str(failure)), str(failure))
    if isinstance(failure, Unavailable) or shipment.story_at is None or is_gone(shipment):
        return None
    if not rows or now.date() - rows[-1].local_date > FORGETTING_IS_NORMAL:
        return None
    return Drift(STORY_VANISHED, f"We had a story, and now they say: {failure}")


def _outcome_of(answer: TrackedItem | JapanPostError) -> Outcome:
    """`gate.Busy` and its siblings never come here: with them, nothing was asked."""
    return Outcome.TRACKED if isinstance(answer, TrackedItem) else _OUTCOMES[type(answer)]


def _apply(change: Change, shipment: Shipment, *, seen_at: datetime) -> None:
    """Write the rows, and set the fields of the shipment, which `_conclude` saves. No row of a story is ever deleted."""
    for name, value in change.fields.items():
        setattr(shipment, name, value)
    if change.rows is None:
        return
    rows = change.rows
    Event.objects.filter(pk__in=[row.pk for row in rows.superseded]).update(superseded_at=seen_at)
    # Out of each other's way first: no two rows of a story may have one position, not even for a moment.
    Event.objects.filter(pk__in=[row.pk for row, _ in rows.moved]).update(
        position=F("position") + _OUT_OF_THE_WAY
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
    """Store what follows from the story as it is now: when the watch asks again, and where the parcel stands."""
    reading = Reading.of(story_of(shipment, events), glossary) if events else None
    shipment.watch_at = watch_again(shipment, reading, now=now)
    shipment.save()
    if reading:
        store_standings([standing_of(shipment, reading)])
