"""The stored story of a parcel: what Japan Post last said, and when. Reads the database, never asks Japan Post."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from tracking.japanpost.records import TrackedEvent
from tracking.models import Event, Shipment
from tracking.models.shipments import FAILURES, TRACKED_FIELDS, Outcome
from tracking.values.numbers import TrackingNumber


@dataclass(frozen=True)
class Story:
    """A stored story of any age. Instants are aware; the events have local wall-clock times."""

    number: TrackingNumber
    events: tuple[TrackedEvent, ...]  # oldest first, at least one
    history_missing: bool
    checked_at: datetime  # when Japan Post last gave an answer we could read
    stale: bool = False  # older than it should be: the last request failed, or none is possible
    no_longer_listed: bool = False  # Japan Post no longer has the item: only our stored story is left
    destination: str | None = None  # ISO code that staff entered; None: none
    less_complete_since: datetime | None = None  # last confirmed then; None: the newest answer has it all
    changed_at: datetime | None = None  # when the events last changed


def recall(number: TrackingNumber) -> Story | None:
    """The stored story of a number; None where there is none. Costs two queries at most."""
    return recall_all([number]).get(number)


def recall_all(numbers: Collection[str]) -> dict[str, Story]:
    """The stored stories by number. Numbers without a story are left out. Costs two queries at most."""
    shipments = Shipment.objects.filter(number__in=numbers, answered_at__isnull=False)
    rows = Event.objects.current().filter(shipment__in=shipments).order_by("position")
    events: dict[int, list[TrackedEvent]] = {}
    for key, *row in rows.values_list("shipment_id", *TRACKED_FIELDS):
        events.setdefault(key, []).append(TrackedEvent(*row))
    return {one.number: story_of(one, tuple(events[one.pk])) for one in shipments if one.pk in events}


def has_story(number: TrackingNumber) -> bool:
    """True where a story of this number is stored."""
    return Shipment.objects.filter(number=number, story_at__isnull=False).exists()


def known_destinations(numbers: Collection[str]) -> list[str | None]:
    """The destinations that staff entered for these numbers, even where there is no story yet.

    ISO codes; None for a shipment without one. Numbers that are not stored are left out.
    """
    return list(Shipment.objects.filter(number__in=numbers).values_list("destination_id", flat=True))


def story_of(shipment: Shipment, events: tuple[TrackedEvent, ...], *, is_stale: bool = False) -> Story:
    """The story of a shipment with these events. `shipment.answered_at` must be set. `is_stale`: see Story.stale."""
    if shipment.answered_at is None:
        raise ValueError(f"a story without an answer: shipment {shipment.pk}")
    return Story(
        number=TrackingNumber(shipment.number),
        events=events,
        history_missing=shipment.history_missing,
        checked_at=shipment.answered_at,
        stale=is_stale or shipment.last_outcome in FAILURES,
        no_longer_listed=is_no_longer_listed(shipment),
        destination=shipment.destination_id,
        less_complete_since=_less_complete_since(shipment),
        changed_at=shipment.changed_at,
    )


def is_no_longer_listed(shipment: Shipment) -> bool:
    """True where Japan Post's newest answer says that it has no such item or that the number is malformed."""
    return shipment.newest_answer in (Outcome.NOT_FOUND, Outcome.REJECTED)


def _less_complete_since(shipment: Shipment) -> datetime | None:
    """When Japan Post last confirmed the story, if a later answer was less complete; else None."""
    confirmed = shipment.story_at == shipment.answered_at
    return None if confirmed or shipment.newest_answer != Outcome.TRACKED else shipment.story_at


def events_of(shipment: Shipment) -> tuple[TrackedEvent, ...]:
    """The current events of a shipment, oldest first; empty where there are none. Costs one query."""
    rows = Event.objects.current().filter(shipment=shipment).order_by("position").values_list(*TRACKED_FIELDS)
    return tuple(TrackedEvent(*row) for row in rows)
