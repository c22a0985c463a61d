"""Stores stories as if Japan Post had sent them."""

from datetime import UTC, datetime, timedelta

from tests.support.stories import some_numbers
from tracking.japanpost.records import TrackedEvent
from tracking.models import Event, Shipment
from tracking.models.shipments import Outcome, row_of

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def keep(
    *rows: TrackedEvent,
    at: datetime = NOW,
    destination: str | None = None,
    history_missing: bool = False,
    number: str | None = None,
) -> Shipment:
    """Store a story as if Japan Post had sent it `at` that time. It is fresh for a day."""
    number = number or some_numbers(1, start=10_000_000 + Shipment.objects.count())[0]
    shipment = Shipment.objects.create(
        number=number,
        destination_id=destination,
        history_missing=history_missing,
        last_outcome=Outcome.TRACKED,
        last_answer=Outcome.TRACKED,
        answered_at=at,
        story_at=at,
        ask_again_at=at + DAY,
    )
    Event.objects.bulk_create(
        Event(shipment=shipment, position=place, first_seen_at=at, **row_of(row))
        for place, row in enumerate(rows)
    )
    return shipment
