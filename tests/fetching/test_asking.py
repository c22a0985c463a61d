"""One request: what is stored when its page cannot be read, and when there is no time to send it."""

import gc
import weakref
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from tests.japanpost.test_errors import LONG
from tests.japanpost.test_reader import LONG_TIMEOUT, endless, readers  # noqa: F401
from tests.support.stories import AT_EXCHANGE, NUMBER, POSTED, story
from tracking.fetching import gate
from tracking.fetching.asking import ask
from tracking.fetching.lookup import look_up
from tracking.fetching.timer import Timer
from tracking.japanpost import reader
from tracking.japanpost.client import Page
from tracking.japanpost.errors import LONGEST_REASON, UnexpectedPage
from tracking.models import Fetch, Gate, KeptPage, Shipment
from tracking.values.numbers import TrackingNumber

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=16)
NUMBER = TrackingNumber(NUMBER)
COMMENT = "<table><tr><!-- 1 --><td>2</td><td>3</td><td>4</td><td>5</td></tr></table>"

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("gate_clock")]


@pytest.fixture
def stored(standin):
    """A story of two rows is stored."""
    standin.set_item(NUMBER, story(POSTED, AT_EXCHANGE))
    return look_up(NUMBER, now=NOW)


def break_the_parser(monkeypatch):
    monkeypatch.setattr(reader, "parse_page", lambda html, number: 1 / 0)


def assert_unreadable(standin, kind):
    """The page is kept with its alarm, counts as an answer, and is not asked for again at once."""
    assert KeptPage.objects.get().kind == kind
    assert (Fetch.objects.first().outcome, Gate.objects.get().failures_in_a_row) == ("unexpected-page", 0)
    assert Shipment.objects.get().lease_until is None
    asked = len(standin.requests)
    look_up(NUMBER, now=LATER + timedelta(seconds=30))
    assert len(standin.requests) == asked


def test_an_error_of_the_parser_shows_the_story_and_raises_an_alarm(standin, stored, monkeypatch):
    break_the_parser(monkeypatch)
    found = look_up(NUMBER, now=LATER)
    assert (found.stale, found.events) == (True, stored.events)
    assert_unreadable(standin, "reading-failed")


def test_an_error_of_the_parser_is_no_error_page(standin, client, monkeypatch):
    standin.set_item(NUMBER, story(POSTED))
    break_the_parser(monkeypatch)
    assert client.get(f"/track/{NUMBER}/").status_code == 503
    assert KeptPage.objects.get().number == NUMBER


def test_a_page_not_read_in_time_is_unreadable_not_unanswered(standin, stored, endless):  # noqa: F811
    assert look_up(NUMBER, now=LATER).stale
    assert_unreadable(standin, "not-read-within")


def test_with_too_many_readers_at_work_a_page_is_unreadable(standin, stored, monkeypatch):
    monkeypatch.setattr(reader, "MOST_READING_HERE", 0)
    assert look_up(NUMBER, now=LATER).stale
    assert_unreadable(standin, "too-many-pages-are-being-read")


@pytest.mark.parametrize("html", ["maintenance", "<html></html>"])
def test_a_page_that_cannot_be_read_does_not_stay_in_memory(standin, monkeypatch, html):
    pages = []

    class Text(str):
        """A text that can have a weak reference."""

    def fetch_page(*args, **kwargs):
        text = Text(html)
        pages.append(weakref.ref(text))
        return Page(text, len(html))

    monkeypatch.setattr("tracking.japanpost.client.fetch_page", fetch_page)
    gc.disable()
    try:
        with suppress(UnexpectedPage):
            look_up(NUMBER, now=NOW)
        for thread in readers():
            thread.join(LONG_TIMEOUT)
        assert [page() for page in pages] == [None]
    finally:
        gc.enable()


def test_as_many_threads_may_read_as_may_ask():
    assert reader.MOST_READING_HERE == gate.MOST_ASKING_HERE


@pytest.mark.parametrize("name", ["header cells", "the name of a tag"])
def test_a_long_reason_is_short_in_the_log_and_the_store(standin, caplog, name):
    standin.set_page(NUMBER, LONG[name])
    with pytest.raises(UnexpectedPage):
        look_up(NUMBER, now=NOW)
    assert 0 < len(KeptPage.objects.get().reason) <= LONGEST_REASON
    assert len(Fetch.objects.get().note) <= LONGEST_REASON
    assert max(map(len, caplog.messages)) < LONGEST_REASON + 100


def test_a_long_reason_of_no_answer_is_short_at_the_gate(standin):
    standin.set_fault(NUMBER, "redirect-elsewhere", location="http://other.example/" + "x" * 5_000)
    with pytest.raises(gate.Unavailable):
        look_up(NUMBER, now=NOW)
    assert 0 < len(Gate.objects.get().pause_reason) <= LONGEST_REASON


def test_without_time_left_nothing_is_sent_and_nothing_counted(standin, gate_clock):
    with (
        pytest.raises(gate.OutOfTime, match="no time left to ask"),
        gate.admission(NUMBER, timer=Timer(NOW, 8), has_story=False) as ticket,
    ):
        gate_clock.sleep(8)
        ask(ticket)
    assert (standin.requests, Fetch.objects.count()) == ([], 0)
    assert Gate.objects.get().failures_in_a_row == 0
    assert Shipment.objects.get().lease_until is None


def test_a_visitor_without_time_left_reads_that_we_did_not_ask(
    standin, stored, gate_clock, monkeypatch, client
):
    take_turn = gate._take_turn

    def slow(*args):
        gate_clock.sleep(100)  # the store was slow
        return take_turn(*args)

    monkeypatch.setattr(gate, "_take_turn", slow)
    assert look_up(NUMBER, now=LATER).events == stored.events
    page = client.get("/track/EN123456785JP/")
    assert page.status_code == 503
    assert "We have not asked about this parcel yet" in page.content.decode()
    assert (len(standin.requests), Fetch.objects.count()) == (1, 1)


def test_without_time_for_a_retry_the_first_failure_counts(standin, gate_clock, monkeypatch):
    standin.set_fault(NUMBER, "connection-reset")

    def take_another_turn(ticket, *, after):
        gate_clock.sleep(100)
        return True

    monkeypatch.setattr(gate.Ticket, "take_another_turn", take_another_turn)
    with pytest.raises(gate.Unavailable):
        look_up(NUMBER, now=NOW)
    assert len(standin.requests) == 1
    assert "hung up" in Fetch.objects.get().note
    assert Gate.objects.get().failures_in_a_row == 1
