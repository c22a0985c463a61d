"""The shop's accent color: which colors are readable, and how a page gets the color."""

import re

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from tests import PROJECT
from tracking.values import colors

SHEET = (PROJECT / "static/css/site.css").read_text(encoding="utf-8")
any_color = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def test_contrast_is_as_wcag_defines_it():
    assert colors.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert colors.contrast("#777777", "#777777") == 1
    assert colors.contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


def test_the_paper_colors_are_those_of_the_stylesheet():
    values = re.findall(r"--(paper|card): (#[0-9a-f]{6})", SHEET)
    assert values == [
        ("paper", colors.LIGHT_PAPERS[0]),
        ("card", colors.LIGHT_PAPERS[1]),
        ("paper", colors.DARK_PAPERS[0]),
        ("card", colors.DARK_PAPERS[1]),
    ]
    assert re.findall(r"--on-accent: (#[0-9a-f]{6})", SHEET) == [colors.ON_LIGHT, colors.ON_DARK]


@given(any_color)
def test_every_color_has_a_similar_color_that_can_be_read(color):
    dark, light = colors.darkened(color), colors.lightened(color)
    assert colors.can_be_read(dark)
    assert (dark == color) == colors.can_be_read(color)
    assert min(colors.contrast(light, paper) for paper in (*colors.DARK_PAPERS, colors.ON_DARK)) >= 4.5


@pytest.mark.django_db
def test_the_next_page_links_a_stylesheet_with_the_shops_color(client, shop):
    client.get("/")
    shop.accent_color = "#0B6E4F"
    shop.full_clean()
    shop.save()
    page = html.fromstring(client.get("/").content.decode())
    (address,) = page.xpath("//link[@rel='stylesheet' and contains(@href, 'accent')]/@href")
    assert address == "/accent-0b6e4f.css"
    response = client.get(address)
    assert "--accent:#0b6e4f;" in response.content.decode()
    assert "prefers-color-scheme:dark" in response.content.decode()
    assert response["Content-Type"] == "text/css; charset=utf-8"
    assert "immutable" in response["Cache-Control"]
    assert not page.xpath("//style | //@style")


@pytest.mark.django_db
def test_without_a_shop_color_no_page_links_a_color_stylesheet(client):
    assert "accent-" not in client.get("/").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("color", "words"),
    [
        ("#ffcc00", "too light to read on a white page. Near it and dark enough: #7a6200"),
        ("red", "six digits"),
        ("#12345g", "six digits"),
    ],
)
def test_an_unusable_color_is_refused_with_a_hint(shop, color, words):
    shop.accent_color = color
    with pytest.raises(ValidationError, match=words):
        shop.full_clean()


@pytest.mark.parametrize("address", ["/accent-ffcc00.css", "/accent-xyz.css", "/accent-0b6e4f0.css"])
@pytest.mark.django_db
def test_no_other_color_address_gives_a_stylesheet(client, address):
    assert client.get(address).status_code == 404
