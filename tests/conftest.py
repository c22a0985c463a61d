"""What tests share: a Japan Post to talk to, and an honest word about what was not run."""

import shutil
from collections.abc import Iterator

import pytest

from tests.standin import StandIn
from tracking.models import Shop

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_not_run: list[str] = []


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
    if CHROMIUM:
        return
    browser = [item for item in items if item.get_closest_marker("browser")]
    items[:] = [item for item in items if not item.get_closest_marker("browser")]
    config.hook.pytest_deselected(items=browser)
    if browser:
        _not_run.append(
            f"NOT RUN: {len(browser)} browser tests, for there is no Chromium here (Debian: sudo apt install chromium)"
        )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in _not_run:
        terminalreporter.write_line(line, red=True, bold=True)
