"""A real Chromium in front of the site, which runs in this process and asks the stand-in for Japan Post."""

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
    """What we use of pytest-django's."""

    url: str


OpenPage = Callable[..., Page]

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
TIMEOUT = 60_000  # milliseconds; a busy machine is no failure
expect.set_options(timeout=TIMEOUT / 2)


@pytest.fixture
def widest_dates(noon: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every day of a story is printed as the one that takes most room, today too: what fits now fits on every day."""
    monkeypatch.setattr("tracking.journey.progress.long_date", lambda day: long_date(WIDEST_DAY))


@dataclass
class Troubles:
    """What no page may have: errors on the console, failed requests, requests to others, dialogs."""

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
        # Chromium also complains about each 404; whether a page may be one is said below.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.found.append(f"console: {message.text}")

    def _on_request(self, request: Request) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.site).netloc:
            self.found.append(f"asked somebody else: {request.url}")

    def _on_failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # we went on to the next page before the icon had come
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
        # Playwright keeps an event loop in this thread, which Django takes for asynchronous code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with launched(playwright) as chromium:
            yield chromium


@pytest.fixture
def open_page(browser: Browser, live_server: LiveServer) -> Iterator[OpenPage]:
    """Opens a page of the site in a context of its own: `open_page("/contact/", java_script_enabled=False)`."""
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
    """A new member of staff in these groups."""
    user = User.objects.create_user("ann", is_staff=True)
    user.groups.set(Group.objects.filter(name__in=groups))
    return user


def enter(page: Page, user: User, path: str = "/admin/") -> None:
    """Open a page of the desk with the session of this user. The form before it has tests of its own (`log_in`)."""
    client = Client()
    client.force_login(user)
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": client.session.session_key}
    page.context.add_cookies([{**cookie, "url": urljoin(page.url, "/")}])
    page.goto(path)


LAYOUT = """
() => {
  const root = document.documentElement;
  const isThere = document.fonts.status === "loaded" && [...document.images].every(image => image.complete);
  return [isThere, innerWidth, root.scrollWidth, root.scrollHeight, Math.round(scrollY), document.getAnimations().length];
}
"""


def settled(page: Page) -> Page:
    """The page once it can be measured: style, fonts and pictures have come, the window has its size, nothing moves."""
    page.wait_for_load_state()
    width = page.viewport_size["width"] if page.viewport_size else None
    before = None
    while (now := page.evaluate(LAYOUT)) != before or not now[0] or now[1] != (width or now[1]) or now[-1]:
        before = now
        page.wait_for_timeout(20)
    return page


def scroll_width(page: Page) -> int:
    """What the page needs from left to right; more than the window has, and it scrolls sideways."""
    return int(settled(page).evaluate("document.documentElement.scrollWidth"))


def stop_clock(page: Page) -> None:
    """However long the machine takes, no time passes on the pages that follow but what the test turns forward."""
    page.clock.install(time=0)
    page.clock.pause_at(1)


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the focus is there, as somebody without a mouse does."""
    for _ in range(30):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the Tab key does not lead to {target}")


def add_style(page: Page, css: str) -> None:
    """What a visitor's own settings do to a page. A style element would be refused, as our policy asks."""
    page.evaluate(
        """css => {
            const sheet = new CSSStyleSheet();
            sheet.replaceSync(css);
            document.adoptedStyleSheets.push(sheet);
        }""",
        css,
    )
