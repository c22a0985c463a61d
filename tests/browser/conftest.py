"""A real Chromium that opens the site. The site runs in this process and asks the stand-in for Japan Post."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import urljoin, urlsplit

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.test import Client
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)

from tests.support.chromium import launched
from tests.support.stories import WIDEST_DAY
from tracking.journey.times import long_date


class LiveServer(Protocol):
    """The part of pytest-django's `live_server` that tests use."""

    url: str


OpenPage = Callable[..., Page]

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
TIMEOUT = 60_000  # milliseconds; long, so that a busy machine fails no test
expect.set_options(timeout=TIMEOUT / 2)


@pytest.fixture
def widest_dates(noon: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Print every date of a story as the widest one, today too: what fits now fits on every day."""
    monkeypatch.setattr("tracking.journey.progress.long_date", lambda day: long_date(WIDEST_DAY))


@dataclass
class Troubles:
    """What no page may have: errors on the console, failed requests, requests to other hosts, dialogs."""

    site: str
    found: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.found.append(f"error in a script: {error}"))
        page.on("request", self._on_request)
        page.on("requestfailed", self._on_failed)
        page.on("response", self._on_response)
        page.on("dialog", self._on_dialog)

    def _on_console(self, message: ConsoleMessage) -> None:
        # Chromium also reports each 404; `_on_response` decides whether it is a trouble.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.found.append(f"console: {message.text}")

    def _on_request(self, request: Request) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.site).netloc:
            self.found.append(f"request to another host: {request.url}")

    def _on_failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the test left the page before its icon was loaded
            self.found.append(f"{request.failure}: {request.url}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400 and not response.request.is_navigation_request():
            self.found.append(f"{response.status}: {response.url}")

    def _on_dialog(self, dialog: Any) -> None:
        self.found.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread, so Django takes this code for asynchronous code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with launched(playwright) as chromium:
            yield chromium


@pytest.fixture
def open_page(browser: Browser, live_server: LiveServer) -> Iterator[OpenPage]:
    """Return a function that opens a page of the site in a new browser context, with options of that context:
    `open_page("/contact/", java_script_enabled=False)`. At the end of the test no page may have had troubles.
    """
    troubles = Troubles(live_server.url)
    contexts = []

    def open_(path: str = "/", **options: Any) -> Page:
        context = browser.new_context(base_url=live_server.url, **options)
        contexts.append(context)
        context.set_default_timeout(TIMEOUT)
        page = context.new_page()
        troubles.watch(page)
        page.goto(path)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert troubles.found == []


def member(*groups: str) -> User:
    """Create a member of staff in these groups."""
    user = User.objects.create_user("ann", is_staff=True)
    user.groups.set(Group.objects.filter(name__in=groups))
    return user


def enter(page: Page, user: User, path: str = "/admin/") -> None:
    """Open a page of the desk with a session of this user. The log-in form has its own tests (`log_in`)."""
    client = Client()
    client.force_login(user)
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": client.session.session_key}
    page.context.add_cookies([{**cookie, "url": urljoin(page.url, "/")}])
    page.goto(path)


LAYOUT = """
() => {
  const root = document.documentElement;
  const isThere = document.fonts.status === "loaded" && [...document.images].every(image => image.complete);
  const moving = document.getAnimations().length;
  return [isThere, innerWidth, root.scrollWidth, root.scrollHeight, Math.round(scrollY), moving];
}
"""


def settled(page: Page) -> Page:
    """Wait until the page can be measured: fonts and pictures are loaded, the window has its size, nothing moves.

    Returns the same page.
    """
    page.wait_for_load_state()
    width = page.viewport_size["width"] if page.viewport_size else None
    before = None
    while (now := page.evaluate(LAYOUT)) != before or not now[0] or now[1] != (width or now[1]) or now[-1]:
        before = now
        page.wait_for_timeout(20)
    return page


def scroll_width(page: Page) -> int:
    """Return the width of the page's content in pixels. More than the window's width: the page scrolls sideways."""
    return int(settled(page).evaluate("document.documentElement.scrollWidth"))


def stop_clock(page: Page) -> None:
    """Stop the clock of the pages that open next. Only the test moves it, however slow the machine is."""
    page.clock.install(time=0)
    page.clock.pause_at(1)


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus, as a visitor without a mouse does.

    Raises AssertionError after 30 presses.
    """
    for _ in range(30):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the Tab key does not lead to {target}")


def add_style(page: Page, css: str) -> None:
    """Add CSS to the page, as a visitor's own settings do. Our policy would refuse a style element."""
    page.evaluate(
        """css => {
            const sheet = new CSSStyleSheet();
            sheet.replaceSync(css);
            document.adoptedStyleSheets.push(sheet);
        }""",
        css,
    )
