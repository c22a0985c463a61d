"""The charts of Japan Post's health: coordinates of bars and lines. `_chart.html` prints them as SVG."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tracking.fetching.health import Slot, Span
from tracking.models.shipments import Outcome

WIDTH, HEIGHT = 640, 240  # the viewBox of `_chart.html`
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 40, 20, 36  # room for the labels of the axes, in large fonts too
_ACROSS, _DOWN = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM


@dataclass(frozen=True)
class Mark:
    """A label of an axis and its coordinate."""

    at: str
    text: str


@dataclass(frozen=True)
class Bar:
    """The requests of one outcome in one slot."""

    x: str
    y: str
    width: str
    height: str
    kind: str
    title: str


@dataclass(frozen=True)
class Series:
    """Consecutive slots that have a latency. A slot without one ends the line."""

    kind: str  # “median” or “p95”
    path: str
    dots: Sequence[tuple[str, str, str]]  # x, y, title


@dataclass(frozen=True)
class Chart:
    """Everything that one SVG shows."""

    name: str  # for screen readers
    levels: Sequence[Mark]
    ticks: Sequence[Mark]
    bars: Sequence[Bar] = ()
    series: Sequence[Series] = ()


def outcomes_chart(span: Span) -> Chart:
    """Return the chart of outcomes: a bar of layers for each slot (hour or day). A slot without requests is empty."""
    top = _top(max(slot.asked for slot in span.slots), least=2)
    width = _ACROSS / len(span.slots)
    bars = []
    for place, slot in enumerate(span.slots):
        below = 0
        for outcome, count in slot.counts.items():
            if count:
                below += count
                x, height = _LEFT + (place + 0.1) * width, _DOWN * count / top
                title = f"{slot.name}: {count:,} × {outcome.label}"
                y = _digits(_y(below, top))
                bars.append(Bar(_digits(x), y, _digits(width * 0.8), _digits(height), outcome.value, title))
    name = (
        f"Requests to Japan Post by {span.unit}: {span.answered:,} of {span.asked:,} were answered. "
        "The table has the numbers."
    )
    return Chart(name, _levels(top, ""), _ticks(span.slots), bars=bars)


def latency_chart(span: Span) -> Chart:
    """Return the chart of latencies: the median and the 95th percentile. A slot without an answer is a gap."""
    top = _top(max((slot.p95 or 0 for slot in span.slots), default=0), least=0.2)
    series = [*_all_series(span.slots, "p95", top), *_all_series(span.slots, "median", top)]
    name = (
        f"Seconds until Japan Post answered, by {span.unit}: half of the answers, and 19 of 20. "
        "The table has the numbers."
    )
    return Chart(name, _levels(top, " s"), _ticks(span.slots), series=series)


def _all_series(slots: Sequence[Slot], kind: str, top: float) -> Iterable[Series]:
    words = "half of the answers" if kind == "median" else "19 of 20 answers"
    dots: list[tuple[str, str, str]] = []
    for place, slot in enumerate(slots):
        seconds = getattr(slot, kind)
        if seconds is not None:
            title = f"{slot.name}: {words} within {seconds} s"
            dots.append((_digits(_middle(place, len(slots))), _digits(_y(seconds, top)), title))
        elif dots:
            yield _series(kind, dots)
            dots = []
    if dots:
        yield _series(kind, dots)


def _series(kind: str, dots: Sequence[tuple[str, str, str]]) -> Series:
    return Series(kind, " ".join(f"{x},{y}" for x, y, _ in dots), dots)


def _top(value: float, *, least: float) -> float:
    """The end of the axis: twice a round number, so that the label in its middle is round too."""
    size = 0.1
    while True:
        for step in (1, 2, 3, 4, 5):
            top = 2 * step * size
            if top >= max(value, least):
                return round(top, 1)
        size *= 10


def _levels(top: float, unit: str) -> list[Mark]:
    return [Mark(_digits(_y(value, top)), f"{_short(value)}{unit}") for value in (0, top / 2, top)]


def _ticks(slots: Sequence[Slot]) -> list[Mark]:
    return [
        Mark(_digits(_middle(place, len(slots))), slot.tick) for place, slot in enumerate(slots) if slot.tick
    ]


def _short(value: float) -> str:
    """The value in few characters: 0.5, 20, 5k, 2M."""
    for size, letter in ((1_000_000, "M"), (1000, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _middle(place: int, count: int) -> float:
    return _LEFT + (place + 0.5) * _ACROSS / count


def _y(value: float, top: float) -> float:
    return _TOP + _DOWN * (1 - value / top)


def _digits(value: float) -> str:
    """The value as SVG needs it, in every language of the page."""
    return f"{value:.1f}"


# Legends: (kind, label); the lowest layer first.
OUTCOMES = [(outcome.value, outcome.label) for outcome in Outcome]
LATENCIES = [("median", "Half of the answers came within"), ("p95", "19 of 20 came within")]
