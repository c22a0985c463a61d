"""The weight of a page as the benchmark measures it: requests, bytes, other hosts, layout shift."""

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import LiveServer
from tests.support.standin import StandIn
from tests.support.standin.server import SEARCH_PATH
from tests.support.stories import IN_CUSTOMS, NUMBER, POSTED, story
from tests.tools.weight import Weight, weigh

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("widest_dates")]

OTHER = "EN123456785JP"
SHIFTING = """<p style="height: 300px">Text</p>
<script>
  addEventListener("load", () => requestAnimationFrame(() => requestAnimationFrame(() => {
    const late = document.createElement("div");
    late.style.height = "200px";
    document.body.prepend(late);
  })));
</script>"""


def test_our_pages_ask_no_other_host_and_do_not_shift(
    browser: Browser, live_server: LiveServer, standin: StandIn
) -> None:
    for number in (NUMBER, OTHER):
        standin.set_item(number, story(POSTED, IN_CUSTOMS, number=number))
    for page in (f"/track/{NUMBER}/", f"/track/?number={NUMBER},{OTHER}"):
        weight = weigh(browser, f"{live_server.url}{page}")
        assert 2 <= weight.requests <= 5  # the page and its style at least
        assert 1_000 < weight.bytes < 60_000  # this server compresses only the page
        assert (weight.third_parties, weight.layout_shift) == ((), 0)


def weigh_page(browser: Browser, standin: StandIn, page: str) -> Weight:
    """Return the weight of a page with this content and without an icon to request."""
    standin.set_page(NUMBER, f"<!doctype html><title>Page</title><link rel='icon' href='data:,'>{page}")
    return weigh(browser, f"{standin.url}{SEARCH_PATH}?reqCodeNo1={NUMBER}&locale=en")


def test_requests_to_other_hosts_are_listed(browser: Browser, standin: StandIn) -> None:
    elsewhere = standin.url.replace("127.0.0.1", "localhost")
    alone = weigh_page(browser, standin, "Text")
    both = weigh_page(browser, standin, f"Text<img src='{elsewhere}/a.png'>")
    assert alone.third_parties == ()
    assert both.third_parties == (elsewhere.removeprefix("http://"),)
    assert both.requests == alone.requests + 1


def test_bytes_are_counted_as_they_are_sent(browser: Browser, standin: StandIn) -> None:
    small, large = (weigh_page(browser, standin, "x" * size) for size in (1_000, 51_000))
    assert 50_000 <= large.bytes - small.bytes < 51_000


def test_a_layout_shift_is_measured(browser: Browser, standin: StandIn) -> None:
    assert weigh_page(browser, standin, SHIFTING).layout_shift > 0.05
    assert weigh_page(browser, standin, "Text").layout_shift == 0
