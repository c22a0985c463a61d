"""Benchmarks of what reads outside text: the parser, the search for numbers, pages that are made to take long."""

import time
import timeit
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

import lxml.html

from tests.support.hostile_pages import HOSTILE, NUMBER, full_page
from tests.support.standin.pages import render_detail
from tests.tools.bench_load import note, show
from tracking.japanpost.errors import JapanPostError
from tracking.japanpost.examples import get_example
from tracking.japanpost.parser import MAX_EVENTS, parse_page
from tracking.values.numbers import find_numbers
from tracking.values.redaction import redact

EXAMPLE = get_example("delivered")  # the longest of the examples
JUNK = ("EM 1", "EM123456785JP", "- ", "e\u0301\u0316", "\\", "\\u200b", "%25", "<", "ab 123456789 ")


def bench_parser() -> None:
    html = render_detail(EXAMPLE.item(datetime.now(UTC)))
    page = html.encode()
    ours = _best_time(lambda: parse_page(html, EXAMPLE.number))
    bare = _best_time(lambda: lxml.html.fromstring(page))
    show("reading a page: ours / lxml.html alone", "<= 2", ours / bare, "x")
    note(
        f"{ours * 1e6:.0f} µs / {bare * 1e6:.0f} µs for {len(page) / 1000:.0f} kB, {len(EXAMPLE.events)} events"
    )


def bench_hostile_pages() -> None:
    """The slowest of the pages that are made to take long, in seconds of a processor, and a page of 500 events."""
    times = {name: _processor_time(page()) for name, page in HOSTILE.items()}
    slowest = sorted(times, key=lambda name: -times[name])
    show(f"the slowest of {len(times)} hostile pages of Japan Post", "<= 2 s", times[slowest[0]], " s")
    for name in slowest[:5]:
        note(f"{times[name]:.2f} s: {name}")
    show(f"a page of {MAX_EVENTS} events", "<= 0.5 s", _processor_time(full_page()), " s")


def bench_junk() -> None:
    """The time for 40,000 characters of junk, compared with half of them: 2 where it grows with the length alone."""
    for read in (find_numbers, redact):
        ratios = []
        for junk in JUNK:
            whole, half = (junk * (count // len(junk)) for count in (40_000, 20_000))
            ratios.append(_best_time(partial(read, whole), 1) / _best_time(partial(read, half), 1))
        show(f"{read.__name__}: 40,000 characters of junk / half of them", "<= 3", max(ratios), "x")


def _processor_time(html: str) -> float:
    began = time.process_time()
    with suppress(JapanPostError):
        parse_page(html, NUMBER)
    return time.process_time() - began


def _best_time(work: Callable[[], object], number: int = 50) -> float:
    """Seconds for one run: the best of several series, as other programs slow the rest down."""
    return min(timeit.repeat(work, number=number, repeat=10)) / number
