"""Every fault of Japan Post, with a stored story and without: what the customer sees, and what is stored."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.standin.server import _FAULTS
from tests.support.stories import AT_EXCHANGE, DISPATCHED, IN_CUSTOMS, NUMBER, POSTED, story
from tracking.fetching.lookup import look_up
from tracking.japanpost.errors import Unavailable, UnexpectedPage
from tracking.models import Event, Fetch, Gate, Shipment

pytestmark = pytest.mark.django_db

# fault -> (outcome of the request, number of requests)
TABLE = {
    "slow-first-byte": ("unavailable", 1),
    "hang": ("unavailable", 1),
    "dripping-headers": ("unavailable", 1),
    "dripping-body": ("unavailable", 1),
    "cut-mid-row": ("unavailable", 1),
    "cut-between-events": ("unexpected-page", 1),
    "truncated": ("unavailable", 1),
    "doubled-table": ("unexpected-page", 1),
    "wrong-number": ("unexpected-page", 1),
    "wrong-encoding": ("unexpected-page", 1),
    "empty-body": ("unavailable", 1),
    "big-body": ("unexpected-page", 1),
    "gzip-bomb": ("unexpected-page", 1),
    "encoding": ("unexpected-page", 1),
    "connection-reset": ("unavailable", 2),
    "redirect-elsewhere": ("unavailable", 1),
    "403": ("unavailable", 1),
    "429": ("unavailable", 1),
    "500": ("unavailable", 1),
    "maintenance": ("unavailable", 1),
    "status": ("unexpected-page", 1),
}
REST = {"429": 120, "maintenance": 600}  # seconds of Retry-After; without it, a minute
ITEM = story(POSTED, AT_EXCHANGE, DISPATCHED, IN_CUSTOMS)
# Only the visitor's time budget ends these.
NEVER_ENDS = {"slow-first-byte", "hang", "dripping-headers", "dripping-body"}


@pytest.fixture
def japan_post(standin):
    """The stand-in, with a story for NUMBER."""
    standin.set_item(NUMBER, ITEM)
    return standin


@pytest.fixture
def fault(request, gate_clock):
    """One fault of the table. If it never ends, the visitor's time budget is used up when it has begun."""
    if request.param in NEVER_ENDS:
        request.getfixturevalue("time_ends_at_a_fault")
    return request.param


def set_fault(japan_post, fault):
    """Set the fault for all requests about NUMBER. It lasts much longer than a visitor may wait."""
    japan_post.set_fault(NUMBER, fault, **({"seconds": 600} if fault == "slow-first-byte" else {}))


def visit(client, address=f"/track/{NUMBER}/"):
    """The response to a visitor."""
    return client.get(address)


def data(page):
    """The data attributes of the main element."""
    return dict(re.findall(r'data-(\w+)="([^"]*)"', page.content.decode().split("<main")[1].split(">")[0]))


def words(page):
    """The text of the page without tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", page.content.decode()).split())


def test_the_table_has_every_fault():
    assert set(TABLE) == set(_FAULTS)


@pytest.mark.parametrize("fault", TABLE, indirect=True)
def test_each_fault_with_a_story_shows_the_story(japan_post, client, fault):
    outcome, requests = TABLE[fault]
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    look_up(NUMBER, now=an_hour_ago)
    before = list(Event.objects.values())
    set_fault(japan_post, fault)
    page = visit(client)
    assert page.status_code == 200
    assert (data(page)["outcome"], data(page)["stale"], data(page)["stage"]) == ("tracked", "true", "3")
    assert "Last checked" in words(page)
    assert list(Event.objects.values()) == before
    assert Fetch.objects.first().outcome == outcome
    assert Fetch.objects.count() == 2
    assert len(japan_post.requests) == 1 + requests
    # During the rest, the next visitors get the same story, and no request is sent.
    answer = visit(client, f"/track/{NUMBER}.json")
    facts = answer.json()
    assert (answer.status_code, facts["stale"], len(facts["events"])) == (200, True, 4)
    assert facts["last_checked"] == an_hour_ago.isoformat(timespec="seconds")
    assert len(japan_post.requests) == 1 + requests


@pytest.mark.parametrize("fault", TABLE, indirect=True)
def test_each_fault_without_a_story_shows_unavailable(japan_post, client, fault):
    outcome, requests = TABLE[fault]
    set_fault(japan_post, fault)
    page = visit(client)
    assert page.status_code == 503
    assert int(page["Retry-After"]) == REST.get(fault, 60)
    assert data(page)["outcome"] == "unavailable"
    assert "Japan Post does not answer at the moment" in words(page)
    assert "This says nothing about your parcel" in words(page)
    assert "Look on Japan Post's own page" in words(page).replace("&#x27;", "'")
    assert not Event.objects.exists()
    assert (Shipment.objects.get().last_outcome, Shipment.objects.get().lease_until) == (outcome, None)
    assert Fetch.objects.get().outcome == outcome
    assert len(japan_post.requests) == requests
    answer = visit(client, f"/track/{NUMBER}.json")
    assert (answer.status_code, answer.json()["outcome"]) == (503, "unavailable")
    assert int(answer["Retry-After"]) > 0
    assert len(japan_post.requests) == requests


@pytest.mark.parametrize(
    "fault",
    ["hang", "connection-reset", "500", "429", "maintenance", "empty-body", "doubled-table"],
    indirect=True,
)
def test_after_a_fault_one_request_is_enough(japan_post, fault, gate_clock):
    """After the rest one request gets the story and clears the failures, even if there was a pause."""
    now = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    japan_post.set_fault(NUMBER, fault, times=TABLE[fault][1])
    with pytest.raises((Unavailable, UnexpectedPage)):
        look_up(NUMBER, now=now)
    rested = timedelta(seconds=gate_clock.monotonic() + REST.get(fault, 60))
    found = look_up(NUMBER, now=now + rested)
    assert (len(found.events), found.stale) == (4, False)
    assert Gate.objects.get().paused_until is None
    assert Gate.objects.get().failures_in_a_row == 0
