"""A story interpreted with the words of one moment. Pages, lists and the watch all use this interpretation."""

from dataclasses import dataclass
from datetime import date, datetime

from tracking.journey.deadlines import collect_by
from tracking.journey.route import Waypoint, destination_of, follow
from tracking.journey.story import Story
from tracking.models import Destination
from tracking.values import numbers
from tracking.values.places import instant_of
from tracking.words.glossary import Glossary


@dataclass(frozen=True)
class Reading:
    """A story and its meaning with these words. Does not depend on the current time."""

    story: Story
    glossary: Glossary
    origin: str  # ISO code of the country whose post issued the number
    route: tuple[Waypoint, ...]  # one waypoint per event, oldest first
    destination: str | None  # ISO code, from the scans, else from staff, else from the hint; None: unknown
    collect_by: date | None  # see deadlines.collect_by

    @classmethod
    def of(cls, story: Story, glossary: Glossary, *, hint: str | None = None) -> "Reading":
        """The reading of a story. `hint`: the destination's ISO code, used until a scan or staff name one."""
        origin = numbers.country(story.number)
        route = follow(story.events, origin, glossary)
        return cls(
            story,
            glossary,
            origin,
            route,
            destination=destination_of(route, origin) or story.destination or hint,
            collect_by=collect_by(route, story.number, glossary),
        )

    @property
    def newest(self) -> Waypoint:
        """The waypoint of the newest row."""
        return self.route[-1]

    @property
    def there(self) -> Destination | None:
        """The destination; None where it is unknown."""
        return self.glossary.destinations.get(self.destination or "")

    @property
    def scanned_at(self) -> datetime | None:
        """The aware instant of the newest row; None where its time zone is not certain."""
        event = self.newest.event
        return instant_of(event.local_date, event.local_time, self.newest.country)
