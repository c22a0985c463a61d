"""One parcel on the staff's desk: its summary, the time left for an enquiry, and everything that we stored."""

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
class EnquiryDeadline:
    """The time that the sender has left to open an enquiry with Japan Post."""

    posted: date
    ends_on: date
    days_left: int  # 0 on the last day, negative afterwards
    months: int

    @property
    def is_over(self) -> bool:
        """True from the day after the last day."""
        return self.days_left < 0

    @property
    def headline(self) -> str:
        """Such as “166 days left: until 9 May 2027”."""
        if self.is_over:
            return f"Over: {long_date(self.ends_on)} was the last day"
        if self.days_left == 0:
            return f"Today is the last day ({long_date(self.ends_on)})"
        return f"{count_of(self.days_left, 'day')} left: until {long_date(self.ends_on)}"

    @property
    def reason(self) -> str:
        """Such as “6 months after posting on 9 November 2026.”"""
        return f"{self.months} months after posting on {long_date(self.posted)}."


@dataclass(frozen=True)
class ShipmentSummary:
    """What we know about one parcel now."""

    progress: Progress
    enquiry: EnquiryDeadline | None  # None: the posting date is unknown, or another post takes the enquiry

    @property
    def tone(self) -> str:
        """The label of the tone, for staff."""
        return str(Tone(self.progress.tone).label)


@dataclass(frozen=True)
class ShipmentPage:
    """Everything on the page of one parcel at the desk."""

    shipment: Shipment
    summary: ShipmentSummary | None  # None: there is no story yet
    events: list[Event]  # newest first, superseded rows included
    fetches: list[Fetch]  # the newest FETCHES_SHOWN
    fetches_in_all: int
    messages: list[Message]  # newest first
    reasons: list[str]  # why staff should look at it; empty: no reason


def shipment_page_of(shipment: Shipment, *, now: datetime) -> ShipmentPage:
    """Return the page of a parcel from our store. Japan Post is not asked."""
    fetches = shipment.fetches.order_by("-started_at", "-pk")
    waiting = Shipment.objects.needing_attention(now).filter(pk=shipment.pk)
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
    """Return the summaries by number; numbers without a story are left out. Three queries, however many numbers."""
    glossary = Glossary.current()
    stories = recall_all(numbers)
    return {number: _summary(story, glossary, now) for number, story in stories.items()}


def _summary(story: Story, glossary: Glossary, now: datetime) -> ShipmentSummary:
    progress = build_progress(story, glossary, now=now)
    return ShipmentSummary(progress, enquiry_deadline(story, progress, glossary, now))


def enquiry_deadline(
    story: Story, progress: Progress, glossary: Glossary, now: datetime
) -> EnquiryDeadline | None:
    """Return the time left for an enquiry; None if the posting date is unknown or another post takes the enquiry."""
    if story.history_missing or progress.from_abroad:
        return None
    posted, there = story.events[0].local_date, glossary.destinations.get(progress.destination or "")
    ends_on = enquiry_ends_on(posted, there)
    months = there.enquiry_months if there else USUAL_ENQUIRY_MONTHS
    return EnquiryDeadline(posted, ends_on, enquiry_days_left(ends_on, now), months)
