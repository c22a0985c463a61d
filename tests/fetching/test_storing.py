"""What an answer changes: the decision depends on the stored rows and the answer, and reads no database."""

from datetime import timedelta

import pytest

from tests.support.kept import NOW, keep
from tests.support.stories import AT_EXCHANGE, DELIVERED, NUMBER, POSTED, event, story
from tracking.fetching import storing
from tracking.fetching.alarms import STORY_VANISHED
from tracking.fetching.storing import (
    DELIVERED_IS_FRESH,
    LONGEST_REST,
    NOTHING_IS_FRESH,
    REST_AFTER_FAILURE,
    Change,
)
from tracking.japanpost.errors import JapanPostError, NotFound, Rejected, Unavailable, UnexpectedPage
from tracking.japanpost.records import TrackedItem
from tracking.models import Event, Shipment
from tracking.models.shipments import Outcome
from tracking.words.glossary import Glossary

LATER = NOW + timedelta(hours=2)
ENDED = LATER + timedelta(seconds=3)

pytestmark = pytest.mark.django_db


@pytest.fixture
def decide(django_assert_num_queries):
    """A function that decides about a shipment as stored. It checks that no query is made and no row is modified."""

    def about(shipment: Shipment, answer: TrackedItem | JapanPostError) -> Change:
        glossary = Glossary.current()
        rows = list(Event.objects.current().filter(shipment_id=shipment.pk).order_by("position"))
        before = [dict(vars(one)) for one in (shipment, *rows)]
        with django_assert_num_queries(0):
            change = storing.decide(shipment, rows, answer, glossary, now=LATER, ended_at=ENDED)
        assert [dict(vars(one)) for one in (shipment, *rows)] == before
        return change

    return about


def test_a_first_story_is_added_whole(decide):
    change = decide(Shipment(number=NUMBER), story(POSTED, AT_EXCHANGE))
    assert (change.outcome, change.note, change.drift) == (Outcome.TRACKED, "", None)
    assert [position for position, _ in change.rows.added] == [0, 1]
    assert (change.fields["story_at"], change.fields["changed_at"]) == (LATER, LATER)
    assert change.new_phrases == {
        "Posting/Collection",
        "Arrival at outward office of exchange",
    }


def test_the_same_story_confirms_and_changes_no_row(decide):
    change = decide(keep(event(POSTED)), story(POSTED))
    assert (change.rows.superseded, change.rows.moved, change.rows.added) == ((), (), ())
    assert change.fields["story_at"] == LATER and "changed_at" not in change.fields


def test_a_row_that_moves_is_not_added_again(decide):
    change = decide(
        keep(event(POSTED)),
        story(AT_EXCHANGE, POSTED, first_day=event(POSTED).local_date - timedelta(days=1)),
    )
    ((moved, position),) = change.rows.moved
    assert (moved.phrase, position) == ("Posting/Collection", 1)
    assert [(place, row.phrase) for place, row in change.rows.added] == [
        (0, "Arrival at outward office of exchange")
    ]


def test_a_shorter_story_keeps_ours_and_raises_an_alarm(decide):
    shipment = keep(event(POSTED), event(AT_EXCHANGE))
    change = decide(shipment, story(POSTED))
    assert change.keeps_story and change.rows is None
    assert change.drift.kind == STORY_VANISHED and "The answer had 1 rows, we have 2" in change.note
    assert "story_at" not in change.fields and change.fields["answered_at"] == LATER


def test_a_story_is_fresh_for_the_minutes_of_the_setting(decide, settings):
    settings.FRESH_MINUTES = 7
    change = decide(Shipment(number=NUMBER), story(POSTED))
    assert change.fields["ask_again_at"] == LATER + timedelta(minutes=7)


def test_a_delivered_parcel_is_fresh_for_a_day(decide):
    change = decide(Shipment(number=NUMBER), story(POSTED, DELIVERED))
    assert change.fields["ask_again_at"] == LATER + DELIVERED_IS_FRESH


def test_a_story_that_begins_long_after_ours_is_another_parcel(decide):
    shipment = keep(event(POSTED, (NOW - timedelta(days=400)).date()))
    shipment.order_reference, shipment.note, shipment.handled_at = "A-1", "Fragile", NOW
    change = decide(shipment, story(POSTED))
    assert len(change.rows.superseded) == len(change.rows.added) == 1
    assert (change.fields["handled_at"], change.fields["destination"]) == (None, None)
    assert (change.fields["order_reference"], change.fields["note"]) == ("", "Before: order A-1. Fragile")


@pytest.mark.parametrize(("retry_after", "rest"), [(None, REST_AFTER_FAILURE), (7200, LONGEST_REST)])
def test_a_failure_is_no_answer_and_the_rest_begins_at_its_end(decide, retry_after, rest):
    change = decide(keep(event(POSTED)), Unavailable("no answer", retry_after=retry_after))
    assert (change.outcome, change.rows, change.drift) == (Outcome.UNAVAILABLE, None, None)
    assert change.fields["ask_again_at"] == ENDED + rest
    assert not {"answered_at", "last_answer", "story_at"} & change.fields.keys()


def test_an_unreadable_page_raises_an_alarm_of_its_kind(decide):
    change = decide(Shipment(number=NUMBER), UnexpectedPage("two tables 履歴情報"))
    assert (change.outcome, change.drift.kind) == (Outcome.UNEXPECTED, "two-tables")


@pytest.mark.parametrize("failure", [NotFound("no such item"), Rejected("malformed")])
def test_a_vanished_story_raises_one_alarm(decide, failure):
    shipment = keep(event(POSTED))
    change = decide(shipment, failure)
    assert change.drift.kind == STORY_VANISHED
    assert change.fields["ask_again_at"] == LATER + NOTHING_IS_FRESH
    shipment.last_outcome = change.outcome
    assert decide(shipment, failure).drift is None


def test_an_unknown_new_number_raises_no_alarm(decide):
    assert decide(Shipment(number=NUMBER), NotFound("no such item")).drift is None


@pytest.mark.parametrize("answer", [story(POSTED), NotFound("no such item"), Unavailable("no answer")])
def test_every_answer_ends_the_lease(decide, answer):
    fields = decide(Shipment(number=NUMBER), answer).fields
    assert (fields["lease_until"], fields["lease_token"], fields["asked_at"]) == (None, "", LATER)
