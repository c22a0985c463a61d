"""One parcel as the staff's desk shows it: its state now, what the sender can still claim, and all that we kept."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from tracking.journey.deadlines import USUAL_ENQUIRY_MONTHS, enquiry_days_left, enquiry_ends_on
from tracking.journey.progress import Progress, build_progress
from tracking.journey.story import Story, recall_all
from tracking.journey.times import long_date
from tracking.models import Event, Fetch, Message, Shipment, Tone
from tracking.values.counting import count_of
from tracking.words.glossary import Glossary

FETCHES_SHOWN = 20


@dataclass(frozen=True)
class ClaimClock:
    """How long the sender can still open an enquiry with Japan Post."""

    posted: date
    ends_on: date
    days_left: int  # 0 on the last day, negative afterwards
    months: int

    @property
    def is_over(self) -> bool:
        return self.days_left < 0

    @property
    def headline(self) -> str:
        """ "166 days left: until 9 May 2027"."""
        if self.is_over:
            return f"Over: {long_date(self.ends_on)} was the last day"
        if self.days_left == 0:
            return f"Today is the last day ({long_date(self.ends_on)})"
        return f"{count_of(self.days_left, 'day')} left: until {long_date(self.ends_on)}"

    @property
    def reason(self) -> str:
        return f"{self.months} months after posting on {long_date(self.posted)}."


@dataclass(frozen=True)
class ShipmentSummary:
    """What we know about one parcel now, in words."""

    progress: Progress
    clock: ClaimClock | None  # None: the posting date is not known, or another post takes the enquiry

    @property
    def tone(self) -> str:
        return str(Tone(self.progress.tone).label)


@dataclass(frozen=True)
class ShipmentPage:
    """Everything on a parcel's page at the desk."""

    shipment: Shipment
    summary: ShipmentSummary | None  # None: Japan Post has told us nothing yet
    events: list[Event]  # newest first, with the rows that a later answer replaced
    fetches: list[Fetch]  # the newest
    fetches_in_all: int
    messages: list[Message]  # newest first
    reasons: list[str]  # why it needs a look; empty: it does not


def shipment_page_of(shipment: Shipment, *, now: datetime) -> ShipmentPage:
    """The parcel from our own store; Japan Post is never asked for it."""
    fetches = shipment.fetches.order_by("-started_at", "-pk")
    waiting = Shipment.objects.needing_a_look(now).filter(pk=shipment.pk)
    return ShipmentPage(
        shipment,
        summaries_of([shipment.number], now=now).get(shipment.number),
        events=list(shipment.events.order_by("-position", "-first_seen_at", "-pk")),
        fetches=list(fetches[:FETCHES_SHOWN]),
        fetches_in_all=fetches.count(),
        messages=list(Message.objects.filter(number__contains=shipment.number).order_by("-created_at")),
        reasons=[str(one.label) for one in waiting.count_reasons(now)],
    )


def summaries_of(numbers: Collection[str], *, now: datetime) -> dict[str, ShipmentSummary]:
    """The state of each of these parcels of which there is a story. However many: three queries."""
    glossary = Glossary.current()
    stories = recall_all(numbers)
    return {number: _summary(story, glossary, now) for number, story in stories.items()}


def _summary(story: Story, glossary: Glossary, now: datetime) -> ShipmentSummary:
    progress = build_progress(story, glossary, now=now)
    return ShipmentSummary(progress, claim_clock(story, progress, glossary, now))


def claim_clock(story: Story, progress: Progress, glossary: Glossary, now: datetime) -> ClaimClock | None:
    if story.history_missing or progress.from_abroad:
        return None
    posted, there = story.events[0].local_date, glossary.destinations.get(progress.destination or "")
    ends_on = enquiry_ends_on(posted, there)
    months = there.enquiry_months if there else USUAL_ENQUIRY_MONTHS
    return ClaimClock(posted, ends_on, enquiry_days_left(ends_on, now), months)
