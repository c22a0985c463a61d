"""Metrics for Prometheus. This module is imported only if METRICS_TOKEN is set. Its middleware starts the counting.

Requests and look-ups are counted by the processes, in files that all workers of one gunicorn share. All other metrics
are read from the database at each scrape, so every machine reports the same values. No metric contains a tracking
number.
"""

import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from typing import Any

from django.db import Error
from django.db.models import Count, Min, Q
from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, values
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from tracking.fetching.gate import current_gate
from tracking.fetching.health import past_hour
from tracking.models import Message, Phrase, Shipment
from tracking.public.answers import answered
from tracking.values.clocks import is_ahead

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # the name that the library expects; gunicorn.conf.py sets both
SLOT = "METRICS_SLOT"
_SECONDS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

_of_this_process = CollectorRegistry()
_requests = Histogram(
    "emsguide_request_seconds",
    "Seconds until a response was ready, by view and HTTP status.",
    ["view", "status"],
    buckets=_SECONDS,
    registry=_of_this_process,
)
_look_ups = Counter(
    "emsguide_lookups",
    "Visitors' look-ups by outcome; stale: a story, but the last request failed.",
    ["outcome"],
    registry=_of_this_process,
)


@cache
def count_look_ups() -> None:
    """Count look-ups from now on, and share the counts with the other workers of one gunicorn.

    The first call in a process does it, before anything is counted; further calls do nothing. It is no part of
    `AppConfig.ready`: a command serves no visitors, so it needs neither the library nor a file of counts.
    """
    if FOLDER in os.environ:
        # Files are named by slot and not by process: a new worker continues the files of the worker it replaces.
        slot = os.environ.get(SLOT) or str(os.getpid())
        # The library has no types here.
        values.ValueClass = values.MultiProcessValue(process_identifier=lambda: slot)  # type: ignore[no-untyped-call]
    answered.connect(_count, dispatch_uid="tracking.ops.metrics")


def middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware that times each request. Django builds it once in each process, and only with METRICS_TOKEN."""
    count_look_ups()

    def timed(request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = get_response(request)
        _requests.labels(_view(request), response.status_code).observe(time.perf_counter() - began)
        return response

    return timed


def exposition(*, now: datetime) -> bytes:
    """Return all metrics in the text format of Prometheus. `now` is aware."""
    processes, store = _of_this_process, CollectorRegistry()
    if FOLDER in os.environ:
        processes = CollectorRegistry()
        MultiProcessCollector(processes)  # type: ignore[no-untyped-call]
    store.register(_Store(now))
    return generate_latest(processes) + generate_latest(store)


def _view(request: HttpRequest) -> str:
    """The name of the view; one name for the whole desk; "none" for files, unknown addresses and wrong hosts."""
    match = request.resolver_match
    if match is None:
        return "none"
    return match.app_names[0] if match.app_names else match.url_name or "none"


def _count(outcome: str, **_: Any) -> None:
    _look_ups.labels(outcome).inc()


class _Store:
    """A collector of the metrics in the database."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            figures = list(_figures(self._now))
        except Error:
            figures = []
        yield GaugeMetricFamily("emsguide_database_up", "1: the database answers.", value=bool(figures))
        yield from figures


def _figures(now: datetime) -> Iterator[GaugeMetricFamily]:
    gate, hour = current_gate(), past_hour(now=now)
    paused = is_ahead(gate.paused_until, now)
    fetches = GaugeMetricFamily(
        "emsguide_fetches_last_hour", "Requests to Japan Post in the last 60 minutes.", labels=["outcome"]
    )
    for outcome, count in hour.counts.items():
        fetches.add_metric([outcome.value], count)
    yield fetches
    latency = GaugeMetricFamily(
        "emsguide_fetch_seconds_last_hour",
        "Seconds within which so many of their answers of the last 60 minutes came; missing without an answer.",
        labels=["quantile"],
    )
    for quantile, seconds in (("0.5", hour.median), ("0.95", hour.p95)):
        if seconds is not None:
            latency.add_metric([quantile], seconds)
    yield latency
    yield from _lag_of_the_watch(now)
    for name, meaning, value in (
        ("breaker_open", "1: Japan Post is not asked, for it does not answer.", paused),
        ("failures_in_a_row", "Requests without an answer since the last answer.", gate.failures_in_a_row),
        ("inbox_phrases", "Phrases that wait for a meaning.", Phrase.objects.unmapped().count()),
        ("messages_unanswered", "Messages that wait for an answer.", Message.objects.unanswered().count()),
    ):
        yield GaugeMetricFamily(f"emsguide_{name}", meaning, value=value)


def _lag_of_the_watch(now: datetime) -> Iterator[GaugeMetricFamily]:
    """Costs one query. Visitors can make any number of parcels due, so these are apart from the registered ones."""
    due = Shipment.objects.due(now).order_by()
    own = Q(registered_at__isnull=False)
    counted = due.aggregate(
        **{
            f"{name}_{registered}": figure("pk" if name == "count" else "watch_at", filter=condition)
            for registered, condition in (("yes", own), ("no", ~own))
            for name, figure in (("count", Count), ("oldest", Min))
        }
    )
    parcels = GaugeMetricFamily(
        "emsguide_watch_due_parcels",
        "Parcels the watch should have asked about by now, registered by staff or only typed by visitors.",
        labels=["registered"],
    )
    lag = GaugeMetricFamily(
        "emsguide_watch_lag_seconds",
        "How long the oldest of these has been waiting; 0: none.",
        labels=["registered"],
    )
    for registered in ("yes", "no"):
        oldest = counted[f"oldest_{registered}"]
        parcels.add_metric([registered], counted[f"count_{registered}"])
        lag.add_metric([registered], (now - oldest).total_seconds() if oldest else 0)
    yield from (parcels, lag)
