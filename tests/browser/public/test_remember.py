"""Parcels remembered in the browser: only on request, only numbers, and pages work where nothing can be stored."""

import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import SCHEMES, OpenPage, settled, tab_to
from tests.support.standin import StandIn
from tests.support.stories import IN_CUSTOMS, NUMBER, POSTED, fresh_story, some_numbers
from tracking.journey.times import long_date
from tracking.models import Event

pytestmark = pytest.mark.browser

ADDRESS = f"/track/{NUMBER}/"
OTHER = "EN123456785JP"
READ = "localStorage.getItem('emsguide.parcels')"
BLOCKED = """
Object.defineProperty(window, "localStorage", {get() { throw new DOMException("blocked", "SecurityError"); }});
"""
NULL = "Object.defineProperty(window, 'localStorage', {value: null});"  # Android's WebView by default


@pytest.fixture(autouse=True)
def two_parcels(standin: StandIn) -> StandIn:
    for number in (NUMBER, OTHER):
        standin.set_item(number, fresh_story(POSTED, IN_CUSTOMS, number=number))
    return standin


def kept(page: Page) -> list[str] | None:
    """Return the numbers that this browser stores; None where it stored none yet, or removed them."""
    assert page.evaluate("Object.keys(localStorage).filter(name => name !== 'emsguide.parcels')") == []
    found: list[str] | None = json.loads(page.evaluate(READ) or "null")
    return found


def keep(page: Page, *numbers: str) -> None:
    page.evaluate("numbers => localStorage.setItem('emsguide.parcels', JSON.stringify(numbers))", numbers)


def block_of(page: Page) -> Locator:
    return page.get_by_role("region", name="Remembered on this device")


def remember(page: Page) -> Locator:
    return page.get_by_role("button", name="Remember on this device")


def test_nothing_is_stored_before_the_visitor_asks(open_page: OpenPage) -> None:
    page = open_page("/")
    for path in ("/", ADDRESS, "/track/", f"/track/?number={NUMBER},{OTHER}", "/examples/in-customs/"):
        page.goto(path)
        assert page.evaluate("localStorage.length + sessionStorage.length") == 0
        assert page.context.cookies() == []
        expect(block_of(page)).to_have_count(0)


def test_a_parcel_is_remembered_and_forgotten_on_its_own_page(open_page: OpenPage) -> None:
    page = open_page(ADDRESS)
    expect(page.get_by_text("Kept in this browser only")).to_be_visible()
    remember(page).click()
    assert kept(page) == [NUMBER]
    expect(page.get_by_role("status").filter(has_text="Remembered.")).to_be_visible()
    page.reload()
    forget = page.get_by_role("button", name="Forget on this device")
    forget.click()
    assert kept(page) is None
    expect(page.get_by_role("status").filter(has_text="Forgotten.")).to_be_visible()
    expect(remember(page)).to_be_focused()


@pytest.mark.parametrize("path", ["/", "/track/", f"/track/?number={NUMBER},{OTHER}"])
def test_remembered_parcels_are_listed_with_the_form(open_page: OpenPage, path: str) -> None:
    page = open_page(path)
    keep(page, NUMBER, OTHER)
    page.reload()
    block = block_of(page)
    expect(block.get_by_role("listitem")).to_have_text([NUMBER, OTHER])
    expect(block.get_by_text("Kept in this browser only.")).to_be_visible()
    block.get_by_role("link", name="Show all 2").click()
    page.wait_for_url(f"**/track/?number={NUMBER},{OTHER}")
    last_scan = long_date(Event.objects.latest("local_date").local_date)
    for row in page.locator(".parcel").all():
        expect(row).to_contain_text("Your parcel is with customs")
        expect(row).to_contain_text("Step 3 of 5")
        expect(row).to_contain_text(last_scan)
    block_of(page).get_by_role("link", name=OTHER).click()
    page.wait_for_url(f"**/track/{OTHER}/")
    expect(page.get_by_role("button", name="Forget on this device")).to_be_visible()


def test_one_tap_forgets_all_parcels_and_says_so(open_page: OpenPage) -> None:
    page = open_page("/")
    keep(page, NUMBER, OTHER)
    page.reload()
    tab_to(page, page.get_by_role("button", name="Forget them"))
    page.keyboard.press("Enter")
    assert kept(page) is None
    said = block_of(page).get_by_role("status")
    expect(said).to_contain_text("Forgotten")
    expect(said).to_be_focused()
    expect(page.get_by_role("link", name=NUMBER)).to_have_count(0)
    page.reload()
    expect(block_of(page)).to_have_count(0)


def test_a_single_parcel_has_no_link_to_show_all(open_page: OpenPage) -> None:
    page = open_page("/")
    keep(page, NUMBER)
    page.reload()
    expect(block_of(page).get_by_role("link")).to_have_text([NUMBER])


def test_a_list_is_remembered_without_its_rejected_numbers(open_page: OpenPage) -> None:
    page = open_page(f"/track/?number={NUMBER},EM123456784JP,{OTHER}")
    expect(page.locator(".parcel")).to_have_count(3)
    tab_to(page, remember(page))
    page.keyboard.press("Enter")
    assert kept(page) == [NUMBER, OTHER]
    expect(block_of(page).get_by_role("listitem")).to_have_text([NUMBER, OTHER])
    page.get_by_role("button", name="Forget on this device").click()
    assert kept(page) is None
    expect(block_of(page)).to_have_count(0)


def test_at_most_ten_are_kept_with_the_newest_first(open_page: OpenPage) -> None:
    page = open_page(ADDRESS)
    ten = some_numbers(10)
    keep(page, *ten)
    remember(page).click()
    assert kept(page) == [NUMBER, *ten[:9]]
    page.goto("/")
    expect(block_of(page).get_by_role("listitem")).to_have_count(10)
    keep(page, *some_numbers(30))
    page.reload()
    expect(block_of(page).get_by_role("listitem")).to_have_count(10)


@pytest.mark.parametrize(
    "rubbish",
    [
        "",
        "{",
        "null",
        "7",
        '"EM123456785JP"',
        "{}",
        "[[]]",
        '["hello", null, 5, ["EM123456785JP"]]',
        "[" * 9999,
    ],
    ids=["empty", "broken", "null", "number", "text", "object", "list", "wrong", "deep"],
)
def test_broken_data_in_the_browser_is_ignored_and_overwritten(open_page: OpenPage, rubbish: str) -> None:
    page = open_page("/")
    page.evaluate("rubbish => localStorage.setItem('emsguide.parcels', rubbish)", rubbish)
    page.reload()
    expect(block_of(page)).to_have_count(0)
    page.goto(ADDRESS)
    remember(page).click()
    assert kept(page) == [NUMBER]


def test_only_text_in_the_shape_of_a_number_is_shown(open_page: OpenPage) -> None:
    page = open_page("/")
    evil = [
        "<img src=x onerror=alert(1)>",
        "javascript:alert(1)",
        f"{NUMBER}/../../admin",
        f"{NUMBER}\n",
        "em123456785jp",
    ]
    keep(page, *evil, NUMBER, NUMBER)
    page.reload()
    expect(block_of(page).get_by_role("listitem")).to_have_text([NUMBER])
    expect(page.locator("main img")).to_have_count(0)


@pytest.mark.parametrize("script", [BLOCKED, NULL], ids=["blocked", "null"])
def test_without_local_storage_there_is_no_button_and_the_rest_works(
    open_page: OpenPage, script: str
) -> None:
    page = open_page("/")
    page.add_init_script(script)
    page.goto(ADDRESS)
    expect(page.locator("h1")).to_have_text("Your parcel is with customs")
    expect(page.locator("[data-remember]")).to_be_hidden()
    for path in ("/", "/track/", f"/track/?number={NUMBER},{OTHER}"):
        page.goto(path)
        expect(page.locator("[data-parcels]")).to_be_hidden()
        expect(page.locator("[data-remember]:visible")).to_have_count(0)


def test_full_storage_is_reported_and_keeps_its_content(open_page: OpenPage) -> None:
    page = open_page(ADDRESS)
    page.evaluate(
        """() => {
          let text = "x".repeat(2 ** 20);
          while (text) try { localStorage.setItem("others", (localStorage.getItem("others") ?? "") + text); }
          catch { text = text.slice(0, text.length / 2); }
        }"""
    )
    remember(page).click()
    expect(page.get_by_role("status").filter(has_text="no room")).to_be_visible()
    expect(remember(page)).to_be_visible()
    assert page.evaluate(READ) is None


def test_going_back_and_another_tab_show_the_current_parcels(open_page: OpenPage) -> None:
    page = open_page("/")
    page.goto(ADDRESS)
    remember(page).click()
    page.go_back()
    expect(block_of(page).get_by_role("listitem")).to_have_text([NUMBER])
    # A browser that kept the whole page and shows it again announces that only by this event.
    keep(page, NUMBER, OTHER)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    expect(block_of(page).get_by_role("listitem")).to_have_text([NUMBER, OTHER])
    keep(page, NUMBER)
    tab = page.context.new_page()
    tab.goto(ADDRESS)
    tab.get_by_role("button", name="Forget on this device").click()
    expect(block_of(page)).to_have_count(0)


def test_remembered_numbers_are_never_sent(open_page: OpenPage, standin: StandIn) -> None:
    page = open_page("/")
    keep(page, NUMBER, OTHER)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(f"{request.url} {request.headers} {request.post_data}"))
    page.reload()
    expect(block_of(page).get_by_role("listitem")).to_have_count(2)
    page.get_by_role("button", name="Forget them").click()
    assert sent and not [one for one in sent if NUMBER in one or OTHER in one]
    assert standin.requests == []


def test_without_javascript_there_is_neither_button_nor_block(open_page: OpenPage) -> None:
    page = open_page("/", java_script_enabled=False)
    for path in ("/", "/track/", ADDRESS, f"/track/?number={NUMBER},{OTHER}"):
        page.goto(path)
        expect(page.get_by_text(re.compile("on this device")).filter(visible=True)).to_have_count(0)
        expect(page.get_by_text(re.compile("Kept in this browser")).filter(visible=True)).to_have_count(0)


def test_examples_and_mistyped_numbers_cannot_be_remembered(open_page: OpenPage) -> None:
    page = open_page("/examples/in-customs/")
    for path in (
        "/examples/in-customs/",
        "/examples/not-found/",
        "/track/EM123456784JP/",
        "/track/?number=EM12",
    ):
        page.goto(path)
        expect(page.get_by_label("Your tracking number")).to_be_visible()
        expect(remember(page)).to_have_count(0)


def test_a_parcel_without_a_scan_yet_can_be_remembered(open_page: OpenPage) -> None:
    number = some_numbers(1)[0]
    page = open_page(f"/track/{number}/")
    expect(page.locator("main")).to_have_attribute("data-outcome", "not-found")
    remember(page).click()
    assert kept(page) == [number]


def expect_no_axe_findings(page: Page) -> None:
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        assert not Axe().run(settled(page)).response["violations"], (page.url, scheme)


def test_axe_finds_nothing_with_the_block_and_the_button_shown(open_page: OpenPage) -> None:
    page = open_page("/", viewport={"width": 360, "height": 640})
    keep(page, NUMBER, *some_numbers(9))
    for path in ("/", "/track/", ADDRESS, f"/track/?number={NUMBER},{OTHER}"):
        page.goto(path)
        expect(page.locator("[data-parcels]:visible, [data-remember]:visible").first).to_be_visible()
        assert not settled(page).evaluate(
            "document.scrollingElement.scrollWidth > document.scrollingElement.clientWidth"
        )
        expect_no_axe_findings(page)
        for one in page.locator(
            "[data-parcels] a:visible, [data-parcels] button:visible, [data-remember] button:visible"
        ).all():
            box = one.bounding_box()
            assert box and min(box["width"], box["height"]) >= 24
    page.goto("/")
    page.get_by_role("button", name="Forget them").click()
    expect_no_axe_findings(page)
