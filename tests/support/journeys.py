"""What the page says about a made-up story, `progress_of(story(…))`, and what was stored before it."""

from datetime import UTC, datetime

from tests.support import kept
from tests.support.stories import NUMBER, story
from tracking.japanpost.records import TrackedItem
from tracking.journey.progress import Progress, build_progress
from tracking.journey.story import Story
from tracking.journey.usual_waits import store_usual_waits
from tracking.models import Destination, Status, UsualWait
from tracking.words.glossary import Glossary

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
BRITISH, IN_BRITAIN = "RB123456785GB", "Posting/Collection @ UNITED KINGDOM"


def progress_of(
    item: TrackedItem,
    *,
    now: datetime = NOW,
    hint: str | None = None,
    destination: str | None = None,
    no_longer_listed: bool = False,
) -> Progress:
    """Return the page's contents for the stored item. `hint` is the link's destination, `destination` is staff's."""
    stored = Story(
        item.number,
        item.events,
        item.history_missing,
        checked_at=now,
        destination=destination,
        no_longer_listed=no_longer_listed,
    )
    return build_progress(stored, Glossary.current(), now=now, hint=hint)


def summary_of(*texts: str, number: str = NUMBER) -> tuple[int | None, str, str | None]:
    """Return the stage, the tone and the slug of the newest row's status. Stage or slug is None where it is unknown."""
    progress = progress_of(story(*texts, number=number))
    return progress.stage, progress.tone, progress.status and progress.status.slug


def came_back(*texts: str) -> str:
    """Return the page's sentence about a step back; empty where there is none."""
    return progress_of(story(*texts)).came_back


def ireland_sends_no_scans() -> Destination:
    """Store that the post in Ireland sends no scans to Japan. Returns Ireland."""
    ireland = Destination.objects.get(code="IE")
    ireland.exchanges_scans = False
    ireland.save()
    return ireland


def store_figure(days: int, *, slug: str = "arrival-at-inward-office", country: str | None = None) -> None:
    """Store the figure of a status and a country: 9 of 10 parcels move on within `days`. No country: all countries."""
    status = Status.objects.get(slug=slug)
    store_usual_waits(
        [
            *UsualWait.objects.all(),
            UsualWait(
                status=status,
                destination_id=country,
                parcels=20,
                median_days=0,
                nine_in_ten_days=days,
                learned_at=kept.NOW,
            ),
        ]
    )
