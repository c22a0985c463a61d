"""Japan Post's health in a browser: Support sees how they answer, Editors are refused, no chart needs its colors."""

from datetime import timedelta
from itertools import product

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page, expect

from tests.browser.conftest import SCHEMES, OpenPage, enter, member, scroll_width
from tests.browser.staff.test_desk import status_of
from tests.support.stories import NUMBER
from tracking.models import Fetch, Gate, KeptPage, Shipment
from tracking.models.shipments import Outcome
from tracking.staff.access import groups

pytestmark = pytest.mark.browser

PAGE = "/admin/tracking/gate/"


@pytest.fixture
def a_month_of_requests(live_server: object, noon: None) -> None:
    """Store a month of requests with every outcome, a day without a request, and a pause now."""
    now, parcel = timezone.now(), Shipment.objects.create(number=NUMBER)
    fetches = []
    for back in range(700):
        if 30 <= back < 60:
            continue
        at = now - timedelta(hours=back)
        for count, outcome in enumerate(Outcome):
            times = 1 + (back * 7 + count * 3) % (30 if outcome == Outcome.TRACKED else 5)
            for n in range(0 if back % 6 == 5 else times):
                fetches.append(
                    Fetch(
                        shipment=parcel,
                        started_at=at - timedelta(minutes=n),
                        milliseconds=250 + 60 * n,
                        outcome=outcome,
                    )
                )
    Fetch.objects.bulk_create(fetches)
    Gate.objects.create(
        pk=1,
        failures_in_a_row=5,
        paused_since=now,
        paused_until=now + timedelta(minutes=5),
        pause_reason="HTTP 503",
    )
    KeptPage.objects.keep(
        html="<b>page</b>", number=NUMBER, kind="cut", reason="cut: the page ends in '<td>'", kept_at=now
    )


def open_health(open_page: OpenPage, group: str = groups.SUPPORT, **context: object) -> Page:
    page = open_page(**context)
    enter(page, member(group))
    with page.expect_navigation():
        page.get_by_role("link", name="Japan Post's health", exact=True).click()
    expect(page.get_by_role("heading", name="Japan Post's health")).to_be_visible()
    return page


def test_support_finds_and_reads_the_numbers_without_javascript(
    open_page: OpenPage, a_month_of_requests: None
) -> None:
    page = open_health(open_page, java_script_enabled=False)
    expect(page.get_by_text("Japan Post has not answered since")).to_be_visible()
    expect(page.get_by_text("Pausing: customers see the stored stories.")).to_be_visible()
    expect(page.get_by_role("img", name="Requests to Japan Post by hour")).to_be_visible()
    expect(page.get_by_role("img", name="Seconds until Japan Post answered, by day")).to_be_visible()
    page.get_by_text("The numbers by day").click()
    numbers = page.get_by_role("region", name="The numbers by day")
    expect(numbers.get_by_role("row")).to_have_count(31)
    asked = sum(map(int, numbers.locator("tbody td:nth-of-type(1)").all_inner_texts()))
    oldest_day = (timezone.now() + timedelta(hours=9)).replace(hour=0, minute=0, second=0, microsecond=0)
    begins = oldest_day - timedelta(days=29, hours=9)
    assert asked == Fetch.objects.filter(started_at__gte=begins).count() > 1000
    expect(page.get_by_text("cut: the page ends in '<td>'")).to_be_visible()
    expect(page.get_by_role("link", name=NUMBER)).to_have_count(0)


def test_editors_have_no_link_and_get_a_403(open_page: OpenPage) -> None:
    page = open_page()
    enter(page, member(groups.EDITORS))
    expect(page.get_by_role("link", name="Phrases", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Japan Post's health")).to_have_count(0)
    assert status_of(page, PAGE) == 403


def test_it_fits_and_axe_finds_nothing(
    open_page: OpenPage, a_month_of_requests: None, subtests: pytest.Subtests
) -> None:
    page = open_health(open_page)
    for summary in page.locator("summary:has-text('The numbers')").all():
        summary.click()
    for width, scheme in product((390, 1280), SCHEMES):
        with subtests.test(f"{width}-{scheme}"):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            assert scroll_width(page) <= width
            for word in page.locator("svg.chart").first.locator("text").all():
                box = word.bounding_box()
                assert box and box["x"] >= 0 and box["x"] + box["width"] <= width and box["height"] >= 10
            found = Axe().run(page, context=["#content-main", "#footer"])
            assert not found.response["violations"], found.generate_report()


def test_layers_differ_by_more_than_their_color(open_page: OpenPage, a_month_of_requests: None) -> None:
    page = open_health(open_page)
    patterns = page.locator(".legend .bar rect:last-child").evaluate_all(
        "all => all.map(one => document.querySelector(one.getAttribute('fill').match(/#[^)]*/)[0])?.innerHTML ?? '')"
    )
    assert len(set(patterns)) == len(Outcome) and patterns.count("") == len(patterns) // len(Outcome)


def test_an_empty_store_shows_no_charts(open_page: OpenPage, live_server: object) -> None:
    page = open_health(open_page)
    expect(page.get_by_text("We have not asked Japan Post today.")).to_be_visible()
    expect(page.locator("svg.chart")).to_have_count(0)
    assert not Axe().run(page, context="#content-main").response["violations"]
