"""The staff's desk in a browser: the pages and the changes that each group may see and make."""

import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, enter, member, settled
from tests.support.standin import StandIn
from tests.support.stories import NUMBER, event
from tracking.japanpost.records import TrackedItem
from tracking.journey.times import long_date
from tracking.models import Destination, Logo, Message, Notice, Phrase, Shipment, Shop, Status
from tracking.staff.access import groups

pytestmark = pytest.mark.browser

PASSWORD = "correct horse 7 battery"
THEIRS = {
    groups.EDITORS: {"Destinations", "Notices", "Phrases", "Shop", "Statuses"},
    groups.SUPPORT: {
        *(
            "Destinations",
            "Japan Post's health",
            "Messages",
            "Notices",
            "Phrases",
            "Requests to Japan Post",
            "Shipments",
        ),
        *("Shop", "Statuses"),
    },
}
FORBIDDEN = {
    groups.EDITORS: [
        *("shipment/", "message/", "shipment/register/", "notice/add/"),
        *("edit/", "keptpage/", "failedlogin/"),
    ],
    groups.SUPPORT: ["status/add/", "phrase/add/", "destination/add/", "edit/", "keptpage/", "failedlogin/"],
}


def log_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """Log in through the form."""
    page.goto("/admin/")
    page.get_by_label("Username:").fill(name)
    page.get_by_label("Password:").fill(password)
    with page.expect_navigation():
        page.get_by_role("button", name="Log in").click()


def status_of(page: Page, address: str) -> int:
    answer = page.goto(address)
    assert answer is not None
    return answer.status


@pytest.mark.parametrize("group", THEIRS)
def test_a_member_sees_what_is_theirs_and_is_refused_the_rest(open_page: OpenPage, group: str) -> None:
    page = open_page()
    enter(page, member(group))
    listed = page.locator("#content-main th[scope=row] a, #content-main th[scope=row]").all_inner_texts()
    for name in THEIRS[group]:
        assert name in listed
    # Another part of the site may add its own list, but none of the superusers' lists may appear.
    assert not {"Users", "Groups", "Who changed what", "Failed log-ins", "Kept pages"} & set(listed)
    addresses = [f"/admin/tracking/{path}" for path in FORBIDDEN[group]]
    for address in [*addresses, "/admin/auth/user/", "/admin/auth/group/"]:
        assert status_of(page, address) == 403, address


def test_an_editor_verifies_a_link_and_a_bad_link_is_refused(open_page: OpenPage) -> None:
    page = open_page()
    enter(page, member(groups.EDITORS))
    page.goto("/admin/tracking/destination/?q=germany")
    page.get_by_role("row", name=re.compile("Germany")).get_by_role("checkbox").check()
    page.get_by_label("Action:").select_option(label="I opened the link today and it works")
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_text("1 link is verified.")).to_be_visible()
    assert Destination.objects.get(code="DE").link_verified_on
    page.get_by_role("link", name="Germany", exact=True).click()
    page.get_by_label("Tracking link:").fill("https://192.0.2.1/{number}")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".field-tracking_url .errorlist")).to_contain_text("The host must be a name")


def test_customers_read_a_new_printed_name_and_holding_days(open_page: OpenPage, standin: StandIn) -> None:
    scan = event("Retention @ GERMANY (BRD)", datetime.now(UTC).date() - timedelta(days=1))
    standin.set_item(NUMBER, TrackedItem(NUMBER, "EMS", (scan,)))
    page = open_page(f"/track/{NUMBER}/")
    expect(page.get_by_text("Collect it by")).to_have_count(0)
    enter(page, member(groups.EDITORS))
    page.goto("/admin/tracking/destination/DE/change/")
    names = page.get_by_label("Printed names:")
    names.fill(f"{names.input_value()}\nGERMANY (BRD)")
    page.get_by_label("Holding days:").fill("21")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    page.goto(f"/track/{NUMBER}/")
    expect(page.locator("main")).to_contain_text("Germany")
    expect(page.locator("main")).to_contain_text(long_date(scan.local_date + timedelta(days=21)))


def test_a_colleague_added_to_a_group_can_do_its_work(open_page: OpenPage) -> None:
    User.objects.create_superuser("root", password=PASSWORD)
    page = open_page()
    log_in(page, "root")
    page.get_by_role("link", name="Users").click()
    page.get_by_role("link", name="Add user").click()
    page.get_by_label("Username:").fill("bob")
    page.get_by_label("Password:", exact=True).fill(PASSWORD)
    page.get_by_label("Password confirmation:").fill(PASSWORD)
    page.locator("#id_groups_from").select_option(label=groups.EDITORS)
    page.locator("#id_groups_add").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()
    with page.expect_navigation():
        page.get_by_role("button", name="Log out").click()
    log_in(page, "bob")
    expect(page.get_by_role("link", name="Statuses", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Users")).to_have_count(0)
    assert status_of(page, "/admin/auth/user/add/") == 403


def test_support_registers_a_parcel_and_only_reads_the_words(open_page: OpenPage) -> None:
    page = open_page()
    enter(page, member(groups.SUPPORT))
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


CUSTOMS = "customs-clearance"


def writing_addresses(group: str) -> list[str]:
    """Return the addresses that store the other group's work, and create the rows that they need."""
    if group == groups.EDITORS:
        parcel = Shipment.objects.create(number=NUMBER)
        message = Message.objects.create(email="ann@example.com", text="Hello", created_at=timezone.now())
        notice = Notice.objects.create(title="A strike", starts_on="2026-11-01")
        parcels = [f"shipment/{parcel.pk}/{path}/" for path in ("change", "ask", "looked-after")]
        messages = [f"message/{message.pk}/{path}/" for path in ("change", "answered")]
        notices = [
            "notice/add/",
            *(f"notice/{notice.pk}/{path}/" for path in ("change", "history", "delete")),
        ]
        return [*parcels, "shipment/register/", *messages, *notices]
    status, shop, phrase = Status.objects.get(slug=CUSTOMS), Shop.objects.get(), Phrase.objects.all()[0]
    words = status.wordings.all()[0]
    histories = [f"{row}/history/" for row in (f"status/{status.pk}", f"shop/{shop.pk}", "destination/DE")]
    return [
        *histories,
        *(f"status/{status.pk}/{path}/" for path in ("change", f"discard/{words.pk}", "delete")),
        *(f"phrase/{phrase.pk}/{path}/" for path in ("change", "meaning", "undo", "history")),
        *("status/add/", "destination/DE/change/", f"shop/{shop.pk}/change/", "wording/import/"),
    ]


@pytest.mark.parametrize("group", THEIRS)
def test_what_the_other_group_stores_is_refused_by_address_too(open_page: OpenPage, group: str) -> None:
    page = open_page()
    enter(page, member(group))
    expect(page.get_by_role("heading", name="What waits for you")).to_be_visible()
    token = next(cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "csrftoken")
    for path in writing_addresses(group):
        form = {"csrfmiddlewaretoken": token, "name": "hacked", "post": "yes"}
        answer = page.context.request.post(f"/admin/tracking/{path}", form=form)
        assert answer.status == 403, path


def test_support_previews_a_notice_and_customers_see_it_in_its_days(open_page: OpenPage) -> None:
    page = open_page()
    enter(page, member(groups.SUPPORT))
    page.get_by_role("link", name="Notices").click()
    page.get_by_role("link", name="Add notice").click()
    page.get_by_label("Title:").fill("Strike <b>soon</b>")
    page.get_by_label("Starts on:").fill((timezone.localdate() + timedelta(days=3)).isoformat())
    page.get_by_role("button", name="Save and continue editing").click()
    page.get_by_role("link", name="Preview").click()
    expect(page.get_by_text("Customers do not see this notice today")).to_be_visible()
    expect(page.frame_locator("iframe.phone").get_by_text("Strike <b>soon</b>")).to_be_visible()
    page.goto("/")
    expect(page.get_by_text("Strike <b>soon</b>")).to_have_count(0)

    notice = f"/admin/tracking/notice/{Notice.objects.get().pk}"
    page.goto(f"{notice}/change/")
    page.get_by_label("Starts on:").fill(timezone.localdate().isoformat())
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    page.goto("/")
    expect(page.get_by_text("Strike <b>soon</b>")).to_be_visible()

    page.goto(f"{notice}/history/")
    expect(page.locator(".changes .who").first).to_have_text("ann")
    page.get_by_role("button", name="Go back to this").click()
    expect(page.get_by_text("back to how it was")).to_be_visible()
    page.goto("/")
    expect(page.get_by_text("Strike <b>soon</b>")).to_have_count(0)


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "Europe/Berlin"])
def test_today_in_the_form_of_a_notice_is_the_day_in_japan(open_page: OpenPage, zone: str) -> None:
    page = open_page(timezone_id=zone)
    enter(page, member(groups.SUPPORT))
    page.clock.set_fixed_time(datetime(2026, 11, 30, 17, 0, tzinfo=UTC))  # 2:00 on 1 December in Japan
    page.goto("/admin/tracking/notice/add/")
    page.locator(".field-starts_on").get_by_role("link", name="Today").click()
    expect(page.get_by_label("Starts on:")).to_have_value("2026-12-01")


def test_an_editor_reads_notices_and_cannot_change_them(
    open_page: OpenPage,
) -> None:
    notice = Notice.objects.create(title="A strike", starts_on="2026-11-01")
    page = open_page()
    enter(page, member(groups.EDITORS))
    page.get_by_role("link", name="Notices").click()
    expect(page.get_by_role("link", name="Add notice")).to_have_count(0)
    for path in ("change", "history", "preview"):
        assert status_of(page, f"/admin/tracking/notice/{notice.pk}/{path}/") == 200
        expect(page.get_by_role("button", name=re.compile("Save|Go back"))).to_have_count(0)
    expect(page.frame_locator("iframe.phone").get_by_text("A strike")).to_be_visible()


def test_an_editor_renames_the_shop_and_undoes_it(open_page: OpenPage) -> None:
    page, shop = open_page(), Shop.objects.get()
    enter(page, member(groups.EDITORS))
    address = f"/admin/tracking/shop/{shop.pk}"
    page.goto(f"{address}/change/")
    page.get_by_label("Guide title:").fill("\u202eediug ehT")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".field-guide_title .errorlist")).to_contain_text("turn the direction")
    page.get_by_label("Guide title:").fill("<script>alert(1)</script>")
    page.get_by_label("Name:", exact=True).fill("Tea & Co")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    page.goto("/")
    expect(page.locator("h1")).to_have_text("<script>alert(1)</script>")
    expect(page.locator(".shop-name")).to_have_text("Tea & Co")
    page.goto(f"{address}/history/")
    expect(page.locator(".changes .who").first).to_have_text("ann")
    page.get_by_role("button", name="Go back to this").last.click()
    expect(page.get_by_text("back to how it was")).to_be_visible()
    page.goto("/")
    expect(page.locator("h1")).to_have_text(shop.guide_title)
    expect(page.locator(".shop-name")).to_have_text(shop.name)


def test_support_answers_a_message(open_page: OpenPage) -> None:
    text = "<img src=x onerror=alert(1)> Where is it?"
    message = Message.objects.create(email="ann@example.com", text=text, created_at=timezone.now())
    page = open_page()
    enter(page, member(groups.SUPPORT))
    page.get_by_role("link", name="Messages").click()
    page.locator("#result_list tbody th a").click()
    expect(page.get_by_text(text)).to_be_visible()
    page.get_by_label("Answered").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    message.refresh_from_db()
    assert message.answered


def test_a_title_of_usual_length_fits_into_its_field(open_page: OpenPage) -> None:
    page = open_page()
    enter(page, member(groups.EDITORS, groups.SUPPORT))
    for address, label in (
        ("notice/add/", "Title:"),
        (f"shop/{Shop.objects.get().pk}/change/", "Guide title:"),
    ):
        page.goto(f"/admin/tracking/{address}")
        field = page.get_by_label(label)
        field.fill("Parcels to the United States need three days more at present")
        settled(page)
        assert field.evaluate("field => field.scrollWidth <= field.clientWidth")


@pytest.mark.parametrize("java_script", [True, False], ids=["with-javascript", "without-javascript"])
def test_after_five_wrong_passwords_the_page_says_how_long_to_wait(
    open_page: OpenPage, java_script: bool
) -> None:
    page, name = open_page(java_script_enabled=java_script), member(groups.EDITORS).username
    for _ in range(5):
        log_in(page, name, "wrong")
    expect(page.get_by_text("Too many failed log-ins: please wait 15 minutes.")).to_be_visible()
    page.get_by_role("link", name="Back to the log-in").click()
    expect(page.get_by_label("Username:")).to_be_visible()
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
def test_an_uploaded_logo_is_on_the_guide_until_it_is_cleared(
    open_page: OpenPage, scheme: Literal["light", "dark"], tmp_path: Path
) -> None:
    page = open_page(color_scheme=scheme)
    enter(page, member(groups.EDITORS))
    page.goto(f"/admin/tracking/shop/{Shop.objects.get().pk}/change/")
    page.locator("input[name=logo]").set_input_files(wide_logo(tmp_path))
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()

    for width in (320, 1280):
        page.set_viewport_size({"width": width, "height": 740})
        page.goto("/")
        logo = page.get_by_role("link", name=Shop.objects.get().name).get_by_role("img").first
        expect(logo).to_be_visible()
        settled(page)
        box = logo.bounding_box()
        assert box and box["height"] <= 40 and box["width"] <= width
        assert box["width"] / box["height"] == pytest.approx(10, rel=0.05)
        assert logo.evaluate("image => image.complete && image.naturalWidth === 720")
        assert not page.evaluate("document.scrollingElement.scrollWidth > innerWidth")

    page.goto(f"/admin/tracking/shop/{Shop.objects.get().pk}/change/")
    page.get_by_label("Clear").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    page.goto("/")
    expect(page.locator(".shop-name")).to_have_text(Shop.objects.get().name)
    assert not Logo.objects.exists()
