"""The route of a parcel: country, stage, tone and meaning after each row of its story. No false progress."""

from collections.abc import Sequence
from dataclasses import dataclass

from tracking.japanpost.records import TrackedEvent
from tracking.models import Destination, Stage, Status, Tone
from tracking.words.glossary import FINAL_DELIVERY, Glossary

BEING_RETURNED, RETURNED = "being-returned", "returned"
DELIVERED_BACK, INSIDE_ORIGIN = "delivered-back", "inside-origin"  # no phrase means these by itself
TRANSIT_COUNTRY = "transit-country"
DEPARTED = "dispatch-from-outward-office"
_RETURNS = {BEING_RETURNED, RETURNED}
_ENDS = {FINAL_DELIVERY, RETURNED, DELIVERED_BACK}


@dataclass(frozen=True)
class Waypoint:
    """How far the parcel is after one row."""

    event: TrackedEvent
    country: str | None  # ISO code of the country that the row itself names
    status: Status | None  # what the row's phrase means
    words: Status | None  # the status whose words explain the row
    stage: int | None
    tone: str
    going_back: bool  # this row or an earlier one says that it is being returned

    @property
    def asks_customer(self) -> bool:
        """The customer can do something. In the country of origin nothing can be done, whatever the phrase means elsewhere."""
        return self.tone == Tone.ACT and (self.words is None or self.words.slug != INSIDE_ORIGIN)

    @property
    def is_over(self) -> bool:
        """This row itself says that it is delivered, or back at the sender: no further row is expected."""
        return self.tone == Tone.DONE or (self.words is not None and self.words.slug in _ENDS)

    @property
    def may_be_delivered(self) -> bool:
        """Before this row it was delivered, and this row's phrase has no meaning yet."""
        return self.status is None and self.stage == Stage.DELIVERED and self.tone == Tone.WAIT


def follow(events: Sequence[TrackedEvent], origin: str, glossary: Glossary) -> tuple[Waypoint, ...]:
    """The waypoint after each event, oldest first. `origin`: ISO code of the country whose post gave out the number."""
    route: list[Waypoint] = []
    for event in events:
        route.append(_next(route[-1] if route else None, event, origin, glossary))
    return tuple(route)


def _next(before: Waypoint | None, event: TrackedEvent, origin: str, glossary: Glossary) -> Waypoint:
    """The waypoint after `event`, from the one before it; None: it is the first."""
    country, status = glossary.country_of(event.region), glossary.status_of(event.phrase)
    stage, tone = (before.stage, before.tone) if before else (None, str(Tone.NORMAL))
    going_back = before is not None and before.going_back
    words = status
    if going_back or (country == origin and _is(status, FINAL_DELIVERY)):
        words, tone = _words_on_the_way_back(status, glossary), Tone.PROBLEM
    elif status is None or leaves_elsewhere(status, country, origin):
        words = None  # the words for leaving are about the country of origin
        tone = tone if tone in (Tone.ACT, Tone.PROBLEM) else Tone.WAIT
    else:
        tone, step = status.tone, _step_of(status, stage)
        if country == origin and (step or 0) > Stage.LEAVING_JAPAN:
            words, step = glossary.status_named(INSIDE_ORIGIN) or status, Stage.LEAVING_JAPAN
        stage = stage if tone == Tone.PROBLEM else step  # a problem keeps the stage really reached
    return Waypoint(event, country, status, words, stage, tone, going_back or _is(status, *_RETURNS))


def _words_on_the_way_back(status: Status | None, glossary: Glossary) -> Status | None:
    """The status whose words explain a row of a parcel that goes back, or is delivered where it came from."""
    if status is None or status.slug in _RETURNS:
        return status
    slug = DELIVERED_BACK if status.slug == FINAL_DELIVERY else BEING_RETURNED
    return glossary.status_named(slug) or status


def _step_of(status: Status, stage: int | None) -> int | None:
    """The step after a row of this status. "En route" has no step of its own: it keeps the stage, but ends a delivery."""
    if status.stage is not None or status.tone == Tone.PROBLEM:
        return status.stage
    return Stage.LOCAL_POST if stage == Stage.DELIVERED and status.tone != Tone.DONE else stage


def _is(status: Status | None, *slugs: str) -> bool:
    return status is not None and status.slug in slugs


def leaves_elsewhere(status: Status | None, country: str | None, origin: str) -> bool:
    """The words for leaving a country, said in another one than the country of origin; a country of transit has its own."""
    if status is None or status.slug == TRANSIT_COUNTRY or country in (None, origin):
        return False
    return status.tone != Tone.PROBLEM and status.stage is not None and status.stage <= Stage.LEAVING_JAPAN


def destination_of(route: Sequence[Waypoint], origin: str) -> str | None:
    """The country that the newest row outside the country of origin names; one of transit is only passed through."""
    for waypoint in reversed(route):
        in_transit = waypoint.status is not None and waypoint.status.slug == TRANSIT_COUNTRY
        if waypoint.country not in (None, origin) and not in_transit:
            return waypoint.country
    return None


def furthest_step(route: Sequence[Waypoint]) -> int | None:
    """The step reached before, where the newest row stands at an earlier one; None where nothing went back."""
    reached = max(waypoint.stage or 0 for waypoint in route)
    stage = route[-1].stage
    return reached if stage is not None and stage < reached else None


def delivered_before(route: Sequence[Waypoint]) -> Waypoint | None:
    """The delivery that newer rows came after; None where there was none, or where it is the newest row itself."""
    *earlier, newest = route
    if newest.tone == Tone.DONE:
        return None
    return next((waypoint for waypoint in reversed(earlier) if waypoint.tone == Tone.DONE), None)


def last_time_here(route: Sequence[Waypoint]) -> Waypoint | None:
    """The row at which the parcel stood at the newest row's status before, in the same country, with another status
    in between. None where the country is not known.
    """
    newest, has_left = route[-1], False
    if newest.country is None:
        return None
    for waypoint in reversed(route):
        if newest.words is None or waypoint.words is None:
            continue
        if waypoint.words != newest.words:
            has_left = True
        elif has_left and waypoint.country == newest.country:
            return waypoint
    return None


def is_last_scan(waypoint: Waypoint, there: Destination | None) -> bool:
    """True where the post there sends no scans to Japan, so that none follows the departure."""
    has_departed = waypoint.words is not None and waypoint.words.slug == DEPARTED
    return there is not None and not there.exchanges_scans and has_departed
