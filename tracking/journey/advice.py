"""Advice: what the customer can do now, whom to ask, and until when to collect the parcel."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from tracking.journey.deadlines import RETENTION
from tracking.journey.reading import Reading
from tracking.journey.route import (
    DELIVERED_BACK,
    Waypoint,
    delivered_before,
    furthest_step,
    is_last_scan,
    last_time_here,
)
from tracking.journey.silence import Silence
from tracking.journey.times import long_date
from tracking.journey.wording import Words
from tracking.models import Stage, Tone
from tracking.values import numbers
from tracking.values.places import is_over_everywhere


@dataclass(frozen=True)
class HandOver:
    """The local post that delivers the parcel, and the link to its page."""

    introduction: str  # which post delivers; empty where unknown
    button: str
    url: str
    opens_parcel: bool  # False: the link opens a search page, where the customer pastes the number


def advise(reading: Reading, words: Words, silence: Silence | None, *, abroad: str) -> str:
    """What the customer can do: staff's advice, or built-in advice where staff's is missing or would be wrong.

    `abroad`: where another country's post issued the number, its name as a part of a sentence; empty for Japan.

    Built-in advice replaces staff's where staff's would
    - say "nothing" although the silence is worrying, or Japan Post no longer lists the parcel;
    - promise news although the local post sends none, or assume that the shop is the sender although another country's
      post issued the number. Words that staff wrote for this destination are trusted in these two cases.
    """
    if silence and silence.is_last and not words.for_this_country:
        return _(
            "Nothing for now. Later, ask the local post: it does not tell Japan Post what happens there."
        )
    tone = reading.newest.tone
    is_far = silence is not None and silence.level == "far" and tone in (Tone.NORMAL, Tone.WAIT)
    if is_far and delivered_before(reading.route):
        return _("If you do not have it, write to us: it has been quiet for far too long.")
    if abroad and (is_far or (tone == Tone.PROBLEM and not words.for_this_country)):
        return _(
            "Ask the sender: only they can have the post in %(country)s look into it. If that is us, write to us."
        ) % {"country": abroad}
    if is_far:
        return _("Write to us. It has been quiet for far too long, and we look into it.")
    if silence and reading.story.no_longer_listed and tone in (Tone.NORMAL, Tone.WAIT):
        return _("If you still wait for it, write to us.")
    return words.what_to_do if words.are_ours else _advise_without_words(reading.newest)


def _advise_without_words(waypoint: Waypoint) -> str:
    """Advice where staff have published no words: from the meaning of the row, else from the rows before it."""
    if waypoint.going_back:
        return _("Your parcel was on its way back. Write to us, so that we can agree on what comes next.")
    if waypoint.may_be_delivered or waypoint.tone == Tone.DONE:
        return _("If you do not have it, write to us.")
    is_known = waypoint.explained_as is not None
    match waypoint.tone:
        case Tone.PROBLEM if is_known:
            return _("Write to us, so that we can act.")
        case Tone.PROBLEM:
            return _("There was a problem before this. Write to us, so that we can act.")
        case Tone.ACT if is_known and waypoint.asks_customer:
            return _("Ask the local post what they need from you.")
        case Tone.ACT if not is_known:
            return _("Before this, something was asked of you. Ask the local post whether it still is.")
    return _("Nothing for now. Look again tomorrow, or write to us.")


def came_back(reading: Reading) -> str:
    """A sentence where the parcel is at an earlier step than before, or at the same point again; else empty.

    Empty for a problem, whose own words explain the way back.
    """
    route, newest = reading.route, reading.newest
    if newest.tone == Tone.PROBLEM:
        return ""
    if delivery := delivered_before(route):
        return _(
            "It was shown as delivered on %(date)s, and this came after it. If you have it, all is well."
        ) % {"date": long_date(delivery.event.local_date)}
    if reached := furthest_step(route):
        values = {"number": reached, "label": Stage(reached).label}
        return _("It had already reached step %(number)s of 5, %(label)s, and has gone back.") % values
    before = last_time_here(route) if newest.tone in (Tone.WAIT, Tone.ACT) else None
    if before is None:
        return ""
    return _("It was at this point before, on %(date)s, and is here again.") % {
        "date": long_date(before.event.local_date)
    }


def hand_over(reading: Reading) -> HandOver | None:
    """The local post, from arrival on; where it sends no scans, from departure on.

    None before that, where no page of the local post is known, and where the parcel is on its way back. None also for
    mail other than EMS: a different post may deliver it.
    """
    newest, number, there = reading.newest, reading.story.number, reading.there
    if there is None or not there.tracking_url or not numbers.is_ems(number):
        return None
    if (newest.stage or 0) < Stage.CUSTOMS_AND_ARRIVAL and not is_last_scan(newest, there):
        return None
    if newest.going_back or (newest.explained_as and newest.explained_as.slug == DELIVERED_BACK):
        return None
    values = {"country": there.spoken_name, "operator": there.operator}
    url = there.link_for(number)
    if there.operator:
        introduction = _("In %(country)s, EMS is delivered by %(operator)s.") % values
        button = _("Ask %(operator)s") % values
    else:  # a page that knows EMS of all countries
        introduction, button = "", _("Look it up at %(site)s") % {"site": urlsplit(url).hostname}
    return HandOver(introduction, button, url, there.link_kind == there.LinkKind.DEEP)


def collect_by_text(reading: Reading, now: datetime) -> str:
    """A sentence on the approximate last day to collect the parcel; empty where there is none or it is unknown."""
    newest, last_day = reading.newest, reading.collect_by
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
