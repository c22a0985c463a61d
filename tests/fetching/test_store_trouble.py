"""A store that can be read and not written: customers read the stored story, and nothing that was taken is lost."""

import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from lxml import html

from tests.support.stories import AT_EXCHANGE, IN_CUSTOMS, NUMBER, POSTED, some_numbers, story
from tests.support.trouble import TROUBLES, commit_fails, full, locked, lost_after_commit, lost_at, read_only
from tracking.fetching import gate
from tracking.fetching.gate import Ticket
from tracking.fetching.lookup import NotStored, look_up
from tracking.fetching.timer import Timer
from tracking.japanpost.errors import Unavailable, UnexpectedPage
from tracking.models import Alarm, AskedBy, Event, Fetch, Gate, KeptPage, Phrase, Shipment
from tracking.staff.parcels.ask_now import ask_now
from tracking.values import store

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=16)
OTHER = "EN123456785JP"
LONG = ["En route @ GERMANY"] * 60  # rows that need a further page of the file

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sqlite]
troubles = pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    """A write waits for a lock for an instant."""
    for module in ("fetching.lookup", "staff.parcels.ask_now"):
        monkeypatch.setattr(f"tracking.{module}.LOCK_WAIT", 0.01)


@pytest.fixture
def japan_post(standin):
    """The stand-in with a story for both numbers, the first of which is stored and due; the second one has 61 rows."""
    standin.set_item(NUMBER, story(POSTED))
    look_up(NUMBER, now=datetime.now(UTC) - timedelta(hours=1))
    standin.set_item(NUMBER, story(POSTED, AT_EXCHANGE, *LONG))
    standin.set_item(OTHER, story(POSTED, *LONG, number=OTHER))
    return standin


def words(page):
    return " ".join(html.fromstring(page.content.decode()).get_element_by_id("main").text_content().split())


# What customers read


@troubles
def test_a_due_parcel_shows_its_stored_story_with_its_age(japan_post, client, trouble):
    with trouble():
        page = client.get(f"/track/{NUMBER}/")
        answer = client.get(f"/track/{NUMBER}.json")
    assert page.status_code == 200
    assert "We cannot get news from Japan Post at the moment" in words(page)
    assert "at our last check, 60 minutes ago" in words(page)
    assert (answer.status_code, answer.json()["stale"], len(answer.json()["events"])) == (200, True, 1)
    assert len(client.get(f"/track/{NUMBER}.json").json()["events"]) == 62  # asked at once, without a restart


@troubles
def test_a_new_number_is_503_with_a_sentence(japan_post, client, trouble):
    with trouble():
        page = client.get(f"/track/{OTHER}/")
        answer = client.get(f"/track/{OTHER}.json")
    assert (page.status_code, page["Retry-After"]) == (503, "60")
    assert "We cannot look up new parcels at the moment" in words(page)
    assert "Japan Post does not answer" not in words(page)
    assert (answer.status_code, answer.json()["outcome"]) == (503, "unavailable")
    assert client.get(f"/track/{OTHER}/").status_code == 200


@troubles
def test_staff_read_that_there_is_no_new_answer(japan_post, trouble):
    with trouble():
        result = ask_now(Shipment.objects.get(), now=datetime.now(UTC))
    assert result.text.startswith("Our store cannot be written at the moment")
    assert (result.was_asked, result.is_good) == (False, False)
    assert ask_now(Shipment.objects.get(), now=datetime.now(UTC)).was_asked


@troubles
def test_a_list_shows_what_is_stored(japan_post, client, trouble):
    with trouble():
        page = client.get(f"/track/?number={NUMBER},{OTHER}")
    assert page.status_code == 200
    first, second = html.fromstring(page.content.decode()).find_class("parcel")
    assert (first.get("data-outcome"), first.get("data-stale")) == ("tracked", "true")
    assert (second.get("data-outcome"), second.get("data-stale")) == ("unavailable", "false")


@pytest.mark.parametrize("trouble", [read_only, locked])
def test_a_stored_look_up_that_cannot_be_counted_is_404(client, trouble, settings):
    settings.LOOKUPS_PER_MINUTE = 1
    with trouble():
        answers = [client.get(f"/track/{OTHER}.json?stored=1") for _ in range(3)]
    assert [one.status_code for one in answers] == [404] * 3
    assert client.get(f"/track/{OTHER}.json?stored=1").status_code == 404
    assert client.get(f"/track/{OTHER}.json?stored=1").status_code == 429  # counted again


@pytest.mark.parametrize("error", [InterfaceError, OperationalError])
def test_a_lost_connection_costs_the_count_of_a_stored_look_up(client, error):
    def lose(execute, sql, *more):
        if sql.startswith("INSERT"):
            raise error("connection already closed")
        return execute(sql, *more)

    with connection.execute_wrapper(lose):
        assert client.get(f"/track/{OTHER}.json?stored=1").status_code == 404


def test_each_trouble_is_one_line_of_the_log(japan_post, client, caplog):
    caplog.set_level(logging.WARNING, logger="tracking")
    with read_only():
        client.get(f"/track/{NUMBER}/")
        client.get(f"/track/{OTHER}/")
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("tracking")]
    assert lines == [
        f"{number} could not be looked up: OperationalError: attempt to write a readonly database"
        for number in ("EM…6785JP", "EN…6785JP")
    ]
    assert not any(record.exc_info for record in caplog.records if record.name.startswith("tracking"))


# Nothing that was taken is lost


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (lambda: commit_fails("INSERT ON tracking_shipment"), IntegrityError),
        (read_only, OperationalError),
        (locked, OperationalError),
    ],
    ids=["commit", "read-only", "locked"],
)
def test_a_start_that_cannot_be_stored_returns_its_slot(trouble, error):
    for number in some_numbers(5):  # more than a process has slots
        with trouble(), store.lock_wait(0.01), pytest.raises(error):
            gate.admission(number, timer=Timer(NOW, 8), has_story=False).__enter__()
        assert gate._asking._taken == gate._waiting._taken == 0
    assert not Shipment.objects.exists()


@troubles
def test_after_many_failed_look_ups_the_process_asks_again(japan_post, trouble):
    with trouble():
        for number in some_numbers(5):  # more than a process has slots
            japan_post.set_item(number, story(POSTED, *LONG, number=number))
            with pytest.raises(NotStored):
                look_up(number, now=LATER)
    assert gate._asking._taken == gate._waiting._taken == 0
    assert look_up(number, now=LATER).events


def test_an_answer_that_cannot_be_stored_leaves_no_lease(japan_post):
    before = len(japan_post.requests)
    with commit_fails("INSERT ON tracking_fetch"):
        assert look_up(NUMBER, now=datetime.now(UTC)).stale
    assert len(japan_post.requests) == before + 1
    assert (Shipment.objects.get().lease_until, Fetch.objects.count()) == (None, 1)
    assert not look_up(NUMBER, now=datetime.now(UTC)).stale


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ZeroDivisionError])
def test_whatever_ends_a_request_its_slot_and_lease_come_back(error):
    with pytest.raises(error), gate.admission(NUMBER, timer=Timer(NOW, 8), has_story=False):
        raise error
    assert gate._asking._taken == 0
    assert Shipment.objects.get().lease_until is None


@pytest.mark.parametrize("ends", ["by an error", "by its commit"])
def test_a_probe_that_was_not_stored_is_tried_again_at_once(japan_post, gate_clock, ends):
    Gate.objects.update_or_create(
        pk=1, defaults={"paused_until": NOW, "failures_in_a_row": 9, "pause_reason": "no answer"}
    )
    if ends == "by an error":
        with pytest.raises(ZeroDivisionError), gate.admission(OTHER, timer=Timer(NOW, 8), has_story=False):
            raise ZeroDivisionError
    else:
        with commit_fails("INSERT ON tracking_fetch"), pytest.raises(NotStored):
            look_up(OTHER, now=NOW)
    assert Gate.objects.get().failures_in_a_row == 9
    assert look_up(OTHER, now=NOW + timedelta(seconds=gate_clock.seconds + 1)).events
    assert Gate.objects.get().paused_until is None


def test_a_lost_probe_leaves_a_later_pause_alone():
    Gate.objects.update_or_create(pk=1, defaults={"paused_until": NOW, "failures_in_a_row": 9})
    asked_to_wait = NOW + timedelta(hours=1)
    with pytest.raises(ZeroDivisionError), gate.admission(OTHER, timer=Timer(NOW, 8), has_story=False):
        Gate.objects.update(paused_until=asked_to_wait)  # an answer of a request before had a Retry-After
        raise ZeroDivisionError
    assert Gate.objects.get().paused_until == asked_to_wait


# Japan Post has answered


def test_an_answer_counts_where_the_spacing_cannot_be_stored(japan_post, settings):
    settings.JAPANPOST_SPACING_MS = 1
    moved = "UPDATE OF next_start_at ON tracking_gate WHEN old.next_start_at > new.next_start_at"
    with commit_fails(moved):
        assert len(look_up(NUMBER, now=datetime.now(UTC)).events) == 62


def test_an_answer_counts_where_its_new_phrase_cannot_be_noted(japan_post):
    japan_post.set_item(NUMBER, story(POSTED, "Weighed by an owl @ GERMANY"))
    with commit_fails("INSERT ON tracking_phrase"):
        found = look_up(NUMBER, now=datetime.now(UTC))
    assert (len(found.events), found.stale) == (2, False)
    assert not Phrase.objects.unmapped().exists()
    look_up(NUMBER, now=datetime.now(UTC) + timedelta(hours=1))
    assert [one.text for one in Phrase.objects.unmapped()] == ["Weighed by an owl"]


def test_an_answer_counts_where_its_phrases_keep_their_old_time(japan_post):
    japan_post.set_item(NUMBER, story(POSTED, IN_CUSTOMS))
    with commit_fails("UPDATE OF last_seen_at ON tracking_phrase"):
        found = look_up(NUMBER, now=datetime.now(UTC))
    assert (len(found.events), found.stale) == (2, False)


@pytest.mark.parametrize("table", ["tracking_keptpage", "tracking_alarm"])
def test_a_page_that_cannot_be_kept_is_no_error_500(japan_post, client, table):
    japan_post.set_fault(NUMBER, "doubled-table")
    with commit_fails(f"INSERT ON {table}"):
        page = client.get(f"/track/{NUMBER}/")
    assert page.status_code == 200
    assert Fetch.objects.first().outcome == "unexpected-page"
    assert (KeptPage.objects.count(), Alarm.objects.count()) == (int(table == "tracking_alarm"), 0)


@pytest.mark.parametrize("statement", ['INSERT INTO "tracking_event"', 'INSERT INTO "tracking_fetch"'])
def test_an_answer_is_stored_on_another_connection(japan_post, statement, caplog):
    Gate.objects.update_or_create(pk=1, defaults={"failures_in_a_row": 2})
    with lost_at(statement) as met:
        found = look_up(NUMBER, now=datetime.now(UTC))
    assert (len(found.events), found.stale, len(met) > 1) == (62, False, True)
    assert (Fetch.objects.count(), Shipment.objects.get().lease_token) == (2, "")
    assert Gate.objects.get().failures_in_a_row == 0
    assert "is stored again on another connection: OperationalError: server closed" in caplog.text


def test_a_failure_is_counted_once_though_its_connection_is_lost(japan_post):
    japan_post.set_fault(OTHER, "connection-reset")
    with lost_at('INSERT INTO "tracking_fetch"') as met, pytest.raises(Unavailable):
        look_up(OTHER, now=datetime.now(UTC))
    assert len(met) == 2
    assert (Gate.objects.get().failures_in_a_row, Fetch.objects.filter(outcome="unavailable").count()) == (
        1,
        1,
    )


@pytest.mark.parametrize("fault", ["", "connection-reset", "doubled-table"])
def test_an_answer_lost_after_its_commit_is_stored_once(japan_post, fault):
    if fault:
        japan_post.set_fault(OTHER, fault)
    with lost_after_commit('INSERT INTO "tracking_fetch"') as met, suppress(Unavailable, UnexpectedPage):
        look_up(OTHER, now=datetime.now(UTC))
    assert (len(met), met[-1]) == (2, "COMMIT")
    assert Fetch.objects.filter(shipment__number=OTHER).count() == 1
    assert Gate.objects.get().failures_in_a_row == (fault == "connection-reset")
    assert Shipment.objects.get(number=OTHER).lease_token == ""


def test_a_connection_that_is_lost_twice_costs_the_answer(japan_post):
    with lost_at('INSERT INTO "tracking_event"') as first, lost_at('INSERT INTO "tracking_fetch"') as second:
        assert look_up(NUMBER, now=datetime.now(UTC)).stale
    assert (len(first), len(second), Fetch.objects.count()) == (2, 1, 1)
    assert (Shipment.objects.get().lease_token, gate._asking._taken) == ("", 0)


# Locks


def lock_limit():
    """The milliseconds that the next statement waits for a lock."""
    with connection.cursor() as cursor:
        return cursor.execute("PRAGMA busy_timeout").fetchone()[0]


@pytest.fixture
def waits(monkeypatch):
    """The limits that are set, in seconds. None: that of the settings."""
    set_to = []
    monkeypatch.setattr("tracking.fetching.lookup.LOCK_WAIT", 2.0)
    monkeypatch.setattr(store, "_set_lock_wait", set_to.append)
    return set_to


def test_a_look_up_waits_for_a_lock_for_its_budget_at_most(japan_post, waits):
    look_up(OTHER, now=NOW, budget=0.75)
    assert waits[0] == pytest.approx(1.75, abs=0.25)  # with the second to store
    assert max(waits[:-1]) == waits[0] and waits[-1] is None
    waits.clear()
    look_up(NUMBER, now=datetime.now(UTC))
    assert waits == [2.0, None]


def test_after_the_visitors_time_no_statement_waits(
    japan_post, waits, time_ends_at_a_fault, gate_clock, monkeypatch
):
    monkeypatch.setattr(store, "time", gate_clock)
    japan_post.set_fault(OTHER, "hang")
    with pytest.raises(Unavailable):
        look_up(OTHER, now=NOW)
    assert waits[0] == 2.0 and waits[-1] is None
    assert (
        len(waits) > 3 and max(waits[1:-1]) < 0
    )  # so one millisecond, for each statement that stores the failure


@pytest.mark.parametrize("in_all", [2.5, 0.5])
def test_the_statements_of_a_block_share_its_seconds(gate_clock, monkeypatch, in_all):
    monkeypatch.setattr(store, "time", gate_clock)
    with store.lock_wait(2.0, in_all=in_all):
        assert lock_limit() == min(2000, in_all * 1000)
        gate_clock.sleep(in_all - 0.25)
        assert lock_limit() == 250
        gate_clock.sleep(1)
        assert lock_limit() == 1
    assert lock_limit() == 20_000


def test_a_connection_opened_in_the_block_has_its_limit():
    with store.lock_wait(0.25):
        assert lock_limit() == 250
        connection.close()
        assert lock_limit() == 250
        connection.close()
        with transaction.atomic():
            assert lock_limit() == 250
        connection.close()
    assert lock_limit() == 20_000


def test_giving_back_after_an_error_waits_an_instant(monkeypatch):
    with store.lock_wait(2.0):
        with pytest.raises(ZeroDivisionError), gate.admission(NUMBER, timer=Timer(NOW, 8), has_story=False):
            with monkeypatch.context() as patch:
                waits = []
                patch.setattr(store, "_set_lock_wait", waits.append)
                gate._give_back(Ticket(OTHER, "none", Timer(NOW, 8), AskedBy.VISITOR, None))
            assert waits == [0.2]
            raise ZeroDivisionError
        assert lock_limit() == 2000  # that of the block around it
    assert lock_limit() == 20_000


def test_a_stored_look_up_waits_for_its_count_for_an_instant(client, monkeypatch):
    waits = []
    monkeypatch.setattr(store, "_set_lock_wait", waits.append)
    assert client.get(f"/track/{OTHER}.json?stored=1").status_code == 404
    assert waits == [0.25, None]


def test_after_a_look_up_the_wait_of_the_settings_holds_again(japan_post):
    before = lock_limit()
    with locked():
        look_up(NUMBER, now=datetime.now(UTC))
    assert lock_limit() == before == 20_000
    with pytest.raises(ZeroDivisionError), store.lock_wait(0.0):
        assert lock_limit() == 1
        raise ZeroDivisionError
    assert lock_limit() == 20_000


def test_a_fault_of_ours_is_logged_with_its_traceback(caplog):
    with store.tolerates_trouble("something is missing"):
        Event.objects.create(shipment_id=None)
    (record,) = caplog.records
    assert record.getMessage().startswith("something is missing: IntegrityError: NOT NULL")
    assert record.exc_info


def test_the_store_is_full_only_for_rows_that_need_space():
    with full(), pytest.raises(OperationalError, match="full"):
        Phrase.objects.bulk_create(Phrase(text=f"{number:0200}", first_seen_at=NOW) for number in range(100))
    Phrase.objects.create(text="Weighed by an owl", first_seen_at=NOW)
