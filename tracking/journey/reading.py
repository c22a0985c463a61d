"""A story read with the words of one moment: the one place that pages, lists and the watch draw their conclusions from."""

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
    """A story and what it means in these words. Does not depend on the time."""

    story: Story
    glossary: Glossary
    origin: str  # ISO code: the country whose post gave out the number
    route: tuple[Waypoint, ...]  # after each event, oldest first
    destination: str | None  # ISO code: by the scans, else by staff, else by the hint
    collect_by: date | None  # about the last day on which the post there keeps it for the customer

    @classmethod
    def of(cls, story: Story, glossary: Glossary, *, hint: str | None = None) -> "Reading":
        """The reading of a story. `hint`: ISO code of the destination, until a scan or staff name one."""
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
        return self.route[-1]

    @property
    def there(self) -> Destination | None:
        """The destination; None where it is not known."""
        return self.glossary.destinations.get(self.destination or "")

    @property
    def scanned_at(self) -> datetime | None:
        """The instant of the newest row, aware; None where its time zone is not certain."""
        event = self.newest.event
        return instant_of(event.local_date, event.local_time, self.newest.country)
