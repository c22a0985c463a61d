"""The staff's desk in a browser: each member of staff sees what is theirs, through the real log-in form."""

import io
import re
from pathlib import Path
from typing import Literal

import pytest
from django.contrib.auth.models import Group, User
from PIL import Image
from playwright.sync_api import Page, expect

from tests.stories import NUMBER
from tracking import groups
from tracking.models import Destination, Logo, Shipment, Shop

from .conftest import OpenPage

pytestmark = pytest.mark.browser

PASSWORD = "correct horse 7 battery"
THEIRS = {
    groups.EDITORS: {"Destinations", "Notices", "Phrases", "Shop", "Statuses"},
    groups.SUPPORT: {
        *("Destinations", "Fetches", "Japan Post's health", "Messages", "Notices", "Phrases", "Shipments"),
        *("Shop", "Statuses"),
    },
}
FORBIDDEN = {
    groups.EDITORS: ["shipment/", "message/", "shipment/register/", "edit/", "keptpage/", "failedlogin/"],
    groups.SUPPORT: ["status/add/", "phrase/add/", "destination/add/", "edit/", "keptpage/", "failedlogin/"],
}


def log_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.goto("/admin/")
    page.get_by_label("Username:").fill(name)
    page.get_by_label("Password:").fill(password)
    page.get_by_role("button", name="Log in").click()


def member(group: str) -> str:
    user = User.objects.create_user(group.lower(), password=PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    return user.username


def status_of(page: Page, address: str) -> int:
    answer = page.goto(address)
    assert answer is not None
    return answer.status


@pytest.mark.parametrize("group", THEIRS)
def test_a_member_sees_what_is_theirs_and_is_refused_the_rest(open_page: OpenPage, group: str) -> None:
    page = open_page()
    log_in(page, member(group))
    listed = page.locator("#content-main th[scope=row] a, #content-main th[scope=row]").all_inner_texts()
    for name in THEIRS[group]:
        assert name in listed
    # Another part of the site may add a list of its own; nothing of the superusers' is among them.
    assert not {"Users", "Groups", "Who changed what", "Failed log-ins", "Kept pages"} & set(listed)
    addresses = [f"/admin/tracking/{path}" for path in FORBIDDEN[group]]
    for address in [*addresses, "/admin/auth/user/", "/admin/auth/group/"]:
        assert status_of(page, address) == 403, address


def test_an_editor_verifies_a_link_and_a_bad_one_is_refused_beside_its_field(open_page: OpenPage) -> None:
    page = open_page()
    log_in(page, member(groups.EDITORS))
    page.goto("/admin/tracking/destination/?q=germany")
    page.get_by_role("row", name=re.compile("Germany")).get_by_role("checkbox").check()
    page.get_by_label("Action:").select_option(label="I opened the link today and it works")
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_text("1 link is verified.")).to_be_visible()
    assert Destination.objects.get(code="DE").link_verified_on
    page.get_by_role("link", name="Germany", exact=True).click()
    page.get_by_label("Tracking url:").fill("https://192.0.2.1/{number}")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".field-tracking_url .errorlist")).to_contain_text("The host must be a name")


def test_support_registers_a_parcel_and_only_reads_the_words(open_page: OpenPage) -> None:
    page = open_page()
    log_in(page, member(groups.SUPPORT))
    page.get_by_role("link", name="Shipments", exact=True).click()
    page.get_by_role("link", name="Register parcels").click()
    page.locator("#id_text").fill(NUMBER)
    page.get_by_role("button", name="Check").click()
    page.get_by_role("button", name="Register 1 parcel").click()
    expect(page.get_by_text("1 parcels registered")).to_be_visible()
    assert Shipment.objects.get().number == NUMBER
    page.goto("/admin/tracking/status/")
    page.locator("#result_list tbody th a").first.click()
    expect(page.get_by_role("heading", name="View status")).to_be_visible()
    expect(page.get_by_role("button", name="Save")).to_have_count(0)


@pytest.mark.parametrize("java_script", [True, False], ids=["with-javascript", "without-javascript"])
def test_after_five_wrong_passwords_the_page_says_how_long_to_wait(
    open_page: OpenPage, java_script: bool
) -> None:
    page, name = open_page(java_script_enabled=java_script), member(groups.EDITORS)
    for _ in range(5):
        log_in(page, name, "wrong")
    expect(page.get_by_text("Too many failed log-ins: please wait 15 minutes.")).to_be_visible()
    page.get_by_role("link", name="Back to the log-in").click()
    log_in(page, name)
    expect(page.get_by_text("not even with the right password")).to_be_visible()
    assert User.objects.get(username=name).last_login is None


def wide_logo(folder: Path) -> Path:
    file = io.BytesIO()
    Image.new("RGB", (1200, 120), "#0b6e4f").save(file, "PNG")
    path = folder / "logo.png"
    path.write_bytes(file.getvalue())
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_uploaded_logo_is_seen_on_the_guide_and_goes_again(
    open_page: OpenPage, scheme: Literal["light", "dark"], tmp_path: Path
) -> None:
    page = open_page(color_scheme=scheme)
    log_in(page, member(groups.EDITORS))
    page.goto(f"/admin/tracking/shop/{Shop.objects.get().pk}/change/")
    page.locator("input[name=logo]").set_input_files(wide_logo(tmp_path))
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()

    for width in (320, 1280):
        page.set_viewport_size({"width": width, "height": 740})
        page.goto("/")
        logo = page.get_by_role("link", name=Shop.objects.get().name).get_by_role("img").first
        expect(logo).to_be_visible()
        box = logo.bounding_box()
        assert box and box["height"] <= 40 and box["width"] <= width
        assert box["width"] / box["height"] == pytest.approx(10, rel=0.05)
        assert logo.evaluate("image => image.complete && image.naturalWidth === 1200")
        assert not page.evaluate("document.scrollingElement.scrollWidth > innerWidth")

    page.goto(f"/admin/tracking/shop/{Shop.objects.get().pk}/change/")
    page.get_by_label("Clear").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    page.goto("/")
    expect(page.locator(".shop-name")).to_have_text(Shop.objects.get().name)
    assert not Logo.objects.exists()
