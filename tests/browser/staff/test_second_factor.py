"""The second factor in a browser: connecting a phone by QR code or key, the code at log-in, the back-up codes."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, scroll_width
from tests.browser.staff.test_desk import PASSWORD, log_in

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def required(settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR = "required"
    # A step of the clock may end between two lines; the site must not remember the phone as late because of that.
    settings.OTP_TOTP_SYNC = False


def type_code(page: Page, later: int = 0) -> None:
    """Types the code that the app shows, or will show `later` steps from now, because each code works only once."""
    code = totp(TOTPDevice.objects.get().bin_key, t0=-30 * later)
    page.get_by_role("textbox", name="Code").fill(f"{code:06}")
    page.get_by_role("button", name="Continue").click()


@pytest.mark.parametrize("size", [{"width": 360, "height": 740}, {"width": 1280, "height": 900}])
def test_a_member_of_staff_connects_a_phone_and_logs_in_with_it(open_page: OpenPage, size: Any) -> None:
    User.objects.create_superuser("ann", password=PASSWORD)
    page = open_page(viewport=size)
    log_in(page, "ann")
    expect(page.get_by_role("heading", name="Connect your phone")).to_be_visible()
    picture = page.get_by_role("img", name="QR code").locator("svg")
    assert scroll_width(page) <= size["width"]
    box = picture.bounding_box()
    assert box and box["width"] > 180 and box["x"] >= 0 and box["x"] + box["width"] <= size["width"]
    page.get_by_text("I cannot scan it").click()
    assert len(page.locator("code").inner_text().replace(" ", "")) == 32
    type_code(page)
    codes = page.locator(".codes code")
    expect(codes).to_have_count(10)
    spare = codes.first.inner_text()
    page.get_by_role("link", name="I have them; to the desk").click()
    expect(page.get_by_role("heading", name="What waits for you")).to_be_visible()
    for answer in ("the phone's", spare):
        with page.expect_navigation():
            page.get_by_role("button", name="Log out").click()
        log_in(page, "ann")
        expect(page.get_by_role("heading", name="The code from your phone")).to_be_visible()
        if answer == spare:
            page.get_by_role("textbox", name="Code").fill(spare)
            page.get_by_role("button", name="Continue").click()
        else:
            type_code(page, later=1)
        expect(page.get_by_role("heading", name="What waits for you")).to_be_visible()
    page.get_by_role("link", name="Second factor").click()
    expect(page.get_by_text("You have 9 back-up codes left")).to_be_visible()
