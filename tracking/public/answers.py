"""The answer to a look-up of one number: a story, or the reason why there is none.

The page, the JSON and the list all print an `Answer`.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import Error
from django.dispatch import Signal
from django.utils.translation import gettext as _

from tracking.fetching.gate import Busy, OutOfTime, Paused, TooOften
from tracking.fetching.lookup import NotStored, look_up
from tracking.fetching.timer import Timer
from tracking.japanpost.errors import JapanPostError, NotFound, Rejected, Unavailable
from tracking.japanpost.examples import Example
from tracking.journey.progress import JAPAN_POST_PAGE, Progress, build_progress
from tracking.journey.story import Story, has_story, recall
from tracking.models import Allowance, Purpose
from tracking.models.allowances import limits, seconds_left
from tracking.models.shipments import Outcome
from tracking.values import numbers
from tracking.values.numbers import Problem, TrackingNumber
from tracking.values.store import lock_wait, log_trouble
from tracking.words.glossary import Glossary

answered = Signal()  # sent for each look-up by a visitor, with `outcome`: a value of Outcome, or STALE
STALE = "stale"  # there is a story, but the last request to Japan Post failed

RETRY_SECONDS = 60
_WAIT_TO_COUNT = 0.25  # seconds for a lock; the answer does not need the count


@dataclass(frozen=True)
class Visit:
    """The parameters of one visitor's look-up."""

    now: datetime  # aware
    language: str = "en"
    hint: str | None = None  # ISO code of the destination in the link of the e-mail
    visitor: tuple[str, ...] = ()  # keys for counting the visitor's look-ups; empty: they are not counted
    anyway: bool = False  # ask Japan Post even if the check digit is wrong


@dataclass(frozen=True)
class PageInputs:
    """Everything that the page of a story depends on."""

    story: Story
    glossary: Glossary
    now: datetime
    language: str
    hint: str | None

    def cache_key(self) -> tuple[object, ...]:
        """Return the facts that, with the hint, identify the page: equal ones at the same time mean the same page."""
        story = self.story
        facts = (
            story.number,
            story.checked_at,
            story.changed_at,
            story.stale,
            story.no_longer_listed,
            story.less_complete_since,
        )
        return (*facts, story.destination, self.glossary.version, self.language)


@dataclass(frozen=True)
class Answer:
    """What to print, and the HTTP status. Without a story, `reason` names the template."""

    number: str
    outcome: Outcome
    http_status: int
    headline_without_story: str = ""
    reason: str = ""
    progress: Progress | None = None  # None: there is no story
    problem: Problem | None = None
    suggestions: tuple[TrackingNumber, ...] = ()
    shape: numbers.Shape | None = None
    retry_after: int | None = None  # seconds
    tries_again: bool = False  # a limit stopped the request to Japan Post; the page reloads itself

    @property
    def valid_until(self) -> datetime:
        """The aware moment from which the page may read differently even without new events."""
        return self.progress.valid_until if self.progress else datetime.max.replace(tzinfo=UTC)

    @property
    def headline(self) -> str:
        """The headline of the page, with or without a story."""
        return self.progress.headline if self.progress else self.headline_without_story

    @property
    def spaced_number(self) -> str:
        """The number in groups for reading; unchanged if it is not a number."""
        return numbers.spaced(TrackingNumber(self.number)) if self.is_number else self.number

    @property
    def is_number(self) -> bool:
        """True if it has the shape of a tracking number, so that we can ask Japan Post."""
        return self.problem in (None, Problem.CHECK_DIGIT, Problem.UNTRACKED)

    @property
    def awaits_news(self) -> bool:
        """True if the page should check for news: the story is not over, or one may begin.

        False for a page that reloads itself anyway.
        """
        if self.progress is None:
            return self.reason in ("nothing_yet", "unavailable", "paused", "not_stored")
        return not self.progress.is_over

    @property
    def remembered_as(self) -> str:
        """The number that the visitor's browser may keep; empty if it most likely belongs to no parcel."""
        return "" if self.outcome == Outcome.REJECTED else self.number

    @property
    def japan_post_url(self) -> str:
        """The address of Japan Post's own page about this number."""
        return JAPAN_POST_PAGE.format(self.number)

    @property
    def origin(self) -> str:
        """The last two letters of the number, such as "JP" or "GB"; empty if it is not a number."""
        return self.number[-2:] if self.is_number else ""


def find(
    number: TrackingNumber, glossary: Glossary, visit: Visit, *, budget: float | None = None
) -> PageInputs | Answer:
    """Look a number up; ask Japan Post if a request is due. Return its story, or the answer without a story.

    `budget`: see `look_up`. A number with a problem, such as a wrong check digit, is asked about only with
    `visit.anyway` or if it has a story.
    """
    found = _look_up(number, glossary, visit, budget)
    if isinstance(found, Answer):
        answered.send(None, outcome=found.outcome.value)
    else:
        note_story(is_stale=found.story.stale)
    return found


def find_stored(number: TrackingNumber, glossary: Glossary, visit: Visit) -> PageInputs | Answer:
    """Return the stored story without asking Japan Post; an answer "not found" if there is none.

    A visitor may ask for as many numbers without a story as may be looked up; then the answer is "too often".
    """
    story = recall(number)
    if story is None:
        if not _may_miss(visit):
            wait = seconds_left(Purpose.STORED, visit.now) + random.uniform(1, 5)
            return _no_answer(number, TooOften("too many numbers without a story", retry_after=wait))
        return Answer(number, Outcome.NOT_FOUND, 404, _("We have no story of this parcel yet"))
    return PageInputs(story, glossary, visit.now, visit.language, visit.hint)


def _may_miss(visit: Visit) -> bool:
    """Count a number without a story. Returns False if this visitor has used up those of this minute."""
    most = settings.LOOKUPS_PER_MINUTE
    if not most or not visit.visitor:
        return True
    allowed = limits(visit.visitor, most)
    if not Allowance.objects.has_room(Purpose.STORED, allowed, visit.now):
        return False  # without a write, however many there are
    try:
        with lock_wait(_WAIT_TO_COUNT):
            return Allowance.objects.take(Purpose.STORED, allowed, visit.now)
    except Error as error:  # a store that cannot be written can still be read
        log_trouble("a stored look-up was not counted", error)
        return True


def find_several(
    asked: Sequence[TrackingNumber], glossary: Glossary, visit: Visit
) -> list[PageInputs | Answer]:
    """Call `find` for each number, within the time budget of one visitor.

    Once the budget is spent, the answers to the other numbers say so.
    """
    timer = Timer(visit.now, settings.JAPANPOST_TIMEOUT)
    return [find(one, glossary, replace(visit, now=timer.now), budget=timer.left) for one in asked]


def answer_of(found: PageInputs | Answer) -> Answer:
    """Return the answer to print. For a story this computes the contents of its page."""
    if isinstance(found, Answer):
        return found
    progress = build_progress(
        found.story, found.glossary, now=found.now, language=found.language, hint=found.hint
    )
    return Answer(found.story.number, Outcome.TRACKED, 200, progress=progress)


def note_story(*, is_stale: bool) -> None:
    """Send `answered` for a visitor who gets a story."""
    answered.send(None, outcome=STALE if is_stale else Outcome.TRACKED.value)


def _look_up(
    number: TrackingNumber, glossary: Glossary, visit: Visit, budget: float | None
) -> PageInputs | Answer:
    problem = numbers.diagnose(number)
    if problem and not visit.anyway and not has_story(number):
        return refusal(number, problem)
    try:
        story = look_up(number, now=visit.now, budget=budget, visitor=visit.visitor)
    except NotFound:
        return _nothing_yet(number, 404)
    except Rejected:
        return _not_accepted(number, 404)
    except JapanPostError as failure:
        return _no_answer(number, failure)
    return PageInputs(story, glossary, visit.now, visit.language, visit.hint)


def without_store(number: TrackingNumber) -> Answer:
    """Return the answer if the store cannot even be read."""
    return _no_answer(number, NotStored("the store cannot be read"))


def next_try(answers: Sequence[Answer]) -> int | None:
    """Return the seconds after which a page with these answers reloads itself; None if it does not reload."""
    return max((one.retry_after or 1 for one in answers if one.tries_again), default=None)


def example_answer(example: Example, glossary: Glossary, *, now: datetime, language: str = "en") -> Answer:
    """Return the answer for an example parcel. Uses the same words and page, but no stored story and no network.

    The HTTP status is always 200.
    """
    number = TrackingNumber(example.number)
    try:
        item = example.item(now)
    except NotFound:
        return _nothing_yet(number, 200)
    except Rejected:
        return _not_accepted(number, 200)
    story = Story(number, item.events, item.history_missing, checked_at=now)
    return answer_of(PageInputs(story, glossary, now, language, hint=example.destination))


def _nothing_yet(number: TrackingNumber, status: int) -> Answer:
    return Answer(
        number, Outcome.NOT_FOUND, status, _("Japan Post has nothing about this parcel yet"), "nothing_yet"
    )


def _not_accepted(number: TrackingNumber, status: int) -> Answer:
    return Answer(
        number, Outcome.REJECTED, status, _("Japan Post does not accept this number"), "not_accepted"
    )


def _no_answer(number: TrackingNumber, failure: JapanPostError) -> Answer:
    seconds = failure.retry_after if isinstance(failure, Unavailable) else None
    retry_after = math.ceil(seconds or RETRY_SECONDS)
    match failure:
        case OutOfTime():
            status, headline, reason = 503, _("We have not asked about this parcel yet"), "busy"
        case Busy():
            status, headline, reason = 503, _("Many people are asking at the moment"), "busy"
        case TooOften():
            status, headline, reason = 429, _("Many look-ups came from your connection"), "too_often"
        case Paused():
            status, headline, reason = 503, _("Japan Post does not answer at the moment"), "paused"
        case NotStored():
            status, headline, reason = 503, _("We cannot look up new parcels at the moment"), "not_stored"
        case _:
            status, headline, reason = 503, _("Japan Post does not answer at the moment"), "unavailable"
    return Answer(
        number,
        Outcome.UNAVAILABLE,
        status,
        headline,
        reason,
        retry_after=retry_after,
        tries_again=reason in ("busy", "too_often"),
    )


def refusal(text: str, problem: Problem) -> Answer:
    """Return the answer for a text about which we do not ask: it is not a number, or most likely a mistyped one."""
    shape = numbers.explain_shape(text) if problem == Problem.WRONG_SHAPE else None
    repaired = (shape.repaired,) if shape and shape.repaired else ()
    return Answer(
        text,
        Outcome.REJECTED,
        400 if problem in (Problem.EMPTY, Problem.TOO_MANY) else 404,
        _HEADLINES[problem](),
        "rejected",
        problem=problem,
        suggestions=repaired
        or (tuple(numbers.suggestions(TrackingNumber(text))) if problem == Problem.CHECK_DIGIT else ()),
        shape=shape,
    )


_HEADLINES = {
    Problem.EMPTY: lambda: _("Please type a tracking number"),
    Problem.WRONG_SHAPE: lambda: _("This is not a tracking number"),
    Problem.CHECK_DIGIT: lambda: _("One digit looks mistyped"),
    Problem.UNTRACKED: lambda: _("This kind of letter has no tracking"),
    Problem.DOMESTIC: lambda: _("This is a number for parcels inside Japan"),
    Problem.TOO_MANY: lambda: _("These are too many numbers at once"),
}


def as_json(answer: Answer) -> dict[str, Any]:
    """Return the facts of the page for programs. docs/addresses.md documents the shape; it must not change."""
    progress = answer.progress
    if progress is None:
        return {
            "number": answer.number,
            "outcome": answer.outcome.value,
            "headline": answer.headline,
            "events": [],
        }
    return {
        "number": progress.number,
        "outcome": answer.outcome.value,
        "stage": progress.stage,
        "tone": str(progress.tone),
        "status": progress.status.slug if progress.status else None,
        "headline": progress.headline,
        "stale": progress.stale,
        "last_scan": progress.last_scan.iso,
        "last_checked": progress.checked_at.isoformat(timespec="seconds")
        if progress.is_check_dated
        else None,
        "destination": progress.destination,
        "history_missing": progress.history_missing,
        "events": [
            {
                "local_time": entry.when.iso,
                "instant": entry.when.instant.isoformat() if entry.when.instant else None,
                "phrase": entry.event.phrase,
                "status": entry.status.slug if entry.status else None,
                "title": entry.title or entry.event.phrase,
                "details": entry.event.details,
                "office": entry.event.office,
                "region": entry.event.region,
                "postal_code": entry.event.postal_code,
            }
            for entry in reversed(progress.timeline)
        ],
    }
