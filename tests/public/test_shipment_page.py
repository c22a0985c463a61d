"""A parcel's page `/track/N/` and its JSON `/track/N.json`: what customers and programs get in every situation."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from lxml import html

from tests.support.stories import (
    ARRIVED,
    AT_EXCHANGE,
    DELIVERED,
    IN_CUSTOMS,
    NUMBER,
    POSTED,
    fresh_story,
    some_numbers,
    story,
)
from tracking.japanpost.records import TrackedItem
from tracking.models import Destination, Fetch, Gate, Notice, Phrase, Shipment, Status, Wording
from tracking.values.places import japans_day

PAGE, JSON = f"/track/{NUMBER}/", f"/track/{NUMBER}.json"

pytestmark = pytest.mark.django_db


def main_of(response):
    return html.fromstring(response.content.decode()).get_element_by_id("main")


def data_of(response):
    """Return the `data-` attributes that say the state of the page."""
    wanted = ("number", "outcome", "stage", "tone", "stale")
    return tuple(main_of(response).get(f"data-{name}") for name in wanted)


def make_stale():
    """Let the next look-up ask Japan Post again."""
    Shipment.objects.update(ask_again_at=timezone.now() - timedelta(minutes=1))


def test_it_says_where_the_parcel_is(client, standin):
    standin.set_item(NUMBER, story(POSTED, AT_EXCHANGE, ARRIVED, IN_CUSTOMS))
    response = client.get(PAGE)
    assert response.status_code == 200
    assert data_of(response) == (NUMBER, "tracked", "3", "wait", "false")
    main = main_of(response)
    assert main.xpath("string(.//h1)") == "Your parcel is with customs"
    assert "Step 3 of 5" in main.text_content()
    (current,) = main.xpath(".//li[@aria-current='step']")
    assert "Customs and arrival" in current.text_content()
    rows = [(e.get("data-phrase"), e.get("data-status")) for e in main.find_class("entry")]
    assert rows[0] == ("Held by import Customs", "customs-clearance")
    assert rows[-1] == ("Posting/Collection", "posting-collection")


def leave_advice_empty(slug):
    for wording in Wording.objects.filter(status__slug=slug):
        wording.what_to_do = ""
        wording.save()


def what_to_do(client, standin, *texts):
    """Return the lines of each advice box on the page of a parcel with these events."""
    standin.set_item(NUMBER, fresh_story(*texts))
    boxes = main_of(client.get(PAGE)).find_class("what-to-do")
    return [[line.text_content() for line in box.xpath("h2 | p")] for box in boxes]


def test_without_staffs_advice_the_day_to_collect_it_is_shown(client, standin):
    leave_advice_empty("retention")
    ((heading, day),) = what_to_do(client, standin, "Retention @ GERMANY")
    assert heading == "What to do now" and day.startswith("Collect it by about")


def test_without_staffs_advice_the_link_to_write_to_us_is_shown(client, standin):
    leave_advice_empty("investigation")
    assert what_to_do(client, standin, "Investigation") == [
        ["What to do now", "Write to us about this parcel"]
    ]


def test_with_nothing_to_do_there_is_no_advice_box(client, standin):
    leave_advice_empty("posting-collection")
    assert what_to_do(client, standin, POSTED) == []


def test_the_headers_keep_it_private(client, standin):
    standin.set_item(NUMBER, story(POSTED))
    response = client.get(PAGE)
    assert response["Referrer-Policy"] == "no-referrer"
    assert "private" in response["Cache-Control"]
    assert "noindex" in response["X-Robots-Tag"]
    assert not response.cookies


@pytest.mark.parametrize(
    ("after", "shown"),
    [
        ("En route @ GERMANY", ("4", "normal")),
        ("Delivery scan cancelled @ GERMANY", ("5", "wait")),
    ],
)
def test_an_event_after_a_delivery_shows_the_parcel_as_open(client, standin, after, shown):
    standin.set_item(NUMBER, story(POSTED, DELIVERED, after))
    response = client.get(PAGE)
    assert data_of(response)[2:4] == shown
    main = main_of(response)
    assert main.xpath(".//*[@data-live]")
    assert main.xpath("string(.//section[@aria-labelledby='normal'])")
    assert (str(client.get(JSON).json()["stage"]), client.get(JSON).json()["tone"]) == shown


def test_the_json_has_exactly_the_facts_of_the_page(client, standin):
    standin.set_item(NUMBER, story(POSTED, IN_CUSTOMS))
    response = client.get(JSON)
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    facts = response.json()
    assert facts.pop("last_checked").endswith("+00:00")
    assert facts == {
        "number": NUMBER,
        "outcome": "tracked",
        "stage": 3,
        "tone": "wait",
        "status": "customs-clearance",
        "headline": "Your parcel is with customs",
        "stale": False,
        "last_scan": "2026-11-10T09:00",
        "destination": "DE",
        "history_missing": False,
        "events": [
            {
                "local_time": "2026-11-09T09:00",
                "instant": "2026-11-09T09:00:00+09:00",
                "phrase": "Posting/Collection",
                "status": "posting-collection",
                "title": "The post office has your parcel",
                "details": "",
                "office": "",
                "region": "TOKYO",
                "postal_code": "",
            },
            {
                "local_time": "2026-11-10T09:00",
                "instant": "2026-11-10T09:00:00+01:00",
                "phrase": "Held by import Customs",
                "status": "customs-clearance",
                "title": "Your parcel is with customs",
                "details": "",
                "office": "",
                "region": "GERMANY",
                "postal_code": "",
            },
        ],
    }


def test_a_list_row_counts_as_one_event(client, standin):
    standin.set_item(NUMBER, story(DELIVERED, history_missing=True))
    facts = client.get(JSON).json()
    assert (facts["history_missing"], len(facts["events"])) == (True, 1)
    assert "newest status" in main_of(client.get(PAGE)).text_content()


def test_a_parcel_without_a_scan_is_404_and_explained_as_normal(client, standin):
    response = client.get(PAGE)
    assert response.status_code == 404
    assert data_of(response) == (NUMBER, "not-found", "", "", "false")
    assert "normal until the post office scans" in main_of(response).text_content()
    facts = client.get(JSON)
    assert facts.status_code == 404
    assert facts.json() == {
        "number": NUMBER,
        "outcome": "not-found",
        "headline": "Japan Post has nothing about this parcel yet",
        "events": [],
    }


def test_without_an_answer_and_a_story_the_page_is_503(client, standin):
    standin.set_fault(NUMBER, "maintenance", retry_after="300")
    response = client.get(PAGE)
    assert response.status_code == 503
    assert data_of(response) == (NUMBER, "unavailable", "", "", "false")
    assert 200 < int(response["Retry-After"]) <= 300
    assert "trackings.post.japanpost.jp" in response.content.decode()
    assert client.get(JSON).json()["outcome"] == "unavailable"


def test_during_a_pause_the_page_does_not_say_that_we_asked(client, standin):
    Gate.objects.create(
        pk=1,
        failures_in_a_row=5,
        paused_until=timezone.now() + timedelta(minutes=5),
        pause_reason="timed out",
    )
    response = client.get(PAGE)
    assert response.status_code == 503 and 200 < int(response["Retry-After"]) <= 300
    text = main_of(response).text_content()
    assert "We have not asked about your parcel yet" in text and "We asked" not in text
    assert "timed out" not in text
    assert standin.requests == []


def test_without_an_answer_the_stored_story_is_shown_with_its_age(client, standin):
    standin.set_item(NUMBER, story(POSTED))
    client.get(PAGE)
    make_stale()
    checked_at = timezone.now() - timedelta(hours=5)
    Shipment.objects.update(answered_at=checked_at, story_at=checked_at)
    standin.set_fault(NUMBER, "500")
    response = client.get(PAGE)
    assert response.status_code == 200
    assert data_of(response)[-1] == "true"
    assert "our last check, 5 hours ago" in main_of(response).text_content()
    assert client.get(JSON).json()["stale"] is True


def test_a_parcel_that_japan_post_no_longer_lists_is_still_shown(client, standin):
    standin.set_item(NUMBER, story(POSTED, DELIVERED))
    client.get(PAGE)
    make_stale()
    standin.clear()
    response = client.get(PAGE)
    assert response.status_code == 200
    assert "no longer lists this parcel" in main_of(response).text_content()
    make_stale()
    standin.set_fault(NUMBER, "500")
    text = main_of(client.get(PAGE)).text_content()
    assert "no longer lists this parcel" in text and "Our last check was " in text
    assert "how it stood at our last check" not in text


def test_a_wrong_check_digit_gets_a_hint_and_no_request(client, standin):
    response = client.get("/track/EM123456789JP/")
    assert response.status_code == 404
    assert data_of(response) == ("EM123456789JP", "rejected", "", "", "false")
    links = main_of(response).xpath(".//a/@href")
    assert PAGE in links
    assert "/track/EM123456789JP/?anyway=1" in links
    assert client.get("/track/EM123456789JP.json").json()["outcome"] == "rejected"
    assert standin.requests == []


def test_a_number_with_a_wrong_check_digit_can_be_tried_anyway(client, standin):
    standin.set_item("EM123456789JP", story(POSTED, number="EM123456789JP"))
    assert client.get("/track/EM123456789JP/?anyway=1").status_code == 200
    assert client.get("/track/EM123456789JP.json?anyway=1").json()["stage"] == 1


def test_a_stored_number_with_a_wrong_check_digit_opens_directly(client, standin):
    standin.set_item("EM123456789JP", story(POSTED, number="EM123456789JP"))
    client.get("/track/EM123456789JP/?anyway=1")
    assert client.get("/track/EM123456789JP/").status_code == 200


def test_a_number_that_japan_post_rejects_is_explained(client, standin):
    response = client.get("/track/EM702077443JP/")
    assert response.status_code == 404
    assert data_of(response)[1] == "rejected"
    assert "there is a mistake in the number" in main_of(response).text_content()


def test_a_service_without_tracking_is_explained(client, standin):
    response = client.get("/track/UA123456785JP/")
    assert response.status_code == 404
    assert "without tracking" in main_of(response).text_content()
    assert standin.requests == []


def test_a_foreign_number_is_looked_up_and_the_page_says_so(client, standin):
    number = "RB123456785GB"
    standin.set_item(number, story("Arrival at inward office of exchange @ KANAGAWA", number=number))
    response = client.get(f"/track/{number}/")
    assert response.status_code == 200
    assert "another country" in main_of(response).text_content()
    assert "another country" in main_of(client.get("/track/RB111111111GB/?anyway=1")).text_content()


@pytest.mark.parametrize(
    ("number", "enquiry"),
    [
        (NUMBER, "Only the sender can open an enquiry with Japan Post."),
        ("RB123456785GB", "Only the sender can open an enquiry, with the post in the United Kingdom."),
        ("EE123456785UK", "Only the sender can open an enquiry, with the post in the United Kingdom."),
        ("RB123456785ZZ", "Only the sender can open an enquiry, with the post in the country of origin."),
    ],
)
def test_the_page_says_whom_the_sender_can_ask(client, standin, number, enquiry):
    standin.set_item(number, fresh_story("Investigation @ KANAGAWA", number=number))
    (line,) = main_of(client.get(f"/track/{number}/")).find_class("enquiry")
    assert " ".join(line.text_content().split()) == f"{enquiry} Write to us about this parcel"


def test_the_address_names_the_destination_for_this_view_only(client, standin):
    standin.set_item(NUMBER, story(POSTED))
    assert client.get(f"{JSON}?to=us").json()["destination"] == "US"
    assert client.get(JSON).json()["destination"] is None
    assert client.get(f"{JSON}?to=XX").json()["destination"] is None
    assert Shipment.objects.get().destination is None


@pytest.mark.parametrize(
    "typed",
    [
        "em123456785jp/",
        "EM123456785JP",
        "EM%20123%20456%20785%20JP/",
        "EM-123-456-785-JP/",
        "ＥＭ１２３４５６７８５ＪＰ/",
        "EM123456785JP./",
        "EM123456785JP),",
        "https://trackings.post.japanpost.jp/services/srv/search/direct?reqCodeNo1=EM123456785JP&locale=en",
        "https%3A%2F%2Ftrackings.post.japanpost.jp%2Fdirect%3FreqCodeNo1%3DEM123456785JP%26locale%3Den",
    ],
)
def test_other_spellings_lead_to_the_canonical_address(client, standin, typed):
    response = client.get(f"/track/{typed}")
    assert (response.status_code, response["Location"]) == (301, PAGE)


def test_other_spellings_keep_the_destination_and_the_json(client, standin):
    assert client.get("/track/em123456785jp/?to=US")["Location"] == f"{PAGE}?to=US"
    response = client.get("/track/em123456785jp.json")
    assert (response.status_code, response["Location"]) == (301, JSON)


@pytest.mark.parametrize(
    "typed", ["hello", "EM12345678JP", "%00", "<script>alert(1)</script>", "a" * 3000, "%ff%fe"]
)
def test_text_that_is_no_number_is_rejected(client, standin, typed):
    response = client.get(f"/track/{typed}/")
    assert response.status_code == 404
    assert data_of(response)[1] == "rejected"
    assert b"<script>alert" not in response.content


def test_a_domestic_number_is_explained(client, standin):
    response = client.get("/track/1234-5678-9012/")
    assert response.status_code == 404
    assert "inside Japan" in main_of(response).text_content()


def test_nothing_of_japan_posts_is_rendered_as_html(client, standin):
    evil = "<script>alert(1)</script><b>\"'&"
    item = story(f"{evil} @ GERMANY")
    row = item.events[0]
    standin.set_item(
        NUMBER, type(item)(NUMBER, evil, (type(row)(row.local_date, None, evil, evil, evil, evil, "1<2"),))
    )
    response = client.get(PAGE)
    assert response.status_code == 200
    assert b"<script>alert" not in response.content
    assert b"<b>" not in response.content
    assert json.loads(client.get(JSON).content)["events"][0]["phrase"] == evil


def test_an_edit_of_words_shows_at_the_next_request(client, standin):
    standin.set_item(NUMBER, story(POSTED, "Sorted by a drone @ GERMANY"))
    assert "Japan Post says: “Sorted by a drone”" in main_of(client.get(PAGE)).text_content()
    Phrase.objects.filter(text="Sorted by a drone").delete()
    status = Status.objects.get(slug="en-route")
    Phrase.objects.create(text="Sorted by a drone", status=status)
    wording = Wording.objects.get(status=status)
    wording.title = "Your parcel flies"
    wording.save()
    assert main_of(client.get(PAGE)).xpath("string(.//h1)") == "Your parcel flies"


def test_hostile_wording_is_escaped(client, standin):
    wording = Wording.objects.get(status__slug="posting-collection", destination=None)
    wording.title = "<script>alert(1)</script> {number"
    wording.save()
    standin.set_item(NUMBER, story(POSTED))
    assert b"<script>alert" not in client.get(PAGE).content


def test_notices_of_the_destination_are_shown(client, standin, noon):
    today = japans_day()
    germany = Destination.objects.get(code="DE")
    Notice.objects.create(title="Strike in Germany", destination=germany, starts_on=today, ends_on=today)
    Notice.objects.create(
        title="Over", starts_on=today - timedelta(days=9), ends_on=today - timedelta(days=1)
    )
    standin.set_item(NUMBER, story(POSTED, ARRIVED))
    text = main_of(client.get(PAGE)).text_content()
    assert "Strike in Germany" in text
    assert "Over" not in text
    assert "Germany: Strike in Germany" in " ".join(main_of(client.get("/")).text_content().split())


def test_notices_of_the_destination_are_shown_before_there_is_a_story(client, standin):
    germany = Destination.objects.get(code="DE")
    Notice.objects.create(title="Strike", destination=germany, starts_on=japans_day(), severity="warning")
    for address in (f"{PAGE}?to=de", f"/track/?number={NUMBER},CN000000005JP&to=DE"):
        main = main_of(client.get(address))
        assert main.find_class("notice")[0].get("aria-label") == "Important notice: Germany: Strike"
    assert "to=DE" in main_of(client.get(f"{PAGE}?to=de")).xpath("string(.//a[.='Write to us']/@href)")
    assert not main_of(client.get(PAGE)).find_class("notice")
    Shipment.objects.filter(number=NUMBER).update(destination=germany)  # set by staff
    assert main_of(client.get(PAGE)).find_class("notice")


@pytest.mark.parametrize("address", [PAGE, JSON, f"{JSON}?stored=1"])
def test_a_stored_page_costs_three_queries_and_from_the_cache_one(
    client, standin, address, django_assert_num_queries
):
    standin.set_item(NUMBER, story(POSTED, AT_EXCHANGE, ARRIVED, IN_CUSTOMS))
    client.get("/track/", {"number": NUMBER}, follow=True)
    cache.clear()
    with django_assert_num_queries(3):
        client.get(address)
    with django_assert_num_queries(1):
        client.get(address)


def test_without_a_network_a_stored_page_still_answers(client, standin, settings):
    standin.set_item(NUMBER, story(POSTED))
    client.get(PAGE)
    make_stale()
    settings.JAPANPOST_URL = "http://127.0.0.1:9"
    assert data_of(client.get(PAGE)) == (NUMBER, "tracked", "1", "normal", "true")
    assert client.get("/").status_code == 200
    assert client.get("/examples/retention/").status_code == 200


@pytest.mark.parametrize("address", [PAGE, JSON])
def test_only_reading_is_allowed(client, address):
    assert client.post(address).status_code == 405


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_other_methods_get_405_before_the_csrf_check(method):
    client = Client(enforce_csrf_checks=True)
    assert getattr(client, method)(PAGE).status_code == 405


def test_the_json_sends_no_referrer_and_redirects_other_spellings(client, standin):
    standin.set_item(NUMBER, story(POSTED))
    assert client.get(JSON)["Referrer-Policy"] == "no-referrer"
    for other in (f"/track/{NUMBER}.JSON", f"/track/{NUMBER}.json/"):
        assert client.get(other)["Location"] == JSON


def test_the_stored_json_repeats_the_stored_story_without_a_request(client, standin):
    standin.set_item(NUMBER, story(POSTED, IN_CUSTOMS))
    shown = client.get(f"{JSON}?to=DE").json()
    make_stale()
    standin.set_item(NUMBER, story(POSTED, IN_CUSTOMS, DELIVERED))
    before = Shipment.objects.values().get()
    stored = client.get(f"{JSON}?to=DE&stored=1")
    assert (stored.status_code, stored.json()) == (200, shown)
    assert len(standin.requests) == 1
    assert Shipment.objects.values().get() == before  # neither a lease nor a look-up was stored
    assert Fetch.objects.count() == 1
    assert len(client.get(JSON).json()["events"]) == 3
    assert len(client.get(f"{JSON}?stored=1").json()["events"]) == 3


def test_the_stored_json_does_not_count_as_a_look_up(client, standin, settings, noon):
    settings.LOOKUPS_PER_MINUTE = 1
    standin.set_item(NUMBER, story(POSTED))
    assert client.get(f"{JSON}?stored=1").status_code == 404
    assert client.get(JSON).status_code == 200
    assert [client.get(f"{JSON}?stored=1").status_code for _ in range(3)] == [200] * 3


def test_too_many_stored_numbers_without_a_story_get_429(client, standin, settings, noon):
    settings.LOOKUPS_PER_MINUTE = 3
    client.get(PAGE)  # a number of which Japan Post has nothing
    standin.set_item("EN123456785JP", story(POSTED, number="EN123456785JP"))
    client.get("/track/EN123456785JP/")
    numbers = [NUMBER, *some_numbers(5)]
    answers = [client.get(f"/track/{number}.json?stored=1") for number in numbers]
    assert [one.status_code for one in answers] == [404] * 3 + [429] * 3
    assert answers[-1].json()["outcome"] == "unavailable"
    assert 60 <= int(answers[-1]["Retry-After"]) <= 66
    assert client.get("/track/EN123456785JP.json?stored=1").status_code == 200
    elsewhere = Client(REMOTE_ADDR="203.0.113.9").get(f"{JSON}?stored=1")
    assert elsewhere.status_code == 404
    settings.LOOKUPS_PER_MINUTE = 0
    assert client.get(f"{JSON}?stored=1").status_code == 404


@pytest.mark.parametrize("number", [NUMBER, "EM123456789JP", "UA123456785JP"])
def test_without_a_story_the_stored_json_is_404_and_stores_nothing(client, standin, number):
    response = client.get(f"/track/{number}.json?stored=1")
    assert response.status_code == 404
    assert response.json() == {
        "number": number,
        "outcome": "not-found",
        "headline": "We have no story of this parcel yet",
        "events": [],
    }
    assert "Retry-After" not in response
    assert standin.requests == []
    assert not Shipment.objects.exists()


def test_a_stored_failure_is_no_story_for_the_stored_json(client, standin):
    standin.set_fault(NUMBER, "500")
    assert client.get(JSON).status_code == 503
    assert client.get(f"{JSON}?stored=1").json()["outcome"] == "not-found"
    assert len(standin.requests) == 1


def test_other_spellings_keep_the_parameter_stored(client, standin):
    response = client.get("/track/em123456785jp.json?stored=1")
    assert response["Location"] == f"{JSON}?stored=1"


def test_the_page_says_when_the_newest_answer_has_less(client, standin):
    standin.set_item(NUMBER, story(POSTED, ARRIVED))
    client.get(PAGE)
    assert "tells less" not in main_of(client.get(PAGE)).text_content()
    make_stale()
    standin.set_item(NUMBER, story("Retention @ GERMANY", history_missing=True))
    assert "newest answer tells less" in main_of(client.get(PAGE)).text_content()


def test_office_and_region_each_read_in_their_own_direction(client, standin):
    (row,) = story("Held by import Customs @ UNITED ARAB EMIRATES").events
    row = replace(row, office="دبي", postal_code="12345")
    standin.set_item(NUMBER, TrackedItem(NUMBER, "EMS", (row,)))
    (where,) = main_of(client.get(f"/track/{NUMBER}/")).find_class("where")
    assert [part.text for part in where.findall("bdi")] == ["دبي", "UNITED ARAB EMIRATES", "12345"]
