"""What a clock that jumps leaves behind: a stored moment too far ahead was written while a clock was wrong.

Such a moment counts as passed. So a clock that was a year ahead for a while leaves nothing that waits for a year. A
moment that was the present as it was stored shows a wrong clock earlier: where it is more than five minutes ahead.
"""

from datetime import datetime, timedelta

from django.db.models import Q

# The furthest that we store: a delivered parcel is fresh for a day, and the watch asks at least daily. Twice that.
FURTHEST_AHEAD = timedelta(days=2)
CLOCKS_DIFFER = timedelta(minutes=5)  # clocks of machines do; what was the present then is no further ahead


def is_ahead(moment: datetime | None, now: datetime) -> bool:
    """True where an aware `moment` is after an aware `now`, but not so far that a clock must have been wrong."""
    return moment is not None and now < moment < now + FURTHEST_AHEAD


def has_passed(column: str, now: datetime) -> Q:
    """The condition that `is_ahead` is False for the moment in this column. An empty column fulfils it."""
    too_far = now + FURTHEST_AHEAD
    return Q((column, None)) | Q((f"{column}__lte", now)) | Q((f"{column}__gte", too_far))


def is_impossible(past: datetime | None, now: datetime) -> bool:
    """True where an aware moment that was the present as it was stored is so far ahead that a clock must have been
    wrong.
    """
    return past is not None and past > now + CLOCKS_DIFFER


def impossible(column: str, now: datetime) -> Q:
    """The condition that `is_impossible` is True for the moment in this column. An empty column does not fulfil it."""
    return Q((f"{column}__gt", now + CLOCKS_DIFFER))
