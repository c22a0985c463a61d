"""Made-up stories, short to write: `story("Posting/Collection @ TOKYO", …)`."""

from datetime import date, time, timedelta

from django.utils import timezone

from tracking.japanpost.records import TrackedEvent, TrackedItem
from tracking.values.numbers import TrackingNumber, check_digit

NUMBER = "EM123456785JP"
FIRST_DAY = date(2026, 11, 9)
WIDEST_DAY = date(
    2028, 9, 30
)  # no day takes more room in print; tests/browser/public/test_layout.py measures them

POSTED = "Posting/Collection @ TOKYO"
AT_EXCHANGE = "Arrival at outward office of exchange @ TOKYO"
DISPATCHED = "Dispatch from outward office of exchange @ TOKYO"
ARRIVED = "Arrival at inward office of exchange @ GERMANY"
IN_CUSTOMS = "Held by import Customs @ GERMANY"
AT_OFFICE = "Processing at delivery Post Office @ GERMANY"
DELIVERED = "Final delivery @ GERMANY"


def event(text: str, day: date = FIRST_DAY, clock: time | None = time(9, 0)) -> TrackedEvent:
    """`phrase @ REGION`; the region may be left out."""
    phrase, _, region = text.partition(" @ ")
    return TrackedEvent(day, clock, phrase, region=region)


def story(
    *texts: str, number: str = NUMBER, history_missing: bool = False, first_day: date = FIRST_DAY
) -> TrackedItem:
    """One row a day, from 9 November 2026 on unless told otherwise, each at nine."""
    events = tuple(event(text, first_day + timedelta(days=i)) for i, text in enumerate(texts))
    return TrackedItem(number, "EMS", events, history_missing)


def fresh_story(*texts: str, number: str = NUMBER) -> TrackedItem:
    """The same with its newest row of yesterday, for pages that look at the clock: no silence to worry about."""
    newest = timezone.now().date() - timedelta(days=1)
    events = (event(text, newest - timedelta(days=i)) for i, text in enumerate(reversed(texts)))
    return TrackedItem(number, "EMS", tuple(events)[::-1])


def some_numbers(count: int, *, start: int = 10_000_000) -> list[TrackingNumber]:
    """As many tracking numbers, with the right check digits."""
    serials = (f"{start + i:08}" for i in range(count))
    return [TrackingNumber(f"EG{serial}{check_digit(serial)}JP") for serial in serials]
