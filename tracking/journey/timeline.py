"""The history on the tracking page: each row in our words and in Japan Post's."""

from dataclasses import dataclass
from datetime import datetime

from tracking.japanpost.records import TrackedEvent
from tracking.journey.reading import Reading
from tracking.journey.route import Waypoint
from tracking.journey.times import long_date
from tracking.journey.wording import WordingResolver
from tracking.models import Status
from tracking.values.places import instant_of


@dataclass(frozen=True)
class When:
    """A time as Japan Post printed it: the wall clock of the place."""

    iso: str  # local, "2026-11-20T09:00", or only a date
    instant: datetime | None  # aware, with the offset of the place; None where the offset is not certain
    text: str

    @property
    def machine(self) -> str:
        """The value for <time datetime>: with the offset where it is certain."""
        return self.instant.isoformat() if self.instant else self.iso


@dataclass(frozen=True)
class Entry:
    """One row of the history, in our words and in Japan Post's."""

    event: TrackedEvent
    when: When
    status: Status | None  # the meaning of its phrase; None: unknown
    title: str  # in our words; empty where we have none
    guide_slug: str  # the guide's entry with the same words; empty where there is none
    place: tuple[str, ...]  # office, region and postal code; unknown ones are left out
    is_newest: bool


def timeline_of(reading: Reading, resolver: WordingResolver) -> tuple[Entry, ...]:
    """One entry per row, newest first."""
    return tuple(
        _entry(resolver, waypoint, is_newest=waypoint is reading.newest)
        for waypoint in reversed(reading.route)
    )


def _entry(resolver: WordingResolver, waypoint: Waypoint, *, is_newest: bool) -> Entry:
    event = waypoint.event
    where = (event.office, event.region, event.postal_code)
    words, explained_as = resolver.resolve(waypoint), waypoint.explained_as
    in_guide = explained_as is not None and resolver.glossary.guide_words(explained_as, resolver.language)
    return Entry(
        event=event,
        when=_when(event, waypoint.country),
        status=waypoint.status,
        title=words.title if words.are_ours else "",
        guide_slug=explained_as.slug if explained_as and in_guide else "",
        place=tuple(filter(None, where)),
        is_newest=is_newest,
    )


def _when(event: TrackedEvent, country: str | None) -> When:
    if event.local_time is None:
        return When(event.local_date.isoformat(), None, long_date(event.local_date))
    clock = event.local_time.strftime("%H:%M")
    return When(
        iso=f"{event.local_date.isoformat()}T{clock}",
        instant=instant_of(event.local_date, event.local_time, country),
        text=f"{long_date(event.local_date)}, {clock}",
    )
