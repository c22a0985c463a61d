"""Days and times in words, and how long such words hold."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tracking.values.places import JAPAN_TIME, LAST_TIME

# (below so many minutes, words change every so many)
_STEPS = ((120, 5), (2880, 60))
_DAY = timedelta(days=1)


def long_date(day: date) -> str:
    return date_format(day, "j F Y")


def day_count(days: int) -> str:
    """Days in words; months and years once nobody counts days any more."""
    if days >= 730:
        return _("%(count)d years") % {"count": days // 365}
    if days >= 61:
        return _("%(count)d months") % {"count": days // 30}
    return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}


def minutes_ago(then: datetime, now: datetime) -> int:
    """The whole minutes after which words about the time since then last changed; 0 where a clock runs behind."""
    minutes = _minutes(then, now)
    return minutes - minutes % _step(minutes)


def ago(then: datetime, now: datetime) -> str:
    """How long ago, in words a person uses; static/js/site.js says the same while a page stays open.

    In steps of five minutes, so that a page can be given out again.
    """
    minutes = minutes_ago(then, now)
    if minutes == 0:
        return _("just now")
    if minutes < 120:
        return _("%(count)d minutes ago") % {"count": minutes}
    if minutes < 2880:
        return _("%(count)d hours ago") % {"count": minutes // 60}
    return _("%(count)s ago") % {"count": day_count(minutes // 1440)}


def next_midnight(now: datetime, zone: tzinfo) -> datetime:
    return datetime.combine(now.astimezone(zone).date() + _DAY, time.min, zone)


def valid_until(now: datetime, *, checked_at: datetime, scanned_at: datetime | None) -> datetime:
    """The first moment after `now` at which a tracking page may read differently while nothing happens.

    Its words change with the time since the last check, with each day of silence (counted from the scan where its
    instant is known, else by UTC's calendar), with Japan's calendar, by which notices and enquiries end, and with the
    last place's, where the day to collect it is over.
    """
    midnights = [next_midnight(now, zone) for zone in (UTC, JAPAN_TIME, LAST_TIME)]
    changes = [_ago_changes_at(checked_at, now), *midnights]
    if scanned_at is not None:
        # In UTC, for a day that is added in a zone of its own is an hour too long or short over a clock change.
        changes.append(scanned_at.astimezone(UTC) + _DAY * ((now - scanned_at).days + 1))
    return min(changes)


def _ago_changes_at(then: datetime, now: datetime) -> datetime:
    minutes = minutes_ago(then, now)
    return then + timedelta(minutes=minutes + _step(minutes))


def _step(minutes: int) -> int:
    return next((step for limit, step in _STEPS if minutes < limit), 1440)


def _minutes(then: datetime, now: datetime) -> int:
    return max(0, int((now - then).total_seconds() // 60))
