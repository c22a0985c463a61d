"""Is this normal? How long nothing was heard, told in words."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tracking.glossary import Glossary
from tracking.journey import DELIVERED_BACK, RETURNED, Place
from tracking.lookup import Lookup
from tracking.models import Destination, Stage, Tone
from tracking.places import days_between

_USUAL_DAYS, _WORRY_DAYS = 5, 12  # for a phrase nobody has given a meaning


@dataclass(frozen=True)
class Silence:
    """How long nothing was heard, and whether that is normal."""

    days: int
    level: str  # usual, longer, far
    headline: str
    text: str


def silence_of(
    newest: Place,
    scanned_at: datetime | None,
    lookup: Lookup,
    glossary: Glossary,
    destination: str | None,
    now: datetime,
) -> Silence | None:
    """Whether this silence is normal, by the days staff gave. Nothing once the parcel is delivered or back.

    While Japan Post does not answer, silence is measured up to the last answer: of later days we know nothing.
    """
    if newest.stage == Stage.DELIVERED or (newest.words and newest.words.slug in (RETURNED, DELIVERED_BACK)):
        return None
    now = min(now, lookup.checked_at) if lookup.stale else now
    there = glossary.destinations.get(destination or "")
    if there is not None and not there.exchanges_scans and newest.stage == Stage.LEAVING_JAPAN:
        return _no_scans(newest, there, scanned_at, now)
    usual, worry = (
        (newest.words.usual_days, newest.words.worry_days) if newest.words else (_USUAL_DAYS, _WORRY_DAYS)
    )
    days = days_between(newest.event.local_date, scanned_at, now)
    level = "usual" if days <= usual else "longer" if days <= worry else "far"
    enquiry_is_over = _enquiry_is_over(lookup, glossary, destination, now)
    headline, text = _silence_words(newest.tone, level, enquiry_is_over)
    if newest.status is None and level == "usual" and newest.tone == Tone.WAIT:
        headline, text = _("We cannot tell"), _("Nobody knows yet how long this usually takes.")
    return Silence(
        days, level, headline, text % {"usual": day_count(usual), "silent": day_count(days), "days": days}
    )


def _no_scans(newest: Place, there: Destination, scanned_at: datetime | None, now: datetime) -> Silence:
    """Silence that will not end: that post sends no scans to Japan."""
    days = days_between(newest.event.local_date, scanned_at, now)
    text = _("The post in %(country)s sends no scans to Japan. Ask them with the same number.")
    return Silence(days, "usual", _("Nothing more will appear here"), text % {"country": there.spoken_name})


def _silence_words(tone: str, level: str, enquiry_is_over: bool) -> tuple[str, str]:
    """Headline and text. Where somebody must act, more patience is no advice."""
    match tone, level:
        case Tone.ACT, "far":
            return _("It has waited for too long"), _(
                "No news for %(silent)s. It may be on its way back: ask the local post, and write to us."
            )
        case Tone.ACT, _other:
            return _("It waits for you"), _(
                "Days since the last scan: %(days)s. Nothing more happens until you act."
            )
        case Tone.PROBLEM, _other:
            return _("It needs our help"), _(
                "Days since the last scan: %(days)s. Write to us, so that we can act."
            )
        case _other, "usual":
            return _("Normal so far"), _("Up to %(usual)s without news are usual at this point.")
        case _other, "longer":
            return _("Quiet for longer than usual"), _(
                "No news for %(silent)s; %(usual)s are usual here. It happens, and most parcels then move on."
            )
    if enquiry_is_over:
        return _("Quiet for far longer than usual"), _(
            "No news for %(silent)s. The time in which an enquiry can be opened is over; write to us all the same."
        )
    return _("Quiet for far longer than usual"), _(
        "No news for %(silent)s. Write to us: only the sender can open an enquiry with Japan Post."
    )


def _enquiry_is_over(lookup: Lookup, glossary: Glossary, destination: str | None, now: datetime) -> bool:
    """The sender may ask within some months of posting (6; China 4). Unknown posting date: not over."""
    if lookup.history_missing:
        return False
    there = glossary.destinations.get(destination or "")
    posted, today = lookup.events[0].local_date, now.date()
    months = (today.year - posted.year) * 12 + today.month - posted.month - (today.day < posted.day)
    return months >= (there.enquiry_months if there else 6)


def day_count(days: int) -> str:
    """Days in words; months and years once nobody counts days any more."""
    if days >= 730:
        return _("%(count)d years") % {"count": days // 365}
    if days >= 61:
        return _("%(count)d months") % {"count": days // 30}
    return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
