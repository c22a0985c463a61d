"""Every situation on small and large screens, light and dark, with and without JavaScript, by pointer and by keyboard.

`make test` opens each situation once, with options that change from one to the next. MATRIX=full checks each in every
combination: it opens each once with and once without JavaScript, and changes screen and color scheme on the open page.
"""

import os
from dataclasses import astuple, dataclass
from itertools import combinations, product
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, ViewportSize, expect

from tests.browser.conftest import SCHEMES, OpenPage, settled
from tests.browser.scenarios import SCENARIOS, Scenario
from tests.support.standin import StandIn

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("widest_dates")]

AXE_OPTIONS = {
    "resultTypes": ["violations"],
    "preload": False,  # our styles come from our own host, so axe need not fetch them
    "rules": {"target-size": {"enabled": True}},
}
# Timers do not run in a page without JavaScript, and axe defers some steps by a timer.
TIMERS_FOR_AXE = """
window.setTimeout = (work, wait = 0, ...given) => {
  if (!(wait > 0) && typeof work === "function") Promise.resolve().then(() => work(...given));
  return 0;
}
"""


@dataclass(frozen=True)
class Cell:
    """One combination of the options in which a page is checked."""

    width: int
    scheme: Literal["light", "dark"]
    java_script: bool
    keyboard: bool

    def __str__(self) -> str:
        script, hand = "script" if self.java_script else "plain", "keyboard" if self.keyboard else "pointer"
        return f"{self.width}-{self.scheme}-{script}-{hand}"


WIDTHS, SWITCH = (360, 1280), (True, False)
# The checks with a keyboard include those with a pointer, so these cells cover all combinations.
EVERY_CELL = tuple(Cell(*options, keyboard=True) for options in product(WIDTHS, SCHEMES, SWITCH))
# An orthogonal array: three options in all combinations, and the fourth computed from them. Each combination of any
# three options occurs once.
EIGHT_CELLS = tuple(
    Cell(WIDTHS[a], SCHEMES[b], SWITCH[c], SWITCH[(a + b + c) % 2]) for a, b, c in product((0, 1), repeat=3)
)


def visits(scenarios: tuple[Scenario, ...], *, full: bool) -> list[tuple[Scenario, tuple[Cell, ...]]]:
    """Return the scenarios to open, each with the cells to check it in.

    The cells of one visit differ only in options that can change on an open page.
    """
    if not full:
        return [(scenario, (EIGHT_CELLS[i % 8],)) for i, scenario in enumerate(scenarios)]
    with_script, plain = (tuple(cell for cell in EVERY_CELL if cell.java_script == has) for has in SWITCH)
    return [(scenario, cells) for scenario in scenarios for cells in (with_script, plain)]


SHOWN = """
() => [...document.querySelectorAll("[data-outcome]")].map(element =>
  ["outcome", "stage", "tone", "stale"].map(name => element.dataset[name] || "-").join(" "))
"""
WIDER_THAN_THE_SCREEN = "document.scrollingElement.scrollWidth > document.scrollingElement.clientWidth"

# Lists controls smaller than 24 by 24 pixels. Links inside a text may be lower (WCAG 2.5.8): axe checks those.
SMALL_CONTROLS = """
() => [...document.querySelectorAll("button, .button, input:not([type=hidden]), select, textarea, summary, nav a")]
  .filter(element => element.tabIndex >= 0 && element.checkVisibility())
  .map(element => [element.outerHTML.slice(0, 80), element.getBoundingClientRect()])
  .filter(([, box]) => Math.min(box.width, box.height) < 24)
  .map(([html, box]) => `${html}: ${box.width.toFixed(1)} x ${box.height.toFixed(1)}`)
"""

# Lists the elements that the Tab key must reach, in reading order.
STOPS = """
() => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]")]
  .filter(element => element.tabIndex >= 0 && !element.disabled && element.checkVisibility({visibilityProperty: true}))
  .map(element => element.outerHTML.slice(0, 200))
"""
# The browser continues from the element that had the focus last, even after that has lost it.
START_AT_THE_TOP = """
() => {
  getSelection().removeAllRanges();
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute("tabindex");
  scrollTo({top: 0, behavior: "instant"});  // a key would scroll at some later moment
}
"""
FOCUSED = """
() => {
  const element = document.activeElement, style = getComputedStyle(element), box = element.getBoundingClientRect();
  const marked = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const seen = box.right > 0 && box.left < innerWidth && box.bottom > 0 && box.top < innerHeight;
  return [element.outerHTML.slice(0, 200), marked, seen];
}
"""


def visit(scenario: Scenario, cell: Cell, open_page: OpenPage) -> Page:
    """Open the page with the options of this cell. A page that reloads itself is kept as it is."""
    page = open_page(
        scenario.path,
        viewport=viewport(cell),
        color_scheme=cell.scheme,
        java_script_enabled=cell.java_script,
        reduced_motion="reduce",  # nothing is measured while it moves
    )
    if scenario.tries_again:
        page.route("**/*", _stay)
    scenario.arrive(page)
    return page


def viewport(cell: Cell) -> ViewportSize:
    return {"width": cell.width, "height": 740}


def _stay(route: Route) -> None:
    if route.request.is_navigation_request():
        route.fulfill(status=204)  # the browser keeps the page it has
    else:
        route.continue_()


def axe_findings(page: Page, *, java_script: bool, without: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """Return the violations that axe-core finds: rule and element."""
    if not java_script:
        page.evaluate(TIMERS_FOR_AXE)
    found: Any = Axe().run(page, options=AXE_OPTIONS).response["violations"]
    return [(one["id"], one["nodes"][0]["html"]) for one in found if one["id"] not in without]


def walk_by_keyboard(page: Page) -> None:
    """Tab reaches every control in reading order, with a visible focus, and leaves the page again."""
    stops = page.evaluate(STOPS)
    page.evaluate(START_AT_THE_TOP)
    for stop in stops:
        page.keyboard.press("Tab")
        assert page.evaluate(FOCUSED) == [stop, True, True]
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.outerHTML.slice(0, 200)") != stops[-1], "Tab does not leave"


def unfold_by_keyboard(page: Page) -> None:
    """Enter and Space open the folded rows and fold them again."""
    for key in ("Enter", "Space"):
        page.locator("summary").focus()
        oldest = page.locator("details li").last
        expect(oldest).to_be_hidden()
        page.keyboard.press(key)
        expect(oldest).to_be_visible()
        page.keyboard.press(key)


@pytest.mark.parametrize(
    ("scenario", "cells"),
    visits(SCENARIOS, full=os.environ.get("MATRIX") == "full"),
    ids=lambda value: str(value if isinstance(value, Scenario) else value[0]),
)
def test_it_can_be_read_and_used(
    open_page: OpenPage,
    standin: StandIn,
    settings: Any,
    subtests: pytest.Subtests,
    scenario: Scenario,
    cells: tuple[Cell, ...],
) -> None:
    scenario.prepare(standin, settings)
    page = visit(scenario, cells[0], open_page)
    for cell in cells:
        with subtests.test(str(cell)):
            page.set_viewport_size(viewport(cell))
            page.emulate_media(color_scheme=cell.scheme)
            check(page, scenario, cell)


def check(page: Page, scenario: Scenario, cell: Cell) -> None:
    """Make the checks that every page must pass, on an open page with the options of this cell."""
    assert tuple(page.evaluate(SHOWN)) == scenario.shown
    expect(page.locator("h1")).to_have_count(1)
    assert page.locator("h1").inner_text().strip()
    has_stage = page.locator("main[data-stage]:not([data-stage=''])").count()
    expect(page.locator("[aria-current=step]")).to_have_count(has_stage)
    assert not settled(page).evaluate(WIDER_THAN_THE_SCREEN)
    assert page.evaluate(SMALL_CONTROLS) == []
    # Without JavaScript a visitor cannot stop the page that tries again by itself. The page says so, and it has
    # nothing long to read that a reload would interrupt.
    allowed = ("meta-refresh",) if scenario.tries_again and not cell.java_script else ()
    assert axe_findings(page, java_script=cell.java_script, without=allowed) == []
    if cell.keyboard:
        walk_by_keyboard(page)
        if page.locator("summary").count():
            unfold_by_keyboard(page)


def test_every_pair_of_options_occurs() -> None:
    """Checked over the scenarios that are really opened, not only over the eight cells."""
    shown = {cell for _, cells in visits(SCENARIOS, full=False) for cell in cells}
    for first, second in combinations(range(4), 2):
        pairs = {(astuple(cell)[first], astuple(cell)[second]) for cell in shown}
        assert len(pairs) == 4, (first, second, pairs)


def test_the_full_matrix_has_each_screen_with_each_scheme_and_script() -> None:
    shown = [(scenario, cell) for scenario, cells in visits(SCENARIOS, full=True) for cell in cells]
    assert sorted(map(str, shown)) == sorted(map(str, product(SCENARIOS, EVERY_CELL)))
