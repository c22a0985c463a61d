"""Support's work in a browser: a parcel, its evidence, a customer's message. Editors are refused each of them."""

import csv
import io
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Literal

import pytest
from django.utils import timezone
from django.utils.timezone import localdate
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from tests.browser.conftest import OpenPage, enter, member, scroll_width, settled
from tests.browser.staff.test_desk import status_of
from tests.support.kept import keep
from tests.support.standin import StandIn
from tests.support.stories import ARRIVED, IN_CUSTOMS, NUMBER, POSTED, event, fresh_story
from tracking.fetching.lookup import look_up
from tracking.journey.deadlines import enquiry_ends_on
from tracking.journey.times import long_date
from tracking.models import Destination, Event, Message, Shipment, Standing
from tracking.staff.access import groups

pytestmark = pytest.mark.browser


@pytest.fixture
def parcel(transactional_db: None, standin: StandIn) -> Shipment:
    """A parcel that was checked two hours ago. Since then Japan Post has a new row, and a customer has written."""
    moved_on = fresh_story(POSTED, ARRIVED, IN_CUSTOMS)
    standin.set_item(NUMBER, replace(moved_on, events=moved_on.events[:2]))
    look_up(NUMBER, now=timezone.now() - timedelta(hours=2))
    standin.set_item(NUMBER, moved_on)
    Message.objects.create(
        name="Ann",
        email="ann@example.com",
        number=NUMBER,
        text="Where is it?",
        situation="Your parcel has arrived in Germany (Step 3 of 5: Customs and arrival)",
        created_at=timezone.now(),
    )
    return Shipment.objects.get()


def as_support(open_page: OpenPage, **options: object) -> Page:
    page = open_page(**options)
    enter(page, member(groups.SUPPORT))
    return page


def open_parcel(page: Page) -> None:
    page.get_by_role("link", name="Shipments", exact=True).click()
    page.get_by_role("link", name=NUMBER).click()
    expect(page.get_by_label("Note:")).to_be_visible()


@pytest.mark.parametrize("java_script", [True, False], ids=["with-javascript", "without-javascript"])
def test_support_finds_a_parcel_asks_now_and_reads_what_is_new(
    open_page: OpenPage, parcel: Shipment, java_script: bool
) -> None:
    page = as_support(open_page, java_script_enabled=java_script)
    open_parcel(page)
    now = page.get_by_role("region", name="Now", exact=True)
    expect(now).to_contain_text("Your parcel has arrived in Germany")
    last_day = enquiry_ends_on(
        Event.objects.earliest("local_date").local_date, Destination.objects.get(code="DE")
    )
    expect(now).to_contain_text(f"until {long_date(last_day)}")
    now.get_by_role("button", name="Ask Japan Post now").click()
    expect(page.get_by_text("Japan Post answered: 1 new row.")).to_be_visible()
    expect(now).to_contain_text("Your parcel is with customs")
    expect(page.get_by_role("cell", name="Held by import Customs")).to_be_visible()
    expect(page.get_by_role("cell", name="Staff")).to_be_visible()
    now.get_by_role("button", name="Ask Japan Post now").click()
    expect(page.get_by_text("Fresh already: Japan Post was asked just now.")).to_be_visible()
    page.get_by_role("link", name="The customer’s page").click()
    expect(page.locator("h1")).to_have_text("Your parcel is with customs")


def test_support_finds_a_parcel_to_look_at_and_marks_it_handled(
    open_page: OpenPage, transactional_db: None
) -> None:
    returned = keep(*fresh_story(POSTED, "Returned to sender @ GERMANY").events, at=timezone.now())
    Standing.objects.create(shipment=returned)
    page = as_support(open_page)
    page.get_by_role("link", name="There is a problem: 1").click()
    expect(page.get_by_role("row", name=returned.number)).to_contain_text("Problem: Returned to sender")
    page.get_by_role("link", name=returned.number).click()
    expect(page.get_by_text("Needs a look. There is a problem.")).to_be_visible()
    page.get_by_role("button", name="I have looked after it").click()
    expect(page.get_by_text("needs no look until there is another reason")).to_be_visible()
    page.goto("/admin/")
    expect(page.get_by_role("link", name="There is a problem: 1")).to_have_count(0)


def test_support_writes_a_note_that_customers_never_see(open_page: OpenPage, parcel: Shipment) -> None:
    page = as_support(open_page)
    open_parcel(page)
    page.get_by_label("Note:").fill("Ann called.")
    page.get_by_label("Order reference:").fill("A-1")
    page.get_by_label("Note:").press("Enter")
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    parcel.refresh_from_db()
    assert (parcel.note, parcel.order_reference) == ("Ann called.", "A-1")
    page.goto(f"/track/{NUMBER}/")
    expect(page.locator("body")).not_to_contain_text("Ann called.")
    expect(page.locator("body")).not_to_contain_text("A-1")


def test_two_edits_of_one_note_are_reported_and_no_input_is_lost(
    open_page: OpenPage, parcel: Shipment
) -> None:
    page = as_support(open_page)
    open_parcel(page)
    Shipment.objects.update(note="Ann called.", order_reference="A-1")  # a colleague saves meanwhile
    page.get_by_label("Note:").fill("Lost, I think.")
    page.get_by_label("Note:").press("Enter")
    expect(page.get_by_text("since you opened this page this became “Ann called.”")).to_be_visible()
    expect(page.get_by_label("Note:")).to_have_value("Lost, I think.")
    expect(page.get_by_label("Order reference:")).to_have_value("A-1")
    page.get_by_label("Note:").press("Enter")
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    parcel.refresh_from_db()
    assert (parcel.note, parcel.order_reference) == ("Lost, I think.", "A-1")


def test_the_evidence_prints_on_one_sheet_and_downloads_as_csv(
    open_page: OpenPage, parcel: Shipment, tmp_path: Path
) -> None:
    page = as_support(open_page)
    open_parcel(page)
    page.get_by_role("link", name="Evidence to print").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(NUMBER)
    (sheet,) = PdfReader(BytesIO(settled(page).pdf(format="A4"))).pages
    text = sheet.extract_text()
    for words in ("Posting/Collection", "UTC by ann"):
        assert words in text
    assert "Back to the parcel" not in text
    with page.expect_download() as download:
        page.get_by_role("link", name="The same as CSV").click()
    assert download.value.suggested_filename == f"evidence-{NUMBER}.csv"
    download.value.save_as(tmp_path / "sheet.csv")
    rows = csv.DictReader(io.StringIO((tmp_path / "sheet.csv").read_text("utf-8-sig")))
    assert [row["row"] for row in rows] == ["parcel", "event", "event", "request"]


def test_support_marks_a_message_as_answered_and_undoes_it(open_page: OpenPage, parcel: Shipment) -> None:
    page = as_support(open_page)
    page.get_by_role("link", name="Messages", exact=True).click()
    row = page.get_by_role("row", name="ann@example.com")
    expect(row).to_contain_text("Your parcel has arrived in Germany")
    link = row.get_by_role("link", name="Write a mail").get_attribute("href") or ""
    assert link.startswith("mailto:ann@example.com?subject=Your%20parcel%20")
    row.get_by_role("button", name="Mark answered").click()
    expect(page.get_by_text("is marked as answered")).to_be_visible()
    expect(page.get_by_role("row", name="ann@example.com")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("is to be answered again")).to_be_visible()
    page.get_by_role("row", name="ann@example.com").get_by_role("link").first.click()
    expect(page.get_by_text("Where is it?")).to_be_visible()
    page.get_by_role("link", name=NUMBER, exact=True).click()
    expect(page.get_by_role("region", name="What the customer wrote")).to_contain_text("Not answered yet")


@pytest.mark.usefixtures("noon")  # each date at its widest
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_needs_sideways_scrolling_on_a_phone(
    open_page: OpenPage, parcel: Shipment, scheme: Literal["light", "dark"]
) -> None:
    page = as_support(open_page, viewport={"width": 390, "height": 800}, color_scheme=scheme)
    message = Message.objects.get()
    for address in (
        "message/",
        f"shipment/{parcel.pk}/change/",
        f"shipment/{parcel.pk}/evidence/",
        f"message/{message.pk}/change/",
    ):
        page.goto(f"/admin/tracking/{address}")
        assert scroll_width(page) <= 390, address


@pytest.mark.usefixtures("noon")
def test_the_list_of_parcels_fits_a_small_desktop(open_page: OpenPage, parcel: Shipment) -> None:
    retention = "Retention @ UNITED STATES OF AMERICA"
    for days, reference in ((30, "#100253"), (9, "")):  # each column at its widest
        silent = keep(event(POSTED, localdate() - timedelta(days=days)), event(retention, localdate()))
        Shipment.objects.filter(pk=silent.pk).update(order_reference=reference)
        Standing.objects.create(shipment=silent)
    page = as_support(open_page, viewport={"width": 1280, "height": 900})
    page.goto("/admin/tracking/shipment/")
    settled(page)
    assert page.locator(".results").evaluate("list => list.scrollWidth - list.clientWidth") == 0


def test_editors_are_refused_each_of_these_pages(open_page: OpenPage, parcel: Shipment) -> None:
    page = open_page()
    enter(page, member(groups.EDITORS))
    message = Message.objects.get()
    for address in (
        *(f"shipment/{parcel.pk}/{end}" for end in ("change/", "evidence/", "evidence.csv")),
        *("message/", f"message/{message.pk}/change/"),
    ):
        assert status_of(page, f"/admin/tracking/{address}") == 403, address
