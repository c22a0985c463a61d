"""The gate: which requests to Japan Post start, and when. Real threads, a real database, a stand-in that counts."""

import itertools
import re
import time
from contextlib import nullcontext, suppress
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.test import Client
from django.utils import timezone

from tests.support.crowd import all_at_once, let_in, wait_for
from tests.support.stories import ARRIVED, AT_EXCHANGE, DELIVERED, NUMBER, POSTED, some_numbers, story
from tracking.fetching import gate
from tracking.fetching.asking import ask
from tracking.fetching.gate import Busy, Paused, TooOften
from tracking.fetching.lookup import BUDGET_WITH_STORY, look_up
from tracking.fetching.timer import Timer
from tracking.japanpost.errors import NotFound, Unavailable, UnexpectedPage
from tracking.models import Allowance, AskedBy, Event, Fetch, Gate, Shipment
from tracking.values.pacing import Slots

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=16)

threads = pytest.mark.django_db(transaction=True)
database = pytest.mark.django_db


def after(**elapsed):
    """The time so long after NOW."""
    return NOW + timedelta(**elapsed)


@pytest.fixture
def parcels(standin):
    """Thirty numbers that Japan Post knows and the database does not."""
    numbers = some_numbers(30)
    for number in numbers:
        standin.set_item(number, story(POSTED, number=number))
    return numbers


def failures(comes):
    """The exceptions of the visitors, without None."""
    return [come.failure for come in comes if come.failure]


def answer_now(standin, number):
    """Japan Post answers all requests for the number from now on, also those in flight."""
    standin.set_fault(number, "slow-first-byte", seconds=0)


def request(number, now, visitor=()):
    """A visitor's request, with no story to read and eight seconds for it."""
    return gate._Request(number, Timer(now, 8), AskedBy.VISITOR, visitor, has_story=False)


def visitor(number):
    """The browser of one of many visitors, each with an address of its own."""
    return Client(REMOTE_ADDR=f"203.0.113.{number}")


def wait_until_waiting(count):
    """Wait until so many threads wait for their turn or for another visitor's answer."""
    while gate._waiting._taken < count:
        time.sleep(0.01)


# One request per parcel


@threads
def test_one_request_answers_twenty_visitors_without_a_story(standin, settings, stopped_timers):
    settings.JAPANPOST_WAITING = 20
    standin.set_item(NUMBER, story(POSTED, AT_EXCHANGE))
    standin.set_fault(NUMBER, "hang")
    comes = let_in([partial(look_up, NUMBER, now=NOW)] * 20)
    wait_until_waiting(19)
    answer_now(standin, NUMBER)
    wait_for(comes)
    assert [len(come.result.events) for come in comes] == [2] * 20
    assert len(standin.requests) == Fetch.objects.count() == 1


@threads
def test_of_twenty_with_a_story_nineteen_read_it_at_once(standin, stopped_timers):
    standin.set_item(NUMBER, story(POSTED))
    look_up(NUMBER, now=NOW)
    standin.set_item(NUMBER, story(POSTED, AT_EXCHANGE))
    standin.set_fault(NUMBER, "hang")
    comes = let_in([partial(look_up, NUMBER, now=LATER)] * 20)
    at_once = wait_for(comes, but=1)  # before Japan Post has answered
    answer_now(standin, NUMBER)
    wait_for(comes)
    assert len(standin.requests) == 2
    assert not failures(comes)
    assert [len(come.result.events) for come in at_once] == [1] * 19
    assert [len(come.result.events) for come in comes if come not in at_once] == [2]
    assert not any(come.result.stale for come in comes)


@database
def test_the_lease_of_a_crashed_process_expires(standin, gate_clock):
    standin.set_item(NUMBER, story(POSTED))
    Shipment.objects.create(number=NUMBER, lease_until=after(seconds=13), lease_token="crashed")
    with pytest.raises(Busy):
        look_up(NUMBER, now=NOW, budget=4)
    assert 3 < gate_clock.seconds <= 4  # waited, but no longer than the budget
    assert standin.requests == []
    assert look_up(NUMBER, now=after(seconds=14)).events
    assert Shipment.objects.get().lease_until is None


@database
def test_a_waiting_visitor_takes_over_an_expired_lease(standin, gate_clock):
    standin.set_item(NUMBER, story(POSTED))
    Shipment.objects.create(number=NUMBER, lease_until=after(seconds=3), lease_token="crashed")
    assert look_up(NUMBER, now=NOW).events
    assert gate_clock.seconds == pytest.approx(3, abs=0.2)
    assert len(standin.requests) == 1


@database
def test_a_lease_written_by_a_wrong_clock_blocks_no_request(standin):
    standin.set_item(NUMBER, story(POSTED))
    Shipment.objects.create(number=NUMBER, lease_until=after(days=300), lease_token="from the future")
    Gate.objects.create(pk=1, next_start_at=after(days=300), paused_until=after(days=300))
    assert look_up(NUMBER, now=NOW).events


@database
@pytest.mark.parametrize(("ahead", "holds"), [(timedelta(hours=2), False), (timedelta(minutes=119), True)])
@pytest.mark.parametrize("is_same_number", [True, False])
def test_a_lease_of_two_hours_is_taken_for_a_wrong_clock(
    settings, gate_clock, parcels, ahead, holds, is_same_number
):
    """Such a lease blocks neither its parcel nor a place at Japan Post."""
    settings.JAPANPOST_CONCURRENCY = 1
    Shipment.objects.create(number=NUMBER, lease_until=NOW + ahead, lease_token="crashed")
    number = NUMBER if is_same_number else parcels[0]
    with (
        pytest.raises(Busy) if holds else nullcontext(),
        gate.admission(number, timer=Timer(NOW, 4), has_story=False) as ticket,
    ):
        assert ticket


@database
def test_a_visitor_with_a_story_waits_for_a_near_turn(standin, gate_clock):
    Gate.objects.create(pk=1, next_start_at=after(seconds=0.4))
    with gate.admission(NUMBER, timer=Timer(NOW, 8), has_story=True) as ticket:
        assert ticket
    assert 0.4 <= gate_clock.seconds <= 0.5


@database
def test_a_visitor_with_a_story_does_not_wait_for_a_later_turn(standin, gate_clock):
    Gate.objects.create(pk=1, next_start_at=after(seconds=0.6))
    with pytest.raises(Busy), gate.admission(NUMBER, timer=Timer(NOW, 8), has_story=True):
        pass
    assert gate_clock.seconds == 0
    assert gate.current_gate().visitors_wait_until is None  # the watch does not wait for this visitor either


@database
def test_a_late_answer_does_not_overwrite_a_newer_one(standin, gate_clock):
    standin.set_item(NUMBER, story(POSTED))
    with gate.admission(NUMBER, timer=Timer(NOW, 10), has_story=False) as slow:
        standin.set_item(NUMBER, story(POSTED, ARRIVED))
        assert len(look_up(NUMBER, now=after(seconds=20)).events) == 2
        before = list(Event.objects.values()), Shipment.objects.values().get()
        standin.set_item(NUMBER, story(POSTED))
        ask(slow)
    assert (list(Event.objects.values()), Shipment.objects.values().get()) == before
    assert "Not used: a newer request" in Fetch.objects.order_by("started_at").first().note


@database
def test_no_request_starts_after_an_answer_was_stored(standin):
    standin.set_item(NUMBER, story(POSTED))
    look_up(NUMBER, now=NOW)
    late = gate._start(request(NUMBER, after(seconds=1)))
    assert late is None
    assert Shipment.objects.get().lease_until is None


@database
def test_an_internal_error_releases_the_lease(standin, monkeypatch):
    standin.set_item(NUMBER, story(POSTED))
    monkeypatch.setattr("tracking.fetching.asking.storing.store", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        look_up(NUMBER, now=NOW)
    monkeypatch.undo()
    assert look_up(NUMBER, now=NOW).events


@database
def test_an_internal_error_keeps_the_lease_of_a_later_request():
    with pytest.raises(ZeroDivisionError), gate.admission(NUMBER, timer=Timer(NOW, 8), has_story=False):
        Shipment.objects.update(lease_token="later")
        raise ZeroDivisionError
    assert Shipment.objects.get().lease_token == "later"


# A few requests at a time, with a spacing


@threads
@pytest.mark.parametrize("places", [2, 4])
def test_never_more_at_a_time_than_there_are_places(standin, settings, stopped_timers, parcels, places):
    settings.JAPANPOST_CONCURRENCY, settings.JAPANPOST_WAITING = places, 20
    standin.set_fault(None, "hang")
    comes = let_in(partial(look_up, number, now=NOW) for number in parcels[:12])
    standin.wait_for_requests(places)
    standin.set_fault(None, "slow-first-byte", seconds=0.3)
    wait_for(comes)
    assert not failures(comes)
    assert len(standin.requests) == 12
    assert standin.concurrent_peak == places


@threads
def test_requests_start_at_a_distance(standin, settings, monkeypatch, parcels):
    """Measured at the sender, because the network may delay one request and not the next."""
    settings.JAPANPOST_SPACING_MS, settings.JAPANPOST_WAITING = 400, 20
    # On a busy machine it may take more than a second to send a request, and every waiting thread reads the gate.
    settings.JAPANPOST_TIMEOUT = 100
    monkeypatch.setattr(gate, "SENDING", timedelta(seconds=60))
    comes = all_at_once(partial(look_up, number, now=NOW) for number in parcels[:5])
    assert not failures(comes)
    starts = sorted(Fetch.objects.values_list("started_at", flat=True))
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert len(gaps) == len(standin.requests) - 1 == 4
    assert min(gaps) >= timedelta(milliseconds=400)


@database
def test_a_place_taken_by_a_crashed_process_becomes_free(standin, settings, gate_clock, parcels):
    settings.JAPANPOST_CONCURRENCY = 1
    Shipment.objects.create(number=NUMBER, lease_until=after(seconds=13), lease_token="crashed")
    with pytest.raises(Busy):
        look_up(parcels[0], now=NOW, budget=4)
    assert look_up(parcels[0], now=after(seconds=14)).events


@database
def test_the_watch_leaves_a_place_for_visitors(standin, settings, gate_clock, parcels):
    settings.JAPANPOST_CONCURRENCY = 2
    Shipment.objects.create(number=NUMBER, lease_until=after(seconds=13), lease_token="another request")
    with pytest.raises(Busy):
        look_up(parcels[0], now=NOW, asked_by=AskedBy.WATCH)
    look_up(parcels[0], now=NOW)
    Shipment.objects.filter(number=NUMBER).update(lease_until=None)
    look_up(parcels[1], now=NOW, asked_by=AskedBy.WATCH)
    assert list(Fetch.objects.order_by("pk").values_list("asked_by", flat=True)) == ["visitor", "watch"]


@database
def test_the_watch_does_not_ask_while_a_visitor_waits(standin, settings, gate_clock, parcels):
    settings.JAPANPOST_CONCURRENCY = 1
    Shipment.objects.create(number=NUMBER, lease_until=after(seconds=1.5), lease_token="another request")
    with pytest.raises(Busy):
        look_up(parcels[0], now=NOW, budget=0.8)
    Shipment.objects.update(lease_until=None)
    with pytest.raises(Busy):
        look_up(parcels[1], now=after(seconds=0.1), asked_by=AskedBy.WATCH)
    assert look_up(parcels[1], now=after(seconds=3), asked_by=AskedBy.WATCH).events


@database
def test_the_watch_waits_as_long_as_a_visitor_does():
    gate.current_gate()
    for seconds, until in ((0, 1), (0.4, 1), (0.8, 1.8), (3, 4)):
        gate._let_the_watch_wait(after(seconds=seconds))
        assert gate.current_gate().visitors_wait_until == after(seconds=until)


# Waiting is bounded


@threads
def test_beyond_the_waiting_limit_the_page_reloads_by_itself(
    standin, settings, stopped_timers, noon, parcels
):
    settings.JAPANPOST_CONCURRENCY, settings.JAPANPOST_WAITING = 1, 2
    standin.set_fault(None, "hang")
    comes = let_in(partial(visitor(i).get, f"/track/{number}/") for i, number in enumerate(parcels[:10]))
    # Seven leave at once: one request is in flight, and two visitors wait.
    at_once = [come.result for come in wait_for(comes, but=3)]
    # A refused number is not stored.
    assert Shipment.objects.count() == 1
    standin.set_fault(None, "slow-first-byte", seconds=0)
    wait_for(comes)
    assert sorted(come.result.status_code for come in comes) == [200] * 3 + [503] * 7
    for page in at_once:
        seconds = int(page["Retry-After"])
        assert 3 <= seconds <= 10
        text = page.content.decode()
        assert f'<meta http-equiv="refresh" content="{seconds}">' in text
        assert "Many people are asking" in text
        assert 'data-outcome="unavailable"' in text


@threads
def test_waiting_for_another_request_is_bounded_too(standin, settings, stopped_timers, noon):
    settings.JAPANPOST_WAITING = 3
    standin.set_item(NUMBER, story(POSTED))
    standin.set_fault(NUMBER, "hang")
    comes = let_in([partial(visitor(i).get, f"/track/{NUMBER}.json") for i in range(12)])
    refused = wait_for(comes, but=4)  # one request is in flight and three visitors wait
    answer_now(standin, NUMBER)
    wait_for(comes)
    assert sorted(come.result.status_code for come in comes) == [200] * 4 + [503] * 8
    assert refused[0].result.json() == {
        "number": NUMBER,
        "outcome": "unavailable",
        "headline": "Many people are asking at the moment",
        "events": [],
    }
    assert 3 <= int(refused[0].result["Retry-After"]) <= 10
    assert len(standin.requests) == 1


@threads
def test_one_visitor_leaves_room_to_wait_for_others(standin, settings, stopped_timers):
    settings.JAPANPOST_WAITING = 3
    standin.set_item(NUMBER, story(POSTED))
    standin.set_fault(NUMBER, "hang")
    comes = let_in([partial(look_up, NUMBER, now=NOW, visitor=("a", "network"))] * 12)
    wait_for(comes, but=3)  # one request is in flight, and two of "a" wait for its answer
    other = let_in([partial(look_up, NUMBER, now=NOW, visitor=("b", "network"))])
    wait_until_waiting(3)
    answer_now(standin, NUMBER)
    wait_for([*comes, *other])
    assert [type(failure) for failure in failures(comes)] == [Busy] * 9
    assert not failures(other) and gate._waiting._held == {}


@threads
def test_an_office_with_one_address_opens_three_parcels(standin, settings, stopped_timers, parcels):
    settings.JAPANPOST_CONCURRENCY, settings.JAPANPOST_WAITING = 1, 3
    visits = [partial(look_up, number, now=NOW, visitor=("office",)) for number in parcels[:3]]
    assert not failures(all_at_once(visits))  # one asks and two wait


@threads
def test_without_a_limit_of_look_ups_one_may_wait_in_all_places(standin, settings, stopped_timers):
    settings.LOOKUPS_PER_MINUTE, settings.JAPANPOST_WAITING = 0, 3
    standin.set_item(NUMBER, story(POSTED))
    standin.set_fault(NUMBER, "hang")
    comes = let_in([partial(look_up, NUMBER, now=NOW, visitor=("a",))] * 4)
    wait_until_waiting(3)
    answer_now(standin, NUMBER)
    assert not failures(wait_for(comes))


@pytest.mark.parametrize(("places", "share"), [(1, 1), (2, 1), (3, 2), (4, 2), (20, 10)])
def test_a_share_is_half_of_the_places_at_least_one(places, share):
    slots = Slots()
    assert [slots.take(places, holder="a") for _ in range(places)].count(True) == share
    assert [slots.take(places, holder="b") for _ in range(places)].count(True) == min(share, places - share)
    slots.free("a")
    assert slots.take(places, holder="a") and not slots.take(places, holder="a")


@threads
def test_a_visitor_with_a_story_waits_for_no_place(standin, settings, stopped_timers, parcels):
    for number in parcels[:6]:
        look_up(number, now=NOW)
    settings.JAPANPOST_CONCURRENCY = 1
    standin.set_fault(parcels[0], "hang")
    first = let_in([partial(look_up, parcels[0], now=LATER)])
    standin.wait_for_requests(7)
    comes = all_at_once(partial(look_up, number, now=LATER) for number in parcels[1:6])
    assert first[0].thread.is_alive()  # the others have left, and the only place is still taken
    answer_now(standin, parcels[0])
    wait_for(first)
    assert not failures([*first, *comes])
    assert len(standin.requests) == Fetch.objects.filter(outcome="tracked").count() == 7


@threads
@pytest.mark.parametrize("fault", ["hang", "dripping-headers", "dripping-body"])
def test_no_visitor_waits_longer_than_the_budget(standin, settings, parcels, fault):
    """These faults never end, so every visitor gives up. The notes say after how many seconds."""
    settings.JAPANPOST_TIMEOUT, settings.JAPANPOST_WAITING = 2, 4
    standin.set_fault(None, fault)
    comes = all_at_once(partial(look_up, number, now=NOW) for number in parcels[:10])
    assert [isinstance(failure, Unavailable) for failure in failures(comes)] == [True] * 10
    notes = Fetch.objects.values_list("note", flat=True)
    given_up = re.findall(r"no answer within ([\d.]+) s", " ".join(notes))
    assert given_up and max(map(float, given_up)) <= 2


@database
@pytest.mark.parametrize(("has_story", "seconds"), [(False, 8), (True, 4)])
def test_with_a_story_the_budget_is_half(settings, monkeypatch, gate_clock, parcels, has_story, seconds):
    monkeypatch.setattr("tracking.fetching.lookup.BUDGET_WITH_STORY", BUDGET_WITH_STORY)
    settings.JAPANPOST_TIMEOUT = 8
    if has_story:
        look_up(parcels[0], now=NOW)
    allowed = []

    def fail_at_once(number, *, timeout, **_):
        allowed.append(timeout)
        raise Unavailable("no answer")

    monkeypatch.setattr("tracking.japanpost.client.fetch_page", fail_at_once)
    with suppress(Unavailable):
        look_up(parcels[0], now=LATER)
    assert allowed == [seconds]


@database
def test_a_list_of_numbers_shares_one_budget(standin, settings, client, gate_clock, parcels):
    settings.JAPANPOST_CONCURRENCY = 1
    Shipment.objects.create(
        number=NUMBER, lease_until=datetime.now(UTC) + timedelta(minutes=60), lease_token="x"
    )
    page = client.get("/track/", {"number": ",".join(parcels[:4])}, follow=True)
    assert 20 < gate_clock.seconds <= 25  # waited, and for all four no longer than for one
    assert page.status_code == 200
    assert b'<meta http-equiv="refresh"' in page.content
    assert b"tries again by itself" in page.content


# Pauses


def fail_for(standin, numbers, now, fault="500", **options):
    """Look up each number while Japan Post has the fault; each look-up is Unavailable."""
    standin.set_fault(None, fault, **options)
    for number in numbers:
        with pytest.raises(Unavailable):
            look_up(number, now=now)


@threads
def test_five_failures_in_a_row_pause_all_requests_until_an_answer(
    standin, settings, stopped_timers, parcels
):
    settings.JAPANPOST_WAITING = 20
    look_up(parcels[20], now=after(hours=-1))
    fail_for(standin, parcels[:5], NOW)
    assert len(standin.requests) == 6
    with pytest.raises(Paused) as refusal:
        look_up(parcels[5], now=after(seconds=30))
    assert refusal.value.retry_after == 30
    stored = look_up(parcels[20], now=after(seconds=30))
    assert (len(stored.events), stored.stale) == (1, True)
    assert len(standin.requests) == 6
    # After a minute one request is the probe. It fails, and the next probe may start two minutes later.
    comes = all_at_once(partial(look_up, number, now=after(seconds=61)) for number in parcels[5:15])
    assert len(standin.requests) == 7
    assert sorted(type(failure).__name__ for failure in failures(comes)) == ["Paused"] * 9 + ["Unavailable"]
    with pytest.raises(Paused):
        look_up(parcels[15], now=after(seconds=61 + 119))
    standin.clear()
    for number in parcels[15:20]:
        with pytest.raises(NotFound):  # this is an answer too
            look_up(number, now=after(seconds=61 + 121))
    assert len(standin.requests) == 5
    row = Gate.objects.get()
    assert (row.failures_in_a_row, row.paused_until, row.pause_reason) == (0, None, "")


@threads
def test_a_burst_of_failures_pauses_for_one_minute_only(standin, stopped_timers, parcels):
    fail_for(standin, parcels[:4], NOW)
    standin.set_fault(None, "dripping-body")
    comes = let_in(partial(look_up, number, now=NOW) for number in parcels[4:8])
    standin.wait_until(lambda: standin.faults_met == 8)  # all four are in flight
    standin.set_fault(None, "500")  # the stand-in ends their pages in the middle
    wait_for(comes)
    assert [type(failure) for failure in failures(comes)] == [Unavailable] * 4
    assert len(standin.requests) == 8
    row = Gate.objects.get()
    assert (row.failures_in_a_row, row.paused_until) == (5, after(seconds=60))


@database
def test_pauses_grow_to_ten_minutes(standin, gate_clock, parcels):
    fail_for(standin, parcels[:5], NOW)
    now, pauses = NOW, []
    for number in parcels[5:11]:
        until = Gate.objects.get().paused_until
        pauses.append((until - now).total_seconds())
        now = until
        fail_for(standin, [number], now)
    assert pauses == [60, 120, 240, 480, 600, 600]


@database
def test_a_lost_probe_lets_the_next_request_try(standin, gate_clock, parcels):
    fail_for(standin, parcels[:5], NOW)
    standin.clear()
    with gate.admission(parcels[6], timer=Timer(after(seconds=61), 8), has_story=False) as probe:
        assert probe.probe_until  # its request gets no answer
    with pytest.raises(Paused):
        look_up(parcels[7], now=after(seconds=120))
    with pytest.raises(NotFound):
        look_up(parcels[7], now=after(seconds=122))
    assert Gate.objects.get().paused_until is None


@database
def test_retry_after_holds_for_every_parcel(standin, gate_clock, parcels):
    fail_for(standin, parcels[:1], NOW, "maintenance", retry_after="600")
    standin.set_fault(None, "slow-first-byte", seconds=0)
    for seconds in (1, 300, 599):
        with pytest.raises(Paused) as refusal:
            look_up(parcels[1], now=after(seconds=seconds))
        assert refusal.value.retry_after == 600 - seconds
    assert len(standin.requests) == 1
    assert look_up(parcels[1], now=after(seconds=600)).events


@database
def test_an_answer_in_flight_does_not_end_a_retry_after(standin, gate_clock, parcels):
    slow = Timer(NOW, 25)
    with gate.admission(parcels[1], timer=slow, has_story=False) as ticket:
        fail_for(standin, parcels[:1], NOW, "429", retry_after="600")
        standin.set_fault(None, "slow-first-byte", seconds=0)
        assert ask(ticket).outcome == "tracked"
    with pytest.raises(Paused):
        look_up(parcels[2], now=after(seconds=300))


@database
def test_a_retry_after_counts_for_one_hour_at_most(standin, gate_clock, parcels):
    fail_for(standin, parcels[:1], NOW, "429", retry_after="2000000")
    assert Gate.objects.get().paused_until == after(hours=1)


@database
def test_an_answer_between_failures_resets_the_count(standin, parcels):
    fail_for(standin, parcels[:4], NOW)
    standin.set_fault(None, "slow-first-byte", seconds=0)
    look_up(parcels[4], now=NOW)
    fail_for(standin, parcels[5:9], NOW)
    assert Gate.objects.get().paused_until is None
    assert Gate.objects.get().failures_in_a_row == 4


@database
def test_an_unreadable_page_counts_as_an_answer(standin, parcels):
    standin.set_fault(None, "doubled-table")
    for number in parcels[:7]:
        with pytest.raises(UnexpectedPage):
            look_up(number, now=NOW)
    assert len(standin.requests) == 7


@database
def test_a_request_with_too_little_time_counts_as_no_failure(standin, gate_clock, parcels):
    standin.set_fault(None, "hang")
    for number in parcels[:6]:
        with pytest.raises(Unavailable):
            look_up(number, now=NOW, budget=0.5001)
    assert [fetch.outcome for fetch in Fetch.objects.all()] == ["unavailable"] * 6
    assert not Gate.objects.filter(failures_in_a_row__gt=0).exists()


@database
def test_staff_see_whether_we_ask(standin, parcels, admin_client):
    page = admin_client.get("/admin/tracking/gate/").content.decode()
    assert "Asking" in page
    fail_for(standin, parcels[:5], datetime.now(UTC))
    page = admin_client.get("/admin/tracking/gate/").content.decode()
    assert "Pausing: customers see the stored stories" in page
    assert "HTTP 500" in page
    assert admin_client.get("/admin/tracking/gate/1/change/").status_code == 200
    assert admin_client.post("/admin/tracking/gate/1/change/", {}).status_code == 403


# The repeated request


@database
def test_a_request_cut_before_the_first_byte_is_repeated_once(standin):
    standin.set_item(NUMBER, story(POSTED))
    standin.set_fault(NUMBER, "connection-reset", times=1)
    assert look_up(NUMBER, now=NOW).events
    assert len(standin.requests) == 2
    assert Fetch.objects.get().outcome == "tracked"


@database
def test_there_is_no_third_request(standin):
    standin.set_fault(NUMBER, "connection-reset")
    with pytest.raises(Unavailable):
        look_up(NUMBER, now=NOW)
    assert len(standin.requests) == 2
    assert Gate.objects.get().failures_in_a_row == 1


@database
def test_the_repeated_request_keeps_the_spacing(standin, settings, gate_clock):
    settings.JAPANPOST_SPACING_MS = 600
    standin.set_item(NUMBER, story(POSTED))
    standin.set_fault(NUMBER, "connection-reset", times=1)
    look_up(NUMBER, now=NOW)
    assert len(standin.requests) == 2
    assert gate_clock.seconds == pytest.approx(0.6)  # the wait between the two


@database
@pytest.mark.parametrize("fault", ["500", "429", "truncated", "empty-body", "cut-mid-row", "doubled-table"])
def test_no_other_failure_repeats_the_request(standin, fault):
    standin.set_item(NUMBER, story(POSTED))
    standin.set_fault(NUMBER, fault)
    with pytest.raises((Unavailable, UnexpectedPage)):
        look_up(NUMBER, now=NOW)
    assert len(standin.requests) == 1


@database
def test_without_time_left_the_request_is_not_repeated(standin, settings, gate_clock):
    settings.JAPANPOST_SPACING_MS = 9000
    standin.set_fault(NUMBER, "connection-reset", times=1)
    with pytest.raises(Unavailable):
        look_up(NUMBER, now=NOW, budget=2)
    assert len(standin.requests) == 1
    assert gate_clock.seconds < 2


# Visitors' limits


@pytest.fixture
def three_a_minute(settings, monkeypatch):
    """Each visitor may send three look-ups in a minute, and the time is NOW."""
    settings.LOOKUPS_PER_MINUTE = 3
    monkeypatch.setattr(timezone, "now", lambda: NOW)  # no minute ends in the middle of a test


def statuses(client, numbers, **headers):
    """The HTTP status of each number's page, requested in turn."""
    return [client.get(f"/track/{number}/", **headers).status_code for number in numbers]


@database
def test_too_many_numbers_get_429_and_a_page_that_tries_again(standin, client, three_a_minute, parcels):
    assert statuses(client, parcels[:5]) == [200, 200, 200, 429, 429]
    assert len(standin.requests) == 3
    page = client.get(f"/track/{parcels[5]}/")
    seconds = int(page["Retry-After"])
    assert 1 <= seconds <= 67
    assert f'<meta http-equiv="refresh" content="{seconds}">' in page.content.decode()
    answer = client.get(f"/track/{parcels[5]}.json")
    assert (answer.status_code, answer.json()["outcome"]) == (429, "unavailable")
    assert int(answer["Retry-After"]) >= 1
    # Pages with a fresh story are never limited, and refused numbers are not stored.
    assert statuses(client, parcels[:3] * 4) == [200] * 12
    assert Shipment.objects.count() == 3


@database
def test_beyond_the_limit_a_visitor_sees_the_stale_story(standin, client, three_a_minute, parcels):
    look_up(parcels[9], now=after(hours=-1))
    assert statuses(client, parcels[:4]) == [200, 200, 200, 429]
    assert statuses(client, parcels[9:10]) == [200]
    assert len(standin.requests) == 4


@database
def test_the_next_minute_allows_look_ups_and_drops_old_counts(standin, three_a_minute, parcels):
    for number in parcels[:3]:
        look_up(number, now=NOW, visitor=("a",))
    with pytest.raises(TooOften):
        look_up(parcels[3], now=NOW, visitor=("a",))
    look_up(parcels[3], now=NOW, visitor=("b",))
    look_up(parcels[4], now=after(minutes=1), visitor=("a",))
    look_up(parcels[5], now=after(minutes=10), visitor=("a",))
    assert [row.window_start for row in Allowance.objects.all()] == [after(minutes=10)]


@database
def test_a_refused_visitor_is_asked_to_come_after_the_minute(gate_clock, three_a_minute, parcels):
    for number in parcels[:3]:
        look_up(number, now=after(seconds=20), visitor=("a",))
    with pytest.raises(TooOften) as refused:
        look_up(parcels[3], now=after(seconds=20), visitor=("a",))
    assert 41 <= refused.value.retry_after <= 46


@database
def test_zero_switches_the_limit_off(standin, client, settings, parcels):
    settings.LOOKUPS_PER_MINUTE = 0
    assert statuses(client, parcels) == [200] * 30
    assert not Allowance.objects.exists()


@database
def test_the_limit_can_be_switched_off_within_a_minute(settings, three_a_minute, parcels):
    for number in parcels[:3]:
        look_up(number, now=NOW, visitor=("a",))
    settings.LOOKUPS_PER_MINUTE = 0
    assert look_up(parcels[3], now=NOW, visitor=("a",)).events


@database
def test_the_limit_is_checked_again_at_the_start(standin, three_a_minute, parcels):
    for number in parcels[:3]:
        look_up(number, now=NOW, visitor=("a",))
    late = gate._start(request(parcels[3], after(seconds=1), visitor=("a",)))
    assert late is None
    assert Shipment.objects.count() == 3


@database
def test_a_slot_is_free_again_after_a_start_and_after_none(three_a_minute, parcels):
    for number in parcels[:3]:
        look_up(number, now=NOW, visitor=("a",))
    assert gate._asking._taken == 0
    assert gate._start(request(parcels[3], NOW, visitor=("a",))) is None
    assert gate._asking._taken == 0


@threads
def test_the_limit_holds_over_connections(standin, settings, stopped_timers, parcels):
    settings.LOOKUPS_PER_MINUTE, settings.JAPANPOST_WAITING = 5, 20
    comes = all_at_once(partial(look_up, number, now=NOW, visitor=("a",)) for number in parcels[:12])
    assert [type(failure) for failure in failures(comes)] == [TooOften] * 7
    assert len(standin.requests) == 5


@database
def test_without_a_proxy_a_claimed_address_is_not_believed(standin, client, three_a_minute, parcels):
    seen = [statuses(client, [n], HTTP_X_FORWARDED_FOR=f"10.0.0.{i}")[0] for i, n in enumerate(parcels[:5])]
    assert seen == [200, 200, 200, 429, 429]


@database
def test_behind_a_proxy_the_address_that_it_added_counts(standin, client, settings, three_a_minute, parcels):
    settings.TRUSTED_PROXIES = 1

    def visit(number, forwarded):
        return client.get(f"/track/{number}/", HTTP_X_FORWARDED_FOR=forwarded, secure=True).status_code

    seen = [visit(number, f"10.0.0.{i}, 198.51.100.7") for i, number in enumerate(parcels[:5])]
    assert seen == [200, 200, 200, 429, 429]
    assert visit(parcels[6], "198.51.100.7, 198.51.100.8") == 200


# What it costs


@database
def test_a_fresh_page_does_not_query_the_gate(standin, client, django_assert_max_num_queries):
    standin.set_item(NUMBER, story(POSTED, DELIVERED))
    client.get(f"/track/{NUMBER}/")
    with django_assert_max_num_queries(4) as queries:
        client.get(f"/track/{NUMBER}/")
    assert not any("tracking_gate" in query["sql"] for query in queries.captured_queries)
