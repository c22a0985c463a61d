"""Zoom, large text, reduced motion: no text is lost at 400 % zoom or at twice the text size, and nothing moves."""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import OpenPage, add_style, settled
from tests.browser.scenarios import get_scenario
from tests.support.standin import StandIn

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("widest_dates")]

NAMES = (
    "example-in-customs",
    "example-retention",
    "example-being-returned",
    "example-delivered",
    "notices",
    "long-history",
    "hostile",
    "stale",
    "wrong-check-digit",
    "unavailable",
    "list",
    "guide",
    "contact-with-errors",
)
TWICE_THE_TEXT = "html { font-size: 200% !important }"

# Lists the text that a reader would miss: beyond the screen, cut off in its box, or over other text. Overlaps are
# measured between the boxes of lines, which may touch.
LOST = """
() => {
  const lost = [], width = document.documentElement.clientWidth;
  if (document.scrollingElement.scrollWidth > width) lost.push("the page scrolls sideways");
  for (const element of document.querySelectorAll("body *")) {
    const style = getComputedStyle(element);
    if (!element.checkVisibility() || element.matches("input, textarea, svg, svg *")) continue;
    const cut = (style.overflowX !== "visible" && element.scrollWidth > element.clientWidth + 1)
      || (style.overflowY !== "visible" && element.scrollHeight > element.clientHeight + 1);
    if (cut) lost.push(`cut off: ${element.innerText.trim().slice(0, 60)}`);
  }
  const lines = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!node.data.trim() || !node.parentElement.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      if (box.right <= 0 || box.width < 1) continue;  // kept off the screen on purpose
      const text = node.data.trim().slice(0, 40);
      if (box.right > width + 1) lost.push(`beyond the screen: ${text}`);
      lines.push({node, box, text});
    }
  }
  const shared = (a, b) => [
    Math.min(a.right, b.right) - Math.max(a.left, b.left),
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top),
  ];
  lines.forEach((one, i) => lines.slice(i + 1).forEach(other => {
    const [across, down] = shared(one.box, other.box);
    const most = Math.min(one.box.height, other.box.height) / 4;
    if (one.node !== other.node && across > 2 && down > most) lost.push(`“${one.text}” over “${other.text}”`);
  }));
  return lost;
}
"""

# Lists the elements that move: animations, transitions, smooth scrolling.
MOVES = """
() => {
  const moves = new Set(document.getAnimations().map(() => "an animation runs"));
  for (const element of document.querySelectorAll("*")) for (const part of ["", "::before", "::after"]) {
    const style = getComputedStyle(element, part), name = element.tagName.toLowerCase() + part;
    if (style.transitionDuration.split(", ").some(time => parseFloat(time) > 0)) moves.add(`${name}: transition`);
    if (style.animationName !== "none") moves.add(`${name}: animation`);
    if (style.scrollBehavior !== "auto") moves.add(`${name}: smooth scroll`);
  }
  return [...moves];
}
"""


def open_scenario(name: str, open_page: OpenPage, standin: StandIn, settings: Any, **options: Any) -> Page:
    scenario = get_scenario(name)
    scenario.prepare(standin, settings)
    page = open_page(scenario.path, **options)
    scenario.arrive(page)
    return page


def unfold_everything(page: Page) -> None:
    for summary in page.locator("summary").all():
        summary.click()


@pytest.mark.parametrize("name", NAMES)
def test_at_400_percent_zoom_nothing_is_lost(
    open_page: OpenPage, standin: StandIn, settings: Any, name: str
) -> None:
    """WCAG 1.4.10: at this zoom a window of 1280 by 1024 pixels is as wide and high as one of 320 by 256."""
    page = open_scenario(name, open_page, standin, settings, viewport={"width": 320, "height": 256})
    unfold_everything(page)
    assert settled(page).evaluate(LOST) == []


@pytest.mark.parametrize("name", NAMES)
def test_with_text_of_twice_the_size_nothing_is_lost(
    open_page: OpenPage, standin: StandIn, settings: Any, name: str
) -> None:
    """WCAG 1.4.4, on a phone and on a large screen."""
    page = open_scenario(name, open_page, standin, settings, viewport={"width": 360, "height": 740})
    add_style(page, TWICE_THE_TEXT)
    unfold_everything(page)
    assert settled(page).evaluate(LOST) == []
    page.set_viewport_size({"width": 1280, "height": 740})
    assert settled(page).evaluate(LOST) == []


@pytest.mark.parametrize(
    ("style", "found"),
    [
        ("h1 { white-space: nowrap; font-size: 4rem }", "beyond the screen: Your parcel"),
        ("h1 { max-height: 1rem; overflow: hidden }", "cut off: Your parcel"),
        (".meaning { margin-top: -3rem }", "over “"),
    ],
)
def test_the_check_finds_lost_text(open_page: OpenPage, style: str, found: str) -> None:
    page = open_page("/examples/in-customs/", viewport={"width": 360, "height": 740})
    assert settled(page).evaluate(LOST) == []
    add_style(page, style)
    assert any(found in one for one in settled(page).evaluate(LOST))


@pytest.mark.parametrize("path", ["/", "/examples/in-customs/", "/contact/"])
def test_with_reduced_motion_nothing_moves(open_page: OpenPage, path: str) -> None:
    page = open_page(path, reduced_motion="reduce")
    assert page.evaluate(MOVES) == []


@pytest.mark.parametrize(
    ("style", "found"),
    [
        ("h1 { transition: color 1s }", "h1: transition"),
        ("h1::before { animation: turn 1s } @keyframes turn { to { opacity: 0 } }", "h1::before: animation"),
        ("html { scroll-behavior: smooth }", "html: smooth scroll"),
    ],
)
def test_the_check_finds_motion(open_page: OpenPage, style: str, found: str) -> None:
    page = open_page("/", reduced_motion="reduce")
    add_style(page, style)
    assert found in page.evaluate(MOVES)
