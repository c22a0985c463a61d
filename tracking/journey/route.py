"""The route of a parcel: country, stage, tone and meaning after each row of its story. Never shows false progress."""

from collections.abc import Sequence
from dataclasses import dataclass

from tracking.japanpost.records import TrackedEvent
from tracking.models import Destination, Stage, Status, Tone
from tracking.words.glossary import FINAL_DELIVERY, Glossary

BEING_RETURNED, RETURNED = "being-returned", "returned"
DELIVERED_BACK, INSIDE_ORIGIN = "delivered-back", "inside-origin"  # from the route; no phrase has these
TRANSIT_COUNTRY = "transit-country"
DEPARTED = "dispatch-from-outward-office"
_RETURNS = {BEING_RETURNED, RETURNED}
_ENDS = {FINAL_DELIVERY, RETURNED, DELIVERED_BACK}


@dataclass(frozen=True)
class Waypoint:
    """The state of the parcel after one row."""

    event: TrackedEvent
    country: str | None  # ISO code of the country that the row itself names; None: it names none
    status: Status | None  # the meaning of the row's phrase; None: unknown
    explained_as: Status | None  # the status whose words explain the row; None: Japan Post's phrase is shown
    stage: int | None  # the last step reached; None: none yet
    tone: str
    going_back: bool  # True: this row or an earlier one says that the parcel is being returned

    @property
    def asks_customer(self) -> bool:
        """True where the customer must act and can. In the country of origin they cannot, whatever the phrase says."""
        return self.tone == Tone.ACT and not _is(self.explained_as, INSIDE_ORIGIN)

    @property
    def is_over(self) -> bool:
        """True where this row says "delivered" or "back at the sender": no further row is expected."""
        return self.tone == Tone.DONE or _is(self.explained_as, *_ENDS)

    @property
    def may_be_delivered(self) -> bool:
        """True where a delivery came before this row, and this row's phrase has no meaning yet."""
        return self.status is None and self.stage == Stage.DELIVERED and self.tone == Tone.WAIT


def follow(events: Sequence[TrackedEvent], origin: str, glossary: Glossary) -> tuple[Waypoint, ...]:
    """One waypoint per event, oldest first. `origin`: ISO code of the country whose post issued the number."""
    route: list[Waypoint] = []
    for event in events:
        route.append(_next(route[-1] if route else None, event, origin, glossary))
    return tuple(route)


def _next(before: Waypoint | None, event: TrackedEvent, origin: str, glossary: Glossary) -> Waypoint:
    """The waypoint after `event`. `before`: the previous waypoint; None for the first event."""
    country, status = glossary.country_of(event.region), glossary.status_of(event.phrase)
    stage, tone = (before.stage, before.tone) if before else (None, str(Tone.NORMAL))
    going_back = before is not None and before.going_back
    explained_as = status
    if going_back or (country == origin and _is(status, FINAL_DELIVERY)):
        explained_as, tone = _explained_on_the_way_back(status, glossary), Tone.PROBLEM
    elif status is None or leaves_elsewhere(status, country, origin):
        explained_as = None  # staff wrote the words for leaving for the country of origin
        tone = tone if tone in (Tone.ACT, Tone.PROBLEM) else Tone.WAIT
    else:
        tone, step = status.tone, _step_of(status, stage)
        if country == origin and (step or 0) > Stage.LEAVING_JAPAN:
            explained_as, step = glossary.status_named(INSIDE_ORIGIN) or status, Stage.LEAVING_JAPAN
        stage = stage if tone == Tone.PROBLEM else step  # a problem is no progress
    return Waypoint(event, country, status, explained_as, stage, tone, going_back or _is(status, *_RETURNS))


def _explained_on_the_way_back(status: Status | None, glossary: Glossary) -> Status | None:
    """The status whose words explain a row of a parcel on its way back, or delivered in its country of origin."""
    if status is None or status.slug in _RETURNS:
        return status
    slug = DELIVERED_BACK if status.slug == FINAL_DELIVERY else BEING_RETURNED
    return glossary.status_named(slug) or status


def _step_of(status: Status, stage: int | None) -> int | None:
    """The step after a row of this status. `stage`: the step before it.

    A status without a step, such as "En route", keeps the stage. After a delivery it sets the stage back to the local
    post.
    """
    if status.stage is not None or status.tone == Tone.PROBLEM:
        return status.stage
    return Stage.LOCAL_POST if stage == Stage.DELIVERED and status.tone != Tone.DONE else stage


def _is(status: Status | None, *slugs: str) -> bool:
    return status is not None and status.slug in slugs


def leaves_elsewhere(status: Status | None, country: str | None, origin: str) -> bool:
    """True where the phrase means leaving a country, but the row names a country other than the origin.

    False for the phrases of a transit country, which have words of their own.
    """
    if status is None or status.slug == TRANSIT_COUNTRY or country in (None, origin):
        return False
    return status.tone != Tone.PROBLEM and status.stage is not None and status.stage <= Stage.LEAVING_JAPAN


def destination_of(route: Sequence[Waypoint], origin: str) -> str | None:
    """The ISO code of the country that the newest row abroad names; transit countries are skipped. None: unknown."""
    for waypoint in reversed(route):
        in_transit = waypoint.status is not None and waypoint.status.slug == TRANSIT_COUNTRY
        if waypoint.country not in (None, origin) and not in_transit:
            return waypoint.country
    return None


def furthest_step(route: Sequence[Waypoint]) -> int | None:
    """The furthest step, where the newest row is at an earlier one; None where it is not."""
    reached = max(waypoint.stage or 0 for waypoint in route)
    stage = route[-1].stage
    return reached if stage is not None and stage < reached else None


def delivered_before(route: Sequence[Waypoint]) -> Waypoint | None:
    """The last delivery that has a newer row after it; None where there is none, or the newest row is a delivery."""
    *earlier, newest = route
    if newest.tone == Tone.DONE:
        return None
    return next((waypoint for waypoint in reversed(earlier) if waypoint.tone == Tone.DONE), None)


def last_time_here(route: Sequence[Waypoint]) -> Waypoint | None:
    """The last earlier row with the newest row's status and country, with another status between the two.

    None where there is none, or the newest row names no country.
    """
    newest, has_left = route[-1], False
    if newest.country is None:
        return None
    for waypoint in reversed(route):
        if newest.explained_as is None or waypoint.explained_as is None:
            continue
        if waypoint.explained_as != newest.explained_as:
            has_left = True
        elif has_left and waypoint.country == newest.country:
            return waypoint
    return None


def is_last_scan(waypoint: Waypoint, there: Destination | None) -> bool:
    """True for the departure to a post that sends no scans to Japan: no row will follow."""
    return there is not None and not there.exchanges_scans and _is(waypoint.explained_as, DEPARTED)
