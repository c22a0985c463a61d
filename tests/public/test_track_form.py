"""The form `/track/?number=…` and the path of Japan Post's own address: redirects, explanations, and lists."""

import pytest
from lxml import html

from tests.support.stories import ARRIVED, DELIVERED, NUMBER, POSTED, story
from tracking.models import Notice
from tracking.values.places import japans_day

OTHER = "EN123456785JP"

pytestmark = pytest.mark.django_db


def main_of(response):
    return html.fromstring(response.content.decode()).get_element_by_id("main")


def test_the_empty_page_has_the_form(client):
    response = client.get("/track/")
    assert response.status_code == 200
    assert main_of(response).xpath(".//form[@action='/track/']//input[@name='number']")


@pytest.mark.parametrize(
    "name", ["number", "tracking_number", "trackingNumber", "nums", "n", "reqCodeNo1", "requestNo1"]
)
def test_each_name_for_the_number_leads_to_its_page(client, name):
    response = client.get("/track/", {name: " em 123 456 785 jp. "})
    assert (response.status_code, response["Location"]) == (302, f"/track/{NUMBER}/")


def test_the_destination_and_anyway_are_kept(client):
    response = client.get("/track/", {"number": NUMBER, "to": "US", "anyway": "1", "utm": "x"})
    assert response["Location"] == f"/track/{NUMBER}/?to=US&anyway=1"


@pytest.mark.parametrize(("to", "kept"), [("us", "?to=US"), ('"><b>', ""), ("XX", ""), (" ", ""), (None, "")])
def test_the_lists_links_keep_the_destination(client, no_network, to, kept):
    asked = {"number": f"{NUMBER},{OTHER}"} | ({"to": to} if to else {})
    links = main_of(client.get("/track/", asked)).xpath(".//li//h2/a/@href")
    assert links == [f"/track/{NUMBER}/{kept}", f"/track/{OTHER}/{kept}"]


def test_the_number_is_found_inside_a_sentence(client):
    response = client.get("/track/", {"number": f"Your order 12345 has shipped with EMS. Number: {NUMBER}!"})
    assert response["Location"] == f"/track/{NUMBER}/"


def test_the_path_of_japan_posts_own_address_works_here(client):
    response = client.get(f"/services/srv/search/direct?reqCodeNo1={NUMBER}&searchKind=S004&locale=en")
    assert (response.status_code, response["Location"]) == (302, f"/track/{NUMBER}/")
    response = client.get(f"/services/srv/search/direct?reqCodeNo1={NUMBER}&reqCodeNo2={OTHER}", follow=True)
    assert len(main_of(response).find_class("parcel")) == 2
    response = client.get("/services/srv/search/direct")
    assert (response.status_code, "private" in response["Cache-Control"]) == (400, True)
    assert "The field was empty" in main_of(response).text_content()


def test_several_numbers_give_a_list(client, standin):
    standin.set_item(NUMBER, story(POSTED, ARRIVED))
    standin.set_item(OTHER, story(POSTED, DELIVERED, number=OTHER))
    response = client.get(
        "/track/", {"number": f"{NUMBER}, {OTHER}\nCN000000005JP EM123456789JP"}, follow=True
    )
    assert response.status_code == 200
    rows = [
        (row.get("data-number"), row.get("data-outcome"), row.get("data-stage"))
        for row in main_of(response).find_class("parcel")
    ]
    assert rows == [
        (NUMBER, "tracked", "3"),
        (OTHER, "tracked", "5"),
        ("CN000000005JP", "not-found", ""),
        ("EM123456789JP", "rejected", ""),
    ]
    assert "private" in response["Cache-Control"]
    assert response["Referrer-Policy"] == "no-referrer"


def test_the_list_has_the_notices_of_all_its_destinations_each_once(client, standin, noon):
    today = japans_day()
    for title, code in [("EMS is slow", None), ("Strike in Germany", "DE"), ("Strike in France", "FR")]:
        Notice.objects.create(title=title, destination_id=code, starts_on=today, ends_on=today)
    for number in (NUMBER, OTHER):
        standin.set_item(number, story(POSTED, ARRIVED, number=number))
    response = client.get("/track/", {"number": f"{NUMBER},{OTHER},CN000000005JP"})
    assert len(main_of(response).find_class("parcel")) == 3
    shown = [title.text_content() for title in main_of(response).find_class("notice-title")]
    assert sorted(one.strip() for one in shown) == ["EMS is slow", "Germany: Strike in Germany"]


def test_a_list_stays_within_the_visitors_time_budget(client, standin, time_ends_at_a_fault):
    standin.set_fault(None, "hang")
    numbers = ["EM700100317JP", "EM700204745JP", "EM700311585JP", "EM700466220JP"]
    response = client.get("/track/", {"number": ",".join(numbers)})
    rows = main_of(response).find_class("parcel")
    assert [row.get("data-outcome") for row in rows] == ["unavailable"] * 4
    assert len(standin.requests) == 1
    # No request was sent for the last number: its row says nothing about Japan Post, and the page soon reloads itself.
    assert "Japan Post does not answer" in rows[0].text_content()
    assert "We have not asked about this parcel yet" in rows[-1].text_content()
    assert '<meta http-equiv="refresh"' in response.content.decode()


def test_more_than_ten_numbers_are_refused_and_stay_in_the_field(client, standin):
    numbers = " ".join(f"EM{i:09d}JP" for i in range(11))
    response = client.get("/track/", {"number": numbers})
    assert response.status_code == 400
    assert "up to ten" in main_of(response).text_content()
    assert main_of(response).xpath("string(.//input[@name='number']/@value)") == numbers


@pytest.mark.parametrize(
    ("typed", "status", "words"),
    [
        ("", 400, "The field was empty"),
        ("   ", 400, "The field was empty"),
        ("hello", 404, "two letters, nine digits and two letters"),
        ("EM12345678JP", 404, "Yours has 8 digits"),
        ("EMI23456785JP", 404, "Did you mean"),
        ("123456789012", 404, "inside Japan"),
    ],
)
def test_text_that_is_no_number_is_explained_and_stays_in_the_field(client, standin, typed, status, words):
    response = client.get("/track/", {"number": typed})
    assert response.status_code == status
    assert words in main_of(response).text_content()
    assert main_of(response).xpath("string(.//input[@name='number']/@value)") == typed
    assert standin.requests == []


LONG_ANSWERS = {
    f"/services/srv/search/direct?reqCodeNo1={'a' * 3300}": 404,
    f"/services/srv/search/direct?reqCodeNo1={'%FF' * 2600}": 404,
    f"/services/srv/search/direct?reqCodeNo1={'a+' * 2000}": 404,
    f"/services/srv/search/direct?reqCodeNo1={','.join(f'EM{i:09d}JP' for i in range(140))}": 400,
    f"/track/{','.join(f'EM{i:09d}JP' for i in range(140))}": 400,
    f"/track/{','.join(f'EM{i:09d}JP' for i in range(140))}.json": 400,
    f"/track/?number={NUMBER}&to={'A' * 5000}": 302,
    f"/track/?number={NUMBER},{OTHER}+&to={'%FF' * 2600}": 302,
    f"/track/EM%20123456785JP?to={'A' * 7000}": 301,
    f"/track/EM%20123456785JP.json?stored={'1' * 7000}": 301,
    f"/track/?number={NUMBER}&anyway={'1' * 7000}": 302,
    f"/services/srv/search/direct?reqCodeNo1={NUMBER}{'+and' * 1500}": 302,
}


@pytest.mark.parametrize(("address", "status"), LONG_ANSWERS.items(), ids=range(len(LONG_ANSWERS)))
def test_no_redirection_of_a_look_up_carries_long_text(client, no_network, address, status):
    response = client.get(address)
    assert response.status_code == status
    assert len(response.get("Location", "")) < 200


@pytest.mark.parametrize("address", ["/services/srv/search/direct?reqCodeNo1=", "/track/"])
def test_too_many_numbers_of_a_link_stay_in_the_field(client, no_network, address):
    numbers = [f"EM{i:09d}JP" for i in range(11)]
    response = client.get(address + " ".join(numbers))
    assert response.status_code == 400
    assert "up to ten" in main_of(response).text_content()
    assert main_of(response).xpath("string(.//input[@name='number']/@value)") == " ".join(numbers)


@pytest.mark.parametrize(("sent", "kept"), [("us", "?to=US"), ("USA", ""), ("é1", ""), ("", "")])
def test_a_redirection_keeps_only_what_may_be_a_country(client, sent, kept):
    response = client.get("/track/", {"number": NUMBER, "to": sent, "anyway": "yes", "stored": "2"})
    assert response["Location"] == f"/track/{NUMBER}/{kept}"


def test_a_list_keeps_the_destination(client, standin):
    standin.set_item(NUMBER, story(POSTED))
    response = client.get(
        "/services/srv/search/direct/", {"reqCodeNo1": NUMBER, "reqCodeNo2": OTHER, "to": "US"}
    )
    assert response["Location"] == f"/track/?number={NUMBER},{OTHER}&to=US"
