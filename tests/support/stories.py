"""Made-up stories, short to write: `story("Posting/Collection @ TOKYO", …)`."""

from datetime import date, time, timedelta

from django.utils import timezone

from tracking.japanpost.records import TrackedEvent, TrackedItem
from tracking.values.numbers import TrackingNumber, check_digit

NUMBER = "EM123456785JP"
FIRST_DAY = date(2026, 11, 9)
# No date is wider in print; tests/browser/public/test_layout.py measures them.
WIDEST_DAY = date(2028, 9, 30)

POSTED = "Posting/Collection @ TOKYO"
AT_EXCHANGE = "Arrival at outward office of exchange @ TOKYO"
DISPATCHED = "Dispatch from outward office of exchange @ TOKYO"
ARRIVED = "Arrival at inward office of exchange @ GERMANY"
IN_CUSTOMS = "Held by import Customs @ GERMANY"
RELEASED = "Item returned from import Customs @ GERMANY"
AT_OFFICE = "Processing at delivery Post Office @ GERMANY"
DELIVERED = "Final delivery @ GERMANY"


def event(text: str, day: date = FIRST_DAY, clock: time | None = time(9, 0)) -> TrackedEvent:
    """Return one row from `phrase @ REGION`; the region may be left out."""
    phrase, _, region = text.partition(" @ ")
    return TrackedEvent(day, clock, phrase, region=region)


def story(
    *texts: str, number: str = NUMBER, history_missing: bool = False, first_day: date = FIRST_DAY
) -> TrackedItem:
    """Return a story with one row a day, each at nine local time, from 9 November 2026 by default."""
    events = tuple(event(text, first_day + timedelta(days=i)) for i, text in enumerate(texts))
    return TrackedItem(number, "EMS", events, history_missing)


def fresh_story(*texts: str, number: str = NUMBER) -> TrackedItem:
    """Return the same with its newest row yesterday, so that pages that look at the clock see no silence."""
    newest = timezone.now().date() - timedelta(days=1)
    events = (event(text, newest - timedelta(days=i)) for i, text in enumerate(reversed(texts)))
    return TrackedItem(number, "EMS", tuple(events)[::-1])


def some_numbers(count: int, *, start: int = 10_000_000) -> list[TrackingNumber]:
    """Return `count` tracking numbers with the right check digits."""
    serials = (f"{start + i:08}" for i in range(count))
    return [TrackingNumber(f"EG{serial}{check_digit(serial)}JP") for serial in serials]
