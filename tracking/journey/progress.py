"""Exactly what the tracking page prints, computed. Templates decide nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlencode, urlsplit

from django.utils.translation import gettext as _

from tracking.japanpost.records import TrackedEvent
from tracking.journey.route import (
    DELIVERED_BACK,
    RETENTION,
    Place,
    collect_by,
    delivered_before,
    destination_of,
    furthest_step,
    last_time_here,
    travel,
)
from tracking.journey.silence import Silence, is_last_scan, silence_of
from tracking.journey.story import Lookup
from tracking.journey.times import ago, long_date, minutes_ago, reads_the_same_until
from tracking.journey.wording import Speaker, Words
from tracking.models import Destination, Notice, Stage, Status, Tone
from tracking.values import numbers
from tracking.values.numbers import TrackingNumber
from tracking.values.places import JAPAN, instant_of, is_over_everywhere, japans_day
from tracking.words.glossary import Glossary

JAPAN_POST_PAGE = (
    "https://trackings.post.japanpost.jp/services/srv/search/direct?reqCodeNo1={}&searchKind=S004&locale=en"
)
_SHOWN_ENTRIES = 3
_STEP_ICONS = {
    Stage.ACCEPTED: "parcel",
    Stage.LEAVING_JAPAN: "plane",
    Stage.CUSTOMS_AND_ARRIVAL: "customs",
    Stage.LOCAL_POST: "van",
    Stage.DELIVERED: "home",
}
_TONE_ICONS: dict[str, str] = {Tone.ACT: "bell", Tone.PROBLEM: "alert"}
_SILENCE_ICONS = {"usual": "check", "longer": "clock", "far": "mail"}
_TONE_SILENCE_ICONS: dict[str, str] = {Tone.ACT: "clock", Tone.PROBLEM: "mail"}


@dataclass(frozen=True)
class When:
    """A time as Japan Post printed it: the wall clock of the place."""

    iso: str  # local, "2026-11-20T09:00", or a date alone
    instant: datetime | None  # with the offset of the place; None where that is not certain
    text: str

    @property
    def machine(self) -> str:
        """For <time datetime>: with offset where it is certain."""
        return self.instant.isoformat() if self.instant else self.iso


@dataclass(frozen=True)
class Entry:
    """One row of the history, in our words and in theirs."""

    event: TrackedEvent
    when: When
    status: Status | None  # what its phrase means, None: nobody has said
    title: str  # empty: nobody has put it into words of ours
    guide_slug: str  # the guide's entry with the same words; empty: none
    place: tuple[str, ...]  # office, region, postal code: those that are known
    is_newest: bool


@dataclass(frozen=True)
class Step:
    number: int
    label: str
    state: str  # done, current, ahead
    state_text: str
    icon: str  # the template that draws it


@dataclass(frozen=True)
class HandOver:
    """Who delivers there and where to ask them."""

    introduction: str  # who delivers there; empty where nobody knows
    button: str
    url: str
    opens_parcel: bool  # False: the customer pastes the number there


@dataclass(frozen=True)
class Progress:
    number: str
    spaced_number: str
    stage: int | None
    tone: str
    asks_customer: bool  # False for a tone "act" that nobody here can follow
    status: Status | None  # of the newest row
    guide_status: Status | None  # whose words lead the page
    guide_slug: str  # the guide's entry with these words; empty: none
    headline: str
    meaning: str
    what_to_do: str
    who_has_it: str
    came_back: str  # where it stands at an earlier step than before, or at the same point again; else empty
    steps: tuple[Step, ...]
    silence: Silence | None  # None once the journey is over
    hand_over: HandOver | None
    collect_by: str
    timeline: tuple[Entry, ...]  # newest first
    last_scan: When
    checked_at: datetime
    checked_ago: str
    checked_minutes: int  # the same as a number: the open page counts on from it
    stale: bool
    gone: bool
    told_less: str  # the day of the story where their newest answer told less; else empty
    history_missing: bool
    destination: str | None
    country: str
    from_abroad: bool  # a number of another country's post
    origin: str  # the country whose post it is, as a part of a sentence
    notices: tuple[Notice, ...]
    japan_post_url: str
    stands_until: datetime  # when it may read differently although nothing happened

    @property
    def banner(self) -> str:
        """What the page leads with where the customer must act or the parcel does not move forward; else empty."""
        match self.tone:
            case Tone.ACT if self.asks_customer:
                return _("Please act")
            case Tone.PROBLEM:
                return _("There is a problem")
        return ""

    @property
    def warning(self) -> str:
        """What even a short line about the parcel must not leave out; empty while all is well."""
        is_long = self.silence is not None and self.silence.level != "usual"
        return self.banner or (self.silence.headline if self.silence and is_long else "")

    @property
    def needs_writing(self) -> bool:
        """The next step is a message to us."""
        is_far = self.silence is not None and self.silence.level == "far"
        return self.tone == Tone.PROBLEM or is_far or (self.gone and not self.is_over)

    @property
    def has_next_step(self) -> bool:
        """There is something to do, even where staff wrote no advice."""
        return bool(self.what_to_do or self.collect_by or self.needs_writing)

    @property
    def contact_query(self) -> str:
        """For the link to the contact form: what it cannot know by itself is the country that only the e-mail named."""
        return urlencode({"number": self.number} | ({"to": self.destination} if self.destination else {}))

    @property
    def is_over(self) -> bool:
        """Delivered, or back at the sender: no news is expected."""
        return self.silence is None

    @property
    def newest_entries(self) -> tuple[Entry, ...]:
        """What the page shows at once; the rest is one tap away. One row alone is never folded away."""
        return self.timeline if len(self.timeline) <= _SHOWN_ENTRIES + 1 else self.timeline[:_SHOWN_ENTRIES]

    @property
    def older_entries(self) -> tuple[Entry, ...]:
        return self.timeline[len(self.newest_entries) :]

    @property
    def is_worrying(self) -> bool:
        """Nothing was heard for far too long, although nothing says that there is a problem."""
        return self.silence is not None and self.silence.level == "far" and not self.banner

    @property
    def icon(self) -> str:
        """The template of the picture beside the headline: what is asked of the customer, or else the step."""
        step = _STEP_ICONS[Stage(self.stage)] if self.stage else "question"
        return _icon(_TONE_ICONS.get(self.tone, step) if self.banner else step)

    @property
    def silence_icon(self) -> str:
        """The template of the picture beside “Is this normal?”."""
        level = self.silence.level if self.silence else "far"
        if self.banner and self.tone in _TONE_SILENCE_ICONS:
            return _icon(_TONE_SILENCE_ICONS[self.tone])
        if level == "usual" and self.guide_status is None:
            return _icon("clock")  # nobody knows how long this takes
        return _icon(_SILENCE_ICONS[level])

    @property
    def step_text(self) -> str:
        """ "Step 3 of 5: Customs and arrival"; for a problem, the last step really reached."""
        if self.stage is None:
            return ""
        values = {"number": self.stage, "label": self.steps[self.stage - 1].label}
        if self.tone == Tone.PROBLEM:
            return _("Last step reached: %(number)s of 5, %(label)s") % values
        return _("Step %(number)s of 5: %(label)s") % values


def build_progress(
    lookup: Lookup, glossary: Glossary, *, now: datetime, language: str = "en", hint: str | None = None
) -> Progress:
    """The page for a story, at an aware `now`. `hint` is an ISO code that stands until a scan or staff know better."""
    origin = numbers.country(lookup.number)
    journey = travel(lookup.events, origin, glossary)
    newest = journey[-1]
    destination = destination_of(journey, origin) or lookup.destination or hint
    speak = Speaker(glossary, language, lookup.number, origin, destination)
    abroad = speak.origin_name if origin != JAPAN else ""
    entries = [_entry(speak, place, is_newest=place is newest) for place in journey]
    words = speak.words(newest)
    last_day = collect_by(journey, lookup.number, glossary)
    silence = silence_of(newest, entries[-1].when.instant, lookup, glossary, destination, last_day, now)
    return Progress(
        number=lookup.number,
        spaced_number=numbers.spaced(lookup.number),
        stage=newest.stage,
        tone=newest.tone,
        asks_customer=newest.asks_customer,
        status=newest.status,
        guide_status=newest.words,
        guide_slug=entries[-1].guide_slug,
        headline=words.title,
        meaning=words.meaning,
        what_to_do=_advice(words, journey, silence, gone=lookup.gone, abroad=abroad),
        who_has_it=words.who_has_it,
        came_back=_came_back(journey),
        steps=_steps(newest.stage, newest.tone, abroad),
        silence=silence,
        hand_over=_hand_over(newest, lookup.number, glossary.destinations.get(destination or "")),
        collect_by=_collect_by(newest, last_day, now),
        timeline=tuple(reversed(entries)),
        last_scan=entries[-1].when,
        checked_at=lookup.checked_at,
        checked_ago=ago(lookup.checked_at, now),
        checked_minutes=minutes_ago(lookup.checked_at, now),
        stale=lookup.stale,
        gone=lookup.gone,
        told_less=long_date(lookup.told_less_at.date()) if lookup.told_less_at else "",
        history_missing=lookup.history_missing,
        destination=destination,
        country=speak.name_of(destination),
        from_abroad=origin != JAPAN,
        origin=speak.origin_name,
        notices=glossary.notices_for([destination], japans_day(now)),
        japan_post_url=JAPAN_POST_PAGE.format(lookup.number),
        stands_until=reads_the_same_until(
            now, checked_at=lookup.checked_at, scanned_at=entries[-1].when.instant
        ),
    )


def _entry(speak: Speaker, place: Place, *, is_newest: bool) -> Entry:
    event = place.event
    where = (event.office, event.region, event.postal_code)
    words = speak.words(place)
    in_guide = place.words is not None and speak.glossary.guide_words(place.words, speak.language)
    return Entry(
        event=event,
        when=_when(event, place.country),
        status=place.status,
        title=words.title if words.are_ours else "",
        guide_slug=place.words.slug if place.words and in_guide else "",
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


def _steps(stage: int | None, tone: str, origin_name: str) -> tuple[Step, ...]:
    """The five steps; parcels of another country's post leave that country, not Japan."""
    steps = []
    for step in Stage:
        label = str(step.label)
        if step == Stage.LEAVING_JAPAN and origin_name:
            label = _("Leaving %(country)s") % {"country": origin_name}
        state = "ahead" if stage is None or step > stage else "current" if step == stage else "done"
        steps.append(Step(int(step), label, state, _state_text(state, tone), _icon(_STEP_ICONS[step])))
    return tuple(steps)


def _state_text(state: str, tone: str) -> str:
    match state, tone:
        case ("ahead", _any):
            return _("still ahead")
        case ("current", Tone.PROBLEM):
            return _("last reached")
        case ("done", _any) | (_any, Tone.DONE):
            return _("done")
    return _("now")


def _icon(name: str) -> str:
    return f"icons/{name}.svg"


def _came_back(journey: Sequence[Place]) -> str:
    """A journey does not always go forward, and the page says so. A problem tells its own story."""
    newest = journey[-1]
    if newest.tone == Tone.PROBLEM:
        return ""
    if delivery := delivered_before(journey):
        return _(
            "It was shown as delivered on %(date)s, and this came after it. If you have it, all is well."
        ) % {"date": long_date(delivery.event.local_date)}
    if reached := furthest_step(journey):
        values = {"number": reached, "label": Stage(reached).label}
        return _("It had already reached step %(number)s of 5, %(label)s, and has gone back.") % values
    before = last_time_here(journey) if newest.tone in (Tone.WAIT, Tone.ACT) else None
    if before is None:
        return ""
    return _("It was at this point before, on %(date)s, and is here again.") % {
        "date": long_date(before.event.local_date)
    }


def _advice(
    words: Words, journey: Sequence[Place], silence: Silence | None, *, gone: bool, abroad: str
) -> str:
    """Staff's advice, except where it would say "nothing" in the face of a worrying silence or of a parcel that Japan
    Post lists no more, promise news from a post that sends none, or take us for the sender of a number of another
    country's post (`abroad`, else empty). Words that staff wrote for that country know it."""
    if silence and silence.is_last and not words.for_this_country:
        return _(
            "Nothing for now. Later, ask the local post: it does not tell Japan Post what happens there."
        )
    tone = journey[-1].tone
    is_far = silence is not None and silence.level == "far" and tone in (Tone.NORMAL, Tone.WAIT)
    if is_far and delivered_before(journey):
        return _("If you do not have it, write to us: it has been quiet for far too long.")
    if abroad and (is_far or (tone == Tone.PROBLEM and not words.for_this_country)):
        return _(
            "Ask the sender: only they can have the post in %(country)s look into it. If that is us, write to us."
        ) % {"country": abroad}
    if is_far:
        return _("Write to us. It has been quiet for far too long, and we look into it.")
    if silence and gone and tone in (Tone.NORMAL, Tone.WAIT):
        return _("If you still wait for it, write to us.")
    return words.what_to_do


def _hand_over(newest: Place, number: TrackingNumber, there: Destination | None) -> HandOver | None:
    """The local post, from arrival on (where it sends no scans: from departure on); not while the parcel is on its way back.

    We know who delivers EMS; who delivers other mail may be somebody else.
    """
    if there is None or not there.tracking_url or not numbers.is_ems(number):
        return None
    if (newest.stage or 0) < Stage.CUSTOMS_AND_ARRIVAL and not is_last_scan(newest, there):
        return None
    if newest.going_back or (newest.words and newest.words.slug == DELIVERED_BACK):
        return None
    values = {"country": there.spoken_name, "operator": there.operator}
    url = there.link_for(number)
    if there.operator:
        introduction = _("In %(country)s, EMS is delivered by %(operator)s.") % values
        button = _("Ask %(operator)s") % values
    else:  # the page of somebody who knows EMS of all countries
        introduction, button = "", _("Look it up at %(site)s") % {"site": urlsplit(url).hostname}
    return HandOver(introduction, button, url, there.link_kind == there.LinkKind.DEEP)


def _collect_by(newest: Place, last_day: date | None, now: datetime) -> str:
    """About when the post there sends an uncollected parcel back; empty where unknown or nothing is held."""
    if newest.status is None or last_day is None:
        return ""
    values = {"date": long_date(last_day)}
    is_late, is_surely_kept = is_over_everywhere(last_day, now), newest.status.slug == RETENTION
    match is_surely_kept, is_late:
        case True, True:
            text = _("You could collect it until about %(date)s. It may be on its way back.")
        case True, False:
            text = _("Collect it by about %(date)s, or it may go back.")
        case False, True:
            text = _("If they kept it for you, that was until about %(date)s. It may be on its way back.")
        case _other:
            text = _("If they keep it for you, collect it by about %(date)s, or it may go back.")
    return text % values
