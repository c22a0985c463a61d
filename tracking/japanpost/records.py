"""The content of an answer, in Japan Post's own words."""

from dataclasses import dataclass
from datetime import date, time


@dataclass(frozen=True, slots=True)
class TrackedEvent:
    """One row of the history. Date and time are local at the place; the page names no time zone."""

    local_date: date
    local_time: time | None  # None: the page gives only the date
    phrase: str
    details: str = ""
    office: str = ""  # may be empty overseas
    region: str = ""  # a prefecture in Japan, a country elsewhere
    postal_code: str = ""  # empty overseas


@dataclass(frozen=True, slots=True)
class TrackedItem:
    """The answer for one tracking number, with at least one event, in the page's order: oldest first."""

    number: str
    item_class: str
    events: tuple[TrackedEvent, ...]
    history_missing: bool = False  # True: from a list page, which gives only the newest event
