"""Deadlines: the last day to collect a parcel at the local post, and the sender's last day to open an enquiry."""

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from tracking.journey.route import Waypoint
from tracking.models import Destination, Tone
from tracking.values import numbers
from tracking.values.numbers import TrackingNumber
from tracking.values.places import japans_day
from tracking.words.glossary import Glossary

RETENTION = "retention"
USUAL_ENQUIRY_MONTHS = 6  # where the destination is not known
WAITS_FOR_CUSTOMER = {RETENTION, "collection", "attempted-delivery"}
_MOST_MONTHS = 1200  # staff may mistype the months; Python's dates end in the year 9999


def first_of_run(route: Sequence[Waypoint]) -> Waypoint:
    """The first row of the newest unbroken run in which the parcel waits for the customer. Holding days count from it.

    Returns the newest row where the parcel does not wait. `route`: oldest first, at least one row.
    """
    first = route[-1]
    for waypoint in reversed(route):
        if waypoint.status is None or waypoint.status.slug not in WAITS_FOR_CUSTOMER:
            break
        first = waypoint
    return first


def collect_by(route: Sequence[Waypoint], number: TrackingNumber, glossary: Glossary) -> date | None:
    """The approximate last day on which the local post keeps the parcel for the customer.

    None where the parcel does not wait for the customer, or the holding days are unknown. They are known for EMS only.
    """
    newest, origin = route[-1], numbers.country(number)
    if not numbers.is_ems(number):
        return None
    there = glossary.destinations.get(newest.country or "")
    if newest.status is None or newest.status.slug not in WAITS_FOR_CUSTOMER or newest.tone != Tone.ACT:
        return None
    if there is None or there.holding_days is None or there.code == origin:
        return None
    return first_of_run(route).event.local_date + timedelta(days=there.holding_days)


def enquiry_ends_on(posted: date, destination: Destination | None) -> date:
    """The last day on which the sender can open an enquiry. The months count from the day after posting.

    Where the last month has no such day, its own last day: 31 August and 6 months are 28 or 29 February. `destination`
    is None where it is unknown.
    """
    months = min(destination.enquiry_months if destination else USUAL_ENQUIRY_MONTHS, _MOST_MONTHS)
    years, month = divmod(posted.month - 1 + months, 12)
    year, month = posted.year + years, month + 1
    return date(year, month, min(posted.day, monthrange(year, month)[1]))


def enquiry_days_left(ends_on: date, now: datetime) -> int:
    """Days until `ends_on`: 0 on the day itself, negative after it. By Japan's calendar: the sender is there."""
    return (ends_on - japans_day(now)).days
