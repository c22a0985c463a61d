"""Contrast, paper, order of parts, and the first screen of a phone. test_scenarios.py has the checks of every page."""

from datetime import date, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import SCHEMES, OpenPage, settled
from tests.support.standin import StandIn
from tests.support.stories import IN_CUSTOMS, NUMBER, POSTED, WIDEST_DAY, fresh_story
from tracking.japanpost.examples import all_examples, get_example
from tracking.journey.times import long_date

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("widest_dates")]

OTHERS = [
    "/",
    "/track/",
    "/examples/",
    "/contact/",
    "/track/?number=EM12",
    "/track/EM123456784JP/",
    "/nothing-here",
]
COLORFUL = [
    f"/examples/{slug}/"
    for slug in ("in-customs", "silent-30-days", "retention", "being-returned", "delivered")
]

# Lists each element with its own text whose contrast is below that of WCAG 2.2 AA: 4.5, or 3 for large text.
CONTRAST = """
() => {
  const channels = color => {
    const [r, g, b, a = 1] = color.match(/[0-9.]+/g).map(Number);
    return {rgb: [r, g, b], a};
  };
  const luminance = rgb => {
    const [r, g, b] = rgb.map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const over = (top, a, below) => top.map((c, i) => a * c + (1 - a) * below[i]);
  const background = element => {
    if (!element) return [255, 255, 255];
    const {rgb, a} = channels(getComputedStyle(element).backgroundColor);
    return a === 1 ? rgb : over(rgb, a, background(element.parentElement));
  };
  const contrast = (color, element) => {
    const below = background(element);
    const {rgb, a} = channels(color);
    const [light, dark] = [over(rgb, a, below), below].map(luminance).sort((x, y) => y - x);
    return (light + 0.05) / (dark + 0.05);
  };
  const poor = [];
  const check = (element, style, text) => {
    const size = parseFloat(style.fontSize);
    const least = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    const found = contrast(style.color, element);
    if (found < least) poor.push(`${found.toFixed(2)} < ${least}: ${text.trim().slice(0, 60)}`);
  };
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].filter(n => n.nodeType === 3).map(n => n.data).join("").trim();
    if (own && element.checkVisibility()) check(element, getComputedStyle(element), own);
    if (element.placeholder) check(element, getComputedStyle(element, "::placeholder"), element.placeholder);
  }
  return poor;
}
"""


def visit(page: Page, path: str) -> None:
    answer = page.goto(path)
    assert answer is not None and answer.status < 500, path


def test_text_has_enough_contrast_in_both_schemes(open_page: OpenPage) -> None:
    page = open_page("/")
    papers: dict[str, set[str]] = {scheme: set() for scheme in SCHEMES}
    for path in COLORFUL + OTHERS:
        visit(page, path)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            assert settled(page).evaluate(CONTRAST) == [], (path, scheme)
            papers[scheme].add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert papers == {"light": {"rgb(247, 245, 241)"}, "dark": {"rgb(20, 23, 27)"}}


def test_the_contrast_check_finds_poor_contrast(open_page: OpenPage) -> None:
    page = open_page("/contact/")
    page.evaluate("document.querySelector('h1').style.color = '#ddd'")
    assert settled(page).evaluate(CONTRAST) == ["1.25 < 3: Contact us"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_paper_has_the_story_without_form_and_navigation(open_page: OpenPage, scheme: str) -> None:
    page = open_page("/examples/with-local-post/", color_scheme=scheme)
    page.emulate_media(media="print")
    settled(page)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate(CONTRAST) == []
    for selector in ("nav", "form.look-up", "footer", "button[data-copy]"):
        expect(page.locator(selector)).to_be_hidden()
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator("[aria-current=step]")).to_be_visible()
    expect(page.locator(".timeline > li").last).to_be_visible()


TOPS = """
() => [".lead", ".side", ".history", ".more"].map(name => document.querySelector(name).getBoundingClientRect().top)
"""


FIRST_SCREEN = ["h1", ".meaning", ".step-text", ".what-to-do", "#normal"]
ENDS_BELOW = """
part => [...document.querySelectorAll(part)].some(one => one.getBoundingClientRect().bottom > innerHeight)
"""


WIDTHS = """
texts => {
  const canvas = document.createElement("canvas").getContext("2d");
  canvas.font = getComputedStyle(document.querySelector(".what-to-do strong")).font;
  return texts.map(text => canvas.measureText(text).width);
}
"""


def test_no_date_of_ten_years_is_wider_than_the_widest_day(open_page: OpenPage) -> None:
    page = open_page("/examples/retention/")
    days = [date(2026, 1, 1) + timedelta(days=i) for i in range(3653)]
    widest, *widths = page.evaluate(WIDTHS, [long_date(day) for day in (WIDEST_DAY, *days)])
    assert len(set(widths)) > 20  # months and days have different widths
    assert widest == max(widths)


@pytest.mark.parametrize("is_example", [True, False], ids=["example", "parcel"])
def test_the_parts_are_in_reading_order_on_small_and_large_screens(
    open_page: OpenPage, standin: StandIn, is_example: bool
) -> None:
    standin.set_item(NUMBER, fresh_story(POSTED, IN_CUSTOMS))
    path = "/examples/in-customs/" if is_example else f"/track/{NUMBER}/"
    page = open_page(path, viewport={"width": 1280, "height": 800})
    lead, side, history, more = settled(page).evaluate(TOPS)
    assert lead == side < history < more
    page.set_viewport_size({"width": 360, "height": 640})
    tops = settled(page).evaluate(TOPS)
    assert tops == sorted(tops)


@pytest.mark.fonts
def test_the_browser_knows_one_font_family_on_every_machine(open_page: OpenPage) -> None:
    """DejaVu Serif comes with the same package and is wider, but the browser must not find it."""
    page = open_page("/contact/")
    width = """family => {
        const heading = document.querySelector("h1");
        heading.style.cssText = `display: inline-block; font-family: ${family}`;
        return heading.getBoundingClientRect().width;
    }"""
    families = ("sans-serif", "serif", "system-ui", "'DejaVu Serif'", "Arial", "'Noto Sans'", "Hiragino")
    assert len({page.evaluate(width, family) for family in families}) == 1


@pytest.mark.fonts
def test_the_first_screen_of_a_phone_shows_the_main_facts(open_page: OpenPage, standin: StandIn) -> None:
    """Checked in every situation that has an example; the stand-in knows the examples' parcels."""
    page = open_page(viewport={"width": 360, "height": 640})
    page.goto(f"/track/{get_example('in-customs').number}/")
    for part in FIRST_SCREEN:
        expect(page.locator(part)).to_be_in_viewport(ratio=1)
    seen = 0
    for example in all_examples():
        page.goto(f"/track/{example.number}/")
        if page.locator(".lead").count():
            seen += 1
            assert page.locator("h1, .meaning, .what-to-do").count() == 3
            settled(page)
            cut_off = [part for part in FIRST_SCREEN if page.evaluate(ENDS_BELOW, part)]
            assert cut_off == [], example.slug
    assert seen >= 30
