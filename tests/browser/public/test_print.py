"""A tracking page on paper: one sheet with all that a customer needs at the counter, and nothing to click."""

import re
from io import BytesIO
from unicodedata import normalize

import pytest
from playwright.sync_api import Page
from pypdf import PdfReader

from tests.browser.conftest import OpenPage, settled
from tests.browser.scenarios import long_story
from tests.support.standin import StandIn
from tests.support.stories import NUMBER
from tracking.japanpost.examples import get_example

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("widest_dates")]

ON_ONE_SHEET = ("in-customs", "retention", "delivered", "silent-30-days", "returned")
ON_TWO_SHEETS = ("long-history",)
ALL = ON_ONE_SHEET + ON_TWO_SHEETS


def printed(page: Page) -> tuple[int, str]:
    """Return the number of A4 sheets and all their text, without white space because a line may break anywhere."""
    sheets = PdfReader(BytesIO(settled(page).pdf(format="A4", print_background=False))).pages
    return len(sheets), squeeze("".join(sheet.extract_text() for sheet in sheets))


def squeeze(text: str) -> str:
    """Return the text without white space and with ligatures split into letters."""
    return re.sub(r"\s+", "", normalize("NFKC", text))


def open_parcel(name: str, open_page: OpenPage, standin: StandIn) -> Page:
    """Open the parcel of an example as a real one, which the stand-in knows by its number, or the long story."""
    if name == "long-history":
        standin.set_item(NUMBER, long_story())
        return open_page(f"/track/{NUMBER}/")
    return open_page(f"/track/{get_example(name).number}/")


@pytest.mark.fonts
@pytest.mark.parametrize(
    ("name", "most"),
    [*((name, 1) for name in ON_ONE_SHEET), *((name, 2) for name in ON_TWO_SHEETS)],
)
def test_it_fits_on_its_sheet(open_page: OpenPage, standin: StandIn, name: str, most: int) -> None:
    sheets, _ = printed(open_parcel(name, open_page, standin))
    assert sheets <= most


@pytest.mark.parametrize("name", ALL)
def test_the_main_facts_are_on_paper(open_page: OpenPage, standin: StandIn, name: str) -> None:
    page = open_parcel(name, open_page, standin)
    wanted = [
        page.locator("main").get_attribute("data-number"),
        page.locator("h1").inner_text(),
        *page.locator(".meaning, .what-to-do p").all_inner_texts(),
        *page.locator(".timeline").first.locator(".entry-title, .where time, .where bdi").all_inner_texts(),
    ]
    assert len(wanted) >= 6
    _, text = printed(page)
    missing = [one for one in wanted if one and squeeze(one) not in text]
    assert missing == []


@pytest.mark.parametrize("name", ALL)
def test_the_paper_has_the_address_of_the_page(open_page: OpenPage, standin: StandIn, name: str) -> None:
    """A customer with the paper can find the tracking page again."""
    page = open_parcel(name, open_page, standin)
    address = page.url.partition("://")[2]
    _, text = printed(page)
    assert squeeze(address) in text


@pytest.mark.parametrize("name", ALL)
def test_there_is_nothing_to_click_on_paper(open_page: OpenPage, standin: StandIn, name: str) -> None:
    page = open_parcel(name, open_page, standin)
    clickable = [
        *page.locator("nav a").all_inner_texts(),
        *page.locator("form.look-up label, form.look-up button, .skip").all_inner_texts(),
    ]
    assert len(clickable) >= 5
    page.emulate_media(media="print")
    settled(page)
    for selector in ("nav", "form.look-up", ".skip", "button", "summary"):
        assert page.locator(selector).locator("visible=true").count() == 0, selector
    _, text = printed(page)
    assert squeeze("Skip to the content") not in text
    assert squeeze("Your tracking number") not in text
    assert squeeze("TrackGuideContact") not in text
