"""The editor of words in a browser: a draft, its preview in both frames, publishing, the history and undo."""

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, enter, member, scroll_width, settled
from tests.support.standin import StandIn
from tests.support.stories import NUMBER, POSTED, fresh_story
from tracking.models import Status
from tracking.staff.access import groups

pytestmark = pytest.mark.browser

HELD = "Held by import Customs @ FRANCE"


def at_the_desk(open_page: OpenPage, *names: str, **options: object) -> Page:
    """Open the desk as a new member of these groups."""
    page = open_page("/contact/", **options)
    enter(page, member(*names))
    expect(page.get_by_role("heading", name="What waits for you")).to_be_visible()
    return page


def test_a_wording_for_france_from_the_draft_to_its_undoing(open_page: OpenPage, standin: StandIn) -> None:
    standin.set_item(NUMBER, fresh_story(POSTED, HELD))
    customer = open_page(f"/track/{NUMBER}/")
    desk = at_the_desk(open_page, groups.EDITORS)
    status = Status.objects.get(slug="customs-clearance")
    desk.goto(f"/admin/tracking/status/{status.pk}/change/")
    desk.get_by_role("button", name="Add another Wording").click()
    block = desk.locator(".inline-related.last-related:not(.empty-form)")
    block.locator(".field-destination .select2-selection").click()
    desk.locator(".select2-search__field").fill("Franc")
    desk.get_by_role("option", name="France", exact=True).click()
    block.get_by_label("Title").fill("French customs have it")
    expect(block.locator(".field-title .count")).to_have_text("22")
    block.get_by_label("Meaning").fill("It is with the customs of {country}.")
    desk.get_by_role("button", name="Save draft", exact=True).click()
    expect(desk.locator(".messagelist")).to_contain_text("Customers do not see it yet")
    expect(desk.get_by_text("Draft, customers do not see it yet.")).to_be_visible()
    expect(desk.get_by_role("row", name="France")).to_contain_text("inherits from any destination in English")

    desk.get_by_role("link", name="Preview").click()
    for frame, width in (("iframe.phone", 360), ("iframe.desktop", None)):
        inside = desk.frame_locator(frame)
        expect(inside.locator("h1")).to_have_text("French customs have it")
        expect(inside.locator(".meaning")).to_have_text("It is with the customs of France.")
        if width:
            expect(inside.locator("html")).to_have_js_property("clientWidth", width)
            expect(inside.locator("html")).to_have_js_property("scrollWidth", width)
    customer.reload()
    expect(customer.locator("h1")).to_have_text("Your parcel is with customs")

    desk.get_by_label("Or a parcel of yours").fill(NUMBER)
    desk.get_by_role("button", name="Show").click()
    expect(desk.frame_locator("iframe.phone").locator("main")).to_have_attribute("data-number", NUMBER)
    expect(desk.frame_locator("iframe.phone").locator("h1")).to_have_text("French customs have it")

    desk.goto(f"/admin/tracking/status/{status.pk}/change/")
    desk.get_by_role("button", name="Save and publish").click()
    expect(desk.locator(".messagelist")).to_contain_text("was changed successfully")
    customer.reload()
    expect(customer.locator("h1")).to_have_text("French customs have it")

    desk.goto(f"/admin/tracking/status/{status.pk}/change/")
    words = desk.locator(".inline-related").filter(has_text="France")
    words.get_by_label("Title").fill("A mistake at night")
    desk.get_by_role("button", name="Save and publish").click()
    expect(desk.locator(".messagelist")).to_contain_text("was changed successfully")
    customer.reload()
    expect(customer.locator("h1")).to_have_text("A mistake at night")

    desk.goto(f"/admin/tracking/status/{status.pk}/change/")
    desk.get_by_role("link", name="History").click()
    lines = desk.locator(".changes > li")
    expect(lines.nth(0)).to_contain_text("Words, France in English changed")
    expect(lines.nth(0).locator(".who")).to_have_text("ann")
    expect(lines.nth(0).locator("del")).to_have_text("French customs have it")
    lines.nth(1).get_by_role("button", name="Go back to this").click()
    expect(desk.locator(".messagelist")).to_contain_text("Customers see it now")
    customer.reload()
    expect(customer.locator("h1")).to_have_text("French customs have it")


def test_the_enter_key_saves_a_draft_and_publishes_nothing(open_page: OpenPage) -> None:
    desk = at_the_desk(open_page, groups.EDITORS)
    status = Status.objects.get(slug="customs-clearance")
    desk.goto(f"/admin/tracking/status/{status.pk}/change/")
    title = desk.locator("#id_wordings-0-title")
    title.fill("Not finished")
    title.press("Enter")
    expect(desk.locator(".messagelist")).to_contain_text("Customers do not see it yet")
    assert status.wordings.get(destination=None, language="en").title == "Your parcel is with customs"


def test_an_editor_moves_a_status_to_the_front_of_the_guide(open_page: OpenPage) -> None:
    desk = at_the_desk(open_page, groups.EDITORS)
    desk.goto("/admin/tracking/status/")
    desk.get_by_role("row", name="Retention").locator("input[name$=guide_order]").fill("0")
    desk.get_by_role("button", name="Save").click()
    expect(desk.get_by_text("1 status was changed successfully")).to_be_visible()
    desk.goto("/")
    expect(desk.locator(".guide-entry").first).to_have_attribute("id", "retention")


def test_an_editor_discards_a_draft_unless_it_has_changed(open_page: OpenPage) -> None:
    desk = at_the_desk(open_page, groups.EDITORS)
    words = Status.objects.get(slug="customs-clearance").wordings.get(destination=None, language="en")
    desk.goto(f"/admin/tracking/status/{words.status_id}/change/")
    desk.locator("#id_wordings-0-title").fill("Your parcel is at customs")
    desk.get_by_role("button", name="Save draft", exact=True).click()
    desk.get_by_role("link", name="Compare with what they see, or discard the draft").click()
    expect(desk.locator(".difference ins")).to_have_text("at ")
    words.draft = {**words.texts, "title": "A colleague's"}
    words.save()
    desk.get_by_role("button", name="Discard the draft").click()
    expect(desk.get_by_text("Nothing is discarded: ")).to_be_visible()
    expect(desk.locator(".difference ins").first).to_contain_text("colleague's")
    desk.get_by_role("button", name="Discard the draft").click()
    expect(desk.get_by_text("The draft is discarded.")).to_be_visible()
    words.refresh_from_db()
    assert (words.title, words.draft) == ("Your parcel is with customs", None)


def test_a_status_in_use_cannot_be_deleted(open_page: OpenPage) -> None:
    status = Status.objects.get(slug="customs-clearance")
    desk = at_the_desk(open_page, groups.EDITORS)
    desk.goto(f"/admin/tracking/status/{status.pk}/change/")
    expect(desk.get_by_role("link", name="Delete", exact=True)).to_have_count(0)
    User.objects.update(is_superuser=True)
    desk.reload()
    desk.get_by_role("link", name="Delete", exact=True).click()
    expect(desk.locator(".messagelist")).to_contain_text("is in use and was not deleted")
    expect(desk.get_by_label("Name:", exact=True)).to_have_value(status.name)


def test_the_list_of_statuses_fits_a_small_desktop(open_page: OpenPage) -> None:
    desk = at_the_desk(open_page, groups.EDITORS, viewport={"width": 1280, "height": 900})
    desk.goto("/admin/tracking/status/")
    results = desk.locator(".results")
    settled(desk)
    assert results.evaluate("list => list.scrollWidth - list.clientWidth") == 0


def test_hostile_words_run_no_script(open_page: OpenPage) -> None:
    status = Status.objects.get(slug="customs-clearance")
    wording = status.wordings.get(destination=None, language="en")
    text = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'
    wording.title, wording.meaning = text, "\u202e" + "unbroken" * 70
    wording.save()  # not at the desk, which refuses the second text
    page = open_page("/examples/in-customs/", viewport={"width": 360, "height": 740})
    expect(page.locator("h1")).to_have_text(text)
    assert scroll_width(page) == 360
    desk = at_the_desk(open_page, groups.EDITORS)
    for path in ("change", "history", "preview"):
        desk.goto(f"/admin/tracking/status/{status.pk}/{path}/")
        expect(desk.locator("#content")).to_be_visible()


def test_support_reads_the_words_and_cannot_change_them(
    open_page: OpenPage,
) -> None:
    desk = at_the_desk(open_page, groups.SUPPORT)
    status = Status.objects.get(slug="customs-clearance")
    for path in ("change", "history", "preview"):
        answered = desk.goto(f"/admin/tracking/status/{status.pk}/{path}/")
        assert answered and answered.status == 200
        expect(desk.get_by_role("button", name=re.compile("Save|Go back"))).to_have_count(0)
    expect(desk.frame_locator("iframe.phone").locator("h1")).to_have_text("Your parcel is with customs")


@pytest.mark.parametrize("path", ["change", "history", "preview", "preview/frame"])
def test_staff_without_the_permission_get_403(open_page: OpenPage, path: str) -> None:
    desk = at_the_desk(open_page)
    status = Status.objects.get(slug="customs-clearance")
    answered = desk.goto(f"/admin/tracking/status/{status.pk}/{path}/")
    assert answered and answered.status == 403
