"""/metrics: figures for Prometheus, behind a token and without any tracking number."""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from tests.support import processes
from tests.support.served import PROJECT
from tests.support.standin import StandIn
from tests.support.stories import NUMBER, POSTED, some_numbers, story
from tracking.fetching.gate import current_gate
from tracking.models import Fetch, Gate, Message, Phrase, Shipment
from tracking.models.shipments import Outcome
from tracking.ops.metrics import exposition

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TOKEN = "a-token-made-up-for-tests"
Figures = dict[str, float]


def read(text: str) -> Figures:
    """Parse the text; returns each figure by its name and labels, as `name label=value …`."""
    return {
        sample.name
        + "".join(f" {name}={value}" for name, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def figures(*, now: datetime = NOW) -> Figures:
    """All figures at that time."""
    return read(exposition(now=now).decode())


@pytest.fixture
def counted(settings) -> None:
    """A site with METRICS_TOKEN, whose middleware counts requests."""
    settings.METRICS_TOKEN = TOKEN
    settings.MIDDLEWARE = ["tracking.ops.metrics.middleware", *settings.MIDDLEWARE]


# The token


def test_without_metrics_token_the_page_does_not_exist(client: Client, db) -> None:
    assert client.get("/metrics", headers={"authorization": "Bearer "}).status_code == 404


def test_metrics_are_not_redirected_to_https(client: Client, counted, settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/").status_code == 301
    assert client.get("/metrics").status_code == 401


@pytest.mark.parametrize("sent", ["", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer ", "Bearer é"])
def test_without_the_token_the_answer_has_no_figures(client: Client, counted, sent: str) -> None:
    response = client.get("/metrics", headers={"authorization": sent} if sent else {})
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")
    assert b"emsguide" not in response.content


def test_with_the_token_the_answer_is_in_prometheus_format(client: Client, counted, db) -> None:
    response = client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain; version=")
    assert "no-store" in response["Cache-Control"]
    assert read(response.content.decode())["emsguide_database_up"] == 1


def test_without_metrics_token_the_library_is_not_loaded() -> None:
    code = (
        "import django, sys; django.setup(); from django.core.wsgi import get_wsgi_application as g; g();"
        "import emsguide.urls; print('prometheus_client' in sys.modules)"
    )
    kept = {"PATH": os.environ["PATH"], "SECRET_KEY": "x" * 60, "ALLOWED_HOSTS": "127.0.0.1"}
    kept["DJANGO_SETTINGS_MODULE"] = "emsguide.settings"
    for environment, loaded in ((kept, "False"), (kept | {"METRICS_TOKEN": TOKEN}, "True")):
        done = processes.run(
            [sys.executable, "-W", "ignore", "-c", code],
            cwd=PROJECT,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        assert done.stdout.strip() == loaded


def test_the_middleware_and_no_import_starts_counting(tmp_path: Path) -> None:
    code = (
        "import django; django.setup(); from prometheus_client import values; from tracking.ops import metrics;"
        "from tracking.public.answers import answered; library = values.ValueClass; before = answered.receivers[:];"
        "metrics.middleware(None); ours = values.ValueClass; metrics.middleware(None);"
        "print(before, len(answered.receivers), ours is library, ours is values.ValueClass)"
    )
    environment = {
        "PATH": os.environ["PATH"],
        "DEBUG": "True",
        "DJANGO_SETTINGS_MODULE": "emsguide.settings",
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
    }
    done = processes.run(
        [sys.executable, "-c", code], cwd=PROJECT, env=environment, check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["[]", "1", "False", "True"]


# Figures of one process


@pytest.mark.parametrize(
    ("address", "view", "status"),
    [
        ("/healthz", "healthz", 200),
        ("/examples/in-customs/", "example", 200),
        ("/admin/tracking/shipment/", "admin", 302),
        ("/nowhere/", "none", 404),
        ("/track/EM123456789JP/", "shipment", 404),
    ],
)
def test_requests_are_counted_by_view_and_status(
    client: Client, counted, db, address: str, view: str, status: int
) -> None:
    name = f"emsguide_request_seconds_count status={status} view={view}"
    before = figures().get(name, 0)
    client.get(address)
    assert figures()[name] == before + 1


def test_look_ups_are_counted_by_outcome(client: Client, counted, standin: StandIn, transactional_db) -> None:
    first, unknown, broken = some_numbers(3)
    standin.set_item(first, story(POSTED, number=first))
    standin.set_fault(broken, "500")
    before = figures()
    for address in (first, first, unknown, "EM123456789JP"):
        client.get(f"/track/{address}/")
    client.get(f"/track/{broken}.json")
    Shipment.objects.filter(number=first).update(last_outcome=Outcome.UNAVAILABLE)
    client.get(f"/track/?number={first},{unknown}")
    after = figures()
    increase = {
        outcome: after[f"emsguide_lookups_total outcome={outcome}"]
        - before.get(f"emsguide_lookups_total outcome={outcome}", 0)
        for outcome in ("tracked", "stale", "not-found", "rejected", "unavailable")
    }
    assert increase == {"tracked": 2, "stale": 1, "not-found": 2, "rejected": 1, "unavailable": 1}


def test_an_open_page_that_reads_the_store_is_no_look_up(client: Client, counted, db) -> None:
    before = {name: value for name, value in figures().items() if "lookups" in name}
    client.get(f"/track/{NUMBER}.json?stored=1")
    assert {name: value for name, value in figures().items() if "lookups" in name} == before


def test_the_figures_have_no_tracking_number(
    client: Client, counted, standin: StandIn, transactional_db
) -> None:
    for address in (
        f"/track/{NUMBER}/",
        f"/track/?number={NUMBER}",
        f"/x/{NUMBER}",
        f"/contact/?number={NUMBER}",
    ):
        client.get(address)
    assert NUMBER not in exposition(now=NOW).decode()


# Figures from the database


@pytest.fixture
def store(db) -> None:
    """An empty store with the row of the gate."""
    current_gate()


def test_an_empty_store_has_zeros_and_no_latency(store) -> None:
    found = figures()
    for name in ("breaker_open", "failures_in_a_row", "inbox_phrases", "messages_unanswered"):
        assert found[f"emsguide_{name}"] == 0
    for registered in ("yes", "no"):
        assert found[f"emsguide_watch_due_parcels registered={registered}"] == 0
        assert found[f"emsguide_watch_lag_seconds registered={registered}"] == 0
    assert not [name for name in found if "fetch_seconds" in name]


def test_fetches_of_the_last_hour_are_counted_and_timed(store) -> None:
    parcel = Shipment.objects.create(number=NUMBER)
    for minutes, outcome in ((5, "tracked"), (50, "tracked"), (59, "unavailable"), (61, "tracked")):
        Fetch.objects.create(
            shipment=parcel, started_at=NOW - timedelta(minutes=minutes), milliseconds=380, outcome=outcome
        )
    found = figures()
    assert found["emsguide_fetches_last_hour outcome=tracked"] == 2
    assert found["emsguide_fetches_last_hour outcome=unavailable"] == 1
    assert found["emsguide_fetches_last_hour outcome=not-found"] == 0
    assert found["emsguide_fetch_seconds_last_hour quantile=0.95"] == 0.4


def test_the_breaker_is_open_while_the_pause_lasts(store) -> None:
    Gate.objects.update(paused_until=NOW + timedelta(minutes=1), failures_in_a_row=5)
    assert figures()["emsguide_breaker_open"] == 1 and figures()["emsguide_failures_in_a_row"] == 5
    assert figures(now=NOW + timedelta(minutes=2))["emsguide_breaker_open"] == 0


def test_waiting_phrases_and_messages_are_counted(store) -> None:
    Phrase.objects.create(text="Something new")
    for answered, spam in ((False, False), (True, False), (False, True)):
        Message.objects.create(email="a@b.example", created_at=NOW, answered=answered, suspected_spam=spam)
    assert (figures()["emsguide_inbox_phrases"], figures()["emsguide_messages_unanswered"]) == (1, 1)


def test_the_lag_of_the_watch_is_measured(store) -> None:
    for number, minutes in zip(some_numbers(4), (-30, -5, 5, -60), strict=True):
        registered_at = None if minutes == -60 else NOW
        watch_at = NOW + timedelta(minutes=minutes)
        Shipment.objects.create(number=number, registered_at=registered_at, watch_at=watch_at)
    found = figures()
    for registered, parcels, seconds in (("yes", 2, 1800), ("no", 1, 3600)):
        assert found[f"emsguide_watch_due_parcels registered={registered}"] == parcels
        assert found[f"emsguide_watch_lag_seconds registered={registered}"] == seconds


def test_the_figures_cost_five_queries(store, django_assert_num_queries) -> None:
    with django_assert_num_queries(5):
        exposition(now=NOW)


@pytest.mark.django_db(transaction=True)
def test_without_a_database_the_other_figures_are_shown(client: Client, counted) -> None:
    client.get("/healthz")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tracking_gate RENAME TO gone")
    try:
        found = figures()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE gone RENAME TO tracking_gate")
    assert found["emsguide_database_up"] == 0
    assert found["emsguide_request_seconds_count status=200 view=healthz"] > 0
    assert not [name for name in found if "watch_lag" in name]
