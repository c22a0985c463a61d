"""Japan Post's health for staff: how it answered and how fast, counted from our requests. All times are Japan's.

The database does the counting: one query for the hours and one for the days, and no row is loaded. Percentiles use
latencies rounded up to tenths of a second, so “within 0.4 s” is never too optimistic. Only answered requests have a
latency: for the others we know only how long we waited, which is our own setting.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Value
from django.utils.timezone import localtime

from tracking.fetching.gate import current_gate
from tracking.models import Fetch, Gate
from tracking.models.shipments import Outcome
from tracking.values.clocks import is_ahead
from tracking.values.counting import noun_for
from tracking.values.places import JAPAN_TIME

HOURS, DAYS = 24, 30
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_MILLISECONDS = 100  # latencies are counted in steps of this size


@dataclass(frozen=True)
class Slot:
    """The results of the requests that began in one hour or day."""

    starts_at: datetime  # in Japan's time
    name: str
    tick: str  # the label on the axis below it; empty for most slots
    counts: Mapping[Outcome, int]
    median: float | None = None  # seconds; None: no request was answered
    p95: float | None = None  # seconds; 19 of 20 answers took no longer. None: no request was answered

    @property
    def asked(self) -> int:
        """How many requests we sent."""
        return sum(self.counts.values())

    @property
    def answered(self) -> int:
        """How many requests got any response, including unreadable ones."""
        return self.asked - self.counts[Outcome.UNAVAILABLE]


@dataclass(frozen=True)
class Span:
    """The slots of one pair of charts, oldest first. The last slot has not ended yet."""

    title: str
    unit: str  # “hour” or “day”
    slots: Sequence[Slot]

    @property
    def asked(self) -> int:
        """How many requests we sent."""
        return sum(slot.asked for slot in self.slots)

    @property
    def answered(self) -> int:
        """How many requests got any response, including unreadable ones."""
        return sum(slot.answered for slot in self.slots)


def last_hours(*, now: datetime) -> Span:
    """The current hour and the 23 before it. Costs one query."""
    newest = localtime(now, JAPAN_TIME).replace(minute=0, second=0, microsecond=0)
    starts = [newest - _HOUR * back for back in reversed(range(HOURS))]
    ticks = [f"{start:%H:%M}" if start.hour % 6 == 0 else "" for start in starts]
    names = [f"{start.day} {start:%b, %H:%M}" for start in starts]
    return Span("The last 24 hours", "hour", _slots(starts, _HOUR, names, ticks))


def past_hour(*, now: datetime) -> Slot:
    """The 60 minutes before `now`. Costs one query."""
    (slot,) = _slots([now - _HOUR], _HOUR, ["the past hour"], [""])
    return slot


def last_days(*, now: datetime) -> Span:
    """Today in Japan and the 29 days before it. Costs one query."""
    starts = [_midnight(now) - _DAY * back for back in reversed(range(DAYS))]
    names = [f"{start.day} {start:%b}" for start in starts]
    ticks = [name if (DAYS - 1 - place) % 7 == 0 else "" for place, name in enumerate(names)]
    return Span("The last 30 days", "day", _slots(starts, _DAY, names, ticks))


@dataclass(frozen=True)
class Today:
    """Today's health as a text for staff."""

    text: str
    is_well: bool  # False: Japan Post does not answer, or we cannot read some of its answers


def today(*, now: datetime) -> Today:
    """Today's health, by Japan's calendar. Costs four queries at most."""
    gate = current_gate()
    (day,) = _slots([_midnight(now)], _DAY, ["today"], [""])
    is_silent = bool(gate.paused_until or (day.asked and not day.answered))
    return Today(_words_of(day, gate, now, is_silent), not is_silent and not day.counts[Outcome.UNEXPECTED])


def _words_of(day: Slot, gate: Gate, now: datetime, is_silent: bool) -> str:
    if is_silent:
        return (
            f"Japan Post has not answered since {_clock(_silent_since(gate, now) or now, now)}, Japan's time."
        )
    if not day.asked:
        return "We have not asked Japan Post today."
    times = noun_for(day.asked, "time")
    words = (
        f"Japan Post answered {day.answered:,} of {day.asked:,} {times} today, usually within {day.p95} s."
    )
    if unread := day.counts[Outcome.UNEXPECTED]:
        words += f" We could not read {unread:,} of the answers."
    return words


def pause_text(gate: Gate, *, now: datetime) -> str:
    """Whether requests to Japan Post are paused, in words for staff."""
    if gate.paused_until is None:
        return "Asking, though the last requests failed" if gate.failures_in_a_row else "Asking"
    if is_ahead(gate.paused_until, now):
        return (
            f"Pausing: customers see the stored stories. We ask again after {_clock(gate.paused_until, now)}"
        )
    return "Pausing until a visitor looks up a parcel: that request finds out whether they answer again"


def last_asked(*, now: datetime) -> Fetch | None:
    """The newest request; None where there is none. Leaves out those of a clock that was ahead."""
    return Fetch.objects.filter(started_at__lte=now + _MINUTE).order_by("-started_at").first()


def _slots(
    starts: Sequence[datetime], length: timedelta, names: Iterable[str], ticks: Iterable[str]
) -> tuple[Slot, ...]:
    counted: list[Counter[tuple[Outcome, int]]] = [Counter() for _ in starts]
    for place, outcome, tenths, count in _counts(starts, length):
        counted[place][Outcome(outcome), tenths] = count
    return tuple(
        _slot(start, name, tick, counts)
        for start, name, tick, counts in zip(starts, names, ticks, counted, strict=True)
    )


def _counts(starts: Sequence[datetime], length: timedelta) -> Iterable[tuple[int, str, int, int]]:
    """Rows of (position in `starts`, outcome, latency in tenths of a second, number of requests).

    One query, which reads one range of the time index per slot. Grouping by a truncated time instead would sort all
    rows, and SQLite would call a Python function for each of them.
    """
    parts = [
        Fetch.objects.filter(started_at__gte=start, started_at__lt=start + length)
        .order_by()
        .annotate(place=Value(place), tenths=(F("milliseconds") + (_MILLISECONDS - 1)) / _MILLISECONDS)
        .values("place", "outcome", "tenths")
        .annotate(count=Count("pk"))
        .values_list("place", "outcome", "tenths", "count")
        for place, start in enumerate(starts)
    ]
    return parts[0].union(*parts[1:], all=True)


def _slot(start: datetime, name: str, tick: str, counted: Counter[tuple[Outcome, int]]) -> Slot:
    counts, latencies = Counter[Outcome](), Counter[int]()
    for (outcome, tenths), count in counted.items():
        counts[outcome] += count
        if outcome != Outcome.UNAVAILABLE:
            latencies[max(1, tenths)] += count
    in_order = {outcome: counts[outcome] for outcome in Outcome}
    return Slot(start, name, tick, in_order, _percentile(latencies, 50), _percentile(latencies, 95))


def _percentile(tenths: Counter[int], percent: int) -> float | None:
    """The percentile in seconds, by the nearest-rank method; None where there are no answers."""
    rank, passed = -(-tenths.total() * percent // 100), 0
    for latency in sorted(tenths):
        passed += tenths[latency]
        if passed >= rank:
            return latency * _MILLISECONDS / 1000
    return None


def _silent_since(gate: Gate, now: datetime) -> datetime | None:
    """The start of the first request after the last answer: hours without requests are not silence of Japan Post.

    Without such a request, the start of the pause; None where there is none.
    """
    until_now = Fetch.objects.filter(started_at__lte=now + _MINUTE)  # without those of a clock that was ahead
    silent = until_now.filter(outcome=Outcome.UNAVAILABLE)
    if answer := until_now.exclude(outcome=Outcome.UNAVAILABLE).order_by("-started_at").first():
        silent = silent.filter(started_at__gt=answer.started_at)
    first = silent.order_by("started_at").first()
    return first.started_at if first else gate.paused_since


def _midnight(now: datetime) -> datetime:
    return localtime(now, JAPAN_TIME).replace(hour=0, minute=0, second=0, microsecond=0)


def _clock(moment: datetime, now: datetime) -> str:
    """“14:05” in Japan's time, with the date where it is not today."""
    there = localtime(moment, JAPAN_TIME)
    if there.date() == localtime(now, JAPAN_TIME).date():
        return f"{there:%H:%M}"
    return f"{there.day} {there:%B, %H:%M}"
