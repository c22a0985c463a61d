"""Days and times in words, and how long these words stay correct."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tracking.values.clocks import CLOCKS_DIFFER
from tracking.values.places import JAPAN_TIME, LAST_TIME

# (limit, step), both in minutes: below the limit the words change once per step. From the last limit on: once a day.
_STEPS = ((120, 5), (2880, 60))
_CLOCKS_DIFFER = CLOCKS_DIFFER // timedelta(minutes=1)
_DAY = timedelta(days=1)


def long_date(day: date) -> str:
    """ "20 November 2026", in the active language."""
    return date_format(day, "j F Y")


def day_count(days: int) -> str:
    """A number of days in words: as months from 61 days on, as years from 730 days on."""
    if days >= 730:
        return _("%(count)d years") % {"count": days // 365}
    if days >= 61:
        return _("%(count)d months") % {"count": days // 30}
    return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}


def minutes_ago(then: datetime, now: datetime) -> int:
    """The minutes since `then`, rounded down to the step in which `ago` changes.

    Negative where `then` is so far ahead that a clock was wrong: when it was is unknown.
    """
    minutes = _minutes(then, now)
    return minutes - minutes % _step(minutes) if minutes >= 0 else minutes


def ago(then: datetime, now: datetime) -> str:
    """The time since `then` in words. static/js/site.js updates an open page in the same way.

    In steps (of five minutes in the first two hours), so that a cached page stays correct for a while.
    """
    minutes = minutes_ago(then, now)
    if minutes < 0:
        return _("an unknown time ago")
    if minutes == 0:
        return _("just now")
    if minutes < 120:
        return _("%(count)d minutes ago") % {"count": minutes}
    if minutes < 2880:
        return _("%(count)d hours ago") % {"count": minutes // 60}
    return _("%(count)s ago") % {"count": day_count(minutes // 1440)}


def next_midnight(now: datetime, zone: tzinfo) -> datetime:
    """The next start of a day in this zone, aware."""
    return datetime.combine(now.astimezone(zone).date() + _DAY, time.min, zone)


def valid_until(now: datetime, *, checked_at: datetime, scanned_at: datetime | None) -> datetime:
    """The first moment after `now` at which the text of a tracking page may change without a new answer.

    The text depends on the time since the last check, on the days of silence (counted from the scan where its instant
    is known, else by UTC's calendar), on Japan's calendar (the end of notices and enquiries), and on the calendar of
    UTC-12 (where the last day to collect a parcel ends last).
    """
    midnights = [next_midnight(now, zone) for zone in (UTC, JAPAN_TIME, LAST_TIME)]
    changes = [_ago_changes_at(checked_at, now), *midnights]
    if scanned_at is not None:
        # In UTC: over a clock change, a day added in a local zone is an hour too long or too short.
        changes.append(scanned_at.astimezone(UTC) + _DAY * ((now - scanned_at).days + 1))
    return min(changes)


def _ago_changes_at(then: datetime, now: datetime) -> datetime:
    minutes = minutes_ago(then, now)
    return then + timedelta(minutes=minutes + _step(minutes)) if minutes >= 0 else then


def _step(minutes: int) -> int:
    return next((step for limit, step in _STEPS if minutes < limit), 1440)


def _minutes(then: datetime, now: datetime) -> int:
    """The full minutes since `then`; 0 for a few ahead, as machines' clocks differ, and negative for more."""
    minutes = int((now - then).total_seconds() // 60)
    return minutes if minutes < -_CLOCKS_DIFFER else max(0, minutes)
