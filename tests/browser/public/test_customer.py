"""What a customer does in a browser: look up a parcel, correct a typing error, copy the number."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.scenarios import HOSTILE, WRONG_CHECK_DIGIT, hostile_story
from tests.support.standin import StandIn
from tests.support.stories import IN_CUSTOMS, NUMBER, POSTED, fresh_story

pytestmark = pytest.mark.browser

WATCH_BUTTON = """
() => {
  const button = document.querySelector("form.look-up button");
  new MutationObserver(() => say(button.textContent, button.ariaBusy)).observe(button, {childList: true});
}
"""


@pytest.fixture(autouse=True)
def in_customs(standin: StandIn) -> StandIn:
    """The stand-in, which says that the parcel is in customs."""
    standin.set_item(NUMBER, fresh_story(POSTED, IN_CUSTOMS))
    return standin


def expect_our_parcel(page: Page) -> None:
    page.wait_for_url(f"**/track/{NUMBER}/*")
    main = page.locator("main")
    for name, value in {
        "data-number": NUMBER,
        "data-outcome": "tracked",
        "data-stage": "3",
        "data-stale": "false",
    }.items():
        expect(main).to_have_attribute(name, value)
    expect(page.locator("[aria-current=step]")).to_have_count(1)
    expect(page.locator("[aria-current=step]")).to_contain_text("Customs and arrival")
    expect(main).to_contain_text("Step 3 of 5")
    newest = page.locator(".timeline > li").first
    expect(newest).to_have_attribute("data-phrase", "Held by import Customs")
    expect(newest).to_have_attribute("data-status", "customs-clearance")


@pytest.mark.parametrize("java_script", [True, False], ids=["with-javascript", "without-javascript"])
def test_a_number_typed_into_the_form_leads_to_the_parcel(open_page: OpenPage, java_script: bool) -> None:
    page = open_page("/", java_script_enabled=java_script)
    page.get_by_label("Your tracking number").fill(f" {NUMBER.lower()} ")
    page.get_by_role("button", name="Track").click()
    expect_our_parcel(page)


def test_the_keyboard_alone_leads_to_the_parcel(open_page: OpenPage) -> None:
    page = open_page("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Your tracking number")).to_be_focused()
    page.keyboard.type(NUMBER)
    page.keyboard.press("Enter")
    expect_our_parcel(page)


@pytest.mark.parametrize("java_script", [True, False], ids=["with-javascript", "without-javascript"])
def test_the_suggestion_for_a_wrong_check_digit_leads_to_the_parcel(
    open_page: OpenPage, standin: StandIn, java_script: bool
) -> None:
    page = open_page(f"/track/{WRONG_CHECK_DIGIT}/", java_script_enabled=java_script)
    expect(page.locator("main")).to_have_attribute("data-outcome", "rejected")
    assert standin.requests == []
    page.get_by_role("link", name=NUMBER, exact=True).click()
    expect_our_parcel(page)


def test_a_visitor_can_insist_on_a_wrong_check_digit(open_page: OpenPage, standin: StandIn) -> None:
    standin.set_item(WRONG_CHECK_DIGIT, fresh_story(POSTED, number=WRONG_CHECK_DIGIT))
    page = open_page(f"/track/{WRONG_CHECK_DIGIT}/")
    page.get_by_role("link", name="Ask Japan Post anyway").click()
    expect(page.locator("main")).to_have_attribute("data-outcome", "tracked")
    assert len(standin.requests) == 1


def test_several_numbers_give_a_list_that_leads_to_each(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_label("Your tracking number").fill(f"{NUMBER} {WRONG_CHECK_DIGIT}")
    page.get_by_role("button", name="Track").click()
    expect(page.locator(".parcel")).to_have_count(2)
    page.get_by_role("link", name=NUMBER, exact=True).click()
    expect_our_parcel(page)


def test_the_button_says_that_japan_post_is_being_asked(open_page: OpenPage, standin: StandIn) -> None:
    standin.set_fault(NUMBER, "hang")
    page = open_page("/")
    said: list[tuple[str, str]] = []
    page.expose_function("say", lambda text, busy: said.append((text, busy)))
    page.evaluate(WATCH_BUTTON)  # Playwright cannot read a page while the next one is loading
    page.get_by_label("Your tracking number").fill(NUMBER)
    page.get_by_role("button", name="Track").click(no_wait_after=True)
    standin.wait_for_requests(1)
    standin.clear()  # now it answers
    expect_our_parcel(page)
    assert said == [("Asking Japan Post…", "true")]
    page.go_back()
    expect(page.get_by_role("button", name="Track")).to_be_visible()


def test_the_number_can_be_copied(open_page: OpenPage) -> None:
    page = open_page("/examples/with-local-post/", permissions=["clipboard-read", "clipboard-write"])
    button = page.locator("button[data-copy]")
    expect(button).to_have_text("Copy")
    button.click()
    expect(page.locator("button[data-copy] + [role=status]")).to_have_text("Copied")
    number = page.locator("main").get_attribute("data-number")
    assert page.evaluate("navigator.clipboard.readText()") == number


def test_without_javascript_there_is_no_copy_button_but_the_number(open_page: OpenPage) -> None:
    page = open_page("/examples/with-local-post/", java_script_enabled=False)
    expect(page.locator("button[data-copy]")).to_be_hidden()
    expect(page.locator("#copy-number")).to_be_visible()


def test_text_from_japan_post_is_never_run_as_script(open_page: OpenPage, standin: StandIn) -> None:
    standin.set_item(NUMBER, hostile_story())
    page = open_page(f"/track/{NUMBER}/")
    expect(page.locator("main")).to_have_attribute("data-outcome", "tracked")
    newest = page.locator(".timeline > li").first
    for text in HOSTILE:
        expect(newest).to_contain_text(text)
    expect(page.locator("main script, main img, main svg:not(.icon)")).to_have_count(0)


def test_text_typed_by_a_visitor_is_never_run_as_script(open_page: OpenPage) -> None:
    page = open_page("/")
    for text in HOSTILE:
        page.get_by_label("Your tracking number").fill(text)
        page.get_by_role("button", name="Track").click()
        page.wait_for_url("**/track/?number=*")
        expect(page.get_by_label("Your tracking number")).to_have_value(text)
        expect(page.locator("main")).to_have_attribute("data-outcome", "rejected")
        expect(page.locator("main script, main img, main svg")).to_have_count(0)


def test_when_japan_post_fails_the_page_links_to_their_own_page(
    open_page: OpenPage, standin: StandIn
) -> None:
    standin.set_fault(NUMBER, "500")
    page = open_page(f"/track/{NUMBER}/")
    expect(page.locator("main")).to_have_attribute("data-outcome", "unavailable")
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("does not answer"))
    expect(page.get_by_role("link", name=re.compile("Japan Post's own page"))).to_be_visible()


def test_one_tap_shows_the_earlier_rows(open_page: OpenPage) -> None:
    page = open_page("/examples/returned/", java_script_enabled=False)
    oldest = page.locator("[data-phrase='Posting/Collection']")
    expect(oldest).to_be_hidden()
    page.get_by_text("earlier scans").click()
    expect(oldest).to_be_visible()


def test_a_certain_time_is_also_shown_in_the_viewers_time_zone(open_page: OpenPage) -> None:
    page = open_page("/examples/just-posted/", timezone_id="America/New_York", locale="en-US")
    theirs = re.compile(r"\(\d+ [A-Z][a-z]+ at \d\d:\d\d your time\)")  # the day first, as the page writes it
    # The last scan, and its row.
    expect(page.locator("[data-yours$='+09:00']")).to_have_text([theirs, theirs])
    at_home = open_page("/examples/just-posted/", timezone_id="Asia/Tokyo", locale="en-US")
    for place in at_home.locator("[data-yours$='+09:00']").all():
        expect(place).to_be_hidden()
