"""The page that tries again by itself because no request could be sent: it reloads, and the visitor can stop it."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import OpenPage, stop_clock
from tests.browser.scenarios import SCENARIOS
from tests.support.standin import StandIn
from tests.support.stories import ARRIVED, NUMBER, POSTED, story
from tracking.models import Shipment

pytestmark = pytest.mark.browser

BUSY = next(one for one in SCENARIOS if one.name == "busy")
LONGER_THAN_ASKED = 15_000  # milliseconds; a busy page tries again after ten seconds at most


@pytest.fixture(autouse=True)
def busy(standin: StandIn, settings: Any) -> None:
    standin.set_item(NUMBER, story(POSTED, ARRIVED))
    BUSY.prepare(standin, settings)


def open_with_a_stopped_clock(page: Page, path: str) -> None:
    """Open a page that tries again only when the test moves its clock forward."""
    stop_clock(page)
    page.goto(path)


@pytest.mark.parametrize("path", [BUSY.path, f"/track/?number={NUMBER},CN000000005JP"])
def test_it_tries_again_and_shows_the_story_once_there_is_room(open_page: OpenPage, path: str) -> None:
    page = open_page()
    open_with_a_stopped_clock(page, path)
    expect(page.get_by_role("button", name="Stop trying again")).to_be_visible()
    Shipment.objects.update(lease_until=None, lease_token="")
    with page.expect_navigation():
        page.clock.fast_forward(LONGER_THAN_ASKED)
    expect(page.locator(f"[data-number={NUMBER}][data-outcome=tracked]")).to_be_visible()
    expect(page.get_by_role("button", name="Stop trying again")).to_have_count(0)


def test_a_visitor_can_stop_the_reload(open_page: OpenPage) -> None:
    page = open_page()
    open_with_a_stopped_clock(page, BUSY.path)
    page.get_by_role("button", name="Stop trying again").press("Enter")
    expect(page.locator(".again [role=status]")).to_have_text(
        "Stopped. Load the page again whenever you like."
    )
    expect(page.locator(".again [role=status]")).to_be_focused()
    visits: list[str] = []
    page.on("request", lambda request: visits.append(request.url))
    page.clock.fast_forward(LONGER_THAN_ASKED)
    page.evaluate("fetch('/healthz').then(answer => answer.text())")
    assert [url.rpartition("/")[2] for url in visits] == ["healthz"]


def test_without_javascript_the_browser_loads_the_page_again(open_page: OpenPage) -> None:
    page = open_page(java_script_enabled=False)

    def at_once(route: Route) -> None:
        answer = route.fetch()
        Shipment.objects.update(lease_until=None, lease_token="")
        route.fulfill(response=answer, body=re.sub(r'content="\d+"', 'content="0"', answer.text()))

    page.route(f"**{BUSY.path}", at_once, times=1)
    page.goto(BUSY.path)
    expect(page.locator("[data-outcome=tracked]")).to_be_visible()
