"""The pictures of `make tour`: small files with a true description, and the page that shows them."""

from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser

from tests.browser.conftest import LiveServer
from tests.support.standin import StandIn
from tests.tools.tour import LARGE, MISTYPED, PHONE, STOPS, Picture, as_markdown, take_picture
from tracking.japanpost.examples import all_examples, get_example

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("widest_dates")]


def test_the_twelve_stops_use_parcels_that_the_stand_in_knows() -> None:
    assert len({stop.name for stop in STOPS}) == len({stop.heading for stop in STOPS}) == 12
    assert {stop.number for stop in STOPS} <= {example.number for example in all_examples()} | {MISTYPED}
    assert sum(stop.large for stop in STOPS) == 3
    assert sum(stop.dark for stop in STOPS) == 1


def test_a_picture_is_small_and_says_what_it_shows(
    browser: Browser, live_server: LiveServer, standin: StandIn, tmp_path: Path
) -> None:
    number, file = get_example("retention").number, tmp_path / "kept.png"
    taken = take_picture(browser, live_server.url, number, file, PHONE, "dark")
    assert taken == Picture(
        "img/tour/kept.png",
        "On a phone, in dark colours, “Your parcel is waiting for you”, step 4 of 5, please act",
    )
    with Image.open(file) as image:
        assert (image.size, image.mode) == ((360, 640), "P")
    taken = take_picture(browser, live_server.url, MISTYPED, file, LARGE, "light")
    assert taken.alt == "On a large screen, “One digit looks mistyped”"
    assert file.stat().st_size < 40_000


def test_the_page_has_each_picture_under_its_heading() -> None:
    pictures = {stop.name: [Picture(f"img/tour/{stop.name}.png", f"shows {stop.name}")] for stop in STOPS}
    page = as_markdown(STOPS, pictures)
    for stop in STOPS:
        picture = f"![shows {stop.name}](img/tour/{stop.name}.png)"
        assert f"## {stop.heading}\n\n{picture}\n\n{stop.why}\n" in page
