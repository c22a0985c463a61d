"""Example parcels, one for each situation, with dates relative to the day of the visit.

The data is in `examples.toml`. The examples pages and the tests' stand-in for Japan Post use the same data.
"""

import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from .errors import NotFound, Rejected
from .records import TrackedEvent, TrackedItem

_JAPAN_TIME = ZoneInfo("Asia/Tokyo")  # not from values.places, which imports Django


@dataclass(frozen=True, slots=True)
class ExampleEvent:
    """One row of the history, `ago` before the moment of the visit, in the local time of `zone`."""

    ago: timedelta
    zone: ZoneInfo
    has_time: bool
    phrase: str
    details: str
    office: str
    region: str
    postal_code: str

    def at(self, now: datetime) -> TrackedEvent:
        """The event for a visit at an aware `now`."""
        local = (now.astimezone(UTC) - self.ago).astimezone(self.zone)
        return TrackedEvent(
            local_date=local.date(),
            local_time=local.time().replace(second=0, microsecond=0) if self.has_time else None,
            phrase=self.phrase,
            details=self.details,
            office=self.office,
            region=self.region,
            postal_code=self.postal_code,
        )


@dataclass(frozen=True, slots=True)
class Example:
    """One example parcel."""

    slug: str
    title: str
    number: str
    about: str  # one short sentence on the situation that it shows
    kind: str  # "detail", "list" (only the newest status), "not-found" or "rejected"
    destination: str  # ISO 3166 code; empty where unknown
    events: tuple[ExampleEvent, ...]

    def item(self, now: datetime) -> TrackedItem:
        """Japan Post's answer at an aware `now`. Raises NotFound or Rejected for these two kinds."""
        if self.kind == "not-found":
            raise NotFound("Your item was not found.")
        if self.kind == "rejected":
            raise Rejected("There is a mistake in the number of digits for the item number.")
        events = tuple(event.at(now) for event in self.events)
        return TrackedItem(self.number, "EMS", events, history_missing=self.kind == "list")


def all_examples() -> tuple[Example, ...]:
    """All examples in the order of a journey, with the failures last."""
    return tuple(_by_slug().values())


def has_example(slug: str) -> bool:
    """True where there is an example with this slug."""
    return slug in _by_slug()


def get_example(slug: str) -> Example:
    """The example with this slug. Raises KeyError where there is none."""
    return _by_slug()[slug]


@cache
def _by_slug() -> dict[str, Example]:
    text = Path(__file__).with_name("examples.toml").read_text(encoding="utf-8")
    return {entry["slug"]: _read_example(entry) for entry in tomllib.loads(text)["example"]}


def _read_example(entry: dict[str, Any]) -> Example:
    return Example(
        slug=entry["slug"],
        title=entry["title"],
        number=entry["number"],
        about=entry["about"],
        kind=entry.get("kind", "detail"),
        destination=entry.get("destination", ""),
        events=tuple(_read_event(event, entry.get("zone", "")) for event in entry.get("events", [])),
    )


def _read_event(event: dict[str, Any], abroad: str) -> ExampleEvent:
    return ExampleEvent(
        ago=_read_ago(event["ago"]),
        # Only rows in Japan have a ZIP code. A place abroad without a zone raises ValueError here.
        zone=_JAPAN_TIME if "zip" in event else ZoneInfo(event.get("zone", abroad)),
        has_time=event.get("time", True),
        phrase=event["phrase"],
        details=event.get("details", ""),
        office=event.get("office", ""),
        region=event["region"],
        postal_code=event.get("zip", ""),
    )


def _read_ago(text: str) -> timedelta:
    """A duration from days, hours and minutes, each optional: "6d 4h 13m". Raises ValueError for other texts."""
    match = re.fullmatch(r"(?:(\d+)d ?)?(?:(\d+)h ?)?(?:(\d+)m)?", text)
    if match is None or not text:
        raise ValueError(f"cannot read {text!r}: write something like '6d 4h 13m'")
    days, hours, minutes = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes)
