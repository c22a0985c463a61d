"""Standings: they say what the tracking page says, for lists to search, and answers and edits renew them."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.kept import DAY, NOW, keep
from tests.support.stories import (
    ARRIVED,
    AT_OFFICE,
    DELIVERED,
    DISPATCHED,
    IN_CUSTOMS,
    NUMBER,
    POSTED,
    event,
    story,
)
from tracking.fetching.lookup import look_up
from tracking.japanpost.records import TrackedEvent
from tracking.journey import standing as standings
from tracking.journey.progress import build_progress
from tracking.journey.reading import Reading
from tracking.journey.standing import mark_handled, recompute_outdated, standing_of
from tracking.journey.story import Story
from tracking.journey.times import long_date
from tracking.models import Destination, Phrase, Shipment, Standing, Status, UsualWait
from tracking.staff.parcels.details import enquiry_deadline
from tracking.values.numbers import TrackingNumber
from tracking.values.pacing import BREATH
from tracking.words.glossary import Glossary

RETENTION = "Retention @ GERMANY"
RETURNED = "Returned to sender @ GERMANY"

pytestmark = pytest.mark.django_db


def standing(*rows, at=NOW, handled_at=None, **more):
    """The computed standing of a shipment with these rows, answered at that time."""
    story = Story(TrackingNumber(NUMBER), rows, False, checked_at=at, changed_at=at, **more)
    return standing_of(
        Shipment(number=NUMBER, handled_at=handled_at),
        Reading.of(story, Glossary.current()),
        now=NOW + 60 * DAY,
    )


def stored(shipment):
    """The stored standing of the shipment."""
    return Standing.objects.get(shipment=shipment)


# Standings agree with the page


def test_a_standing_agrees_with_the_tracking_page():
    phrases = [*Phrase.objects.values_list("text", flat=True), "Something new"]
    countries = ["TOKYO", "GERMANY", "UNITED STATES OF AMERICA", "FRANCE", "INDIA", "ATLANTIS", ""]
    numbers = [NUMBER, "RB123456785GB", "EE123456785DE"]
    Destination.objects.filter(code="IN").update(exchanges_scans=False)
    status = Status.objects.get(slug="customs-clearance")
    UsualWait.objects.create(
        status=status, parcels=20, median_days=3, nine_in_ten_days=9, learned_at=NOW, destination_id="DE"
    )
    glossary = Glossary.current()
    rows = st.builds(
        TrackedEvent,
        local_date=st.dates(date(2026, 1, 1), date(2026, 12, 31)),
        local_time=st.none() | st.times().map(lambda clock: time(clock.hour, clock.minute)),
        phrase=st.sampled_from(phrases),
        region=st.sampled_from(countries),
    )

    @settings(max_examples=300)
    @given(
        st.lists(rows, min_size=1, max_size=7),
        st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),
        st.integers(0, 90),
        st.booleans(),
        st.booleans(),
        st.sampled_from([None, "DE", "US", "IN"]),
        st.sampled_from(numbers),
    )
    def agree(events, moment, answered_days_ago, stale, history_missing, given_by_staff, number):
        now = moment.replace(tzinfo=UTC)
        story = Story(
            TrackingNumber(number),
            tuple(events),
            history_missing,
            checked_at=now - answered_days_ago * DAY,
            stale=stale,
            destination=given_by_staff,
        )
        page = build_progress(story, glossary, now=now)
        computed = standing_of(Shipment(number=number), Reading.of(story, glossary), now=NOW)
        assert (computed.stage, computed.tone) == (page.stage, page.tone)
        assert computed.status == (page.guide_status or page.status)
        assert (computed.destination_id, computed.is_over) == (page.destination, page.is_over)
        level = page.silence.level if page.silence else "usual"
        assert (level in ("longer", "far")) == bool(computed.quiet_from and computed.quiet_from <= now)
        assert (level == "far") == bool(computed.worry_from and computed.worry_from <= now)
        assert bool(computed.collect_by) == bool(page.collect_by)
        assert not computed.collect_by or long_date(computed.collect_by) in page.collect_by
        deadline = enquiry_deadline(story, page, glossary, now)
        assert computed.enquiry_ends_on == (deadline.ends_on if deadline else None)

    agree()


def test_a_delivery_back_to_the_sender_has_its_own_status():
    assert standing(event(POSTED), event("Final delivery @ TOKYO")).status.slug == "delivered-back"


# From when staff must look at a shipment


def test_a_moving_parcel_needs_a_look_once_its_silence_worries():
    moving = standing(event(POSTED), event(ARRIVED))
    worry = Status.objects.get(slug="arrival-at-inward-office").worry_days
    assert (
        moving.look_from == moving.worry_from == datetime(2026, 11, 9, 8, 0, tzinfo=UTC) + (worry + 1) * DAY
    )


def test_a_problem_needs_a_look_from_the_answer_that_showed_it():
    assert standing(event(POSTED), event(RETURNED)).look_from == NOW


def test_a_held_parcel_needs_a_look_two_days_before_its_return():
    kept = standing(event(POSTED), event(RETENTION, NOW.date()))
    holding = Destination.objects.get(code="DE").holding_days
    assert kept.collect_by == NOW.date() + holding * DAY
    assert kept.look_from == datetime.combine(kept.collect_by - 2 * DAY, time(), UTC) - timedelta(hours=9)


def test_an_enquiry_needs_a_look_two_weeks_before_its_end():
    quiet_for_long = standing(event(POSTED), event(IN_CUSTOMS), handled_at=NOW + 60 * DAY)
    assert quiet_for_long.enquiry_ends_on == date(2027, 5, 9)
    assert quiet_for_long.look_from == datetime(2027, 4, 24, 15, 0, tzinfo=UTC)


def test_a_foreign_number_has_no_known_end_of_an_enquiry():
    british = Story(TrackingNumber("RB123456785GB"), (event(POSTED),), False, checked_at=NOW)
    computed = standing_of(Shipment(number=british.number), Reading.of(british, Glossary.current()), now=NOW)
    assert computed.enquiry_ends_on is None


def test_a_delivered_parcel_needs_no_look():
    delivered = standing(event(POSTED), event(DELIVERED))
    assert (delivered.is_over, delivered.look_from, delivered.worry_from) == (True, None, None)


def test_a_parcel_that_moves_after_delivery_needs_a_look_when_silent():
    moved = standing(event(POSTED), event(DELIVERED), event("En route @ GERMANY"))
    assert (moved.stage, moved.is_over) == (4, False)
    worry = Status.objects.get(slug="en-route").worry_days
    assert moved.look_from == moved.worry_from == datetime(2026, 11, 9, 8, 0, tzinfo=UTC) + (worry + 1) * DAY


def test_an_unknown_phrase_after_a_delivery_sets_no_worry():
    unclear = standing(event(POSTED), event(DELIVERED), event("Delivery scan cancelled @ GERMANY"))
    assert (unclear.stage, unclear.is_over, unclear.quiet_from, unclear.worry_from) == (5, False, None, None)


@pytest.mark.parametrize(("days", "waits"), [(300, True), (400, False)])
def test_without_a_history_a_shipment_needs_a_look_for_one_year(days, waits):
    shipment = keep(event(DISPATCHED, (NOW - timedelta(days=days)).date()), history_missing=True)
    Standing.objects.create(shipment=shipment)
    recompute_outdated(most=10)
    assert Shipment.objects.needing_attention(NOW).filter(pk=shipment.pk).exists() == waits


def test_a_handled_shipment_needs_no_look_until_a_new_reason():
    since = standing(event(POSTED), event(RETURNED), handled_at=NOW + timedelta(hours=1))
    assert since.look_from is None or since.look_from > NOW + timedelta(hours=1)
    assert standing(event(POSTED), event(RETURNED), at=NOW + DAY, handled_at=NOW).look_from == NOW + DAY


def test_without_answers_a_silence_does_not_become_a_worry():
    old = event(IN_CUSTOMS, NOW.date() - 20 * DAY)
    last_answer = NOW - 19 * DAY
    assert standing(old, at=last_answer, stale=True).worry_from is None
    assert standing(old, at=last_answer).worry_from < NOW


# Renewed by each answer


def test_each_answer_renews_the_standing(standin):
    standin.set_item(NUMBER, story(POSTED, DISPATCHED))
    look_up(NUMBER, now=NOW)
    shipment = Shipment.objects.get()
    assert (stored(shipment).stage, stored(shipment).destination_id) == (2, None)
    standin.set_item(NUMBER, story(POSTED, DISPATCHED, ARRIVED, AT_OFFICE))
    look_up(NUMBER, now=NOW + DAY)
    assert (stored(shipment).stage, stored(shipment).destination_id) == (4, "DE")


def test_a_failure_renews_the_standing_and_stops_the_silence(standin):
    standin.set_item(NUMBER, story(POSTED, IN_CUSTOMS))
    look_up(NUMBER, now=NOW)
    assert stored(Shipment.objects.get()).worry_from is not None
    standin.set_fault(NUMBER, "maintenance")
    look_up(NUMBER, now=NOW + timedelta(hours=1))
    assert stored(Shipment.objects.get()).worry_from is None


def test_a_number_without_a_story_has_no_standing(standin):
    with pytest.raises(Exception, match="no such item"):
        look_up(NUMBER, now=NOW)
    assert Shipment.objects.exists() and not Standing.objects.exists()


# Renewed after an edit of the words


def test_a_new_status_of_a_phrase_renews_the_standings_with_it():
    parcels = [keep(event(POSTED), event(f"Something new {n} @ GERMANY")) for n in range(3)]
    for n in range(3):
        Phrase.objects.create(text=f"Something new {n}", first_seen_at=NOW)
    Standing.objects.bulk_create(Standing(shipment=one) for one in parcels)
    assert recompute_outdated(most=10) == 0
    assert {stored(one).stage for one in parcels} == {1}
    phrase = Phrase.objects.get(text="Something new 0")
    phrase.status = Status.objects.get(slug="retention")
    phrase.save()
    assert recompute_outdated(most=10) == 0
    assert [(stored(one).stage, stored(one).tone) for one in parcels] == [
        (4, "act"),
        (1, "wait"),
        (1, "wait"),
    ]


def test_days_and_countries_change_the_meaning_and_texts_do_not():
    before = Glossary.current().meaning
    status, germany = Status.objects.get(slug="customs-clearance"), Destination.objects.get(code="DE")
    status.wordings.get(language="en", destination=None).save()
    status.name = "Customs, again"
    status.save()
    assert Glossary.current().meaning == before
    for row, field, value in (
        (status, "worry_days", 99),
        (status, "tone", "act"),
        (germany, "holding_days", 3),
        (germany, "printed_names", "GERMANY\nDEUTSCHLAND"),
    ):
        setattr(row, field, value)
        row.save()
        assert Glossary.current().meaning != before, field
        before = Glossary.current().meaning


def test_a_new_phrase_changes_the_meaning_only_if_it_removes_one():
    before = Glossary.current().meaning
    Phrase.objects.create(text="Sorted by a drone")
    assert Glossary.current().meaning == before
    for taken in ("ARRIVAL", "Final delivery - Refused by addressee"):
        assert Glossary.current().status_of(taken)
        Phrase.objects.create(text=taken)
        assert Glossary.current().status_of(taken) is None
        assert Glossary.current().meaning != before, taken
        before = Glossary.current().meaning


def test_an_answer_with_a_new_phrase_stores_the_newest_meaning(standin):
    standin.set_item(NUMBER, story(POSTED, "ARRIVAL", "Sorted by a drone"))
    look_up(NUMBER, now=NOW)
    assert Standing.objects.get().meaning == Glossary.current().meaning


def test_standings_are_renewed_in_parts_and_the_rest_is_counted():
    parcels = [keep(event(POSTED)) for _ in range(5)]
    Standing.objects.bulk_create(Standing(shipment=one) for one in parcels)
    assert recompute_outdated(most=3) == 2
    assert recompute_outdated(most=3) == 0


def test_between_two_transactions_others_can_take_the_lock(monkeypatch):
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    monkeypatch.setattr(standings, "BATCH", 2)
    parcels = [keep(event(POSTED)) for _ in range(5)]
    Standing.objects.bulk_create(Standing(shipment=one) for one in parcels)
    assert recompute_outdated(most=2) == 3
    assert pauses == []  # no pause after the only batch: a request of staff may wait for it
    assert recompute_outdated(most=100) == 0
    assert pauses == [BREATH]


def test_handled_shipments_are_locked_in_the_order_of_their_ids():
    parcels = [keep(event(POSTED)) for _ in range(3)]
    with CaptureQueriesContext(connection) as queries:
        mark_handled(parcels[::-1], now=NOW)
    first = next(one["sql"] for one in queries.captured_queries if "tracking_shipment" in one["sql"])
    assert first.startswith("SELECT") and 'ORDER BY "tracking_shipment"."id"' in first
    assert ("FOR UPDATE" in first) == connection.features.has_select_for_update
    assert set(Shipment.objects.values_list("handled_at", flat=True)) == {NOW}


def test_renewing_costs_the_same_queries_for_one_and_for_many(django_assert_num_queries):
    for count in (1, 7):
        parcels = [keep(event(POSTED)) for _ in range(count)]
        Standing.objects.bulk_create(Standing(shipment=one) for one in parcels)
        Glossary.current()
        with django_assert_num_queries(11):
            recompute_outdated(most=count)
