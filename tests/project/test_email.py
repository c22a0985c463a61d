"""`docs/email.md`: the links and the markup that a shop copies into its mails work unchanged."""

import json
import re
from datetime import datetime
from urllib.parse import urlsplit

import pytest
from django.urls import resolve

from tests import PROJECT
from tracking.values.numbers import diagnose

TEXT = (PROJECT / "docs" / "email.md").read_text(encoding="utf-8")
OUR_LINKS = sorted(set(re.findall(r"https://track\.example\.com[^\s\"<)`]*", TEXT)))
PATHS = sorted(set(re.findall(r"`(/[^`]*)`", TEXT)))


def markup():
    """The JSON-LD of the document, parsed."""
    (block,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', TEXT, re.DOTALL)
    return json.loads(block)


def test_there_are_addresses_to_check():
    assert OUR_LINKS and PATHS


@pytest.mark.parametrize("link", OUR_LINKS)
def test_every_link_leads_straight_to_the_tracking_page(link):
    match = resolve(urlsplit(link).path)
    assert match.url_name == "shipment"
    assert diagnose(match.kwargs["number"]) is None
    assert re.fullmatch(r"to=[A-Z]{2}", urlsplit(link).query)


@pytest.mark.parametrize("path", PATHS)
def test_every_path_is_served_by_the_site(path):
    assert resolve(urlsplit(path).path).url_name == "japan_post_address"


def test_the_markup_is_a_parcel_delivery_with_our_address():
    parcel = markup()
    assert (parcel["@context"], parcel["@type"]) == ("https://schema.org", "ParcelDelivery")
    assert parcel["trackingUrl"] in OUR_LINKS
    assert resolve(urlsplit(parcel["trackingUrl"]).path).kwargs["number"] == parcel["trackingNumber"]


def test_the_markup_has_all_that_gmail_requires():
    """The source of the rules, and of the smallest example, is Google's page:

    https://developers.google.com/workspace/gmail/markup/reference/types/ParcelDelivery
    """
    parcel = markup()
    assert (parcel["carrier"]["@type"], parcel["carrier"]["name"]) == ("Organization", "Japan Post")
    address = ("streetAddress", "addressLocality", "addressRegion", "postalCode", "addressCountry")
    assert all(parcel["deliveryAddress"][part] for part in address)
    assert datetime.fromisoformat(parcel["expectedArrivalUntil"]).utcoffset() is not None
    assert (parcel["itemShipped"]["@type"], bool(parcel["itemShipped"]["name"])) == ("Product", True)
    order = parcel["partOfOrder"]
    assert order["@type"] == "Order" and order["orderNumber"] and order["merchant"]["name"]
