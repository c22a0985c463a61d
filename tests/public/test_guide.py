"""The guide at `/`, and the small pages around it: robots.txt, sitemap, errors, healthz."""

import re

import pytest
from lxml import html

from tests.support.stories import NUMBER
from tracking.models import Status, Wording

pytestmark = pytest.mark.django_db


def main_of(response):
    return html.fromstring(response.content.decode()).get_element_by_id("main")


def test_it_has_form_introduction_note_ten_statuses_and_contact(client, shop):
    response = client.get("/")
    main = main_of(response)
    assert response.status_code == 200
    assert main.xpath(".//form[@action='/track/']")
    assert shop.guide_introduction in main.text_content()
    assert shop.guide_note in main.text_content()
    assert len(main.xpath(".//ol[@class='guide']/li")) == 10
    assert main.xpath("string(.//ol[@class='guide']/li[10]/@id)") == "retention"
    assert "Contact Us" in main.text_content()


def test_every_status_has_a_stable_anchor_after_the_ten(client):
    anchors = main_of(client.get("/")).xpath(".//li[contains(@class, 'guide-entry')]/@id")
    assert len(anchors) == Status.objects.count()
    assert anchors[:2] == ["posting-collection", "arrival-at-outward-office"]


def test_every_entry_links_to_its_example(client):
    links = main_of(client.get("/")).xpath(
        ".//li[contains(@class, 'guide-entry')]//a[contains(., 'example')]/@href"
    )
    assert links == [f"/examples/{status.example}/" for status in Status.objects.all()]
    assert {client.get(link).status_code for link in links} == {200}


def test_an_edit_shows_at_the_next_request(client):
    client.get("/")
    wording = Wording.objects.get(status__slug="retention", destination=None)
    wording.title = "Come and get it"
    wording.save()
    assert "Come and get it" in main_of(client.get("/")).text_content()


def test_a_hidden_status_is_left_out(client):
    status = Status.objects.get(slug="forwarded")
    status.hidden = True
    status.save()
    assert not main_of(client.get("/")).xpath(".//li[@id='forwarded']")


def test_it_has_its_headers_and_costs_one_query(client, django_assert_num_queries):
    response = client.get("/")
    assert response["Referrer-Policy"] == "same-origin"
    assert not response.cookies
    with django_assert_num_queries(1):
        client.get("/")


def test_robots_and_sitemap_name_the_guide(client):
    assert "Sitemap: http://testserver/sitemap.xml" in client.get("/robots.txt").content.decode()
    sitemap = client.get("/sitemap.xml")
    assert sitemap["Content-Type"].startswith("application/xml")
    pages = re.findall("<loc>http://testserver(.*?)</loc>", sitemap.content.decode())
    assert pages == ["/", "/contact/"]
    assert not [page for page in pages if "noindex" in client.get(page).headers.get("X-Robots-Tag", "")]
    assert client.get(f"/contact/?number={NUMBER}")["X-Robots-Tag"] == "noindex"


def test_a_missing_page_has_the_same_look(client):
    response = client.get("/nothing-here/")
    assert response.status_code == 404
    assert main_of(response).xpath(".//form[@action='/track/']")


def test_the_page_of_an_error_says_that_the_fault_is_ours(client, monkeypatch):
    monkeypatch.setattr("tracking.public.guide.read_guide", lambda *_: 1 / 0)
    client.raise_request_exception = False
    response = client.get("/")
    assert response.status_code == 500
    assert "our fault, not yours" in response.content.decode()


def test_healthz_says_that_the_process_answers(client):
    assert client.get("/healthz").content == b"ok\n"
