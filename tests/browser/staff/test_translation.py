"""Sheets of words for a translator in a browser: staff download them and bring them in, customers read them at once."""

import csv
import io
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, enter, member
from tests.support.standin import StandIn
from tests.support.stories import IN_CUSTOMS, NUMBER, POSTED, fresh_story
from tracking.models import Wording
from tracking.staff.access import groups

pytestmark = pytest.mark.browser

LIST = "/admin/tracking/wording/"
TITLE = "Officers look at your parcel, please wait"


def as_staff(open_page: OpenPage, *names: str, **options: object) -> Page:
    """Open the list of wordings as a new member of these groups."""
    page = open_page("/contact/", **options)
    enter(page, member(*names), LIST)
    return page


def changed(sheet: Path, *, language: str, **words: str) -> dict[str, object]:
    """Return the downloaded sheet with other words in the row of customs, separated by semicolons, as Excel saves it
    where the comma is the decimal sign.
    """
    rows = list(csv.DictReader(io.StringIO(sheet.read_text("utf-8-sig"), newline="")))
    for row in rows:
        if (row["status"], row["language"], row["destination"]) == ("customs-clearance", language, ""):
            row |= words
    written = io.StringIO(newline="")
    writer = csv.DictWriter(written, list(rows[0]), delimiter=";")
    writer.writeheader()
    writer.writerows(rows)
    return {"name": "words.csv", "mimeType": "text/csv", "buffer": written.getvalue().encode("utf-8-sig")}


def upload(page: Page, file: dict[str, object]) -> None:
    page.goto(f"{LIST}import/")
    page.get_by_label("The filled-in sheet").set_input_files(file)
    page.get_by_role("button", name="Show what would change").click()


@pytest.mark.parametrize("java_script", [True, False], ids=["with-javascript", "without-javascript"])
def test_customers_read_the_words_of_a_sheet_that_comes_back(
    open_page: OpenPage, standin: StandIn, java_script: bool
) -> None:
    standin.set_item(NUMBER, fresh_story(POSTED, IN_CUSTOMS))
    customer = open_page(f"/track/{NUMBER}/")
    old = customer.locator("h1").inner_text()
    page = as_staff(open_page, groups.EDITORS, java_script_enabled=java_script)
    page.goto(LIST)
    page.get_by_role("link", name="Send out for translation").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download all words").click()

    upload(page, changed(download.value.path(), language="en", title=TITLE))
    expect(page.get_by_text("0 new, 1 changed,")).to_be_visible()
    row = page.get_by_role("row", name="title")
    expect(row).to_contain_text(old)
    expect(row).to_contain_text(TITLE)
    customer.reload()
    expect(customer.locator("h1")).to_have_text(old)

    page.get_by_role("button", name="Bring this in").click()
    expect(page.get_by_text("Brought in: 0 new, 1 changed.")).to_be_visible()
    customer.reload()
    expect(customer.locator("h1")).to_have_text(TITLE)


def test_a_translators_sheet_comes_back_with_new_words(open_page: OpenPage) -> None:
    page = as_staff(open_page, groups.EDITORS)
    page.goto(f"{LIST}export/")
    page.get_by_label("Into").select_option(label="German (de)")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the sheet").click()
    upload(page, changed(download.value.path(), language="de", title="Beim Zoll", meaning="Bitte warten."))
    expect(page.get_by_text("1 new, 0 changed,")).to_be_visible()
    expect(page.get_by_text("Left out, for nothing is written in them: rows")).to_be_visible()
    page.get_by_role("button", name="Bring this in").click()
    expect(page.get_by_text("Brought in: 1 new, 0 changed.")).to_be_visible()
    assert Wording.objects.get(language="de").title == "Beim Zoll"


def test_a_bad_row_is_refused_by_its_number_and_nothing_changes(open_page: OpenPage) -> None:
    page = as_staff(open_page, groups.EDITORS)
    before = list(Wording.objects.values())
    text = (
        "status,language,destination,title,meaning,what_to_do,who_has_it,hidden\n"
        'customs-clearance,fr,,"Deux\nlignes",Attendez.,,,\n'
        "custom-clearance,fr,,En douane,Attendez.,,,\n"
    )
    upload(page, {"name": "fr.csv", "mimeType": "text/csv", "buffer": text.encode()})
    expect(page.get_by_text("Row 3: There is no status “custom-clearance”")).to_be_visible()
    expect(page.get_by_role("button", name="Bring this in")).to_have_count(0)
    assert list(Wording.objects.values()) == before


def test_staff_without_a_group_get_403(open_page: OpenPage) -> None:
    page = as_staff(open_page)
    for path in ("", "export/", "export/?language=all", "import/"):
        response = page.goto(f"{LIST}{path}")
        assert response is not None and response.status == 403


def test_support_may_read_and_export_words_but_not_import_them(open_page: OpenPage) -> None:
    page = as_staff(open_page, groups.SUPPORT)
    page.goto(LIST)
    expect(page.get_by_role("link", name="Send out for translation")).to_be_visible()
    expect(page.get_by_role("link", name="Bring translations in")).to_have_count(0)
    response = page.goto(f"{LIST}import/")
    assert response is not None and response.status == 403
