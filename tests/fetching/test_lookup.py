"""A look-up: when it sends a request, what it stores, and what it returns without an answer."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.support.stories import (
    ARRIVED,
    AT_EXCHANGE,
    DELIVERED,
    DISPATCHED,
    IN_CUSTOMS,
    NUMBER,
    POSTED,
    story,
)
from tracking import VERSION
from tracking.fetching import gate
from tracking.fetching.asking import ask
from tracking.fetching.lookup import look_up
from tracking.fetching.timer import Timer
from tracking.japanpost.errors import NotFound, Rejected, Unavailable, UnexpectedPage
from tracking.japanpost.examples import all_examples
from tracking.models import AskedBy, Event, Fetch, KeptPage, Phrase, Shipment
from tracking.staff.parcels.registration import read_lines, register_rows

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=16)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("gate_clock")]


def minute(moment):
    """The time in whole minutes: evidence has a time of its own, some milliseconds after the visitor's arrival."""
    return moment and moment.replace(second=0, microsecond=0)


def phrases(found):
    """The phrases of the story, in order."""
    return [event.phrase for event in found.events]


def test_a_new_number_is_requested_once_and_stored(standin):
    item = story(POSTED, AT_EXCHANGE)
    standin.set_item(NUMBER, item)
    assert look_up(NUMBER, now=NOW).events == item.events
    again = look_up(NUMBER, now=NOW + timedelta(minutes=14))
    assert (again.events, again.stale) == (item.events, False)
    assert len(standin.requests) == 1
    fetch = Fetch.objects.get()
    assert (fetch.outcome, minute(fetch.started_at)) == ("tracked", NOW)
    assert fetch.size > 1000


def test_after_a_wait_the_evidence_has_its_own_time(standin, gate_clock):
    standin.set_item(NUMBER, story(POSTED, IN_CUSTOMS))
    look_up(NUMBER, now=NOW)
    standin.set_item(NUMBER, story(POSTED, ARRIVED))
    timer = Timer(LATER, 25.0)
    gate_clock.sleep(3)  # the wait for a turn
    with gate.admission(NUMBER, timer=timer, has_story=True, asked_by=AskedBy.STAFF) as ticket:
        ask(ticket)
    shipment, fetch = Shipment.objects.get(), Fetch.objects.first()
    assert {shipment.asked_at, shipment.answered_at, shipment.story_at, shipment.changed_at} == {LATER}
    assert LATER + timedelta(seconds=3) == fetch.started_at <= fetch.ended_at
    replaced, new = (
        Event.objects.get(phrase=IN_CUSTOMS.split(" @ ")[0]),
        Event.objects.latest("first_seen_at"),
    )
    assert replaced.superseded_at == new.first_seen_at == fetch.ended_at


def test_after_fifteen_minutes_it_asks_again(standin):
    standin.set_item(NUMBER, story(POSTED))
    look_up(NUMBER, now=NOW)
    standin.set_item(NUMBER, story(POSTED, AT_EXCHANGE))
    found = look_up(NUMBER, now=LATER)
    assert len(found.events) == 2
    assert found.checked_at == LATER


def test_a_look_up_costs_a_fixed_number_of_statements(standin, django_assert_num_queries):
    """The statements of a look-up that sends a request: at the gate and for the answer, without those of the page."""
    standin.set_item("EN123456785JP", story(POSTED, number="EN123456785JP"))
    # The first look-up of a process also reads the words.
    look_up("EN123456785JP", now=NOW - timedelta(minutes=1), visitor=("a visitor",))
    standin.set_item(NUMBER, story(POSTED, AT_EXCHANGE))
    with django_assert_num_queries(33):
        look_up(NUMBER, now=NOW, visitor=("a visitor",))
    with django_assert_num_queries(26):
        look_up(NUMBER, now=LATER, visitor=("a visitor",))


def test_a_delivered_parcel_rests_for_a_day(standin):
    standin.set_item(NUMBER, story(POSTED, DELIVERED))
    look_up(NUMBER, now=NOW)
    look_up(NUMBER, now=NOW + timedelta(hours=23))
    assert len(standin.requests) == 1
    look_up(NUMBER, now=NOW + timedelta(hours=25))
    assert len(standin.requests) == 2


def test_an_unknown_number_is_requested_again_after_ten_minutes(standin):
    for minutes, requests in ((0, 1), (9.9, 1), (10.1, 2)):
        with pytest.raises(NotFound):
            look_up(NUMBER, now=NOW + timedelta(minutes=minutes))
        assert len(standin.requests) == requests


def test_a_number_they_reject_is_rejected(standin):
    number = next(one for one in all_examples() if one.slug == "digit-error").number
    with pytest.raises(Rejected):
        look_up(number, now=NOW)


@pytest.mark.parametrize(
    "fault", ["403", "429", "500", "maintenance", "connection-reset", "empty-body", "truncated"]
)
def test_without_an_answer_the_stored_story_is_returned(standin, fault):
    standin.set_item(NUMBER, story(POSTED, AT_EXCHANGE))
    look_up(NUMBER, now=NOW)
    standin.set_fault(NUMBER, fault)
    found = look_up(NUMBER, now=LATER)
    assert len(found.events) == 2
    assert (found.stale, found.checked_at) == (True, NOW)


@pytest.mark.parametrize(
    "fault", ["doubled-table", "wrong-number", "wrong-encoding", "cut-mid-row", "cut-between-events"]
)
def test_an_unreadable_page_never_changes_the_story(standin, fault):
    standin.set_item(NUMBER, story(POSTED, AT_EXCHANGE))
    look_up(NUMBER, now=NOW)
    before = list(Event.objects.values())
    standin.set_fault(NUMBER, fault)
    found = look_up(NUMBER, now=LATER)
    assert (found.stale, found.checked_at) == (True, NOW)
    assert list(Event.objects.values()) == before
    assert Fetch.objects.first().outcome == ("unavailable" if fault == "cut-mid-row" else "unexpected-page")


def test_after_a_failure_an_unlisted_parcel_stays_unlisted(standin):
    standin.set_item(NUMBER, story(POSTED, AT_EXCHANGE))
    look_up(NUMBER, now=NOW)
    standin.clear()
    look_up(NUMBER, now=LATER)
    standin.set_fault(NUMBER, "500")
    found = look_up(NUMBER, now=LATER + timedelta(minutes=30))
    assert (found.no_longer_listed, found.stale, found.checked_at) == (True, True, LATER)


def test_after_a_failure_the_shorter_answer_is_still_noted(standin):
    standin.set_item(NUMBER, story(POSTED, AT_EXCHANGE))
    look_up(NUMBER, now=NOW)
    standin.set_item(NUMBER, story(POSTED))
    assert look_up(NUMBER, now=LATER).less_complete_since == NOW
    standin.set_fault(NUMBER, "500")
    found = look_up(NUMBER, now=LATER + timedelta(minutes=30))
    assert (found.less_complete_since, found.stale) == (NOW, True)


def test_without_a_story_the_failure_is_raised(standin):
    standin.set_item(NUMBER, story(POSTED))
    standin.set_fault(NUMBER, "500")
    with pytest.raises(Unavailable):
        look_up(NUMBER, now=NOW)
    standin.set_fault(NUMBER, "doubled-table")
    with pytest.raises(UnexpectedPage):
        look_up(NUMBER, now=LATER)


def test_after_a_failure_the_parcel_rests_a_minute(standin):
    standin.set_fault(NUMBER, "500")
    for seconds, requests in ((0, 1), (59, 1), (61, 2)):
        with pytest.raises(Unavailable) as failure:
            look_up(NUMBER, now=NOW + timedelta(seconds=seconds))
        assert 0 < failure.value.retry_after <= 60
        assert len(standin.requests) == requests


def test_retry_after_is_obeyed(standin):
    standin.set_fault(NUMBER, "429", retry_after="120")
    for seconds, requests in ((0, 1), (119, 1), (121, 2)):
        with pytest.raises(Unavailable):
            look_up(NUMBER, now=NOW + timedelta(seconds=seconds))
        assert len(standin.requests) == requests


def test_fewer_rows_never_replace_the_stored_ones(standin):
    standin.set_item(NUMBER, story(POSTED, AT_EXCHANGE, DISPATCHED))
    look_up(NUMBER, now=NOW)
    standin.set_item(NUMBER, story(POSTED, AT_EXCHANGE))
    found = look_up(NUMBER, now=LATER)
    assert len(found.events) == 3
    assert (found.stale, found.checked_at) == (False, LATER)
    assert "2 rows, we have 3" in Fetch.objects.first().note == KeptPage.objects.get().reason


def test_a_list_row_never_replaces_a_history(standin):
    standin.set_item(NUMBER, story(POSTED, AT_EXCHANGE))
    look_up(NUMBER, now=NOW)
    standin.set_item(NUMBER, story(DELIVERED, history_missing=True))
    found = look_up(NUMBER, now=LATER)
    assert len(found.events) == 2
    assert not found.history_missing
    assert "only the newest status" in Fetch.objects.first().note


def test_a_history_replaces_a_list_row(standin):
    standin.set_item(NUMBER, story(POSTED, history_missing=True))
    assert look_up(NUMBER, now=NOW).history_missing
    standin.set_item(NUMBER, story(POSTED))
    assert not look_up(NUMBER, now=LATER).history_missing


def test_a_newer_list_row_replaces_a_list_row(standin):
    standin.set_item(NUMBER, story(POSTED, history_missing=True))
    look_up(NUMBER, now=NOW)
    standin.set_item(NUMBER, story(DELIVERED, history_missing=True))
    assert phrases(look_up(NUMBER, now=LATER)) == ["Final delivery"]


def _store_parcel_of_last_year(standin, *rows, **options):
    """Look up a parcel of last year with NUMBER, so that its story is stored."""
    standin.set_item(NUMBER, story(*rows, first_day=date(2025, 10, 9), **options))
    look_up(NUMBER, now=datetime(2025, 11, 20, 12, 0, tzinfo=UTC))


@pytest.mark.parametrize("day", [8, 20], ids=["before it was posted", "when it had been delivered"])
def test_a_reused_number_shows_the_new_parcel(standin, day):
    _store_parcel_of_last_year(standin, POSTED, AT_EXCHANGE, DISPATCHED, DELIVERED)
    last_year = datetime(2025, 10, day, tzinfo=UTC)
    theirs = {"order_reference": "A-1", "registered_at": last_year}
    Shipment.objects.update(destination="DE", note="Ann called.", handled_at=NOW, **theirs)
    standin.set_item(NUMBER, story(POSTED, AT_EXCHANGE))
    found = look_up(NUMBER, now=NOW)
    assert phrases(found) == ["Posting/Collection", "Arrival at outward office of exchange"]
    assert (found.destination, found.less_complete_since) == (None, None)
    assert Event.objects.filter(superseded_at__gte=NOW).count() == 4
    assert Fetch.objects.first().note.startswith("The number is used again: our 4 rows end on 2025-")
    shipment = Shipment.objects.get()
    assert (shipment.note, shipment.handled_at) == ("Before: order A-1. Ann called.", None)
    assert (shipment.order_reference, shipment.registered_at) == ("", None)
    assert not KeptPage.objects.exists()  # a reused number raises no alarm


def test_the_note_stays_whole_when_a_number_is_reused(standin):
    _store_parcel_of_last_year(standin, POSTED, DELIVERED)
    note = "x" * 480 + " CALL BACK"
    Shipment.objects.update(order_reference="A-1000", note=note)
    standin.set_item(NUMBER, story(POSTED))
    look_up(NUMBER, now=NOW)
    assert Shipment.objects.get().note == "Before: or" + note


def test_an_outcome_written_by_an_older_release_counts(standin):
    standin.set_item(NUMBER, story(POSTED))
    look_up(NUMBER, now=NOW)
    Shipment.objects.update(last_answer="not-found")  # an older release writes only last_outcome
    assert not look_up(NUMBER, now=NOW).no_longer_listed


def test_a_reused_number_keeps_its_newest_registration(standin):
    _store_parcel_of_last_year(standin, POSTED, DELIVERED)
    register_rows(
        read_lines(f"number,destination,order_reference\n{NUMBER},US,A-1"), now=NOW - timedelta(days=410)
    )
    register_rows(read_lines(f"number,destination,order_reference\n{NUMBER},DE,A-2"), now=NOW)
    standin.set_item(NUMBER, story(POSTED))
    assert look_up(NUMBER, now=NOW).destination == "DE"
    assert Shipment.objects.get().order_reference == "A-2"


def test_a_list_row_is_another_parcel_only_after_eleven_months(standin):
    _store_parcel_of_last_year(standin, POSTED, AT_EXCHANGE)
    standin.set_item(NUMBER, story(DELIVERED, first_day=date(2026, 8, 1), history_missing=True))
    assert len(look_up(NUMBER, now=NOW).events) == 2
    standin.set_item(NUMBER, story(POSTED, history_missing=True))
    found = look_up(NUMBER, now=LATER)
    assert (phrases(found), found.history_missing) == (["Posting/Collection"], True)


def test_a_story_that_begins_soon_after_ours_is_the_same_parcel(standin):
    """It is more likely that a part of Japan Post's page is missing."""
    standin.set_item(NUMBER, story(POSTED, AT_EXCHANGE))
    look_up(NUMBER, now=NOW)
    standin.set_item(NUMBER, story(DELIVERED, first_day=date(2026, 11, 18)))
    assert phrases(look_up(NUMBER, now=LATER)) == [
        "Posting/Collection",
        "Arrival at outward office of exchange",
    ]


def test_a_story_that_japan_post_forgets_is_kept(standin):
    standin.set_item(NUMBER, story(POSTED, DELIVERED))
    look_up(NUMBER, now=NOW)
    standin.clear()
    found = look_up(NUMBER, now=NOW + timedelta(days=400))
    assert found.no_longer_listed
    assert phrases(found) == ["Posting/Collection", "Final delivery"]


def test_replaced_rows_stay_and_equal_rows_keep_first_seen_at(standin):
    standin.set_item(NUMBER, story(POSTED, ARRIVED))
    look_up(NUMBER, now=NOW)
    standin.set_item(NUMBER, story(POSTED, IN_CUSTOMS))
    look_up(NUMBER, now=LATER)
    rows = Event.objects.values_list("position", "phrase", "first_seen_at", "superseded_at")
    assert sorted(((*row, minute(first), minute(end)) for *row, first, end in rows), key=str) == sorted(
        [
            (0, "Posting/Collection", NOW, None),
            (1, "Arrival at inward office of exchange", NOW, LATER),
            (1, "Held by import Customs", LATER, None),
        ],
        key=str,
    )


def test_rows_moved_by_a_late_row_keep_first_seen_at(standin):
    standin.set_item(NUMBER, story(POSTED, DISPATCHED, ARRIVED, IN_CUSTOMS))
    look_up(NUMBER, now=NOW)
    first, *others = story(POSTED, DISPATCHED, ARRIVED, IN_CUSTOMS).events
    late = replace(first, phrase="Arrival at outward office of exchange")
    standin.set_item(NUMBER, replace(story(POSTED), events=(first, late, *others)))
    assert look_up(NUMBER, now=LATER).events == (first, late, *others)
    rows = Event.objects.order_by("position").values_list("position", "first_seen_at", "superseded_at")
    assert [(n, minute(first), end) for n, first, end in rows] == [
        (n, LATER if n == 1 else NOW, None) for n in range(5)
    ]


def test_rows_in_another_order_are_the_same_rows(standin):
    one, two, three = story(POSTED, ARRIVED, IN_CUSTOMS).events
    for now, rows in ((NOW, (one, two, three)), (LATER, (one, three, two))):
        standin.set_item(NUMBER, replace(story(POSTED), events=rows))
        assert look_up(NUMBER, now=now).events == rows
    assert not Event.objects.exclude(first_seen_at__lt=LATER, superseded_at=None).exists()
    assert Shipment.objects.get().changed_at == LATER


def test_two_equal_rows_are_stored_as_two(standin):
    one, two = story(POSTED, IN_CUSTOMS).events
    for now, rows in ((NOW, (one, two, two)), (LATER, (one, two, two, two))):
        standin.set_item(NUMBER, replace(story(POSTED), events=rows))
        assert look_up(NUMBER, now=now).events == rows
    assert Event.objects.filter(first_seen_at__gte=LATER).count() == 1


def test_an_answer_is_stored_whole_or_not_at_all(standin, monkeypatch):
    standin.set_item(NUMBER, story(POSTED))
    look_up(NUMBER, now=NOW)
    before = list(Event.objects.values()), list(Shipment.objects.values())
    standin.set_item(NUMBER, story(IN_CUSTOMS, DELIVERED))
    monkeypatch.setattr(Fetch, "save", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        look_up(NUMBER, now=LATER)
    assert (list(Event.objects.values()), list(Shipment.objects.values())) == before


def test_an_unknown_phrase_becomes_an_inbox_item_once(standin):
    standin.set_item(NUMBER, story(POSTED, "Sorted by a drone @ GERMANY"))
    look_up(NUMBER, now=NOW)
    look_up(NUMBER, now=LATER)
    assert [phrase.text for phrase in Phrase.objects.unmapped()] == ["Sorted by a drone"]
    assert Phrase.objects.get(text="Posting/Collection").last_seen_at == NOW


@pytest.mark.django_db(transaction=True)
def test_phrases_are_noted_outside_the_transaction_of_the_answer(standin, django_assert_max_num_queries):
    """Otherwise two answers with the same phrases in another order would wait for each other's locks."""
    standin.set_item(NUMBER, story(POSTED, "Sorted by a drone", "Weighed by an owl"))
    with django_assert_max_num_queries(100) as seen:
        look_up(NUMBER, now=NOW)
    transactions: list[set[str]] = [set()]
    for query in seen.captured_queries:
        verb, *words = query["sql"].split()
        if verb in ("BEGIN", "COMMIT"):
            transactions.append(set())
        elif verb in ("INSERT", "UPDATE"):
            transactions[-1] |= {
                one for one in ("tracking_phrase", "tracking_shipment") if f'"{one}"' in words
            }
    assert [one for one in transactions if one] == [
        {"tracking_shipment"},  # the lease
        {"tracking_phrase"},
        {"tracking_phrase"},
        {"tracking_shipment"},
        {"tracking_phrase"},  # last_seen_at
    ]


def test_known_phrases_in_other_spellings_are_no_inbox_items(standin):
    standin.set_item(
        NUMBER,
        story(
            "Absence. Attempted delivery @ GERMANY", "HELD BY IMPORT CUSTOMS @ GERMANY", "国際交換局に到着"
        ),
    )
    look_up(NUMBER, now=NOW)
    assert not Phrase.objects.unmapped().exists()


def test_the_user_agent_names_the_software_and_the_shops_contact(standin, shop):
    shop.email = "parcels@shop.example"
    shop.save()
    standin.set_item(NUMBER, story(POSTED))
    look_up(NUMBER, now=NOW)
    agent = standin.requests[0].headers["User-Agent"]
    assert agent.startswith(f"emsguide/{VERSION} ")
    assert "parcels@shop.example" in agent


def test_without_time_left_nothing_is_requested(standin):
    standin.set_item(NUMBER, story(POSTED))
    with pytest.raises(Unavailable):
        look_up(NUMBER, now=NOW, budget=0)
    assert standin.requests == []


@pytest.mark.parametrize(("budget", "requests"), [(0.4, 0), (0.6, 1)])
def test_with_half_a_second_left_a_turn_that_is_free_is_used(standin, monkeypatch, budget, requests):
    standin.set_item(NUMBER, story(POSTED))
    look_up(NUMBER, now=NOW)
    tickets = []
    monkeypatch.setattr("tracking.fetching.lookup.ask", tickets.append)
    assert phrases(look_up(NUMBER, now=LATER, budget=budget)) == ["Posting/Collection"]
    assert len(tickets) == requests
