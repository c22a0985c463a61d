"""Is this normal? How long nothing was heard, told in words."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tracking.journey.route import DEPARTED, Place
from tracking.journey.story import Lookup
from tracking.models import Destination, Tone, UsualWait
from tracking.values import numbers
from tracking.values.places import JAPAN, days_between, is_over_everywhere, japans_day
from tracking.words.glossary import Glossary

_USUAL_DAYS, _WORRY_DAYS = 5, 12  # for a phrase nobody has given a meaning
USUAL_ENQUIRY_MONTHS = 6  # where the destination is not known
_MOST_MONTHS = 1200  # staff may mistype the months; no calendar goes on for ever


@dataclass(frozen=True)
class Silence:
    """How long nothing was heard, and whether that is normal."""

    days: int
    level: str  # usual, longer, far
    headline: str
    text: str
    is_last: bool = False  # no scan will follow, however long one waits


@dataclass(frozen=True)
class Patience:
    """How many whole days of silence are usual, and after how many to worry."""

    usual: int
    worry: int
    tone: str
    learnt: UsualWait | None = None  # what the usual days come from; None: staff

    @property
    def helps(self) -> bool:
        """False where somebody must act instead."""
        return self.tone not in (Tone.ACT, Tone.PROBLEM)


def patience_for(
    newest: Place, glossary: Glossary, destination: str | None, collect_by: date | None
) -> Patience | None:
    """By what our parcels teach, else by the days staff gave; None where nobody worries, however long it is silent.

    Where the post there keeps it for the customer, `collect_by` rules: before that day it does not go back.
    """
    if newest.is_over or newest.may_be_delivered:
        return None
    if is_last_scan(newest, glossary.destinations.get(destination or "")):
        return None
    tone = Tone.WAIT if newest.tone == Tone.ACT and not newest.asks_customer else newest.tone
    if newest.words is None:
        return Patience(_USUAL_DAYS, _WORRY_DAYS, tone)
    if collect_by and tone == Tone.ACT:
        kept_days = max(0, (collect_by - newest.event.local_date).days)
        return Patience(min(newest.words.usual_days, kept_days), kept_days, tone)
    by_staff = Patience(newest.words.usual_days, newest.words.worry_days, tone)
    learnt = glossary.usual_wait(newest.words, destination) if by_staff.helps else None
    if learnt is None:
        return by_staff
    # Learnt days move the worry on, never closer.
    usual = learnt.nine_in_ten_days
    return Patience(usual, max(by_staff.worry, usual + by_staff.worry - by_staff.usual), tone, learnt)


def silence_of(
    newest: Place,
    scanned_at: datetime | None,
    lookup: Lookup,
    glossary: Glossary,
    destination: str | None,
    collect_by: date | None,
    now: datetime,
) -> Silence | None:
    """Whether this silence is normal, by what our parcels teach, else by the days staff gave. Nothing once the parcel
    is delivered or back.

    While Japan Post does not answer, silence is judged up to the last answer, and the words say so: of later days we
    know nothing.
    """
    if newest.is_over:
        return None
    patience = patience_for(newest, glossary, destination, collect_by)
    if newest.may_be_delivered:
        return _unclear(newest, scanned_at, now)
    if patience is None:
        return _no_scans(newest, glossary.destinations[destination or ""], scanned_at, now)
    tone, learnt, usual, worry = patience.tone, patience.learnt, patience.usual, patience.worry
    age = days_between(newest.event.local_date, scanned_at, now)
    asked_at = min(now, lookup.checked_at) if lookup.stale else now
    days = days_between(newest.event.local_date, scanned_at, asked_at)
    is_far = is_over_everywhere(collect_by, asked_at) if collect_by else days > worry
    level = "far" if is_far else "usual" if days <= usual else "longer"
    enquiry_is_over = _enquiry_is_over(lookup, glossary, destination, now)
    headline, text = _silence_words(
        tone,
        level,
        enquiry_is_over,
        is_learnt=learnt is not None,
        from_abroad=numbers.country(lookup.number) != JAPAN,
    )
    if newest.words is None and level == "usual" and patience.helps:
        headline, text = _("We cannot tell"), _("Nobody knows yet how long this usually takes.")
    if lookup.gone and level != "far" and patience.helps:
        level, headline = "longer", _("Japan Post no longer lists it")
        text = _(
            "So no news can appear here for now. The last scan is %(waiting)s old. Write to us if you still wait for it."
        )
    values = {
        "usual": day_count(usual),
        "silent": _silent(days, is_stale=lookup.stale),
        "waiting": day_count(age) if age else _("less than a day"),
        "parcels": _most_parcels(learnt, glossary) if learnt else "",
        "waited": _waited(days, is_stale=lookup.stale),
    }
    return Silence(age, level, headline, text % values)


def is_last_scan(place: Place, there: Destination | None) -> bool:
    """True where the post there sends no scans to Japan, so that none follows the departure."""
    has_departed = place.words is not None and place.words.slug == DEPARTED
    return there is not None and not there.exchanges_scans and has_departed


def _most_parcels(learnt: UsualWait, glossary: Glossary) -> str:
    """ "9 of 10 parcels to Canada move on within 5 days": the beginning or a part of a sentence."""
    there = glossary.destinations.get(learnt.destination_id or "")
    days = learnt.nine_in_ten_days
    within = (
        ngettext("within %(count)d day", "within %(count)d days", days) if days else _("in less than a day")
    )
    if there is None:
        text = _("9 of 10 parcels move on %(within)s")
    else:
        text = _("9 of 10 parcels to %(country)s move on %(within)s")
    return text % {"country": there.spoken_name if there else "", "within": within % {"count": days}}


def _no_scans(newest: Place, there: Destination, scanned_at: datetime | None, now: datetime) -> Silence:
    """Silence that will not end: that post sends no scans to Japan."""
    days = days_between(newest.event.local_date, scanned_at, now)
    text = _("The post in %(country)s sends no scans to Japan. Ask them with the same number.")
    if newest.words and days > newest.words.worry_days:
        text += " " + _("If they know nothing about it either, write to us.")
    headline = _("Nothing more will appear here")
    return Silence(days, "usual", headline, text % {"country": there.spoken_name}, is_last=True)


def _unclear(newest: Place, scanned_at: datetime | None, now: datetime) -> Silence:
    """Silence after a delivery and words that nobody knows: no worry grows, for most likely the customer has it."""
    days = days_between(newest.event.local_date, scanned_at, now)
    text = _("It was shown as delivered, and nobody knows yet what the words after that mean.")
    return Silence(days, "usual", _("We cannot tell"), text)


def _silence_words(  # noqa: C901
    tone: str, level: str, enquiry_is_over: bool, *, is_learnt: bool, from_abroad: bool
) -> tuple[str, str]:
    """Headline and text. Where somebody must act, more patience is no advice."""
    match tone, level:
        case Tone.PROBLEM, _other if from_abroad:
            return _("It needs the sender's help"), _("The last scan is %(waiting)s old.")
        case Tone.ACT, "far":
            return _("It has waited for too long"), _(
                "No news for %(silent)s. It may be on its way back: ask the local post, and write to us."
            )
        case Tone.ACT, _other:
            # Not “it waits for you”: a post that tried may try again, and not everywhere does it have to be picked up.
            return _("Please do not wait"), _(
                "The last scan is %(waiting)s old. It may not move on until you act."
            )
        case Tone.PROBLEM, _other:
            return _("It needs our help"), _(
                "The last scan is %(waiting)s old. Write to us, so that we can act."
            )
        case _other, "usual" if is_learnt:
            return _("Normal so far"), _("%(parcels)s; %(waited)s.")
        case _other, "usual":
            return _("Normal so far"), _("Up to %(usual)s without news is usual here; %(waited)s.")
        case _other, "longer" if is_learnt:
            return _("Quiet for longer than usual"), _(
                "No news for %(silent)s; %(parcels)s. It happens, and most of the others then move on too."
            )
        case _other, "longer":
            return _("Quiet for longer than usual"), _(
                "No news for %(silent)s; up to %(usual)s is usual here. It happens, and most parcels then move on."
            )
    silent = _("No news for %(silent)s; %(parcels)s.") if is_learnt else _("No news for %(silent)s.")
    if from_abroad:
        advice = _("Only the sender can open an enquiry, with the post that gave out this number.")
    elif enquiry_is_over:
        advice = _("The time in which an enquiry can be opened is over; write to us all the same.")
    else:
        advice = _("Write to us: only the sender can open an enquiry with Japan Post.")
    return _("Quiet for far longer than usual"), f"{silent} {advice}"


def enquiry_ends_on(posted: date, destination: Destination | None) -> date:
    """The last day on which the sender can open an enquiry: the months count from the day after posting.

    A month without that day ends it on its own last one: 31 August and 6 months are 28 or 29 February.
    """
    months = min(destination.enquiry_months if destination else USUAL_ENQUIRY_MONTHS, _MOST_MONTHS)
    years, month = divmod(posted.month - 1 + months, 12)
    year, month = posted.year + years, month + 1
    return date(year, month, min(posted.day, monthrange(year, month)[1]))


def enquiry_days_left(ends_on: date, now: datetime) -> int:
    """Days until that last day, 0 on the day itself, negative once it is over. Days are Japan's: there it is opened."""
    return (ends_on - japans_day(now)).days


def _enquiry_is_over(lookup: Lookup, glossary: Glossary, destination: str | None, now: datetime) -> bool:
    """Certainly over, that is: with the history missing, the only row is the latest day on which it can have been posted."""
    ends_on = enquiry_ends_on(lookup.events[0].local_date, glossary.destinations.get(destination or ""))
    return enquiry_days_left(ends_on, now) < 0


def _silent(days: int, *, is_stale: bool) -> str:
    """After "No news for"."""
    return (_("%(days)s when we last asked") if is_stale else "%(days)s") % {"days": day_count(days)}


def _waited(days: int, *, is_stale: bool) -> str:
    """After "within 5 days": there the number alone will do where it is more than one."""
    count = str(days) if days > 1 else day_count(days) if days else _("less than a day")
    text = _("yours had waited %(days)s when we last asked") if is_stale else _("yours has waited %(days)s")
    return text % {"days": count}


def day_count(days: int) -> str:
    """Days in words; months and years once nobody counts days any more."""
    if days >= 730:
        return _("%(count)d years") % {"count": days // 365}
    if days >= 61:
        return _("%(count)d months") % {"count": days // 30}
    return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
