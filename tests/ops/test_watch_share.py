"""The watch and numbers that only visitors typed: for a week after a visit, after the shop's own, and with a share."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from tests.support.stories import DELIVERED, NUMBER, POSTED, some_numbers, story
from tracking.fetching import schedule
from tracking.fetching.lookup import look_up
from tracking.models import AskedBy, Fetch, Shipment
from tracking.models.shipments import Outcome
from tracking.ops.watch import Watch
from tracking.staff.parcels.registration import ParcelRow, register_rows

NOW = datetime(2026, 11, 10, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def late(standin) -> datetime:
    """A moment at which the watch has work. The stand-in answers every number with a story."""
    for number in some_numbers(8):
        standin.set_item(number, story(POSTED, number=number))
    return NOW + 5 * HOUR


def visit(number, *, at: datetime = NOW) -> None:
    """A visitor looks the number up, which reaches Japan Post."""
    look_up(number, now=at)


def asked_numbers(standin, *, since: int = 0) -> list[str]:
    """The numbers of the requests, in their order, without the first `since`."""
    return [request.query["reqCodeNo1"] for request in standin.requests[since:]]


def watch_once(at: datetime) -> int:
    """One pass of the watch at that moment. Returns how many parcels it asked about."""
    return Watch(clock=lambda: at).run_once().asked


# A week


def test_a_typed_number_is_watched_for_a_week_after_its_last_visit(standin):
    standin.set_item(NUMBER, story(POSTED))
    visit(NUMBER)
    asked = [day for day in range(1, 12) if watch_once(NOW + day * DAY)]
    assert asked == [1, 2, 3, 4, 5, 6, 7]
    assert Shipment.objects.get().watch_at is None and Shipment.objects.get().story_at is not None
    visit(NUMBER, at=NOW + 20 * DAY)
    assert watch_once(NOW + 21 * DAY) == 1


def test_a_page_from_the_store_or_the_watch_is_no_visit(client, standin):
    standin.set_item(NUMBER, story(POSTED))
    visit(NUMBER, at=timezone.now())
    before = Shipment.objects.get().visited_at
    client.get(f"/track/{NUMBER}/")
    Watch(clock=lambda: timezone.now() + DAY).run_once()
    assert len(standin.requests) == 2
    assert Shipment.objects.get().visited_at == before


def test_the_time_of_a_visit_costs_no_further_write(standin, django_assert_max_num_queries):
    standin.set_item(NUMBER, story(POSTED))
    visit(NUMBER)
    with django_assert_max_num_queries(40) as queries:
        visit(NUMBER, at=NOW + HOUR)
    writes = [one["sql"] for one in queries if one["sql"].startswith('UPDATE "tracking_shipment"')]
    assert len(writes) == 2  # the lease, and the answer


@pytest.mark.parametrize(("days", "is_asked"), [(6, True), (8, False)])
def test_without_a_stored_visit_the_week_counts_from_the_creation(standin, days, is_asked):
    """As after an upgrade: earlier releases store no visits."""
    standin.set_item(NUMBER, story(POSTED))
    visit(NUMBER)
    Shipment.objects.update(visited_at=None, created_at=NOW)
    assert watch_once(NOW + days * DAY) == is_asked


def test_a_registered_parcel_is_watched_without_visits(standin):
    standin.set_item(NUMBER, story(POSTED))
    Shipment.objects.create(number=NUMBER, registered_at=NOW, watch_at=NOW)
    assert [day for day in range(0, 12) if watch_once(NOW + day * DAY)] == list(range(12))


def test_registering_brings_a_forgotten_number_back_at_once(standin):
    standin.set_item(NUMBER, story(POSTED))
    visit(NUMBER)
    watch_once(NOW + 8 * DAY)
    assert Shipment.objects.get().watch_at is None
    register_rows([ParcelRow(1, NUMBER)], now=NOW + 9 * DAY)
    assert watch_once(NOW + 9 * DAY) == 1


def test_a_finished_parcel_is_not_queried_at_every_registration(standin):
    standin.set_item(NUMBER, story(POSTED, DELIVERED))
    Shipment.objects.create(number=NUMBER, registered_at=NOW, watch_at=NOW)
    assert (watch_once(NOW), watch_once(NOW + 2 * DAY)) == (1, 1)
    register_rows([ParcelRow(1, NUMBER)], now=NOW + 3 * DAY)
    assert watch_once(NOW + 3 * DAY) == 0


# The order


def test_registered_parcels_come_before_typed_numbers(standin, late):
    typed, registered = some_numbers(8)[:4], some_numbers(8)[4:]
    for number in typed:
        visit(number)
    register_rows([ParcelRow(1, number) for number in registered], now=late)  # due last
    assert watch_once(late) == 8
    assert asked_numbers(standin, since=4)[:4] == registered


def test_a_registered_parcel_does_not_wait_for_the_end_of_a_cycle(standin, late, monkeypatch):
    first, second, own = some_numbers(3)
    visit(first), visit(second)
    Shipment.objects.create(number=own, registered_at=NOW, watch_at=late + timedelta(seconds=1))
    watch = Watch()
    watch.clock = lambda: late + timedelta(seconds=max(0, len(standin.requests) - 2))
    monkeypatch.setattr(watch, "_sleep", lambda seconds: watch.stop())
    watch.run()
    assert asked_numbers(standin, since=2)[:2] == [first, own]


def test_registering_moves_a_waiting_number_to_the_front(standin, late):
    numbers = some_numbers(3)
    for number in numbers:
        visit(number)
    register_rows([ParcelRow(1, numbers[2])], now=late)
    watch_once(late)
    assert asked_numbers(standin, since=3)[0] == numbers[2]


# The share


def note_requests(count: int, *, at: datetime, asked_by: AskedBy = AskedBy.WATCH) -> None:
    """Store requests of another machine about a number that only a visitor typed."""
    shipment, _ = Shipment.objects.get_or_create(number=NUMBER)
    Fetch.objects.bulk_create(
        Fetch(shipment=shipment, started_at=at, milliseconds=1, outcome=Outcome.TRACKED, asked_by=asked_by)
        for _ in range(count)
    )


def test_typed_numbers_get_no_more_than_their_share(standin, late):
    most = schedule.most_for_typed()
    for number in some_numbers(4):
        visit(number)
    note_requests(most - 2, at=late - timedelta(minutes=1))
    own = some_numbers(8)[7]
    Shipment.objects.create(number=own, registered_at=NOW, watch_at=NOW)
    assert watch_once(late) == 3
    assert asked_numbers(standin, since=4)[0] == own
    assert watch_once(late) == 0  # the share is used up, on every machine
    assert watch_once(late + schedule.SHARE_PERIOD) == 2


@pytest.mark.parametrize(
    ("spacing", "places", "most"),
    [(250, 4, 225), (0, 4, 225), (0, 1, 75), (1000, 4, 150), (60_000, 4, 2), (60_000, 1, 2)],
)
def test_the_share_is_a_quarter_of_what_the_watch_may_send(settings, spacing, places, most):
    settings.JAPANPOST_SPACING_MS, settings.JAPANPOST_CONCURRENCY = spacing, places
    assert schedule.most_for_typed() == most


@pytest.mark.parametrize("counted", ["by-a-visitor", "registered", "earlier", "in-the-future"])
def test_only_the_watchs_requests_about_typed_numbers_count(standin, late, counted):
    visit(some_numbers(1)[0])
    at = {"earlier": late - schedule.SHARE_PERIOD, "in-the-future": late + HOUR}.get(counted, late)
    asked_by = AskedBy.VISITOR if counted == "by-a-visitor" else AskedBy.WATCH
    note_requests(schedule.most_for_typed(), at=at, asked_by=asked_by)
    if counted == "registered":
        Shipment.objects.filter(number=NUMBER).update(registered_at=NOW)
    assert watch_once(late) == 1


def test_the_watch_finds_registered_parcels_by_their_own_index():
    Shipment.objects.bulk_create(Shipment(number=number, watch_at=NOW) for number in some_numbers(500))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    own = Shipment.objects.due(NOW + HOUR).registered().free(NOW + HOUR).values_list("number", flat=True)[:1]
    plan = own.explain()
    assert "shipment_watched_own" in plan
    assert "TEMP B-TREE" not in plan  # in SQLite's words: it need not sort all that are due
