"""A parcel's story as the store has it: what Japan Post last said, and when. Reads the store; Japan Post is never asked."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from tracking.japanpost.records import TrackedEvent
from tracking.models import Event, Shipment
from tracking.models.shipments import FAILURES, TRACKED_FIELDS, Outcome
from tracking.values.numbers import TrackingNumber


@dataclass(frozen=True)
class Story:
    """A story, however old it is. Instants are aware; the events' times are wall clocks."""

    number: TrackingNumber
    events: tuple[TrackedEvent, ...]  # oldest first, at least one
    history_missing: bool
    checked_at: datetime  # when Japan Post last gave an answer we could read
    stale: bool = False  # the last ask failed, ours or everybody's: the story is older than it should be
    gone: bool = False  # Japan Post had it and has it no more: the story is ours alone
    destination: str | None = None  # ISO code, where staff gave it
    told_less_at: datetime | None = None  # their newest answer told less than this story, which is as of then
    changed_at: datetime | None = None  # when the events last changed


def recall(number: TrackingNumber) -> Story | None:
    """The stored story of a number; None where there is none. Costs two queries."""
    return recall_all([number]).get(number)


def recall_all(numbers: Collection[str]) -> dict[str, Story]:
    """The stored stories of these numbers, in two queries. A number without a story is left out."""
    shipments = Shipment.objects.filter(number__in=numbers, answered_at__isnull=False)
    rows = Event.objects.current().filter(shipment__in=shipments).order_by("position")
    events: dict[int, list[TrackedEvent]] = {}
    for key, *row in rows.values_list("shipment_id", *TRACKED_FIELDS):
        events.setdefault(key, []).append(TrackedEvent(*row))
    return {one.number: story_of(one, tuple(events[one.pk])) for one in shipments if one.pk in events}


def has_story(number: TrackingNumber) -> bool:
    """True where Japan Post has told us something about this number before."""
    return Shipment.objects.filter(number=number, story_at__isnull=False).exists()


def known_destinations(numbers: Collection[str]) -> list[str | None]:
    """Where parcels with these numbers go as far as staff know, even where Japan Post has no story yet: ISO codes."""
    return list(Shipment.objects.filter(number__in=numbers).values_list("destination_id", flat=True))


def story_of(shipment: Shipment, events: tuple[TrackedEvent, ...], *, is_paused: bool = False) -> Story:
    """For a parcel with events, which somebody must have answered."""
    assert shipment.answered_at is not None
    return Story(
        number=TrackingNumber(shipment.number),
        events=events,
        history_missing=shipment.history_missing,
        checked_at=shipment.answered_at,
        stale=is_paused or shipment.last_outcome in FAILURES,
        gone=is_gone(shipment),
        destination=shipment.destination_id,
        told_less_at=_told_less_at(shipment),
        changed_at=shipment.changed_at,
    )


def is_gone(shipment: Shipment) -> bool:
    return shipment.newest_answer in (Outcome.NOT_FOUND, Outcome.REJECTED)


def _told_less_at(shipment: Shipment) -> datetime | None:
    """When they last confirmed the story, if they have given a poorer one since."""
    confirmed = shipment.story_at == shipment.answered_at
    return None if confirmed or shipment.newest_answer != Outcome.TRACKED else shipment.story_at


def events_of(shipment: Shipment) -> tuple[TrackedEvent, ...]:
    rows = Event.objects.current().filter(shipment=shipment).order_by("position").values_list(*TRACKED_FIELDS)
    return tuple(TrackedEvent(*row) for row in rows)
