"""The page cache: it serves a page only while a new one would read the same; a client with a current copy gets 304."""

import gzip
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from tests.support.stories import ARRIVED, DELIVERED, IN_CUSTOMS, NUMBER, POSTED, story
from tracking.fetching.lookup import look_up
from tracking.journey.progress import build_progress
from tracking.models import Notice, Shipment, Status, Wording
from tracking.public import page_cache, rendering
from tracking.public.answers import answered
from tracking.public.release import release_id
from tracking.values.numbers import TrackingNumber

PAGE, JSON = f"/track/{NUMBER}/", f"/track/{NUMBER}.json"
OTHER = "EM700100317JP"
CACHED = ["/", PAGE, JSON, f"{JSON}?stored=1"]
ADDRESSES = [*CACHED, f"/track/?number={NUMBER},{OTHER}"]
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(monkeypatch):
    """Return a function that sets the site's time, which then does not move. It begins at noon."""

    def set_to(moment):
        monkeypatch.setattr(timezone, "now", lambda: moment)

    set_to(NOON)
    return set_to


@pytest.fixture
def stored(standin, clock):
    """The stand-in. Two of its parcels are stored: in customs in Germany, checked at noon, fresh for two days."""
    for number in (NUMBER, OTHER):
        standin.set_item(number, story(POSTED, ARRIVED, IN_CUSTOMS, number=number))
        look_up(TrackingNumber(number), now=NOON)
    Shipment.objects.update(ask_again_at=NOON + timedelta(days=2))
    return standin


def revalidate(client, address, first):
    return client.get(address, headers={"If-None-Match": first["ETag"]})


@pytest.mark.parametrize("backend", ["filebased.FileBasedCache", "db.DatabaseCache"])
def test_a_cache_that_fails_costs_no_page(client, stored, settings, tmp_path, caplog, backend):
    (tmp_path / "file").touch()  # no folder, and no table
    where = {"LOCATION": str(tmp_path / "file" / "folder")}
    settings.CACHES = {"default": {"BACKEND": f"django.core.cache.backends.{backend}"} | where}
    for address in ADDRESSES:
        page = client.get(address)
        assert page.status_code == 200
        assert revalidate(client, address, page).status_code == 304
    assert "a page was not cached: NotADirectoryError" in caplog.text or "OperationalError" in caplog.text


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_visitor_with_a_current_copy_gets_an_empty_304(client, stored, address):
    first = client.get(address)
    second = revalidate(client, address, first)
    assert (first.status_code, second.status_code, second.content) == (200, 304, b"")
    for header in ("ETag", "Cache-Control", "Vary"):
        assert second[header] == first[header]
    assert set(first["Vary"].split(", ")) == {"Accept-Language", "Accept-Encoding"}


@contextmanager
def calls_of(function):
    """Yield the list of the calls of this function in this thread while the block lasts."""
    calls = []

    def on_event(frame, event, _):
        if event == "call" and frame.f_code is function.__code__:
            calls.append(function.__name__)

    sys.setprofile(on_event)
    try:
        yield calls
    finally:
        sys.setprofile(None)


@pytest.mark.parametrize("address", CACHED[1:])
def test_a_cached_page_is_not_computed_again(client, stored, address):
    with calls_of(build_progress) as calls:
        client.get(address)
        assert calls
        calls.clear()
        client.get(address)
        assert not calls


@pytest.mark.parametrize("address", ADDRESSES[1:])
def test_a_304_sends_no_referrer_either(client, stored, address):
    """A browser applies the headers of a 304 to the copy that it has."""
    assert revalidate(client, address, client.get(address))["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("address", CACHED)
def test_nothing_is_rendered_for_a_304(client, stored, address, monkeypatch):
    first = client.get(address)
    monkeypatch.setattr(rendering, "render", None)
    monkeypatch.setattr(rendering, "as_json", None)
    assert revalidate(client, address, first).status_code == 304


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_edit_is_seen_at_the_next_request_with_a_new_etag(client, stored, address):
    first = client.get(address)
    for wording in Wording.objects.filter(status__slug="customs-clearance"):
        wording.title = "Customs have it"
        wording.save()
    second = revalidate(client, address, first)
    assert second.status_code == 200
    assert "Customs have it" in second.content.decode()
    assert second["ETag"] != first["ETag"]


def test_an_edit_of_other_words_keeps_the_etag(client, stored):
    first = client.get(PAGE)
    Wording.objects.filter(status__slug="retention")[0].save()
    assert revalidate(client, PAGE, first).status_code == 304


@pytest.mark.parametrize("address", ADDRESSES[1:])
def test_a_new_answer_from_japan_post_is_seen_at_once(client, stored, address, clock):
    first = client.get(address)
    stored.set_item(NUMBER, story(POSTED, ARRIVED, IN_CUSTOMS, DELIVERED))
    Shipment.objects.update(ask_again_at=NOON)
    look_up(TrackingNumber(NUMBER), now=NOON + timedelta(seconds=1))
    second = revalidate(client, address, first)
    assert second.status_code == 200
    assert "has been delivered" in second.content.decode()
    assert "has been delivered" not in first.content.decode()


def test_a_destination_set_by_staff_is_seen_at_once(client, stored):
    stored.set_item("EN123456785JP", story(POSTED, number="EN123456785JP"))
    page = "/track/EN123456785JP/"
    client.get(page)
    first = client.get(page)
    Shipment.objects.filter(number="EN123456785JP").update(destination_id="CA")
    assert revalidate(client, page, first).status_code == 200


def test_a_page_is_rendered_again_when_its_words_about_time_change(client, stored, clock):
    assert b"just now" in client.get(PAGE).content
    clock(NOON + timedelta(minutes=4, seconds=59))
    assert b"just now" in client.get(PAGE).content
    clock(NOON + timedelta(minutes=14, seconds=59))
    first = client.get(PAGE)
    assert b"10 minutes ago" in first.content
    clock(NOON + timedelta(minutes=15))
    assert b"15 minutes ago" in revalidate(client, PAGE, first).content


def test_a_notice_ends_at_midnight_in_japan(client, stored, clock):
    Notice.objects.create(title="Closed today", starts_on=NOON.date(), ends_on=NOON.date())
    clock(NOON.replace(hour=14, minute=59, second=59))
    pages = {address: client.get(address) for address in ("/", PAGE)}
    assert all(b"Closed today" in page.content for page in pages.values())
    clock(NOON.replace(hour=15))
    for address, page in pages.items():
        later = revalidate(client, address, page)
        assert later.status_code == 200 and b"Closed today" not in later.content


def test_each_host_language_and_destination_has_its_own_page(client, stored, settings):
    settings.LANGUAGES = [("en", "English"), ("de", "Deutsch")]
    settings.ALLOWED_HOSTS = ["one.example", "two.example"]
    stored.set_item("EN123456785JP", story(POSTED, number="EN123456785JP"))
    posting = Status.objects.get(slug="posting-collection")
    Wording.objects.create(status=posting, language="de", title="Aufgegeben", meaning="Es ist da.")
    asked = [("one.example", "en", ""), ("two.example", "en", ""), ("one.example", "de", "")]
    asked.append(("one.example", "en", "?to=CA"))
    for _ in range(2):
        pages = [
            client.get(
                f"/track/EN123456785JP/{query}", headers={"host": host, "accept-language": language}
            ).content.decode()
            for host, language, query in asked
        ]
        assert ["two.example" in page for page in pages] == [False, True, False, False]
        assert ["Aufgegeben" in page for page in pages] == [False, False, True, False]
        assert ["to=CA" in page for page in pages] == [False, False, False, True]


@pytest.mark.parametrize(
    ("host", "is_kept"),
    [
        ("track.example", True),
        ("track.example:8443", True),  # the port of SITE_URL
        ("track.example:80", True),  # the port on which the site listens
        ("other.example", True),
        ("site.shop.example", True),  # SITE_URL, which only a wildcard allows
        ("site.shop.example:8443", True),
        ("[::1]:80", True),
        ("track.example:81", False),
        ("track.example:0080", False),
        ("track.example:", False),
        ("Track.example", False),
        ("track.example.", False),
        ("made-up.shop.example", False),
        ("shop.example:1234", False),
    ],
)
def test_only_hosts_of_the_settings_fill_the_cache(client, stored, settings, host, is_kept):
    settings.ALLOWED_HOSTS = ["TRACK.example", "other.example", "[::1]", ".shop.example"]
    settings.SITE_URL = "https://site.shop.example:8443"
    for address in ("/", PAGE):
        assert client.get(address, headers={"host": host}).status_code == (400 if host[-1] == ":" else 200)
    assert len([key for key in cache._cache if "page:" in key]) == (2 if is_kept else 0)


def test_any_host_may_be_allowed_but_only_ours_is_kept(client, stored, settings):
    settings.ALLOWED_HOSTS, settings.SITE_URL = ["*"], ""
    for number in range(3):
        assert f"made{number}.example/" in client.get(PAGE, headers={"host": f"made{number}.example"}).text
    assert not [key for key in cache._cache if "page:" in key]


@pytest.mark.parametrize(("address", "kept"), [("127.0.0.1", 1), ("", 0)])
def test_on_a_socket_the_clients_port_is_not_the_sites(client, stored, settings, address, kept):
    """On a Unix socket, gunicorn takes SERVER_PORT from the Host that the client sends."""
    settings.ALLOWED_HOSTS = ["track.example"]
    client.get(PAGE, headers={"host": "track.example:4711"}, SERVER_PORT="4711", REMOTE_ADDR=address)
    assert len([key for key in cache._cache if "page:" in key]) == kept


def cached_pages():
    return [key for key in cache._cache if "page:" in key]


def test_a_list_is_not_cached_in_any_order(client, stored):
    for numbers in (f"{NUMBER},{OTHER}", f"{OTHER},{NUMBER}"):
        assert client.get(f"/track/?number={numbers}&to=CA").status_code == 200
    assert cached_pages() == []


@pytest.mark.parametrize("address", [PAGE, JSON, f"{JSON}?stored=1"])
def test_a_hint_adds_no_page_where_a_scan_names_the_destination(client, stored, address):
    join = "&" if "?" in address else "?"
    answers = {client.get(address).content}
    answers |= {client.get(f"{address}{join}to={code}").content for code in ("CA", "FR", "US", "AU")}
    assert len(answers) == len(cached_pages()) == 1


def test_a_hint_adds_no_page_where_staff_entered_the_destination(client, stored):
    stored.set_item("EN123456785JP", story(POSTED, number="EN123456785JP"))
    look_up(TrackingNumber("EN123456785JP"), now=NOON)
    Shipment.objects.filter(number="EN123456785JP").update(destination_id="CA")
    for code in ("FR", "US", "AU"):
        assert "to=CA" in client.get(f"/track/EN123456785JP/?to={code}").text
    assert len(cached_pages()) == 1


def test_no_page_is_mistaken_for_one_with_another_hint(client, stored):
    stored.set_item("EN123456785JP", story(POSTED, number="EN123456785JP"))
    client.get("/track/EN123456785JP/")
    for _ in range(2):
        for query in ("", "?to=CA", "?to=FR", "?to=XX"):
            page = client.get(f"/track/EN123456785JP/{query}").text
            named = [code for code in ("CA", "FR") if f"to={code}" in page]
            assert named == ([query[-2:]] if query in ("?to=CA", "?to=FR") else [])
    assert len(cached_pages()) == 4  # one more for the look-up


def test_a_page_with_an_unknown_destination_is_not_cached(client, stored, monkeypatch):
    client.get(PAGE)
    monkeypatch.setattr(page_cache.cache, "set", None)
    assert client.get(f"{PAGE}?to=XX").status_code == 200


def test_another_release_serves_no_page_of_this_one(client, stored, settings, tmp_path):
    """After an upgrade or a roll back, or while two releases share one cache."""
    pages = []
    for _ in range(2):
        assert client.get(PAGE).status_code == 200
        pages.append(len([key for key in cache._cache if "page:" in key]))
        settings.BASE_DIR = tmp_path  # a folder without any file is another release
        release_id.cache_clear()
    assert pages == [1, 2]


def test_a_page_is_compressed_only_for_clients_that_accept_it(client, stored):
    plain = client.get(PAGE)
    packed = client.get(PAGE, headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain
    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert packed["ETag"] == plain["ETag"] and plain["ETag"].startswith('W/"')
    assert packed["Content-Length"] == str(len(packed.content))


def test_head_has_the_headers_of_get(client, stored):
    first, head = client.get(PAGE), client.head(PAGE)
    assert head["ETag"] == first["ETag"]
    assert client.head(PAGE, headers={"If-None-Match": first["ETag"]}).status_code == 304


@pytest.mark.parametrize("address", ["/contact/", f"/contact/?number={NUMBER}"])
def test_a_page_with_a_form_has_no_etag_and_is_not_cached(client, stored, address, monkeypatch):
    monkeypatch.setattr(page_cache.cache, "set", None)
    response = client.get(address)
    assert "ETag" not in response and "no-store" in response["Cache-Control"]


@pytest.mark.parametrize("address", ["/track/EM123456789JP/", "/track/CN000000005JP/"])
def test_an_answer_without_a_story_is_not_cached(client, stored, address, monkeypatch):
    monkeypatch.setattr(page_cache.cache, "set", None)
    assert client.get(address).status_code == 404


def test_a_page_from_the_cache_counts_as_a_look_up(client, stored):
    seen = []

    def note(outcome, **_):
        seen.append(outcome)

    answered.connect(note)
    client.get(PAGE)
    client.get(PAGE)
    Shipment.objects.update(last_outcome="unavailable")
    client.get(PAGE)
    client.get(f"{JSON}?stored=1")  # an open page checks for news by itself: no look-up
    assert seen == ["tracked", "tracked", "stale"]
