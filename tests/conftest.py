"""Fixtures that all tests share, and a report of the tests that this machine cannot run."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import connection
from django.template import Context, Template
from django.test import TransactionTestCase, override_settings
from django.test.utils import instrumented_test_render
from django.utils import timezone
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from tests.support.chromium import CHROMIUM, HAS_FONTS
from tests.support.clock import Clock
from tests.support.proxies import PROXIES
from tests.support.served import CACHE_SERVER, HAPROXY, POSTGRESQL
from tests.support.standin import StandIn
from tests.support.stories import WIDEST_DAY
from tracking.fetching import gate, timer
from tracking.models import Shop
from tracking.public.release import release_id
from tracking.words import glossary

SYSTEM = Path(__file__).resolve().parent / "system"

_MISSING = {}  # by marker: what this machine lacks, and how to install it
if not CHROMIUM:
    _MISSING["browser"] = "there is no Chromium here (Debian: sudo apt install chromium-headless-shell)"
elif not HAS_FONTS:
    _MISSING["fonts"] = "there are no DejaVu fonts here (Debian: sudo apt install fonts-dejavu-core)"
if not POSTGRESQL:
    _MISSING["postgresql"] = "there is no PostgreSQL server here (Debian: sudo apt install postgresql)"
if not CACHE_SERVER:
    _MISSING["cacheserver"] = "there is no Valkey or Redis here (Debian: sudo apt install redis-server)"
if not HAPROXY:
    _MISSING["haproxy"] = "there is no HAProxy here (Debian: sudo apt install haproxy)"
if not shutil.which("systemd-analyze"):
    _MISSING["systemd"] = "there is no systemd-analyze here (Debian: sudo apt install systemd)"
if not all(PROXIES.values()):
    _MISSING["proxies"] = "Caddy, nginx or openssl is missing (Debian: sudo apt install caddy nginx openssl)"
if os.geteuid() != 0:
    _MISSING["mount"] = "only root can mount a disk (run them as root)"

# A busy machine must not fail a test. Each run tries other examples; where CI is set, each run tries the same ones.
hypothesis_settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
hypothesis_settings.load_profile("unhurried")


def pytest_configure() -> None:
    """Raise UsageError where REQUIRE_ALL is set and this machine cannot run all tests."""
    if os.environ.get("REQUIRE_ALL") and _MISSING:
        raise pytest.UsageError("REQUIRE_ALL is set, and " + "; ".join(_MISSING.values()))


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> Iterator[None]:
    """Hash passwords quickly: production's hasher is slow on purpose and would take half the time of desk tests."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(scope="session", autouse=True)
def _widgets_are_not_recorded(django_test_environment: None) -> Iterator[None]:
    """Render the widgets of forms as in production: without a copy of the context for each, for the test client.

    A list of countries has 249 options, each a template. `response.context` has all templates but those.
    """

    def render(template: Template, context: Context) -> Any:
        if (template.name or "").startswith("django/forms/"):
            return template.nodelist.render(context)
        return instrumented_test_render(template, context)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Template, "_render", render)
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Put the seeded rows back after a test with its own transactions, in place of `flush` and seeding again.

    SQLite copies a whole file in a few milliseconds. Other databases keep Django's `flush`.
    """
    if connection.vendor != "sqlite":
        yield
        return
    with closing(sqlite3.connect(":memory:", check_same_thread=False)) as seeded:
        with django_db_blocker.unblock():
            connection.ensure_connection()
            connection.connection.backup(seeded)

        def restore(test: TransactionTestCase) -> None:
            connection.ensure_connection()
            seeded.backup(connection.connection)
            Shop.objects.update(words_version=uuid4())  # else this process keeps the words of the last test

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(TransactionTestCase, "_fixture_teardown", restore)
            yield


@pytest.fixture(autouse=True)
def _words_are_read_again() -> Iterator[None]:
    """Let no test use words that an earlier test of this process read.

    A transaction that is rolled back takes an edit back, and the version of the words with it, but not what was read.
    """
    yield
    glossary._newest = None


@pytest.fixture
def standin(settings, monkeypatch) -> Iterator[StandIn]:
    """A stand-in for Japan Post that the site asks over HTTP. It answers the numbers of the examples by itself."""
    monkeypatch.setenv("no_proxy", "*")
    with StandIn(now=timezone.now()) as japan_post:
        settings.JAPANPOST_URL = japan_post.url
        settings.JAPANPOST_SPACING_MS = 0  # tests of the spacing set their own
        settings.JAPANPOST_TIMEOUT = 25  # too long to be reached on a busy machine; tests of it set their own
        monkeypatch.setattr("tracking.fetching.lookup.BUDGET_WITH_STORY", 25.0)
        yield japan_post


@pytest.fixture
def gate_clock(monkeypatch) -> Clock:
    """The clock of the gate and of every visitor's time budget. Only waits move it, and they take no real time."""
    clock = Clock()
    for module in (gate, timer):
        monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def stopped_timers(monkeypatch) -> None:
    """No visitor's time budget is ever used up. Waits take real time: for tests whose threads wait for each other."""
    monkeypatch.setattr(timer.Timer, "spent", 0.0)


@pytest.fixture
def time_ends_at_a_fault(monkeypatch, standin, gate_clock) -> None:
    """A visitor's time is over as soon as the stand-in has begun a fault, and not before. For faults that never end."""
    gate_clock.jump = lambda: 1000.0 * standin.faults_met
    monkeypatch.setattr("tracking.japanpost.deadline.time", gate_clock)


@pytest.fixture
def no_network(settings) -> None:
    """The site looks for Japan Post at a port where no server listens."""
    settings.JAPANPOST_URL = "http://127.0.0.1:9"


@pytest.fixture
def noon(monkeypatch) -> None:
    """Stop the clock at noon, UTC, of the day whose date is the widest in print.

    So the test passes or fails on every day alike, and no day ends during it, neither in UTC nor in Japan.
    """
    moment = datetime.combine(WIDEST_DAY, time(12), UTC)
    monkeypatch.setattr(timezone, "now", lambda: moment)


@pytest.fixture
def shop(db) -> Shop:
    return Shop.objects.get()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests of the stage `system`, and leave out those that this machine or this database cannot run."""
    for item in items:
        if item.path.is_relative_to(SYSTEM):
            item.add_marker("system")
    cannot_run = {*_MISSING, *(["sqlite"] if connection.vendor != "sqlite" else [])}
    left_out = [item for item in items if any(item.get_closest_marker(marker) for marker in cannot_run)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in the last lines which tests were left out."""
    for marker, words in _MISSING.items():
        terminalreporter.write_line(f"NOT RUN: all {marker} tests, for {words}", red=True, bold=True)


@pytest.fixture(autouse=True)
def _no_page_is_reused_from_another_test() -> None:
    cache.clear()
    release_id.cache_clear()  # a test may have set another release
