"""`manage.py prune`: what it deletes, what it keeps at any age, and that a stopped run can be continued."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from tests.support.kept import DAY, NOW, keep
from tests.support.stories import AT_OFFICE, DELIVERED, IN_CUSTOMS, NUMBER, POSTED, event, some_numbers, story
from tracking.fetching.lookup import look_up
from tracking.journey.standing import recompute_outdated
from tracking.models import (
    Alarm,
    Allowance,
    Destination,
    Event,
    Fetch,
    KeptPage,
    Message,
    Phrase,
    Purpose,
    Shipment,
    Standing,
    Status,
    VisitorMinute,
)
from tracking.ops import prune
from tracking.values.numbers import TrackingNumber

pytestmark = pytest.mark.django_db

LATER = NOW + 401 * DAY
RETURNED = "Returned to sender @ GERMANY"


def parcel(*rows: str, delivered_on: datetime = NOW - DAY, **more) -> Shipment:
    """A stored parcel with its standing. Its rows are a day apart; the last request about it was at NOW."""
    days = range(len(rows) - 1, -1, -1)
    shipment = keep(*(event(row, (delivered_on - DAY * n).date()) for n, row in zip(days, rows, strict=True)))
    Standing.objects.create(shipment=shipment)
    recompute_outdated(most=10)
    Shipment.objects.filter(pk=shipment.pk).update(**{"asked_at": NOW} | more)
    return shipment


def delivered(**more) -> Shipment:
    """A stored parcel that is delivered; `more` as in `parcel`."""
    return parcel(POSTED, IN_CUSTOMS, DELIVERED, **more)


def write(number: str = "", text: str = "Where is it?", *, at: datetime = NOW, **more) -> None:
    """Store a message of a customer."""
    Message.objects.create(number=number, text=text, email="ann@example.com", created_at=at, **more)


def run(*, at: datetime = LATER) -> int:
    """Delete the parcels that are expired at that time; returns how many."""
    return sum(prune.delete_in_batches(prune.parcels(at)))


# Parcels


def test_a_delivered_parcel_is_deleted_with_all_its_rows():
    shipment = delivered()
    Fetch.objects.create(shipment=shipment, started_at=NOW, milliseconds=1, outcome="tracked")
    other = parcel(POSTED)
    assert run() == 1
    assert Shipment.objects.get() == other
    assert not Event.objects.filter(shipment_id=shipment.pk).exists()
    assert not Fetch.objects.exists()


@pytest.mark.parametrize(
    ("rows", "more"),
    [
        ((POSTED, IN_CUSTOMS), {}),
        ((POSTED, AT_OFFICE, "Attempted delivery @ GERMANY"), {}),
        ((POSTED, AT_OFFICE, RETURNED), {}),
        ((POSTED, RETURNED, "Final delivery @ TOKYO"), {}),
        ((DELIVERED,), {"delivered_on": LATER - 399 * DAY}),
        ((DELIVERED,), {"asked_at": LATER - 399 * DAY}),
        ((DELIVERED,), {"handled_at": LATER - 399 * DAY}),
        ((DELIVERED,), {"lease_until": LATER + timedelta(seconds=5)}),
        ((DELIVERED,), {"watch_at": LATER}),
        ((DELIVERED,), {"asked_at": None}),
    ],
    ids="moving attempted back delivered-back young looked-at handled being-asked watched unknown".split(),
)
def test_an_undelivered_or_recently_used_parcel_is_kept(rows, more):
    parcel(*rows, **more)
    assert run() == 0


def test_without_a_watch_a_delivered_parcel_is_deleted_too(standin):
    standin.set_item(NUMBER, story(POSTED, IN_CUSTOMS, DELIVERED))
    look_up(TrackingNumber(NUMBER), now=NOW)
    assert Shipment.objects.get().watch_at is not None
    assert run(at=NOW + 400 * DAY) == 0
    assert run(at=NOW + 402 * DAY) == 1


def test_a_delivered_parcel_is_deleted_after_400_days():
    delivered()
    assert run(at=NOW + 400 * DAY) == 0
    assert run(at=NOW + 400 * DAY + timedelta(seconds=1)) == 1


def test_a_parcel_is_kept_while_an_enquiry_is_still_possible():
    germany = Destination.objects.get(code="DE")
    germany.enquiry_months = 24
    germany.save()
    delivered()
    assert run() == 0
    assert run(at=NOW + 740 * DAY) == 1


def test_a_parcel_without_a_known_posting_day_is_kept():
    shipment = delivered()
    Shipment.objects.filter(pk=shipment.pk).update(history_missing=True)
    Standing.objects.outdate()
    recompute_outdated(most=10)
    assert run() == 0


def test_a_number_from_abroad_does_not_wait_for_an_enquiry():
    rows = [event(POSTED, NOW.date() - DAY), event("Final delivery @ TOKYO", NOW.date())]
    for history_missing, number in ((False, "RB123456785GB"), (True, "EE123456785UK")):
        shipment = keep(*rows, number=number, history_missing=history_missing)
        Standing.objects.create(shipment=shipment)
    Shipment.objects.update(asked_at=NOW)
    recompute_outdated(most=10)
    assert run(at=NOW + 400 * DAY) == 0
    assert run() == 2


@pytest.mark.parametrize("spam", [False, True])
def test_a_parcel_is_kept_while_a_message_about_it_is_unanswered(spam):
    named, mentioned, other = delivered(), delivered(), delivered()
    write(named.number, suspected_spam=spam)
    write(text=f"I mean {mentioned.number.lower()}, thank you", suspected_spam=spam)
    assert run() == 1
    assert not Shipment.objects.filter(pk=other.pk).exists()
    Message.objects.update(answered=True)
    assert run() == 2


def test_a_parcel_is_kept_when_its_phrase_no_longer_means_delivery():
    delivered()
    Phrase.objects.filter(text="Final delivery").update(status=Status.objects.get(slug="retention"))
    Status.objects.get(slug="retention").save()  # an edit, which outdates the standings
    assert run() == 0  # its standing is not recomputed yet
    recompute_outdated(most=10)
    assert run() == 0


def test_a_look_up_keeps_a_delivered_parcel_for_400_more_days(standin):
    standin.set_item(NUMBER, story(POSTED, DELIVERED))
    look_up(TrackingNumber(NUMBER), now=NOW)
    look_up(TrackingNumber(NUMBER), now=NOW + 300 * DAY)
    assert run() == 0
    assert run(at=NOW + 701 * DAY) == 1


def test_a_parcel_looked_up_during_the_run_is_kept(monkeypatch):
    monkeypatch.setattr("tracking.values.pacing.BREATH", 0)
    first, second = delivered(), delivered()
    rule = prune.parcels(LATER)
    steps = prune.delete_in_batches(replace(rule, batch=1))
    assert next(steps) == 1
    Shipment.objects.update(asked_at=LATER)
    assert list(steps) == [0]
    assert Shipment.objects.get() == second
    assert first.pk < second.pk


def test_a_parcel_with_a_new_message_during_the_run_is_kept(monkeypatch):
    monkeypatch.setattr("tracking.values.pacing.BREATH", 0)
    delivered(), delivered()
    steps = prune.delete_in_batches(replace(prune.parcels(LATER), batch=1))
    assert next(steps) == 1
    left = Shipment.objects.get()
    write(left.number, at=LATER - timedelta(minutes=1))  # stored by a machine whose clock is behind
    assert list(steps) == [0]
    assert Shipment.objects.get() == left


def test_under_the_lock_only_new_messages_are_read():
    delivered()
    write("EM123456785JP")
    rule = prune.parcels(LATER)
    with CaptureQueriesContext(connection) as queries:
        assert list(prune.delete_in_batches(rule)) == [1]
    reads = [one["sql"] for one in queries if 'FROM "tracking_message"' in one["sql"]]
    assert reads and all("created_at" in sql for sql in reads)


def test_a_stopped_run_continues_at_the_next_start(monkeypatch):
    monkeypatch.setattr("tracking.values.pacing.BREATH", 0)
    for _ in range(5):
        delivered()
    rule = prune.parcels(LATER)
    next(prune.delete_in_batches(replace(rule, batch=2)))
    assert Shipment.objects.count() == 3
    assert run() == 3


# Parcels that only visitors looked up


def run_for_typed_parcels(*, at: datetime = LATER) -> int:
    """Delete the parcels that only visitors looked up and that are expired at that time; returns how many."""
    return sum(prune.delete_in_batches(prune.typed_parcels(at)))


@pytest.mark.parametrize(
    "rows",
    [(POSTED, IN_CUSTOMS), (POSTED, AT_OFFICE, RETURNED), (POSTED, DELIVERED)],
    ids="moving back over".split(),
)
@pytest.mark.parametrize("history_missing", [False, True])
def test_a_typed_parcel_is_deleted_after_400_days(rows, history_missing):
    parcel(*rows, history_missing=history_missing)
    assert run_for_typed_parcels(at=NOW + 400 * DAY) == 0
    assert run_for_typed_parcels() == 1
    assert not Event.objects.exists() and not Standing.objects.exists()


@pytest.mark.parametrize(
    "more",
    [
        {"registered_at": NOW},
        {"note": "A customer asked by phone"},
        {"order_reference": "1001"},
        {"destination": "DE"},
        {"handled_at": NOW},
        {"asked_at": NOW + 2 * DAY},
        {"watch_at": LATER},
        {"lease_until": LATER + timedelta(seconds=5)},
    ],
    ids="registered noted ordered destined handled asked watched being-asked".split(),
)
def test_a_parcel_that_staff_know_or_visitors_use_is_kept(more):
    parcel(POSTED, IN_CUSTOMS, **more)
    assert run_for_typed_parcels() == 0


def test_a_typed_parcel_is_kept_for_an_enquiry_or_a_message():
    shipment = parcel(POSTED, IN_CUSTOMS)
    Standing.objects.update(enquiry_ends_on=(LATER + DAY).date())
    assert run_for_typed_parcels() == 0
    write(shipment.number)
    assert run_for_typed_parcels(at=LATER + 3 * DAY) == 0
    Message.objects.update(answered=True)
    assert run_for_typed_parcels(at=LATER + 3 * DAY) == 1


# Numbers without a story


def typed(**more) -> Shipment:
    """A number that a visitor looked up, the last time at NOW, and that Japan Post does not know."""
    (number,) = some_numbers(1, start=20_000_000 + Shipment.objects.count())
    shipment = Shipment.objects.create(number=number, asked_at=NOW, last_outcome="not-found")
    Shipment.objects.filter(pk=shipment.pk).update(**{"created_at": NOW} | more)
    Fetch.objects.create(shipment=shipment, started_at=NOW, milliseconds=1, outcome="not-found")
    return shipment


def run_for_typed(*, at: datetime = NOW + 91 * DAY) -> int:
    """Delete the numbers without a story that are expired at that time; returns how many."""
    return sum(prune.delete_in_batches(prune.without_a_story(at)))


def test_a_number_without_a_story_is_deleted_after_90_days():
    typed(), typed(asked_at=None), delivered()
    assert run_for_typed(at=NOW + 90 * DAY) == 0
    assert run_for_typed() == 2
    assert Event.objects.exists() and not Fetch.objects.exists()


@pytest.mark.parametrize(
    "more",
    [
        {"asked_at": NOW + 2 * DAY},
        {"asked_at": None, "created_at": NOW + 2 * DAY},
        {"story_at": NOW},
        {"registered_at": NOW},
        {"note": "A customer asked by phone"},
        {"order_reference": "1001"},
        {"handled_at": NOW + 2 * DAY},
        {"watch_at": NOW + 2 * DAY},
        {"lease_until": NOW + 92 * DAY},
    ],
    ids="asked created has-story registered noted ordered handled watched being-asked".split(),
)
def test_a_number_without_a_story_but_in_use_is_kept(more):
    typed(**more)
    assert run_for_typed() == 0


def test_a_number_with_only_replaced_rows_is_kept():
    event = keep().events.create(position=0, local_date=NOW.date(), phrase="x", first_seen_at=NOW)
    Event.objects.filter(pk=event.pk).update(superseded_at=NOW)
    Shipment.objects.update(asked_at=NOW, story_at=None)
    assert run_for_typed() == 0


def test_a_number_in_an_unanswered_message_is_kept():
    write(text=f"Where is {typed().number}?")
    assert run_for_typed() == 0
    Message.objects.update(answered=True)
    assert run_for_typed() == 1


# Spam


def test_only_unanswered_spam_is_deleted_after_90_days():
    for facts in ({}, {"answered": True}):
        write(text="Cheap", suspected_spam=True, **facts)
        write(text="A question", **facts)
    write(text="Cheap", suspected_spam=True, at=NOW + DAY)
    assert sum(prune.delete_in_batches(prune.spam(NOW + 90 * DAY))) == 0
    assert sum(prune.delete_in_batches(prune.spam(NOW + 91 * DAY))) == 1
    assert sorted(Message.objects.values_list("text", flat=True)) == [
        "A question",
        "A question",
        "Cheap",
        "Cheap",
    ]


# Traces: requests, kept pages, alarms, visitors' minutes, sessions, failed log-ins


def traces_left(now: datetime) -> list[int]:
    """Delete expired operational data. Returns how many rows of each table are left."""
    for rule in prune.operational_rules(now):
        sum(prune.delete_in_batches(rule))
    models = (Fetch, KeptPage, Alarm, VisitorMinute, Allowance, Session)
    return [model.objects.count() for model in models]


def leave_traces() -> None:
    """Store 25 kept pages, and two of each other trace: of NOW and of 60 days later."""
    shipment = keep()
    for days in (0, 60):
        at = NOW + days * DAY
        Fetch.objects.create(shipment=shipment, started_at=at, milliseconds=1, outcome="tracked")
        Alarm.objects.create(kind="cut", day=at.date(), claimed_at=at)
        VisitorMinute.objects.create(visitor="a visitor", minute=at)
        Allowance.objects.create(purpose=Purpose.MESSAGE, key="a visitor", window_start=at, used=1)
        Session.objects.create(session_key=f"after {days} days", session_data="", expire_date=at)
    KeptPage.objects.bulk_create(
        KeptPage(number=NUMBER, kind="cut", reason="cut", size=0, body=b"", kept_at=NOW) for _ in range(25)
    )


def test_expired_traces_are_deleted():
    leave_traces()
    assert traces_left(NOW + 60 * DAY) == [2, 20, 2, 1, 1, 1]
    assert traces_left(NOW + 91 * DAY) == [1, 20, 1, 0, 0, 0]
    assert traces_left(NOW + 91 * DAY) == [1, 20, 1, 0, 0, 0]


def test_failed_log_ins_are_deleted_after_their_pause():
    for username, minutes in (("ann", 16), ("bob", 14)):
        attempt = AccessAttempt.objects.create(username=username, failures_since_start=5)
        AccessAttempt.objects.filter(pk=attempt.pk).update(attempt_time=NOW - timedelta(minutes=minutes))
    traces_left(NOW)
    assert AccessAttempt.objects.get().username == "bob"


def test_rows_of_a_clock_that_was_ahead_are_deleted():
    for ahead in (timedelta(minutes=4), 400 * DAY):
        at = NOW + ahead
        for purpose in Purpose:
            Allowance.objects.create(purpose=purpose, key="a visitor", window_start=at, used=1)
        attempt = AccessAttempt.objects.create(username=f"{ahead}", failures_since_start=5)
        AccessAttempt.objects.filter(pk=attempt.pk).update(attempt_time=at)
        longest = timedelta(hours=12)
        Session.objects.create(session_key=f"{ahead}", session_data="", expire_date=at + longest)
    traces_left(NOW)
    assert Allowance.objects.count() == len(Purpose)
    assert (AccessAttempt.objects.count(), Session.objects.count()) == (1, 1)


def requests_left(shipment: Shipment, *, at: datetime) -> int:
    """Store a request of NOW, then delete expired operational data. Returns how many requests are left."""
    Fetch.objects.create(shipment=shipment, started_at=NOW, milliseconds=1, outcome="tracked")
    for rule in prune.operational_rules(at):
        sum(prune.delete_in_batches(rule))
    return Fetch.objects.count()


def test_requests_are_kept_while_an_enquiry_is_possible():
    # Posted on 22 November: an enquiry is possible until 22 May, day 179.
    shipment = parcel(POSTED, IN_CUSTOMS)
    assert requests_left(shipment, at=NOW + 178 * DAY) == 1
    assert requests_left(shipment, at=NOW + 181 * DAY) == 0


def test_without_a_posting_day_requests_are_kept_for_a_year():
    shipment = parcel(IN_CUSTOMS)
    Shipment.objects.update(history_missing=True)
    Standing.objects.outdate()
    recompute_outdated(most=10)
    assert requests_left(shipment, at=NOW + 364 * DAY) == 1
    assert requests_left(shipment, at=NOW + 367 * DAY) == 0


def test_requests_of_a_number_from_abroad_are_deleted_after_90_days():
    shipment = keep(event(POSTED, NOW.date()), number="RB123456785GB")
    Standing.objects.create(shipment=shipment)
    recompute_outdated(most=10)
    assert requests_left(shipment, at=NOW + 91 * DAY) == 0


# The command


def test_the_dry_run_lists_what_the_next_run_deletes(capsys):
    leave_traces()
    shipment = delivered()
    typed()
    Shipment.objects.update(asked_at=F("asked_at") - 1000 * DAY)
    Standing.objects.update(scanned_on="2020-01-01", enquiry_ends_on="2020-07-01")
    Message.objects.all().delete()
    write(suspected_spam=True, at=NOW - 1000 * DAY)
    call_command("prune", "--dry-run", "--clock-is-right", verbosity=2)
    said = capsys.readouterr().out
    assert "        1 parcels delivered and not looked at for 400 days" in said
    assert "        1 numbers without a story" in said
    assert f"          {shipment.number}, delivered 2020-01-01" in said
    assert "        1 messages that look like spam, older than 90 days" in said
    assert "        5 kept pages beyond the newest 20" in said
    assert said.endswith("Nothing was deleted.\n")
    assert Shipment.objects.count() == 3
    call_command("prune", "--clock-is-right")
    assert "        1 parcels" in capsys.readouterr().out
    assert Shipment.objects.count() == 1 and not Shipment.objects.filter(pk=shipment.pk).exists()
    call_command("prune", "--clock-is-right")
    assert "        0 parcels" in capsys.readouterr().out


def test_prune_first_recomputes_outdated_standings(capsys):
    delivered(delivered_on=NOW - 1000 * DAY, asked_at=NOW - 500 * DAY)
    Standing.objects.outdate()
    call_command("prune", "--dry-run")
    said = capsys.readouterr().out
    assert "        0 parcels" in said and "Not counted are 1 parcels" in said
    assert Standing.objects.get().meaning == ""  # a dry run writes nothing
    call_command("prune")
    assert "        1 parcels" in capsys.readouterr().out
