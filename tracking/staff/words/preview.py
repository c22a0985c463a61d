"""What customers would see: a real page in words that are not published yet. Nothing is stored, nobody is asked."""

from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime

from tracking.japanpost.examples import Example
from tracking.models import Notice, Status
from tracking.public.answers import Answer, Visit, answer_of, example_answer, find_stored
from tracking.values.numbers import TrackingNumber
from tracking.values.places import japans_day
from tracking.words.glossary import Glossary


@dataclass(frozen=True)
class Subject:
    """The parcel whose page is shown: an example, or one from the store by its number."""

    example: Example | None = None
    number: TrackingNumber | None = None
    language: str = "en"

    def answer(self, glossary: Glossary, now: datetime) -> Answer:
        """The parcel in these words. A stored parcel is read from the store, however old its story is."""
        if self.example is not None:
            return example_answer(self.example, glossary, now=now, language=self.language)
        if self.number is None:
            raise ValueError("neither an example nor a number")
        return answer_of(find_stored(self.number, glossary, Visit(now, self.language)))


@dataclass(frozen=True)
class Preview:
    answer: Answer
    glossary: Glossary
    leads: bool  # the page leads with the words in question
    pretends: bool  # because we let the newest scan mean this status


def with_drafts(glossary: Glossary, status: Status) -> Glossary:
    """The words as they would be after “Save and publish”."""
    drafts = status.wordings.exclude(draft=None)
    return glossary.with_words([one.as_drafted() for one in drafts])


def with_notice(glossary: Glossary, notice: Notice, now: datetime) -> Glossary:
    """The words with this notice up today, whatever its days."""
    shown = copy(notice)
    shown.starts_on, shown.ends_on = japans_day(now), None
    others = tuple(one for one in glossary.notices if one.pk != notice.pk)
    return replace(glossary, notices=(shown, *others))


def preview_status(status: Status, subject: Subject, words: Glossary, now: datetime) -> Preview:
    """A page that leads with this status: where the parcel is elsewhere, its newest scan is taken to mean it."""
    found = subject.answer(words, now)
    progress = found.progress
    if progress is None or progress.guide_status == status:
        return Preview(found, words, leads=progress is not None, pretends=False)
    pretended = words.with_meaning(progress.timeline[0].event.phrase, status)
    other = subject.answer(pretended, now)
    if other.progress and other.progress.guide_status == status:
        return Preview(other, pretended, leads=True, pretends=True)
    return Preview(found, words, leads=False, pretends=False)


def moved_to(example: Example, destination: str, glossary: Glossary) -> Example:
    """The example on its way to another country, so that words for that country can be seen."""
    there = glossary.destinations[destination]
    printed = next(iter(there.printed_names.splitlines()), there.name.upper())
    events = tuple(
        event
        if glossary.country_of(event.region) in (None, example.number[-2:])
        else replace(event, region=printed, office="")
        for event in example.events
    )
    return replace(example, destination=destination, events=events)


def first_draft(status: Status) -> dict[str, str]:
    """For which country (`to`) and `language` there is a draft to look at: English and any country first."""
    drafts = status.wordings.exclude(draft=None).in_order()
    first = drafts.first()
    return {"to": first.destination_id or "", "language": first.language} if first else {}
