"""The watch: when it asks Japan Post, that visitors come first, and that only a signal ends it."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.utils import timezone

from tests import PROJECT
from tests.support import processes
from tests.support.stories import DELIVERED, NUMBER, POSTED, some_numbers, story
from tests.support.trouble import commit_fails, read_only
from tracking.fetching import asking, gate
from tracking.fetching.lookup import look_up
from tracking.fetching.schedule import WatchFacts, next_watch
from tracking.japanpost.errors import NotFound
from tracking.models import Fetch, Gate, Phrase, Shipment, Status
from tracking.ops.watch import Watch
from tracking.values.redaction import redact

NOW = datetime(2026, 11, 10, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

pytestmark = pytest.mark.django_db(transaction=True)


# Due times


@pytest.mark.parametrize(
    ("silent", "more", "wait"),
    [
        (0, {"is_out_for_delivery": True}, HOUR),
        (3, {"is_out_for_delivery": True}, 6 * HOUR),
        (0, {}, 4 * HOUR),
        (2, {}, 4 * HOUR),
        (6, {}, 12 * HOUR),
        (12, {}, DAY),
        (100, {}, DAY),
        (181, {}, None),
        (100, {"outcome": "unavailable"}, HOUR),
        (0, {"outcome": "not-found"}, 4 * HOUR),
        (1, {"is_over": True, "changed_at": NOW}, DAY),
        (1, {"is_over": True, "changed_at": NOW - DAY}, None),
        (1, {"is_over": True, "changed_at": NOW - DAY, "outcome": "unavailable"}, HOUR),
    ],
)
def test_known_parcels_get_their_due_time(silent, more, wait):
    facts = WatchFacts(**{"outcome": "tracked", "last_scan": NOW - silent * DAY} | more)
    assert next_watch(facts, now=NOW) == (NOW + wait if wait else None)


@pytest.mark.parametrize(
    ("days", "wait"), [(0, 6 * HOUR), (14, 6 * HOUR), (15, DAY), (181, None), (None, None)]
)
def test_numbers_unknown_to_japan_post_get_their_due_time(days, wait):
    registered_at = None if days is None else NOW - days * DAY
    facts = WatchFacts("not-found", None, registered_at=registered_at)
    assert next_watch(facts, now=NOW) == (NOW + wait if wait else None)


@pytest.mark.parametrize(
    ("texts", "wait"),
    [
        ([POSTED], 4 * HOUR),
        ([POSTED, "Out for delivery @ GERMANY"], HOUR),
        ([POSTED, DELIVERED], DAY),
        ([POSTED, "Final delivery @ TOKYO"], DAY),
        ([POSTED, DELIVERED, "En route @ GERMANY"], 4 * HOUR),
        ([POSTED, DELIVERED, "Delivery scan cancelled @ GERMANY"], 4 * HOUR),
    ],
)
def test_each_answer_sets_the_next_due_time(standin, texts, wait):
    standin.set_item(NUMBER, story(*texts))
    look_up(NUMBER, now=NOW)
    assert Shipment.objects.get().watch_at == NOW + wait


@pytest.mark.parametrize("end", [DELIVERED, "Signature received @ GERMANY", "Returned to sender @ TOKYO"])
def test_a_finished_journey_is_queried_once_more_then_never(standin, end):
    signed = Status.objects.create(slug="signed", tone="done")
    Phrase.objects.create(text="Signature received", status=signed)
    standin.set_item(NUMBER, story(POSTED, end))
    look_up(NUMBER, now=NOW)
    for days in range(1, 4):
        Watch(clock=lambda days=days: NOW + days * DAY).run_once()
    assert len(standin.requests) == 2
    assert Shipment.objects.get().watch_at is None


def test_a_number_that_only_a_visitor_typed_is_not_watched(client, standin):
    client.get(f"/track/{NUMBER}/")
    assert Shipment.objects.get().watch_at is None


# One pass


def register(numbers, *, at=NOW):
    """Store parcels as staff register them. They are due one second apart, from `at` on."""
    for place, number in enumerate(numbers):
        Shipment.objects.create(number=number, registered_at=at, watch_at=at + timedelta(seconds=place))


def asked_numbers(standin):
    """The numbers of the requests, in their order."""
    return [request.query["reqCodeNo1"] for request in standin.requests]


def test_the_longest_overdue_parcels_are_queried_first(standin):
    numbers = some_numbers(4)
    register(reversed(numbers[:3]), at=NOW - HOUR)
    register(numbers[3:], at=NOW + HOUR)
    totals = Watch(clock=lambda: NOW).run_once()
    assert asked_numbers(standin) == list(reversed(numbers[:3]))
    assert (totals.asked, totals.failed) == (3, 0)
    assert set(Fetch.objects.values_list("asked_by", flat=True)) == {"watch"}


def test_a_parcel_that_a_visitor_just_looked_up_is_skipped(standin):
    standin.set_item(NUMBER, story(POSTED))
    look_up(NUMBER, now=NOW)
    Shipment.objects.update(watch_at=NOW)
    assert Watch(clock=lambda: NOW + timedelta(minutes=5)).run_once().asked == 0
    assert Watch(clock=lambda: NOW + timedelta(minutes=20)).run_once().asked == 1


def test_a_customers_click_is_answered_from_the_store(client, standin):
    standin.set_item(NUMBER, story(POSTED))
    register([NUMBER], at=timezone.now())
    Watch().run_once()
    assert "Posting/Collection" in client.get(f"/track/{NUMBER}/").content.decode()
    assert len(standin.requests) == 1


def test_the_watch_sends_no_request_while_visitors_wait(standin, monkeypatch):
    monkeypatch.setattr("tracking.ops.watch.BUSY_TIMEOUT", 0.3)
    monkeypatch.setattr("tracking.ops.watch.BUSY_FOR", 0.1)
    register([NUMBER])
    gate.current_gate()
    Gate.objects.update(visitors_wait_until=NOW + timedelta(minutes=1))
    assert Watch(clock=lambda: NOW).run_once().asked == 0
    assert standin.requests == []


def test_the_watch_sleeps_while_the_gate_pauses(standin, gate_clock):
    register(some_numbers(3), at=NOW)
    gate.current_gate()
    Gate.objects.update(paused_until=NOW + HOUR, pause_reason="down")
    lines = []
    watch = Watch(clock=lambda: NOW + timedelta(minutes=1), report=lines.append)
    assert watch.run_once().asked == 0
    assert lines == ["Japan Post is not asked for 3540 s: down"]

    sleeps = []

    def sleep_once(seconds):
        sleeps.append(seconds)
        watch.stop()

    watch._sleep = sleep_once
    watch.run()
    assert sleeps[0] == 60
    assert standin.requests == []


def test_an_error_on_one_parcel_is_logged_and_the_others_continue(standin, monkeypatch, caplog):
    first, second = some_numbers(2)
    register([first, second])
    ask = asking.ask

    def fail(ticket):
        if ticket.number == first:
            raise ZeroDivisionError
        return ask(ticket)

    monkeypatch.setattr(asking, "ask", fail)
    totals = Watch(clock=lambda: NOW + timedelta(minutes=1)).run_once()
    assert (totals.asked, totals.crashed) == (1, 1)
    assert f"unexpected error while asking about {redact(first)}" in caplog.text
    postponed = Shipment.objects.get(number=first)
    assert postponed.watch_at == NOW + timedelta(minutes=61)
    assert postponed.lease_until is None


@pytest.mark.parametrize(
    "broken", ["tracking.ops.prune.operational_rules", "tracking.ops.watch.recompute_outdated"]
)
def test_an_error_in_clean_up_is_logged_and_the_watch_continues(standin, monkeypatch, caplog, broken):
    def fail(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(broken, fail)
    register([NUMBER])
    watch = Watch(clock=lambda: NOW + timedelta(minutes=1))
    monkeypatch.setattr(watch, "_sleep", lambda seconds: watch.stop())
    assert watch.run().asked == 1
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.sqlite
@pytest.mark.parametrize("trouble", [read_only, lambda: commit_fails("UPDATE ON tracking_shipment")])
def test_a_store_that_cannot_be_written_ends_the_cycle(standin, monkeypatch, caplog, trouble):
    """No parcel is skipped, and the log has a line or two and not one for each parcel."""
    register(some_numbers(5))
    watch = Watch(clock=lambda: NOW + timedelta(minutes=1))
    monkeypatch.setattr(watch, "_sleep", lambda seconds: watch.stop())
    with trouble():
        totals = watch.run()
    assert (totals.asked, totals.crashed) == (0, 1)
    assert [line for line in caplog.messages if "could not be postponed" in line]
    assert len(caplog.messages) <= 4
    assert Watch(clock=lambda: NOW + timedelta(minutes=1)).run_once().asked == 5


def test_each_cycle_writes_one_log_line(standin, caplog):
    register(some_numbers(3))
    with caplog.at_level("INFO", "tracking.ops.watch"):
        Watch(clock=lambda: NOW + HOUR).run_once()
    (line,) = [record.message for record in caplog.records if record.name == "tracking.ops.watch"]
    assert line.startswith("watch: 3 asked, 0 with news, 0 without an answer")


def test_the_watch_deletes_old_requests(standin):
    for days in (0, 60, 68, 75):
        with suppress(NotFound):
            look_up(NUMBER, now=NOW + days * DAY)
    Watch(clock=lambda: NOW + 91 * DAY).run_once()
    assert Fetch.objects.count() == 3
    assert not Fetch.objects.filter(started_at__lt=NOW + 60 * DAY).exists()


@pytest.mark.parametrize("error", [OperationalError("database is locked"), ValueError("ours")])
def test_a_failed_prune_is_tried_again_in_ten_minutes(standin, monkeypatch, error):
    tried, clock = [], [NOW]
    watch = Watch(clock=lambda: clock[0])

    def fail(rule):
        tried.append(rule)
        raise error

    pruned_at = {
        0: 0,
        9: 0,
        10: 10,
        11: 10,
        60: 10,
        24 * 60 + 10: 24 * 60 + 10,
    }  # minutes: {now: the last try}
    for now, expected in pruned_at.items():
        with monkeypatch.context() as patch, suppress(type(error)):
            if now < 10:
                patch.setattr("tracking.ops.prune.delete_in_batches", fail)
            clock[0] = NOW + timedelta(minutes=now)
            watch._prune_daily()
        assert watch._pruned_at == NOW + timedelta(minutes=expected)
    assert len(tried) == 1


def test_the_command_prints_totals(standin, capsys):
    register([NUMBER])
    call_command("watch", "--once")
    assert "Done: 1 asked" in capsys.readouterr().out


# Processes


def database_url() -> str:
    """The address of this test's database, for another process."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    return "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database)


WATCH = """
import sys
import django
from django.core.management import execute_from_command_line
django.setup()
from tracking.ops import stop_signals
stop_signals.SECONDS_TO_FINISH = int(sys.argv[1])
execute_from_command_line(["manage.py", "watch", *sys.argv[2:]])
"""


@pytest.fixture
def start(standin):
    """A function that starts `manage.py watch` in its own process, on this test's database and stand-in."""
    with ExitStack() as cleaning:

        def start(*arguments, shell=(), seconds_to_finish=5, **settings):
            environment = os.environ | {
                "DEBUG": "True",
                "DATABASE_URL": database_url(),
                "JAPANPOST_URL": standin.url,
                "JAPANPOST_SPACING_MS": "0",
                "no_proxy": "*",
            }
            environment |= {name: str(value) for name, value in settings.items()}
            process = processes.running(
                [*shell, sys.executable, "-c", WATCH, str(seconds_to_finish), *arguments],
                ends_on=signal.SIGKILL,
                cwd=PROJECT,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            return cleaning.enter_context(process)

        yield start


def test_two_watches_ask_about_each_parcel_once(standin, start):
    numbers = some_numbers(40)
    register(numbers)
    processes = [start("--once"), start("--once")]
    for process in processes:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output
    assert sorted(asked_numbers(standin)) == numbers
    assert Fetch.objects.count() == 40


@pytest.mark.parametrize(
    ("shell", "stop"), [((), signal.SIGTERM), ((), signal.SIGINT), (processes.IN_BACKGROUND, signal.SIGINT)]
)
def test_a_signal_stops_the_watch_between_two_parcels(standin, start, shell, stop):
    standin.set_fault(None, "hang")
    register(some_numbers(3))
    process = start(shell=shell, seconds_to_finish=60)
    standin.wait_for_requests(1)
    process.send_signal(stop)
    processes.read_until(process, "Stopping")
    standin.set_fault(None, "slow-first-byte", seconds=0)  # the answer comes
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert "Done: 1 asked" in output
    assert Fetch.objects.count() == 1
    assert not Shipment.objects.exclude(lease_until=None).exists()


def test_a_second_signal_cancels_the_request(standin, start):
    standin.set_fault(None, "hang")
    register([NUMBER])
    process = start(JAPANPOST_TIMEOUT=25, seconds_to_finish=600)
    standin.wait_for_requests(1)
    process.send_signal(signal.SIGTERM)
    processes.read_until(process, "Stopping")
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and "given up" in output
    assert Shipment.objects.get().lease_until is None


def test_one_signal_cancels_the_request_after_a_time_limit(standin, start):
    standin.set_fault(None, "hang")
    register([NUMBER])
    process = start(JAPANPOST_TIMEOUT=25)
    standin.wait_for_requests(1)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=20)  # the watch takes at most five of them to finish
    assert process.returncode == 0 and "given up" in output


def test_a_stopped_watch_wakes_at_once():
    watch = Watch()
    sleeper = threading.Thread(target=watch._sleep, args=[1000], daemon=True)
    sleeper.start()
    watch.stop()
    sleeper.join(30)
    assert not sleeper.is_alive()


def test_the_command_restores_the_signal_handlers(standin):
    def signals():
        return (
            [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)],
            signal.pthread_sigmask(signal.SIG_BLOCK, []),
        )

    before = signals()
    call_command("watch", "--once")
    assert signals() == before


def test_another_watch_continues_after_kill_9(standin, start):
    numbers = some_numbers(3)
    register(numbers)
    standin.set_fault(None, "hang", times=1)
    process = start()
    standin.wait_for_requests(1)
    process.kill()
    process.wait(30)
    assert Shipment.objects.exclude(lease_until=None).count() == 1
    later = timezone.now() + timedelta(minutes=1)
    assert Watch(clock=lambda: later).run_once().asked == 3
    assert Fetch.objects.count() == 3
    assert not Shipment.objects.exclude(lease_until=None).exists()
