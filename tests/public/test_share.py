"""The preview that a chat shows for a shared link: it says what kind of page it is, and nothing about the parcel."""

import pytest
from lxml import html

from tests.support.stories import ARRIVED, NUMBER, POSTED, story
from tracking.models import Status
from tracking.values.numbers import spaced

pytestmark = pytest.mark.django_db

MISTYPED = "EM123456784JP"
GENERAL = {
    "og:title": "Where is my parcel? · Our shop",
    "og:description": "Follow an EMS parcel from Japan, explained in plain words.",
    "og:type": "website",
    "og:site_name": "Our shop",
    "og:locale": "en_GB",
    "twitter:card": "summary",
}


def head_of(response):
    return html.fromstring(response.content.decode()).find("head")


def preview_of(response):
    """Return the contents of the meta elements that a link preview is made of, by name."""
    tags = head_of(response).xpath("meta[@property or @name='description' or starts-with(@name, 'twitter:')]")
    return {tag.get("property") or tag.get("name"): tag.get("content") for tag in tags}


def general_part(preview):
    return {name: text for name, text in preview.items() if name != "description"}


@pytest.mark.parametrize(
    ("address", "outcome"),
    [
        (f"/track/{NUMBER}/", "tracked"),
        ("/track/EN123456785JP/", "not-found"),
        (f"/track/{MISTYPED}/", "rejected"),
        (f"/track/{MISTYPED}/?anyway=1", "not-found"),
        (f"/track/?number={NUMBER},EN123456785JP", None),
        (f"/track/{NUMBER}x/", "rejected"),
        ("/examples/in-customs/", "tracked"),
        ("/examples/digit-error/", "rejected"),
    ],
)
def test_the_preview_of_a_tracking_page_has_no_number_and_no_place(client, standin, address, outcome):
    standin.set_item(NUMBER, story(POSTED, ARRIVED))
    response = client.get(address)
    main = html.fromstring(response.content.decode()).get_element_by_id("main")
    preview = preview_of(response)
    assert main.get("data-outcome") == outcome
    assert general_part(preview) == GENERAL
    for number in (NUMBER, MISTYPED, "EN123456785JP"):
        for secret in (number, spaced(number), number[2:11]):
            assert secret not in " ".join(preview.values())
    for place in ("Germany", "GERMANY", "customs", "arrived"):
        assert place not in " ".join(preview.values())


def test_the_preview_is_the_same_while_japan_post_does_not_answer(client, no_network):
    response = client.get(f"/track/{NUMBER}/")
    assert response.status_code == 503
    assert general_part(preview_of(response)) == GENERAL


def test_the_browsers_tab_has_the_headline(client, standin):
    standin.set_item(NUMBER, story(POSTED, ARRIVED))
    response = client.get(f"/track/{NUMBER}/")
    assert head_of(response).findtext("title") == "Your parcel has arrived in Germany · Our shop"


def test_the_guide_has_a_title_and_a_description_of_its_own(client, shop):
    preview = preview_of(client.get("/"))
    assert preview["og:title"] == f"{shop.guide_title} · {shop.name}"
    assert preview["og:description"] == preview["description"]
    assert shop.guide_introduction.startswith(preview["og:description"].rstrip("…"))


@pytest.mark.parametrize(
    ("address", "title"),
    [
        ("/track/", "Track your parcel · Our shop"),
        ("/contact/", "Contact us · Our shop"),
        (f"/contact/?number={NUMBER}", "Contact us · Our shop"),
        ("/examples/", "Example parcels · Our shop"),
        ("/nothing-here/", "Where is my parcel? · Our shop"),
    ],
)
def test_the_other_pages_have_their_own_titles(client, address, title):
    preview = preview_of(client.get(address))
    assert preview["og:title"] == title
    assert NUMBER not in " ".join(preview.values())


def test_staffs_words_cannot_break_out_of_the_tags(client, shop):
    shop.name = 'Tea "& more" <b>'
    shop.save()
    assert preview_of(client.get(f"/track/{MISTYPED}/"))["og:site_name"] == shop.name


def test_headlines_are_in_the_title_and_never_in_the_preview(client):
    for status in Status.objects.all():
        response = client.get(f"/examples/{status.example}/")
        headline = html.fromstring(response.content.decode()).xpath("string(//h1)")
        assert headline in head_of(response).findtext("title")
        assert headline not in " ".join(preview_of(response).values())
