"""/readyz says whether the site is ready and, if not, why. It is cheap and shows no secret."""

import os
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from tests import PROJECT
from tests.support import processes
from tests.support.clock import Clock
from tests.support.trouble import commit_fails, locked, read_only
from tracking.fetching import gate
from tracking.fetching.gate import current_gate
from tracking.models import Gate
from tracking.ops import readiness
from tracking.values import pacing

REQUEST_READYZ = (
    "from django.test import Client\n"
    "answer = Client().get('/readyz', headers={'host': '127.0.0.1'})\n"
    "print(answer.status_code, answer.content.decode())"
)


@pytest.fixture(autouse=True)
def _new_process(monkeypatch):
    """Forget that all migrations are applied, and the last write."""
    readiness._check_migrations.cache_clear()
    monkeypatch.setattr(readiness, "_writes", readiness._Writes())
    monkeypatch.setattr(readiness, "LOCK_WAIT", 0.01)


@pytest.fixture
def clock(monkeypatch):
    """The clock of the writes and of the slots, which only the test moves."""
    clock = Clock()
    for module in (readiness, pacing):
        monkeypatch.setattr(module, "time", clock)
    return clock


def readyz_of_process(**environment: str) -> str:
    """Request /readyz in a process with these settings; returns the status code and the content."""
    kept = {"PATH": os.environ["PATH"], "SECRET_KEY": "x" * 60, "ALLOWED_HOSTS": "127.0.0.1"}
    command = [sys.executable, "manage.py", "shell", "-v0", "-c", REQUEST_READYZ]
    done = processes.run(
        command, cwd=PROJECT, env=kept | environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.mark.django_db
def test_a_working_site_is_ready(client):
    current_gate()
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "ready": True,
        "database": "ok",
        "migrations": "ok",
        "writes": "ok",
        "cache": "ok",
        "slots": "ok",
        "japan_post": "asked",
    }
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
def test_a_pause_is_shown_and_the_site_is_ready_all_the_same(client):
    current_gate()
    Gate.objects.update(paused_until=timezone.now() + timedelta(minutes=5), pause_reason="no answer")
    response = client.get("/readyz")
    assert (response.status_code, response.json()["japan_post"]) == (200, "paused")


@pytest.mark.django_db(transaction=True)
def test_an_unapplied_migration_is_named_until_it_is_applied(client):
    newest = MigrationRecorder.Migration.objects.filter(app="tracking").latest("name")
    newest.delete()
    try:
        response = client.get("/readyz")
    finally:
        call_command("migrate", "tracking", fake=True, verbosity=0)
    assert response.status_code == 503
    assert response.json()["migrations"] == f"1 not applied, the first is tracking.{newest.name}"
    assert client.get("/readyz").status_code == 200


@pytest.mark.django_db
def test_after_the_first_request_readyz_costs_two_queries(client, clock, django_assert_num_queries):
    client.get("/readyz")
    with django_assert_num_queries(2):  # whether the database answers, whether the gate pauses
        client.get("/readyz")


@pytest.mark.sqlite
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (read_only, "OperationalError"),
        (locked, "OperationalError"),
        (lambda: commit_fails("UPDATE ON tracking_gate"), "IntegrityError"),
    ],
    ids=["read-only", "locked", "not-committed"],
)
def test_a_store_that_cannot_be_written_is_not_ready(client, clock, trouble, error):
    current_gate()
    with trouble():
        response = client.get("/readyz")
    assert response.status_code == 503
    assert (response.json()["database"], response.json()["writes"]) == ("ok", f"cannot be written ({error})")
    assert response.json()["japan_post"] == "asked"
    assert client.get("/readyz").status_code == 503  # the result of the last write
    clock.sleep(readiness.WRITES_EVERY)
    assert client.get("/readyz").status_code == 200


@pytest.mark.django_db
def test_many_questions_are_one_write_every_few_seconds(client, clock):
    current_gate()
    writes = []

    def count(execute, sql, *more):
        writes.extend(sql for _ in range(sql.startswith("UPDATE")))
        return execute(sql, *more)

    with connection.execute_wrapper(count):
        for _ in range(5):
            client.get("/readyz")
        assert len(writes) == 2  # one number, changed and changed back
        clock.sleep(readiness.WRITES_EVERY)
        for _ in range(5):
            client.get("/readyz")
    assert len(writes) == 4
    assert Gate.objects.get().failures_in_a_row == 0


@pytest.mark.django_db
def test_a_process_whose_slots_are_lost_is_not_ready(client, clock, monkeypatch):
    monkeypatch.setattr(gate, "_asking", slots := pacing.Slots())
    for _ in range(gate.MOST_ASKING_HERE):
        assert slots.take(gate.MOST_ASKING_HERE)
    clock.sleep(readiness.STUCK_AFTER)
    assert client.get("/readyz").status_code == 200  # they may be busy
    clock.sleep(1)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["slots"] == "all slots to ask Japan Post have been taken for 121 s: restart it"
    slots.free()
    assert client.get("/readyz").status_code == 200


def test_slots_that_are_taken_in_turn_are_not_lost(clock):
    slots = pacing.Slots()
    slots.take(2)
    clock.sleep(500)
    assert slots.full_for() == 0
    for _ in range(3):
        slots.take(2)
        clock.sleep(60)
        assert not slots.take(2)
        assert slots.full_for() == 60
        slots.free()
        assert slots.full_for() == 0


def test_without_a_database_the_answer_hides_its_address(tmp_path: Path):
    answer = readyz_of_process(DATABASE_URL=f"sqlite:///{tmp_path}/nowhere/secret.sqlite3")
    assert answer.startswith('503 {"ready": false, "database": "does not answer (OperationalError)"')
    assert "secret" not in answer and "migrations" not in answer


def test_a_database_that_was_never_migrated_is_not_ready(tmp_path: Path):
    answer = readyz_of_process(DATABASE_URL=f"sqlite:///{tmp_path}/empty.sqlite3")
    assert answer.startswith("503") and "not applied, the first is " in answer
    assert '"japan_post": "not known"' in answer


@pytest.mark.django_db
def test_a_cache_that_stores_nothing_or_fails_is_not_ready(client, settings, tmp_path: Path):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    response = client.get("/readyz")
    assert (response.status_code, response.json()["cache"]) == (503, "does not keep what it is given")
    (tmp_path / "file").touch()
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": str(tmp_path / "file" / "secret"),
        }
    }
    response = client.get("/readyz")
    assert (response.status_code, response.json()["cache"]) == (503, "does not answer (NotADirectoryError)")
    assert response.json()["japan_post"] == "asked"
