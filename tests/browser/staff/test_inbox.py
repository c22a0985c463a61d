"""The inbox of phrases in a browser: one click by mouse or keyboard, the customer's page, undo, missing permissions."""

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, enter, member, scroll_width, tab_to
from tests.support.standin import StandIn
from tests.support.stories import NUMBER, POSTED, fresh_story
from tracking.models import Phrase
from tracking.staff.access import groups

pytestmark = pytest.mark.browser

NEW = "Arrived at inward office of exchange"
MEANS = "Means: Arrival at inward office of exchange"
INBOX = "/admin/tracking/phrase/"


@pytest.fixture
def waiting(standin: StandIn) -> None:
    standin.set_item(NUMBER, fresh_story(POSTED, f"{NEW} @ GERMANY"))


def enter_as(page: Page, group: str) -> None:
    """Open the inbox on this page as a new member of this group."""
    enter(page, member(group), INBOX)


def headline(page: Page) -> str:
    """Return the headline of the customer's page."""
    page.goto(f"/track/{NUMBER}/")
    return page.locator("h1").inner_text()


@pytest.mark.parametrize("by", ["mouse", "keyboard", "mouse-without-javascript"])
def test_one_click_gives_a_phrase_its_meaning_and_another_undoes_it(
    open_page: OpenPage, waiting: None, by: str
) -> None:
    page = open_page(f"/track/{NUMBER}/", java_script_enabled=by != "mouse-without-javascript")
    before = headline(page)
    assert NEW in before
    enter_as(page, groups.EDITORS)

    def press(name: str) -> None:
        button = page.get_by_role("button", name=name)
        if by == "keyboard":
            tab_to(page, page.get_by_role("link", name="Skip to main content"))
            page.keyboard.press("Enter")
            tab_to(page, button)
            page.keyboard.press("Enter")
        else:
            button.click()

    press(MEANS)
    expect(page.get_by_text("1 parcel shows it at once")).to_be_visible()
    expect(page.get_by_text("Nothing waits for a meaning")).to_be_visible()
    page.get_by_role("link", name="see one as the customer does").click()
    expect(page.locator("h1")).not_to_contain_text(NEW)
    expect(page.locator("main")).to_have_attribute("data-stage", "3")

    Phrase.objects.create(text="Another")  # so that the list has a row again
    page.goto(INBOX)
    row = page.get_by_role("row", name="Another")
    row.get_by_text("Another meaning").click()
    row.get_by_role("combobox").select_option("Investigation")
    row.get_by_role("button", name="It means this").click()
    expect(page.get_by_text("“Another” now means “Investigation”")).to_be_visible()
    press("Undo")
    expect(page.get_by_text("“Another” waits for a meaning again")).to_be_visible()
    expect(page.get_by_role("row", name="Another")).to_be_visible()


def test_undo_brings_back_the_customers_previous_page(open_page: OpenPage, waiting: None) -> None:
    page = open_page(f"/track/{NUMBER}/")
    before = headline(page)
    enter_as(page, groups.EDITORS)
    page.get_by_role("link", name=NEW).click()
    page.get_by_role("button", name=MEANS).click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("waits for a meaning again")).to_be_visible()
    assert headline(page) == before


def test_enter_on_a_phrases_page_saves_the_form_only(open_page: OpenPage, waiting: None) -> None:
    page = open_page(f"/track/{NUMBER}/")
    enter_as(page, groups.EDITORS)
    page.get_by_role("link", name=NEW).click()
    page.get_by_label("Has two meanings").check()
    page.get_by_label("Has two meanings").press("Enter")
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    phrase = Phrase.objects.get(text=NEW)
    assert (phrase.status, phrase.ambiguous) == (None, True)


def test_staff_who_may_only_read_have_no_buttons_and_get_a_403(open_page: OpenPage, waiting: None) -> None:
    page = open_page(f"/track/{NUMBER}/")
    enter_as(page, groups.EDITORS)
    expect(page.get_by_role("button", name=MEANS)).to_be_visible()
    User.objects.get().groups.set(Group.objects.filter(name=groups.SUPPORT))
    with page.expect_response("**/meaning/") as response:
        page.get_by_role("button", name=MEANS).click()
    assert response.value.status == 403
    assert Phrase.objects.get(text=NEW).waits
    page.goto(INBOX)
    expect(page.get_by_role("link", name=NEW)).to_be_visible()
    expect(page.get_by_role("button", name="Means")).to_have_count(0)


def test_customers_read_a_new_status_that_an_editor_writes(open_page: OpenPage, waiting: None) -> None:
    page = open_page(f"/track/{NUMBER}/")
    enter_as(page, groups.EDITORS)
    page.get_by_text("Another meaning").click()
    page.get_by_role("link", name="Write a new status").click()
    expect(page.get_by_text("It gets this status as soon as you save")).to_be_visible()
    expect(page.locator(".inline-related:not(.empty-form)")).to_have_count(1)  # one block, to write in
    page.get_by_label("Title:").first.fill("It has reached {country}")
    page.get_by_label("Meaning:").first.fill("The exchange office there has it.")
    page.get_by_role("button", name="Save and publish").click()
    page.wait_for_url(f"**{INBOX}")
    expect(page.get_by_text(f"“{NEW}” now means “{NEW}”")).to_be_visible()
    expect(page.get_by_text("Nothing waits for a meaning")).to_be_visible()
    assert headline(page) == "It has reached Germany"
    page.goto(f"/admin/tracking/phrase/{Phrase.objects.get(text=NEW).pk}/history/")
    expect(page.locator(".changes > li").first.locator(".who")).to_have_text("ann")


@pytest.mark.usefixtures("noon")  # each date at its widest
def test_the_inbox_needs_no_sideways_scrolling_on_a_phone(open_page: OpenPage, waiting: None) -> None:
    page = open_page(f"/track/{NUMBER}/", viewport={"width": 390, "height": 800})
    enter_as(page, groups.EDITORS)
    expect(page.get_by_role("button", name=MEANS)).to_be_visible()
    assert scroll_width(page) <= 390
    box = page.get_by_role("button", name=MEANS).bounding_box()
    assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390
