"""What tests share: a Japan Post to talk to, and an honest word about what was not run."""

import shutil
from collections.abc import Iterator

import pytest
from django.core.cache import cache

from tests.standin import StandIn
from tracking.models import Shop

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture
def standin(settings, monkeypatch) -> Iterator[StandIn]:
    """A stand-in Japan Post; the site asks it over HTTP. Its examples are answered without more ado."""
    monkeypatch.setenv("no_proxy", "*")
    with StandIn() as japan_post:
        settings.JAPANPOST_URL = japan_post.url
        settings.JAPANPOST_SPACING_MS = 0  # tests of the spacing set their own
        yield japan_post


@pytest.fixture
def no_network(settings) -> None:
    """Nobody listens where Japan Post should be."""
    settings.JAPANPOST_URL = "http://127.0.0.1:9"


@pytest.fixture
def shop(db) -> Shop:
    return Shop.objects.get()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without Chromium the browser tests cannot run: leave them out, and say so at the end."""
    if not CHROMIUM:
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("browser")])
        items[:] = [item for item in items if not item.get_closest_marker("browser")]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not CHROMIUM:
        line = "NOT RUN: all browser tests, for there is no Chromium here (Debian: sudo apt install chromium)"
        terminalreporter.write_line(line, red=True, bold=True)


@pytest.fixture(autouse=True)
def _no_page_is_reused_from_another_test() -> None:
    cache.clear()
