"""How long parcels usually wait: what is counted, what is stored, and what the command prints."""

from datetime import date, time, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from tests.support.kept import DAY, NOW, keep
from tests.support.stories import ARRIVED, AT_EXCHANGE, DELIVERED, DISPATCHED, IN_CUSTOMS, POSTED, event
from tracking.journey.usual_waits import store_usual_waits, stories, usual_waits
from tracking.models import Destination, Event, Shipment, Shop, Status, UsualWait
from tracking.models.shipments import row_of
from tracking.words.glossary import Glossary
from tracking.words.version import renew_words_version

FIRST = date(2026, 10, 28)
AT_INWARD = "arrival-at-inward-office"

pytestmark = pytest.mark.django_db


def keep_waits(*waits, first=FIRST, country="GERMANY", **more):
    """Store one parcel for each wait: the days from its arrival to its delivery."""
    for days in waits:
        arrival = event(f"Arrival at inward office of exchange @ {country}", first)
        keep(arrival, event(f"Final delivery @ {country}", first + days * DAY), **more)


def keep_waiting(count, days, text=ARRIVED, **more):
    """Store `count` parcels whose newest row was `days` old at the last request to Japan Post."""
    for _ in range(count):
        keep(event(text, NOW.date() - days * DAY, time(9)), **more)


def learn(now=NOW):
    """Count and store the usual waits. Returns True if a figure has changed."""
    return store_usual_waits(usual_waits(Glossary.current(), now))


def figures(slug=AT_INWARD):
    """destination -> (parcels, days for half of them, days for 9 of 10)"""
    rows = UsualWait.objects.filter(status__slug=slug)
    return {row.destination_id: (row.parcels, row.median_days, row.nine_in_ten_days) for row in rows}


# What is counted


def test_figures_are_counted_for_each_country_and_for_all():
    keep_waits(*[1] * 9, *[2] * 4, *[5] * 5, 9, 20)
    keep_waits(*[3] * 20, country="CANADA")
    learn()
    assert figures() == {"DE": (20, 2, 5), "CA": (20, 3, 3), None: (40, 3, 5)}


def test_fewer_than_twenty_parcels_teach_nothing():
    keep_waits(*[1] * 19)
    learn()
    assert figures() == {}
    keep_waits(2, country="CANADA")
    learn()
    assert figures() == {None: (20, 1, 1)}


def test_waiting_parcels_count_for_the_days_that_we_know_of():
    keep_waits(*[1] * 20, 20)
    learn()
    assert figures()["DE"] == (21, 1, 1)
    keep_waiting(5, days=10)
    learn()
    assert figures()["DE"] == (21, 1, 20)


def test_where_too_many_wait_there_is_no_figure():
    keep_waits(*[1] * 20)
    keep_waiting(10, days=10)
    learn()
    assert figures() == {}


def test_waiting_parcels_do_not_count_towards_the_twenty():
    keep_waits(*[1] * 19)
    keep_waiting(1, days=0)
    learn()
    assert figures() == {}


def test_an_unfinished_day_is_not_a_day_of_waiting():
    keep_waits(*[1] * 18, 2, 2)
    keep_waiting(1, days=1)  # 28 hours in Germany: it may still move on within two days, or not
    learn()
    assert figures()["DE"] == (20, 1, 2)
    keep_waiting(30, days=0)
    learn()
    assert figures()["DE"] == (20, 1, 2)


def test_waiting_ends_with_the_last_answer_that_confirmed_the_story():
    keep_waits(*[1] * 20, 20)
    keep_waiting(5, days=10, at=NOW - 10 * DAY)
    Shipment.objects.update(answered_at=NOW)
    learn()
    assert figures()["DE"] == (21, 1, 1)


def test_a_parcel_counts_once_with_its_longest_silence():
    days = (0, 1, 7, 9)
    for _ in range(20):
        keep(*[event(IN_CUSTOMS, FIRST + day * DAY) for day in days], event(DELIVERED, FIRST + 10 * DAY))
    learn()
    assert figures("customs-clearance")["DE"] == (20, 6, 6)


def test_a_parcel_that_waits_there_again_has_not_moved_on():
    for _ in range(20):
        keep(event(IN_CUSTOMS, FIRST), event(IN_CUSTOMS, FIRST + 3 * DAY), at=NOW - 20 * DAY)
    learn()
    assert figures("customs-clearance") == {}


@pytest.mark.parametrize(
    ("scan", "next_scan", "days"),
    [
        (event(ARRIVED, FIRST), event(DELIVERED, FIRST + DAY), 1),
        (event(ARRIVED, FIRST), event(DELIVERED, FIRST + DAY, time(9, 1)), 2),
        (event(ARRIVED, FIRST), event(DELIVERED, FIRST, time(9, 1)), 1),
        (event(ARRIVED, date(2026, 10, 24)), event(DELIVERED, date(2026, 10, 25)), 2),  # 25 hours
        (event(ARRIVED, FIRST), event(DELIVERED, FIRST + 3 * DAY, None), 3),
        (event(ARRIVED, FIRST, time(1)), event("Final delivery @ CANADA", FIRST + DAY, time(23)), 1),
        (event(ARRIVED, FIRST), event("Final delivery @ CANADA", FIRST - DAY), 0),
        (event(ARRIVED, FIRST), event(DELIVERED, FIRST, time(8)), 0),
    ],
)
def test_days_are_rounded_up_or_calendar_days_never_negative(scan, next_scan, days):
    for _ in range(20):
        keep(scan, next_scan)
    learn()
    assert figures()[None] == (20, days, days)


def test_steps_of_more_than_180_days_ago_teach_nothing():
    keep_waits(*[1] * 20, first=NOW.date() - 180 * DAY)
    keep_waits(*[9] * 20, first=NOW.date() - 181 * DAY)
    learn()
    assert figures()["DE"] == (20, 1, 1)


def test_replaced_rows_and_missing_histories_teach_nothing():
    keep_waits(*[1] * 20)
    keep_waits(*[9] * 20, history_missing=True)
    for shipment in Shipment.objects.filter(history_missing=False):
        replaced = event(ARRIVED, FIRST - 9 * DAY)
        Event.objects.create(
            shipment=shipment, position=0, first_seen_at=NOW, superseded_at=NOW, **row_of(replaced)
        )
    learn()
    assert figures()["DE"] == (20, 1, 1)


@pytest.mark.parametrize(
    "texts",
    [
        [DELIVERED, "Zork @ GERMANY"],
        ["Final delivery @ TOKYO", "Zork @ TOKYO"],
        ["Returned to sender @ TOKYO", "Zork @ TOKYO"],
    ],
)
def test_a_finished_journey_has_no_waits(texts):
    for _ in range(20):
        keep(*[event(text, FIRST + place * DAY) for place, text in enumerate(texts)])
    learn()
    assert not UsualWait.objects.exists()


def test_no_wait_is_counted_where_the_post_sends_no_scans():
    Destination.objects.filter(code="IE").update(exchanges_scans=False)
    for days in [2] * 20:
        keep(event(DISPATCHED, FIRST), event(ARRIVED, FIRST + days * DAY), event(DELIVERED, FIRST + 9 * DAY))
    keep_waiting(20, days=20, text=DISPATCHED, destination="IE")
    renew_words_version()
    learn()
    assert figures("dispatch-from-outward-office")[None] == (20, 3, 3)


def test_a_step_inside_japan_is_counted_under_its_own_status():
    inside = "Processing at delivery Post Office @ TOKYO"
    for _ in range(20):
        keep(event(inside, FIRST), event(AT_EXCHANGE, FIRST + DAY), destination="CA")
    learn()
    assert figures("at-delivery-office") == {}
    assert figures("inside-origin")["CA"] == (20, 1, 1)


def test_a_scan_overrides_the_destination_that_staff_gave():
    for _ in range(20):
        keep(event(POSTED, FIRST), event(AT_EXCHANGE, FIRST + 2 * DAY), destination="CA")
        keep(event(POSTED, FIRST), event(ARRIVED, FIRST + 4 * DAY), destination="CA")
    learn()
    assert figures("posting-collection") == {"CA": (20, 2, 2), "DE": (20, 5, 5), None: (40, 2, 5)}


def test_a_parcel_to_an_unknown_country_counts_once():
    for _ in range(10):
        keep(event(POSTED, FIRST), event(AT_EXCHANGE, FIRST + DAY))
    learn()
    assert figures("posting-collection") == {}
    for _ in range(10):
        keep(event(POSTED, FIRST), event(AT_EXCHANGE, FIRST + DAY))
    learn()
    assert figures("posting-collection") == {None: (20, 1, 1)}


def test_a_story_without_recent_requests_still_counts():
    keep_waits(*[1] * 20, first=NOW.date() - 170 * DAY, at=NOW - 160 * DAY)
    learn()
    assert figures()["DE"] == (20, 1, 1)


def test_an_unknown_phrase_ends_a_wait_and_begins_none():
    for _ in range(20):
        keep(event(ARRIVED, FIRST), event("Zork @ GERMANY", FIRST + DAY), event(DELIVERED, FIRST + 9 * DAY))
    learn()
    assert UsualWait.objects.filter(destination="DE").count() == 1
    assert figures()["DE"] == (20, 1, 1)


def test_any_number_of_parcels_is_read_with_one_query(django_assert_num_queries):
    keep_waits(*[1] * 40)
    glossary = Glossary.current()
    with django_assert_num_queries(1):
        usual_waits(glossary, NOW)


def test_stories_come_one_after_the_other_whole_and_in_order():
    keep_waits(1, 2)
    rows = list(Event.objects.order_by("-pk"))
    Event.objects.all().delete()
    for row in rows:  # stored again in reverse order
        row.pk = None
        row.save()
    assert [[row.phrase.split()[0] for row in one.events] for one in stories(NOW)] == [
        ["Arrival", "Final"]
    ] * 2


# What is stored


def version():
    """The version of the words: pages with another one are rendered again."""
    return Shop.objects.get().words_version


def test_learning_the_same_days_keeps_the_words_version():
    keep_waits(*[1] * 20)
    assert learn()
    before = version()
    keep_waits(1)
    assert not learn(NOW + timedelta(hours=1))
    assert figures() == {"DE": (21, 1, 1), None: (21, 1, 1)}
    assert set(UsualWait.objects.values_list("learned_at", flat=True)) == {NOW + timedelta(hours=1)}
    assert version() == before


def test_a_new_figure_is_seen_by_the_next_page():
    keep_waits(*[1] * 20)
    learn()
    status = Status.objects.get(slug=AT_INWARD)
    assert Glossary.current().usual_wait(status, "DE").nine_in_ten_days == 1
    keep_waits(*[4] * 20)
    assert learn()
    assert Glossary.current().usual_wait(status, "DE").nine_in_ten_days == 4


def test_a_figure_with_too_few_parcels_is_deleted():
    keep_waits(*[1] * 20)
    learn()
    before = version()
    assert learn(NOW + 200 * DAY)
    assert not UsualWait.objects.exists()
    assert version() != before


# The command


def today(days_ago=0):
    return timezone.now().date() - days_ago * DAY


def run(*options):
    """What the command prints."""
    output = StringIO()
    call_command("learn", *options, stdout=output)
    return output.getvalue()


def test_the_command_says_what_it_learnt():
    # India, because all its days have 24 hours.
    keep_waits(*[1] * 20, country="INDIA", first=today(9), at=timezone.now())
    output = run()
    assert "20     1        1      3  Arrival at inward office of exchange (India)" in output
    assert "2 figures stored, with changes." in output
    assert "2 figures stored, none has changed." in run()


def test_a_dry_run_stores_nothing():
    keep_waits(*[1] * 20, first=today(9), at=timezone.now())
    before = version()
    assert "2 figures; nothing was stored." in run("--dry-run")
    assert not UsualWait.objects.exists()
    assert version() == before


def test_an_empty_store_teaches_nothing():
    assert "0 figures stored, none has changed." in run()
