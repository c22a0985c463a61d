"""The Content-Security-Policy in a real browser: no page breaks it, the desk's included, and tests notice a break."""

from collections import deque
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.urls import resolve
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import LiveServer, OpenPage, Troubles, enter
from tests.project.test_headers import POLICY
from tests.support.standin import StandIn
from tests.support.stories import IN_CUSTOMS, NUMBER, POSTED, story
from tracking.fetching.lookup import look_up
from tracking.models import KeptPage, Message, Notice, Shop

pytestmark = pytest.mark.browser

LINKS = "[...document.querySelectorAll('a[href]')].map(link => link.href)"
# Views that no link leads to or that are no pages: downloads, answers to a script, forms that only a button sends.
NO_PAGES = {
    "logout",
    "jsi18n",
    "autocomplete",
    "view_on_site",
    "tracking_wording_csv",
    "tracking_shipment_evidence_csv",
}


def as_superuser(open_page: OpenPage) -> Page:
    page = open_page()
    enter(page, User.objects.create_superuser("ann", password="a long password"))
    expect(page.get_by_role("heading", name="What waits for you")).to_be_visible()
    return page


def store_one_row_of_each_kind(standin: StandIn) -> None:
    """Store a row of each kind, so that each kind of page exists."""
    standin.set_item(NUMBER, story(POSTED, IN_CUSTOMS, "Something new @ GERMANY"))
    look_up(NUMBER, now=timezone.now() - timedelta(hours=2))
    Message.objects.create(
        name="Ann", email="ann@example.com", number=NUMBER, text="Where?", created_at=timezone.now()
    )
    Notice.objects.create(title="A strike", starts_on=timezone.now().date() - timedelta(days=2))
    page = '<style>p { color: red }</style><p style="color: red" onclick="alert(1)"><script>alert(1)</script></p>'
    KeptPage.objects.keep(
        html=page, number=NUMBER, kind="no table", reason="no table", kept_at=timezone.now()
    )
    Shop.objects.update(accent_color="#0b6e4f")


def kind_of(address: str) -> str:
    """Return the name of the view at this address; it is the same for each row of a list."""
    return resolve(urlsplit(address).path).view_name.removeprefix("admin:")


def walk(page: Page, start: str) -> set[str]:
    """Follow every link to a kind of page that was not opened yet. Returns the kinds that were opened."""
    waiting, seen = deque([start]), set()
    while waiting:
        address = waiting.popleft()
        kind = kind_of(address)
        if kind in seen or kind in NO_PAGES:
            continue
        answer = page.goto(address.partition("?")[0] if kind.endswith("_changelist") else address)
        assert answer is not None and answer.status == 200, address
        seen.add(kind)
        page.wait_for_load_state()
        desk = [
            link for link in page.evaluate(LINKS) if urlsplit(link).path.startswith(f"/{settings.ADMIN_PATH}")
        ]
        waiting.extend(link for link in desk if "csv" not in link)
    return seen


def test_no_page_of_the_desk_breaks_the_policy(open_page: OpenPage, standin: StandIn) -> None:
    store_one_row_of_each_kind(standin)
    page = as_superuser(open_page)
    seen = walk(page, "/admin/")
    for kind in ("status", "phrase", "notice", "destination", "shipment", "message", "shop", "keptpage"):
        assert {f"tracking_{kind}_changelist", f"tracking_{kind}_change"} <= seen
    assert {
        "tracking_status_preview",
        "tracking_status_history",
        "tracking_shipment_evidence",
        "tracking_shipment_register",
        "tracking_wording_import",
        "auth_user_change",
        "auth_user_password_change",
        "password_change",
    } <= seen


def test_the_desks_widgets_work_under_the_policy(open_page: OpenPage) -> None:
    page = as_superuser(open_page)
    page.goto("/admin/tracking/notice/add/")
    page.locator(".field-starts_on a").filter(has_text="Today").click()
    expect(page.locator("#id_starts_on")).not_to_have_value("")
    page.locator(".field-ends_on a .date-icon").click()
    calendar = page.locator(".calendarbox").locator("visible=true")
    calendar.get_by_role("link", name="15", exact=True).click()
    expect(page.locator("#id_ends_on")).not_to_have_value("")
    expect(calendar).to_have_count(0)
    page.locator(".field-destination .select2-selection").click()
    page.locator(".select2-search__field").fill("Franc")
    page.get_by_role("option", name="France", exact=True).click()
    expect(page.locator(".field-destination .select2-selection")).to_contain_text("France")
    page.goto("/admin/auth/group/add/")
    page.locator("#id_permissions_from option").first.dblclick()
    expect(page.locator("#id_permissions_to option")).to_have_count(1)


def test_the_policy_lets_a_mail_link_open(open_page: OpenPage) -> None:
    Shop.objects.update(email="shop@example.com")
    page = open_page("/contact/")
    opened = page.evaluate(
        """() => new Promise(answer => {
            document.addEventListener("click", event => { answer(event.target.href); event.preventDefault() });
            document.querySelector("a[href^='mailto:']").click();
        })"""
    )
    assert opened == "mailto:shop@example.com"


@pytest.mark.parametrize(
    "break_it",
    [
        "document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">Red</p>')",
        "document.body.insertAdjacentHTML('beforeend', '<img src=/static/img/favicon.svg onload=\"alert(1)\">')",
        "document.head.append(Object.assign(document.createElement('style'), {textContent: 'p { color: red }'}))",
        "document.head.append(Object.assign(document.createElement('script'), {textContent: 'alert(1)'}))",
        "document.head.append(Object.assign(document.createElement('base'), {href: 'https://example.com/'}))",
        "document.body.append(Object.assign(document.createElement('iframe'), {src: '/'}))",
    ],
)
def test_a_break_is_noticed(browser: Browser, live_server: LiveServer, break_it: str) -> None:
    """`open_page` watches for it in every browser test, under the policy of production."""
    troubles = Troubles(live_server.url)
    page = browser.new_page(base_url=live_server.url)
    troubles.watch(page)
    answer = page.goto("/examples/in-customs/")
    assert answer is not None
    assert set(answer.headers["content-security-policy"].split("; ")) == POLICY
    assert troubles.found == []
    with page.expect_event("console"):
        page.evaluate(break_it)
    page.close()
    assert any("Content Security Policy" in trouble for trouble in troubles.found), troubles.found
