"""News on an open page: it checks our stored story while it is visible, and shows news in a line."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import LiveServer, OpenPage, settled, stop_clock, tab_to
from tests.support.standin import StandIn
from tests.support.stories import ARRIVED, AT_EXCHANGE, DELIVERED, IN_CUSTOMS, NUMBER, POSTED, event, story
from tracking.japanpost.records import TrackedItem
from tracking.journey.times import ago
from tracking.models import Shipment

pytestmark = pytest.mark.browser

ADDRESS = f"/track/{NUMBER}/"
# Records each answer that the page fetches, so that a test can wait until all are read.
KEEP_ANSWERS = """
const ask = window.fetch, answers = [];
window.fetch = (...request) => {
  const answer = ask(...request);
  answers.push(answer.then(one => one.clone().text()).catch(() => null));
  return answer;
};
window.allIsRead = async () => {
  await Promise.all(answers);
  await (await ask("/healthz")).text();  // is answered after them, so the page has handled them
};
"""
LONGER_THAN_A_PAUSE = 200_000  # milliseconds; the page waits three minutes and at most a tenth more
SET_HIDDEN = """
hidden => {
  Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
  Object.defineProperty(document, "visibilityState", {configurable: true, get: () => hidden ? "hidden" : "visible"});
  document.dispatchEvent(new Event("visibilitychange"));
}
"""


@pytest.fixture(autouse=True)
def arrived(standin: StandIn) -> StandIn:
    """The stand-in, which says that the parcel is in Germany."""
    standin.set_item(NUMBER, story(POSTED, ARRIVED))
    return standin


def open_with_a_clock(page: Page, address: str = ADDRESS) -> list[str]:
    """Open a page whose clock only the test moves. Returns a list that grows with the page's requests for the JSON."""
    checks: list[str] = []
    page.on("request", lambda request: checks.append(request.url) if ".json" in request.url else None)
    stop_clock(page)
    page.add_init_script(KEEP_ANSWERS)
    page.goto(address)
    return checks


def turn_forward(page: Page) -> None:
    """Move the page's clock past one pause, and wait until the page has handled the answer.

    Only then has the page set its next timer, which an earlier move of the clock would miss.
    """
    page.clock.fast_forward(LONGER_THAN_A_PAUSE)
    page.evaluate("allIsRead()")


def store_story(standin: StandIn, *texts: str) -> None:
    """Store a newer story, as the watch or another visitor does."""
    store_item(standin, story(*texts))


def store_item(standin: StandIn, item: TrackedItem) -> None:
    standin.set_item(NUMBER, item)
    Shipment.objects.update(ask_again_at=timezone.now() - timedelta(minutes=1))
    assert Client().get(ADDRESS).status_code == 200


def test_news_is_shown_in_a_line_that_links_to_it(open_page: OpenPage, standin: StandIn) -> None:
    page = open_page()
    checks = open_with_a_clock(page, f"{ADDRESS}?to=US")
    line = page.locator("[data-live]")
    expect(line).to_have_attribute("role", "status")
    expect(line).to_be_empty()
    old = page.locator("h1").inner_text()
    store_story(standin, POSTED, ARRIVED, IN_CUSTOMS)
    turn_forward(page)
    expect(line).to_have_text(re.compile(r"^\s*News: Your parcel is with customs\.\s+Show it\s*$"))
    expect(line).to_be_in_viewport()
    expect(page.locator("h1")).to_have_text(old)  # the page itself does not change while it is read
    assert len(checks) == 1
    with page.expect_navigation():
        page.get_by_role("link", name="Show it").click()
    expect(page.locator("h1")).to_have_text("Your parcel is with customs")
    expect(page.locator("[data-live]")).to_be_empty()
    assert page.url.endswith(f"{ADDRESS}?to=US")


def test_a_check_never_reaches_japan_post(open_page: OpenPage, standin: StandIn) -> None:
    page = open_page()
    checks = open_with_a_clock(page)
    # From now on a look-up would send a request.
    Shipment.objects.update(ask_again_at=timezone.now() - timedelta(minutes=1))
    before = Shipment.objects.values().get()
    for count in (1, 2, 3):
        turn_forward(page)
        assert len(checks) == count
    expect(page.locator("[data-live]")).to_be_empty()
    assert len(standin.requests) == 1
    assert Shipment.objects.values().get() == before


def test_a_check_comes_after_three_minutes_and_not_before(open_page: OpenPage) -> None:
    page = open_page()
    checks = open_with_a_clock(page)
    page.clock.fast_forward(170_000)
    page.evaluate("allIsRead()")
    assert checks == []
    turn_forward(page)
    assert len(checks) == 1


def test_a_scan_with_the_same_headline_is_shown_as_news_once(open_page: OpenPage, standin: StandIn) -> None:
    page = open_page()
    open_with_a_clock(page)
    store_story(standin, POSTED, ARRIVED, ARRIVED)
    line = page.locator("[data-live]")
    turn_forward(page)
    expect(line).to_contain_text("News:")
    first = line.locator("p").element_handle()
    turn_forward(page)
    assert first is not None and first.evaluate("line => line.isConnected")  # so a screen reader says it once


def test_a_row_that_comes_late_is_news_too(open_page: OpenPage, standin: StandIn) -> None:
    page = open_page()
    open_with_a_clock(page)
    posted, arrived = story(POSTED, ARRIVED).events
    store_item(standin, TrackedItem(NUMBER, "EMS", (posted, event(AT_EXCHANGE), arrived)))
    turn_forward(page)
    expect(page.locator("[data-live]")).to_contain_text("News: Your parcel has arrived in Germany.")


def test_a_hidden_page_checks_as_soon_as_it_is_visible_again(open_page: OpenPage, standin: StandIn) -> None:
    page = open_page()
    checks = open_with_a_clock(page)
    page.evaluate(SET_HIDDEN, True)
    for _ in range(3):
        turn_forward(page)
    assert checks == []
    store_story(standin, POSTED, ARRIVED, IN_CUSTOMS)
    page.evaluate(SET_HIDDEN, False)
    page.clock.run_for(1)
    expect(page.locator("[data-live]")).to_contain_text("Your parcel is with customs")
    assert len(checks) == 1


def test_hiding_the_page_for_a_short_time_causes_no_check(open_page: OpenPage) -> None:
    page = open_page()
    checks = open_with_a_clock(page)
    for hidden in (True, False, True, False):
        page.evaluate(SET_HIDDEN, hidden)
        page.clock.fast_forward(10_000)
    page.evaluate("allIsRead()")
    assert checks == []
    turn_forward(page)
    assert len(checks) == 1


def test_a_delivered_parcel_is_not_checked(open_page: OpenPage, standin: StandIn) -> None:
    standin.set_item(NUMBER, story(POSTED, DELIVERED))
    page = open_page()
    checks = open_with_a_clock(page)
    turn_forward(page)
    expect(page.locator("[data-live]")).to_have_count(0)
    assert checks == []


@pytest.mark.parametrize("end", [DELIVERED, "Final delivery @ TOKYO"], ids=["delivered", "back"])
def test_after_news_of_the_end_nothing_is_checked(open_page: OpenPage, standin: StandIn, end: str) -> None:
    page = open_page()
    checks = open_with_a_clock(page)
    store_story(standin, POSTED, ARRIVED, end)
    turn_forward(page)
    expect(page.locator("[data-live]")).to_contain_text("News:")
    page.evaluate(SET_HIDDEN, True)
    page.evaluate(SET_HIDDEN, False)
    turn_forward(page)
    assert len(checks) == 1


@pytest.mark.parametrize("path", ["/examples/in-customs/", "/", "/track/EM123456784JP/"])
def test_examples_and_pages_without_a_story_check_nothing(open_page: OpenPage, path: str) -> None:
    page = open_page()
    checks = open_with_a_clock(page, path)
    turn_forward(page)
    expect(page.locator("[data-live]")).to_have_count(0)
    assert checks == []


@pytest.fixture
def troubled_page(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """A page whose requests may fail, but whose scripts may have no errors."""
    context = browser.new_context(base_url=live_server.url)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda said: (
            errors.append(said.text) if not said.text.startswith("Failed to load resource") else None
        ),
    )
    yield page
    context.close()
    assert errors == []


@pytest.mark.parametrize(
    "fail",
    [
        lambda route: route.abort(),
        lambda route: route.fulfill(status=500, json={"headline": "no news"}),
        lambda route: route.fulfill(status=429, headers={"Retry-After": "60"}, json={"events": []}),
        lambda route: route.fulfill(body="<!doctype html><h1>Log in to the hotel's network</h1>"),
        lambda route: route.fulfill(body="null"),
        lambda route: route.fulfill(json={"headline": "no events"}),
    ],
    ids=["no-network", "500", "429", "no-json", "null", "another-shape"],
)
def test_a_failed_check_is_silent_and_the_next_one_shows_the_news(
    troubled_page: Page, standin: StandIn, fail: Callable[[Route], None]
) -> None:
    page = troubled_page
    checks = open_with_a_clock(page)
    page.route("**/*stored=1*", fail, times=1)
    turn_forward(page)
    expect(page.locator("[data-live]")).to_be_empty()
    assert len(checks) == 1
    store_story(standin, POSTED, ARRIVED, IN_CUSTOMS)
    turn_forward(page)
    expect(page.locator("[data-live]")).to_contain_text("Your parcel is with customs")


def test_a_headline_is_never_run_as_script(open_page: OpenPage, standin: StandIn) -> None:
    page = open_page()
    open_with_a_clock(page)
    store_story(standin, POSTED, ARRIVED, "<img src=x onerror=alert(1)> @ GERMANY")
    turn_forward(page)
    expect(page.locator("[data-live]")).to_contain_text("<img src=x onerror=alert(1)>")
    expect(page.locator("[data-live] img")).to_have_count(0)


def test_without_javascript_the_page_is_complete_and_shows_no_news(open_page: OpenPage) -> None:
    page = open_page(ADDRESS, java_script_enabled=False)
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator("[data-live]")).to_be_empty()
    expect(page.get_by_text("News:")).to_have_count(0)


def test_a_very_long_headline_fits_the_room_the_page_keeps_free(
    open_page: OpenPage, standin: StandIn
) -> None:
    page = open_page(viewport={"width": 360, "height": 640})
    open_with_a_clock(page)
    store_story(standin, POSTED, ARRIVED, f"{'A very long phrase ' * 6}@ GERMANY")
    turn_forward(page)
    line = page.locator(".news")
    expect(line).to_be_visible()
    settled(page)
    box = line.bounding_box()
    assert box is not None
    assert box["height"] <= 7 * 16  # the scroll-padding of site.css
    expect(line.get_by_role("link", name="Show it")).to_be_in_viewport()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_news_moves_nothing_hides_no_focus_and_passes_axe(
    open_page: OpenPage, standin: StandIn, scheme: Literal["light", "dark"]
) -> None:
    page = open_page("/track/", viewport={"width": 360, "height": 640}, color_scheme=scheme)
    open_with_a_clock(page)
    under = page.locator("main section").first
    settled(page)
    before = under.bounding_box(), page.evaluate("document.documentElement.scrollHeight")
    store_story(standin, POSTED, ARRIVED, IN_CUSTOMS)
    page.clock.fast_forward(LONGER_THAN_A_PAUSE)
    line = page.locator(".news")
    expect(line).to_be_in_viewport(ratio=1)
    settled(page)
    assert (under.bounding_box(), page.evaluate("document.documentElement.scrollHeight")) == before
    page.clock.resume()  # axe needs a clock that runs
    assert not Axe().run(page).response["violations"]
    links = page.locator("main a:not(.news a), main button:visible, footer a")
    for link in links.all():
        if not link.is_visible():
            continue
        # Browsers scroll to an element that gets the focus only as far as necessary.
        link.evaluate("link => link.scrollIntoView({block: 'end', behavior: 'instant'})")
        box, bar = link.bounding_box(), line.bounding_box()
        assert box and bar
        assert box["y"] + box["height"] <= bar["y"] or box["y"] >= bar["y"] + bar["height"], link
    page.locator("main").focus()
    tab_to(page, page.get_by_role("link", name="Show it"))
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Your parcel is with customs")


@pytest.fixture
def silent_page(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """A page whose console is not read: Chromium reports there each 404 that a check gets before there is a story."""
    context = browser.new_context(base_url=live_server.url)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("why", ["nothing yet", "no answer"])
def test_a_page_without_a_story_says_when_there_is_one(
    silent_page: Page, standin: StandIn, settings: Any, why: str
) -> None:
    standin.clear()
    japan_post = settings.JAPANPOST_URL
    if why == "no answer":
        settings.JAPANPOST_URL = "http://127.0.0.1:9"
    page = silent_page
    checks = open_with_a_clock(page)
    old = page.locator("h1").inner_text()
    asked = len(standin.requests)
    turn_forward(page)
    expect(page.locator("[data-live]")).to_be_empty()
    assert len(checks) == 1 and len(standin.requests) == asked
    settings.JAPANPOST_URL = japan_post
    store_story(standin, POSTED, ARRIVED, IN_CUSTOMS)
    turn_forward(page)
    expect(page.locator("[data-live]")).to_contain_text("News: Your parcel is with customs.")
    expect(page.locator("h1")).to_have_text(old)
    with page.expect_navigation():
        page.get_by_role("link", name="Show it").click()
    expect(page.locator("h1")).to_have_text("Your parcel is with customs")


def test_the_time_since_the_check_counts_on_in_the_pages_words(open_page: OpenPage) -> None:
    page = open_page()
    open_with_a_clock(page)
    place = page.locator("[data-minutes]")
    expect(place).to_have_text("just now")
    said = []
    for minutes in (1, 1, 10, 107, 1, 180, 2580):
        page.clock.fast_forward(minutes * 60_000)
        said.append(place.inner_text())
    assert said == [
        ago(datetime.min, datetime.min + timedelta(minutes=at)) for at in (1, 2, 12, 119, 120, 300, 2880)
    ]
