"""“Is this normal?”: how long Japan Post has printed no new row, and whether that is usual, in words."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tracking.journey.deadlines import enquiry_days_left, enquiry_ends_on
from tracking.journey.reading import Reading
from tracking.journey.route import is_last_scan
from tracking.journey.times import day_count
from tracking.models import Tone, UsualWait
from tracking.values.places import JAPAN, days_between, is_over_everywhere
from tracking.words.glossary import Glossary

_USUAL_DAYS, _WORRY_DAYS = 5, 12  # for a phrase without a meaning


@dataclass(frozen=True)
class Silence:
    """The time without a new row, and whether that is normal."""

    days: int
    level: str  # usual, longer, far
    headline: str
    text: str
    is_last: bool = False  # True: no scan will ever follow


@dataclass(frozen=True)
class SilenceThresholds:
    """How many whole days of silence are usual, and after how many it is worrying."""

    usual: int
    worry: int
    tone: str  # of the newest status; WAIT in place of ACT where the customer cannot act yet
    learnt: UsualWait | None = None  # the source of the usual days; None: staff set them

    @property
    def waiting_is_advice(self) -> bool:
        """True where waiting is the right advice; False where the customer or the shop must act."""
        return self.tone not in (Tone.ACT, Tone.PROBLEM)


def thresholds_of(reading: Reading) -> SilenceThresholds | None:
    """The thresholds learnt from our parcels, else those that staff set; None where silence is never worrying.

    Where the local post keeps the parcel for the customer, `collect_by` decides: the post does not return it before
    then.
    """
    newest = reading.newest
    if newest.is_over or newest.may_be_delivered or is_last_scan(newest, reading.there):
        return None
    tone = Tone.WAIT if newest.tone == Tone.ACT and not newest.asks_customer else newest.tone
    if newest.explained_as is None:
        return SilenceThresholds(_USUAL_DAYS, _WORRY_DAYS, tone)
    if reading.collect_by and tone == Tone.ACT:
        kept_days = max(0, (reading.collect_by - newest.event.local_date).days)
        return SilenceThresholds(min(newest.explained_as.usual_days, kept_days), kept_days, tone)
    by_staff = SilenceThresholds(newest.explained_as.usual_days, newest.explained_as.worry_days, tone)
    if not by_staff.waiting_is_advice:
        return by_staff
    learnt = reading.glossary.usual_wait(newest.explained_as, reading.destination)
    if learnt is None:
        return by_staff
    # Learnt days may only postpone the worry.
    usual = learnt.nine_in_ten_days
    return SilenceThresholds(
        usual, max(by_staff.worry, usual + by_staff.worry - by_staff.usual), tone, learnt
    )


def silence_of(reading: Reading, now: datetime) -> Silence | None:
    """The silence since the newest row at an aware `now`; None once the parcel is delivered or back at the sender.

    While Japan Post does not answer, the silence counts up to its last answer, and the words say so: we do not know
    about later days.
    """
    newest, story = reading.newest, reading.story
    if newest.is_over:
        return None
    if newest.may_be_delivered:
        return _unclear(reading, now)
    thresholds = thresholds_of(reading)
    if thresholds is None:
        return _no_scans(reading, now)
    asked_at = min(now, story.checked_at) if story.stale else now
    days, age = _days_since(reading, asked_at), _days_since(reading, now)
    level = _level(reading, thresholds, days, asked_at)
    headline, text = _silence_words(reading, thresholds, level, now)
    if newest.explained_as is None and level == "usual" and thresholds.waiting_is_advice:
        headline, text = _("We cannot tell"), _("Nobody knows yet how long this usually takes.")
    if story.no_longer_listed and level != "far" and thresholds.waiting_is_advice:
        level, headline = "longer", _("Japan Post no longer lists it")
        text = _(
            "So no news can appear here for now. The last scan is %(waiting)s old. "
            "Write to us if you still wait for it."
        )
    learnt = thresholds.learnt
    values = {
        "usual": day_count(thresholds.usual),
        "silent": _silent(days, is_stale=story.stale),
        "waiting": day_count(age) if age else _("less than a day"),
        "parcels": _most_parcels(learnt, reading.glossary) if learnt else "",
        "waited": _waited(days, is_stale=story.stale),
    }
    return Silence(age, level, headline, text % values)


def _days_since(reading: Reading, now: datetime) -> int:
    return days_between(reading.newest.event.local_date, reading.scanned_at, now)


def _level(reading: Reading, thresholds: SilenceThresholds, days: int, asked_at: datetime) -> str:
    is_far = (
        is_over_everywhere(reading.collect_by, asked_at) if reading.collect_by else days > thresholds.worry
    )
    return "far" if is_far else "usual" if days <= thresholds.usual else "longer"


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


def _no_scans(reading: Reading, now: datetime) -> Silence:
    """Silence that will not end, because the post of the destination sends no scans to Japan."""
    days, newest, there = _days_since(reading, now), reading.newest, reading.there
    text = _("The post in %(country)s sends no scans to Japan. Ask them with the same number.")
    if newest.explained_as and days > newest.explained_as.worry_days:
        text += " " + _("If they know nothing about it either, write to us.")
    headline = _("Nothing more will appear here")
    country = there.spoken_name if there else ""
    return Silence(days, "usual", headline, text % {"country": country}, is_last=True)


def _unclear(reading: Reading, now: datetime) -> Silence:
    """Silence after a delivery and a phrase without a meaning. Never worrying: most likely the customer has it."""
    text = _("It was shown as delivered, and nobody knows yet what the words after that mean.")
    return Silence(_days_since(reading, now), "usual", _("We cannot tell"), text)


def _silence_words(
    reading: Reading, thresholds: SilenceThresholds, level: str, now: datetime
) -> tuple[str, str]:
    """(headline, text); the text has %-placeholders."""
    if not thresholds.waiting_is_advice:
        return _words_for_action(thresholds.tone, level, from_abroad=reading.origin != JAPAN)
    is_learnt = thresholds.learnt is not None
    if level == "far":
        return _words_of_worry(reading, now, is_learnt=is_learnt)
    return _words_while_waiting(level, is_learnt=is_learnt)


def _words_for_action(tone: str, level: str, *, from_abroad: bool) -> tuple[str, str]:
    """(headline, text) where the customer or the shop must act."""
    match tone, level:
        case Tone.PROBLEM, _other if from_abroad:
            return _("It needs the sender's help"), _("The last scan is %(waiting)s old.")
        case Tone.PROBLEM, _other:
            return _("It needs our help"), _(
                "The last scan is %(waiting)s old. Write to us, so that we can act."
            )
        case _act, "far":
            return _("It has waited for too long"), _(
                "No news for %(silent)s. It may be on its way back: ask the local post, and write to us."
            )
    # Not “it waits for you”: after a failed attempt the post may try again, and some posts do not require a pick-up.
    return _("Please do not wait"), _("The last scan is %(waiting)s old. It may not move on until you act.")


def _words_while_waiting(level: str, *, is_learnt: bool) -> tuple[str, str]:
    match level, is_learnt:
        case "usual", True:
            return _("Normal so far"), _("%(parcels)s; %(waited)s.")
        case "usual", False:
            return _("Normal so far"), _("Up to %(usual)s without news is usual here; %(waited)s.")
        case _longer, True:
            return _("Quiet for longer than usual"), _(
                "No news for %(silent)s; %(parcels)s. It happens, and most of the others then move on too."
            )
    return _("Quiet for longer than usual"), _(
        "No news for %(silent)s; up to %(usual)s is usual here. It happens, and most parcels then move on."
    )


def _words_of_worry(reading: Reading, now: datetime, *, is_learnt: bool) -> tuple[str, str]:
    silent = _("No news for %(silent)s; %(parcels)s.") if is_learnt else _("No news for %(silent)s.")
    if reading.origin != JAPAN:
        advice = _("Only the sender can open an enquiry, with the post that gave out this number.")
    elif _enquiry_is_over(reading, now):
        advice = _("The time in which an enquiry can be opened is over; write to us all the same.")
    else:
        advice = _("Write to us: only the sender can open an enquiry with Japan Post.")
    return _("Quiet for far longer than usual"), f"{silent} {advice}"


def _enquiry_is_over(reading: Reading, now: datetime) -> bool:
    """True where the enquiry period is certainly over.

    Without the history, the only row gives the latest possible day of posting.
    """
    ends_on = enquiry_ends_on(reading.story.events[0].local_date, reading.there)
    return enquiry_days_left(ends_on, now) < 0


def _silent(days: int, *, is_stale: bool) -> str:
    """The text after "No news for"."""
    return (_("%(days)s when we last asked") if is_stale else "%(days)s") % {"days": day_count(days)}


def _waited(days: int, *, is_stale: bool) -> str:
    """The text after "within 5 days": "days" is not repeated where the number is more than one."""
    count = str(days) if days > 1 else day_count(days) if days else _("less than a day")
    text = _("yours had waited %(days)s when we last asked") if is_stale else _("yours has waited %(days)s")
    return text % {"days": count}
