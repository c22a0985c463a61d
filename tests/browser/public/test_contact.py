"""The contact form in a browser: by keyboard, with a mistake that loses no input, filled in from a parcel's page."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage, tab_to
from tests.support.standin import StandIn
from tests.support.stories import IN_CUSTOMS, NUMBER, POSTED, fresh_story
from tracking.models import Message

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("java_script", [True, False], ids=["with-javascript", "without-javascript"])
def test_by_keyboard_a_mistake_is_shown_and_the_input_is_kept(open_page: OpenPage, java_script: bool) -> None:
    page = open_page("/contact/", java_script_enabled=java_script)
    typed = {"Your name": "Ann", "Your e-mail address": "ann at example", "Your message": "Where is it?"}
    for label, text in typed.items():
        tab_to(page, page.get_by_label(label))
        page.keyboard.type(text)
    tab_to(page, page.get_by_role("button", name="Send the message"))
    page.keyboard.press("Enter")

    email = page.get_by_label("Your e-mail address")
    expect(email).to_have_attribute("aria-invalid", "true")
    expect(email).to_have_accessible_description(re.compile("does not look like an e-mail address"))
    expect(page.get_by_role("alert")).to_be_visible()
    for label, text in typed.items():
        expect(page.get_by_label(label)).to_have_value(text)
    assert not Message.objects.exists()

    tab_to(page, email)
    page.keyboard.press("Control+A")
    page.keyboard.type("ann@example.com")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Your message is with us")
    message = Message.objects.get()
    assert (message.name, message.email, message.text) == ("Ann", "ann@example.com", "Where is it?")


def test_the_link_on_a_parcels_page_fills_in_the_form(open_page: OpenPage, standin: StandIn) -> None:
    standin.set_item(NUMBER, fresh_story(POSTED, IN_CUSTOMS))
    page = open_page(f"/track/{NUMBER}/")
    headline = page.locator("h1").inner_text()
    page.get_by_role("link", name="Write to us about this parcel").click()
    expect(page.get_by_label("Tracking number")).to_have_value(NUMBER)
    text = page.get_by_label("Your message")
    for fact in (NUMBER, headline, "Germany"):
        expect(text).to_have_value(re.compile(re.escape(fact)))
    assert len(standin.requests) == 1
    page.get_by_label("Your e-mail address").fill("ann@example.com")
    page.get_by_role("button", name="Send the message").click()
    expect(page.get_by_role("status")).to_be_visible()
    assert Message.objects.get().number == NUMBER
