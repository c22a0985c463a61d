"""Computes exactly what the tracking page prints. Templates contain no decisions."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from tracking.journey.advice import HandOver, advise, came_back, collect_by_text, hand_over
from tracking.journey.reading import Reading
from tracking.journey.silence import Silence, silence_of
from tracking.journey.steps import STEP_ICONS, Step, icon_template, steps_of
from tracking.journey.story import Story
from tracking.journey.timeline import Entry, When, timeline_of
from tracking.journey.times import ago, long_date, minutes_ago, valid_until
from tracking.journey.wording import WordingResolver
from tracking.models import Notice, Stage, Status, Tone
from tracking.values import numbers
from tracking.values.places import JAPAN, japans_day
from tracking.words.glossary import Glossary

JAPAN_POST_PAGE = (
    "https://trackings.post.japanpost.jp/services/srv/search/direct?reqCodeNo1={}&searchKind=S004&locale=en"
)
_SHOWN_ENTRIES = 3
_TONE_ICONS: dict[str, str] = {Tone.ACT: "bell", Tone.PROBLEM: "alert"}
_SILENCE_ICONS = {"usual": "check", "longer": "clock", "far": "mail"}
_TONE_SILENCE_ICONS: dict[str, str] = {Tone.ACT: "clock", Tone.PROBLEM: "mail"}


@dataclass(frozen=True)
class Progress:
    """The page of one story at one moment, in one language."""

    number: str
    spaced_number: str
    stage: int | None
    tone: str
    asks_customer: bool  # False for a tone "act" where the customer cannot do anything
    status: Status | None  # of the newest row
    guide_status: Status | None  # the status whose words the page begins with
    guide_slug: str  # the guide's entry with these words; empty where there is none
    headline: str
    meaning: str
    what_to_do: str
    who_has_it: str
    came_back: str  # a sentence where it is at an earlier step, or at the same point again; else empty
    steps: tuple[Step, ...]
    silence: Silence | None  # None once the journey is over
    hand_over: HandOver | None
    collect_by: str
    timeline: tuple[Entry, ...]  # newest first
    last_scan: When
    checked_at: datetime
    checked_ago: str
    checked_minutes: (
        int  # the same as a number; the script of the open page counts on from it, if not negative
    )
    stale: bool  # see Story
    no_longer_listed: bool  # see Story
    less_complete_since: str  # the date of the story, where newer answers are less complete; else empty
    history_missing: bool
    destination: str | None
    country: str
    from_abroad: bool  # True: another country's post issued the number
    origin: str  # the country whose post issued the number, as a part of a sentence
    notices: tuple[Notice, ...]
    japan_post_url: str
    valid_until: datetime  # from then on the text may differ even without a new answer

    @property
    def is_check_dated(self) -> bool:
        """False where a clock that was ahead wrote the time of the last check: then it is unknown."""
        return self.checked_minutes >= 0

    @property
    def banner(self) -> str:
        """The text at the top where the customer must act or the parcel does not move forward; else empty."""
        match self.tone:
            case Tone.ACT if self.asks_customer:
                return _("Please act")
            case Tone.PROBLEM:
                return _("There is a problem")
        return ""

    @property
    def warning(self) -> str:
        """What even a one-line summary of the parcel must include; empty where there is no reason to worry."""
        is_long = self.silence is not None and self.silence.level != "usual"
        return self.banner or (self.silence.headline if self.silence and is_long else "")

    @property
    def needs_writing(self) -> bool:
        """True where the customer's next step is a message to the shop."""
        is_far = self.silence is not None and self.silence.level == "far"
        return self.tone == Tone.PROBLEM or is_far or (self.no_longer_listed and not self.is_over)

    @property
    def has_next_step(self) -> bool:
        """True where the customer can do something, even where staff wrote no advice."""
        return bool(self.what_to_do or self.collect_by or self.needs_writing)

    @property
    def contact_query(self) -> str:
        """The query of the link to the contact form: the number and the destination.

        The form cannot look up the destination where only the link in the shop's e-mail named it.
        """
        return urlencode({"number": self.number} | ({"to": self.destination} if self.destination else {}))

    @property
    def is_over(self) -> bool:
        """True where the parcel is delivered or back at the sender: no further row is expected."""
        return self.silence is None

    @property
    def newest_entries(self) -> tuple[Entry, ...]:
        """The entries that the page shows at once. A single remaining entry is shown too, not folded."""
        return self.timeline if len(self.timeline) <= _SHOWN_ENTRIES + 1 else self.timeline[:_SHOWN_ENTRIES]

    @property
    def older_entries(self) -> tuple[Entry, ...]:
        """The entries that the page folds."""
        return self.timeline[len(self.newest_entries) :]

    @property
    def is_worrying(self) -> bool:
        """True where the silence is far too long, although no row says that there is a problem."""
        return self.silence is not None and self.silence.level == "far" and not self.banner

    @property
    def icon(self) -> str:
        """The template of the picture next to the headline: for the banner where there is one, else for the step."""
        step = STEP_ICONS[Stage(self.stage)] if self.stage else "question"
        return icon_template(_TONE_ICONS.get(self.tone, step) if self.banner else step)

    @property
    def silence_icon(self) -> str:
        """The template of the picture next to “Is this normal?”."""
        level = self.silence.level if self.silence else "far"
        if self.banner and self.tone in _TONE_SILENCE_ICONS:
            return icon_template(_TONE_SILENCE_ICONS[self.tone])
        if level == "usual" and self.guide_status is None:
            return icon_template("clock")  # how long this takes is not known
        return icon_template(_SILENCE_ICONS[level])

    @property
    def step_text(self) -> str:
        """ "Step 3 of 5: Customs and arrival"; for a problem, the last step reached. Empty where no step is known."""
        if self.stage is None:
            return ""
        values = {"number": self.stage, "label": self.steps[self.stage - 1].label}
        if self.tone == Tone.PROBLEM:
            return _("Last step reached: %(number)s of 5, %(label)s") % values
        return _("Step %(number)s of 5: %(label)s") % values


def build_progress(
    story: Story, glossary: Glossary, *, now: datetime, language: str = "en", hint: str | None = None
) -> Progress:
    """The page of a story at an aware `now`. `hint`: the destination's ISO code until a scan or staff name one."""
    reading = Reading.of(story, glossary, hint=hint)
    resolver, newest = WordingResolver(reading, language), reading.newest
    abroad = resolver.origin_name if reading.origin != JAPAN else ""
    timeline, words = timeline_of(reading, resolver), resolver.resolve(newest)
    silence = silence_of(reading, now)
    return Progress(
        number=story.number,
        spaced_number=numbers.spaced(story.number),
        stage=newest.stage,
        tone=newest.tone,
        asks_customer=newest.asks_customer,
        status=newest.status,
        guide_status=newest.explained_as,
        guide_slug=timeline[0].guide_slug,
        headline=words.title,
        meaning=words.meaning,
        what_to_do=advise(reading, words, silence, abroad=abroad),
        who_has_it=words.who_has_it,
        came_back=came_back(reading),
        steps=steps_of(newest.stage, newest.tone, abroad),
        silence=silence,
        hand_over=hand_over(reading),
        collect_by=collect_by_text(reading, now),
        timeline=timeline,
        last_scan=timeline[0].when,
        checked_at=story.checked_at,
        checked_ago=ago(story.checked_at, now),
        checked_minutes=minutes_ago(story.checked_at, now),
        stale=story.stale,
        no_longer_listed=story.no_longer_listed,
        less_complete_since=long_date(story.less_complete_since.date()) if story.less_complete_since else "",
        history_missing=story.history_missing,
        destination=reading.destination,
        country=resolver.name_of(reading.destination),
        from_abroad=reading.origin != JAPAN,
        origin=resolver.origin_name,
        notices=glossary.notices_for([reading.destination], japans_day(now)),
        japan_post_url=JAPAN_POST_PAGE.format(story.number),
        valid_until=valid_until(now, checked_at=story.checked_at, scanned_at=reading.scanned_at),
    )
