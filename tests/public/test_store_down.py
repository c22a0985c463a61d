"""A store that cannot be used: each page is 503 with a sentence and `Retry-After`, and nothing typed is lost."""

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError, connection, transaction
from django.test import Client
from lxml import html

from tests.support.stories import NUMBER
from tests.support.trouble import locked, read_only, unreadable
from tracking.models import Notice
from tracking.values.store import is_state

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sqlite]
PAGES = [
    "/",
    f"/track/{NUMBER}/",
    f"/track/?number={NUMBER},EN123456785JP",
    "/contact/",
    "/examples/",
    "/nowhere",
]


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


def main_of(page):
    return html.fromstring(page.content.decode()).get_element_by_id("main")


@pytest.mark.parametrize("address", PAGES)
def test_a_store_that_is_down_is_503_with_a_sentence(client, address):
    with unreadable():
        page = client.get(address)
    assert (page.status_code, page["Retry-After"]) == (503, "60")
    assert "This says nothing about your parcel: it travels on all the same" in main_of(page).text_content()
    assert page["X-Robots-Tag"] == "noindex" and page["Referrer-Policy"] == "no-referrer"
    assert client.get(address).status_code in (
        200,
        404,
        503,
    )  # the store is back; Japan Post is not asked here


def test_the_page_links_to_japan_posts_page_of_the_parcel(client):
    with unreadable():
        (link,) = main_of(client.get(f"/track/{NUMBER}/")).xpath(".//a/@href")
        assert not main_of(client.get("/contact/")).xpath(".//a")
    assert link.startswith("https://trackings.post.japanpost.jp/") and NUMBER in link


@pytest.mark.parametrize("query", ["", "?stored=1"])
def test_the_json_keeps_its_shape(client, query):
    with unreadable():
        answer = client.get(f"/track/{NUMBER}.json{query}")
    assert (answer.status_code, answer["Retry-After"]) == (503, "60")
    assert answer.json() == {
        "number": NUMBER,
        "outcome": "unavailable",
        "headline": "We cannot look up new parcels at the moment",
        "events": [],
    }


def test_a_message_stays_on_the_page(client):
    typed = {"text": "Where is <it>?", "email": "ann@example.com"}
    with unreadable():
        page = client.post("/contact/", typed)
        foreign = client.post("/contact/", typed, headers={"origin": "https://other.example"})
    assert page.status_code == foreign.status_code == 503
    assert main_of(page).xpath("string(.//textarea)") == "Where is <it>?"
    assert "is it?" not in foreign.content.decode() and not main_of(foreign).xpath(".//textarea")


def test_staff_read_that_nothing_is_stored(client, monkeypatch):
    client.force_login(get_user_model().objects.create_superuser("ann"))
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.01)
    typed = {"title": "Strike", "text": "Two days"}
    for trouble in (locked, read_only, unreadable):
        connection.close()
        with trouble():
            page = client.post("/admin/tracking/notice/add/", typed)
        assert (page.status_code, page["Retry-After"]) == (503, "60")
        assert "go back, copy what you typed" in main_of(page).text_content()
    assert not Notice.objects.exists()


def test_a_faulty_statement_is_no_state_of_the_store():
    with pytest.raises(OperationalError) as faulty, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM no_such_table")
    with read_only(), pytest.raises(OperationalError) as unwritable, transaction.atomic():
        Notice.objects.create(title="Strike")
    assert (is_state(faulty.value), is_state(unwritable.value)) == (False, True)
    assert not is_state(None) and not is_state(ZeroDivisionError())
