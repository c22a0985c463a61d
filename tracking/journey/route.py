"""Where the journey stands after each row: stage, tone and whose words explain it. No false progress."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from tracking.japanpost.records import TrackedEvent
from tracking.models import Stage, Status, Tone
from tracking.values import numbers
from tracking.values.numbers import TrackingNumber
from tracking.words.glossary import FINAL_DELIVERY, Glossary

BEING_RETURNED, RETURNED = "being-returned", "returned"
DELIVERED_BACK, INSIDE_ORIGIN = "delivered-back", "inside-origin"  # no phrase means these by itself
TRANSIT_COUNTRY = "transit-country"
DEPARTED = "dispatch-from-outward-office"
RETENTION = "retention"
_ENDS = {FINAL_DELIVERY, RETURNED, DELIVERED_BACK}
WAITS_FOR_CUSTOMER = {RETENTION, "collection", "attempted-delivery"}


@dataclass(frozen=True)
class Place:
    """Where the journey stands after one row."""

    event: TrackedEvent
    country: str | None  # the row's own
    status: Status | None
    words: Status | None  # whose words explain the row
    stage: int | None
    tone: str
    going_back: bool  # it was being returned when this row came

    @property
    def asks_customer(self) -> bool:
        """The customer can do something. In the country of origin nobody can, whatever the phrase means elsewhere."""
        return self.tone == Tone.ACT and (self.words is None or self.words.slug != INSIDE_ORIGIN)

    @property
    def is_over(self) -> bool:
        """This row itself says that it is delivered, or back at the sender: nothing more is waited for."""
        return self.tone == Tone.DONE or (self.words is not None and self.words.slug in _ENDS)

    @property
    def may_be_delivered(self) -> bool:
        """Before this row it was delivered, and nobody knows yet what this row means."""
        return self.status is None and self.stage == Stage.DELIVERED and self.tone == Tone.WAIT


def travel(events: Sequence[TrackedEvent], origin: str, glossary: Glossary) -> list[Place]:
    """Where the journey stands after each row. No false progress, and a problem keeps the stage really reached."""
    places: list[Place] = []
    stage: int | None = None
    tone: str = Tone.NORMAL
    going_back = False
    by_slug = {status.slug: status for status in glossary.statuses}
    for event in events:
        country, status = glossary.country_of(event.region), glossary.status_of(event.phrase)
        words = status
        delivered = status is not None and status.slug == FINAL_DELIVERY
        if going_back or (delivered and country == origin):
            tone = Tone.PROBLEM
            if delivered:
                words = by_slug.get(DELIVERED_BACK, status)
            elif status is not None and status.slug not in (BEING_RETURNED, RETURNED):
                words = by_slug.get(BEING_RETURNED, status)
        elif status is None or leaves_elsewhere(status, country, origin):
            words = None  # ours say that it leaves the country of origin
            tone = tone if tone in (Tone.ACT, Tone.PROBLEM) else Tone.WAIT
        else:
            tone = status.tone
            # "En route" has no step of its own: in the country of origin it ends a later one, and everywhere a delivery.
            # A problem ends none.
            step = stage if status.stage is None and tone != Tone.PROBLEM else status.stage
            if status.stage is None and step == Stage.DELIVERED and tone != Tone.DONE:
                step = Stage.LOCAL_POST
            if country == origin and (step or 0) > Stage.LEAVING_JAPAN:
                words = by_slug.get(INSIDE_ORIGIN, status)
                step = Stage.LEAVING_JAPAN
            if tone != Tone.PROBLEM:
                stage = step
        going_back = going_back or (status is not None and status.slug in (BEING_RETURNED, RETURNED))
        places.append(Place(event, country, status, words, stage, tone, going_back))
    return places


def leaves_elsewhere(status: Status | None, country: str | None, origin: str) -> bool:
    """The words for leaving a country, said in another one than the country of origin; a country of transit has its own."""
    if status is None or status.slug == TRANSIT_COUNTRY or country in (None, origin):
        return False
    return status.tone != Tone.PROBLEM and status.stage is not None and status.stage <= Stage.LEAVING_JAPAN


def destination_of(journey: Sequence[Place], origin: str) -> str | None:
    """The country that the newest row outside the country of origin names; one of transit is only passed through."""
    for place in reversed(journey):
        in_transit = place.status is not None and place.status.slug == TRANSIT_COUNTRY
        if place.country not in (None, origin) and not in_transit:
            return place.country
    return None


def furthest_step(journey: Sequence[Place]) -> int | None:
    """The step reached before, where the newest row stands at an earlier one; None where nothing went back."""
    reached = max(place.stage or 0 for place in journey)
    stage = journey[-1].stage
    return reached if stage is not None and stage < reached else None


def delivered_before(journey: Sequence[Place]) -> Place | None:
    """The delivery that newer rows came after; None where there was none, or where it is the newest row itself."""
    *earlier, newest = journey
    if newest.tone == Tone.DONE:
        return None
    return next((place for place in reversed(earlier) if place.tone == Tone.DONE), None)


def last_time_here(journey: Sequence[Place]) -> Place | None:
    """The row at which the parcel stood at the newest row's status before, in the same country, with another status
    in between. None where the country is not known.
    """
    newest, has_left = journey[-1], False
    if newest.country is None:
        return None
    for place in reversed(journey):
        if newest.words is None or place.words is None:
            continue
        if place.words != newest.words:
            has_left = True
        elif has_left and place.country == newest.country:
            return place
    return None


def first_of_run(journey: Sequence[Place]) -> Place:
    """The first of the unbroken rows in which the parcel waits for the customer: holding days run from there."""
    first = journey[-1]
    for place in reversed(journey):
        if place.status is None or place.status.slug not in WAITS_FOR_CUSTOMER:
            break
        first = place
    return first


def collect_by(journey: Sequence[Place], number: TrackingNumber, glossary: Glossary) -> date | None:
    """About the last day on which the post there keeps what waits for the customer; None where nothing does, or where
    nobody knows how long they keep it: holding days are those of EMS.
    """
    newest, origin = journey[-1], numbers.country(number)
    if not numbers.is_ems(number):
        return None
    there = glossary.destinations.get(newest.country or "")
    if newest.status is None or newest.status.slug not in WAITS_FOR_CUSTOMER or newest.tone != Tone.ACT:
        return None
    if there is None or there.holding_days is None or there.code == origin:
        return None
    return first_of_run(journey).event.local_date + timedelta(days=there.holding_days)
