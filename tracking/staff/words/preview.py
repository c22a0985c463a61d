"""Previews: the customers' page with words that are not published. Stores nothing and never asks Japan Post."""

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
    """The parcel whose page is shown: an example, or the number of a stored parcel."""

    example: Example | None = None
    number: TrackingNumber | None = None
    language: str = "en"

    def answer(self, glossary: Glossary, now: datetime) -> Answer:
        """Return the answer with these words. A stored story is used, however old it is.

        Raises ValueError if there is neither an example nor a number.
        """
        if self.example is not None:
            return example_answer(self.example, glossary, now=now, language=self.language)
        if self.number is None:
            raise ValueError("neither an example nor a number")
        return answer_of(find_stored(self.number, glossary, Visit(now, self.language)))


@dataclass(frozen=True)
class Preview:
    """The page to show, and how it was made."""

    answer: Answer
    glossary: Glossary  # with the words of the page
    leads: bool  # the page leads with the words of the status
    pretends: bool  # it does so because the preview gives the newest scan this status


def with_drafts(glossary: Glossary, status: Status) -> Glossary:
    """Return the glossary as it would be after the drafts of this status are published."""
    drafts = status.wordings.exclude(draft=None)
    return glossary.with_words([one.as_drafted() for one in drafts])


def with_notice(glossary: Glossary, notice: Notice, now: datetime) -> Glossary:
    """Return the glossary with this notice shown today, whatever its dates."""
    shown = copy(notice)
    shown.starts_on, shown.ends_on = japans_day(now), None
    others = tuple(one for one in glossary.notices if one.pk != notice.pk)
    return replace(glossary, notices=(shown, *others))


def preview_status(status: Status, subject: Subject, glossary: Glossary, now: datetime) -> Preview:
    """Return a page that leads with this status.

    If the parcel is at another status, its newest scan is given this one (`pretends`); if the page still does not lead
    with it, the unchanged page is returned.
    """
    found = subject.answer(glossary, now)
    progress = found.progress
    if progress is None or progress.guide_status == status:
        return Preview(found, glossary, leads=progress is not None, pretends=False)
    pretended = glossary.with_meaning(progress.timeline[0].event.phrase, status)
    other = subject.answer(pretended, now)
    if other.progress and other.progress.guide_status == status:
        return Preview(other, pretended, leads=True, pretends=True)
    return Preview(found, glossary, leads=False, pretends=False)


def moved_to(example: Example, destination: str, glossary: Glossary) -> Example:
    """Return the example with another destination, so that the page uses the words for that country."""
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
    """Return the country (`to`; empty: any) and the `language` of the first draft; empty if there is no draft.

    English and “any country” come first.
    """
    drafts = status.wordings.exclude(draft=None).in_order()
    first = drafts.first()
    return {"to": first.destination_id or "", "language": first.language} if first else {}
