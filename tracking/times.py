"""Days and times in words, and how long such words hold."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from tracking.places import JAPAN_TIME
from tracking.silence import day_count

# (below so many minutes, words change every so many)
_STEPS = ((2, 2), (5, 5), (120, 5), (2880, 60))
_DAY = timedelta(days=1)


def long_date(day: date) -> str:
    return date_format(day, "j F Y")


def ago(then: datetime, now: datetime) -> str:
    """How long ago, in words a person uses; in steps of five minutes, so that a page can be given out again."""
    minutes = _minutes(then, now)
    if minutes < 2:
        return _("just now")
    if minutes < 5:
        return _("a few minutes ago")
    if minutes < 120:
        return _("%(count)d minutes ago") % {"count": minutes - minutes % 5}
    if minutes < 2880:
        return _("%(count)d hours ago") % {"count": minutes // 60}
    return _("%(count)s ago") % {"count": day_count(minutes // 1440)}


def next_midnight(now: datetime, zone: tzinfo) -> datetime:
    return datetime.combine(now.astimezone(zone).date() + _DAY, time.min, zone)


def reads_the_same_until(now: datetime, *, checked_at: datetime, scanned_at: datetime | None) -> datetime:
    """The first moment after `now` at which a tracking page may read differently while nothing happens.

    Its words change with the time since the last check, with each day of silence (counted from the scan where its
    instant is known, else by UTC's calendar), and with the calendar: UTC's for notices, Japan's for enquiries.
    """
    changes = [_ago_changes_at(checked_at, now), next_midnight(now, UTC), next_midnight(now, JAPAN_TIME)]
    if scanned_at is not None:
        changes.append(scanned_at + _DAY * ((now - scanned_at).days + 1))
    return min(changes)


def _ago_changes_at(then: datetime, now: datetime) -> datetime:
    minutes = _minutes(then, now)
    step = next((step for limit, step in _STEPS if minutes < limit), 1440)
    return then + timedelta(minutes=minutes - minutes % step + step)


def _minutes(then: datetime, now: datetime) -> int:
    return max(0, int((now - then).total_seconds() // 60))
