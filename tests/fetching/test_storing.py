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
    AnswerEffect,
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

    def about(shipment: Shipment, answer: TrackedItem | JapanPostError) -> AnswerEffect:
        glossary = Glossary.current()
        rows = list(Event.objects.current().filter(shipment_id=shipment.pk).order_by("position"))
        before = [dict(vars(one)) for one in (shipment, *rows)]
        with django_assert_num_queries(0):
            effect = storing.decide(shipment, rows, answer, glossary, now=LATER, ended_at=ENDED)
        assert [dict(vars(one)) for one in (shipment, *rows)] == before
        return effect

    return about


def test_a_first_story_is_added_whole(decide):
    effect = decide(Shipment(number=NUMBER), story(POSTED, AT_EXCHANGE))
    assert (effect.outcome, effect.note, effect.drift) == (Outcome.TRACKED, "", None)
    assert [position for position, _ in effect.rows.added] == [0, 1]
    assert (effect.fields["story_at"], effect.fields["changed_at"]) == (LATER, LATER)
    assert effect.new_phrases == {
        "Posting/Collection",
        "Arrival at outward office of exchange",
    }


def test_the_same_story_confirms_and_changes_no_row(decide):
    effect = decide(keep(event(POSTED)), story(POSTED))
    assert (effect.rows.superseded, effect.rows.moved, effect.rows.added) == ((), (), ())
    assert effect.fields["story_at"] == LATER and "changed_at" not in effect.fields


def test_a_row_that_moves_is_not_added_again(decide):
    effect = decide(
        keep(event(POSTED)),
        story(AT_EXCHANGE, POSTED, first_day=event(POSTED).local_date - timedelta(days=1)),
    )
    ((moved, position),) = effect.rows.moved
    assert (moved.phrase, position) == ("Posting/Collection", 1)
    assert [(place, row.phrase) for place, row in effect.rows.added] == [
        (0, "Arrival at outward office of exchange")
    ]


def test_a_shorter_story_keeps_ours_and_raises_an_alarm(decide):
    shipment = keep(event(POSTED), event(AT_EXCHANGE))
    effect = decide(shipment, story(POSTED))
    assert effect.keeps_story and effect.rows is None
    assert effect.drift.kind == STORY_VANISHED and "The answer had 1 rows, we have 2" in effect.note
    assert "story_at" not in effect.fields and effect.fields["answered_at"] == LATER


def test_a_story_is_fresh_for_the_minutes_of_the_setting(decide, settings):
    settings.FRESH_MINUTES = 7
    effect = decide(Shipment(number=NUMBER), story(POSTED))
    assert effect.fields["ask_again_at"] == LATER + timedelta(minutes=7)


def test_a_delivered_parcel_is_fresh_for_a_day(decide):
    effect = decide(Shipment(number=NUMBER), story(POSTED, DELIVERED))
    assert effect.fields["ask_again_at"] == LATER + DELIVERED_IS_FRESH


def test_a_story_that_begins_long_after_ours_is_another_parcel(decide):
    shipment = keep(event(POSTED, (NOW - timedelta(days=400)).date()))
    shipment.order_reference, shipment.note, shipment.handled_at = "A-1", "Fragile", NOW
    effect = decide(shipment, story(POSTED))
    assert len(effect.rows.superseded) == len(effect.rows.added) == 1
    assert (effect.fields["handled_at"], effect.fields["destination"]) == (None, None)
    assert (effect.fields["order_reference"], effect.fields["note"]) == ("", "Before: order A-1. Fragile")


@pytest.mark.parametrize(("retry_after", "rest"), [(None, REST_AFTER_FAILURE), (7200, LONGEST_REST)])
def test_a_failure_is_no_answer_and_the_rest_begins_at_its_end(decide, retry_after, rest):
    effect = decide(keep(event(POSTED)), Unavailable("no answer", retry_after=retry_after))
    assert (effect.outcome, effect.rows, effect.drift) == (Outcome.UNAVAILABLE, None, None)
    assert effect.fields["ask_again_at"] == ENDED + rest
    assert not {"answered_at", "last_answer", "story_at"} & effect.fields.keys()


def test_an_unreadable_page_raises_an_alarm_of_its_kind(decide):
    effect = decide(Shipment(number=NUMBER), UnexpectedPage("two tables 履歴情報"))
    assert (effect.outcome, effect.drift.kind) == (Outcome.UNEXPECTED, "two-tables")


@pytest.mark.parametrize("failure", [NotFound("no such item"), Rejected("malformed")])
def test_a_vanished_story_raises_one_alarm(decide, failure):
    shipment = keep(event(POSTED))
    effect = decide(shipment, failure)
    assert effect.drift.kind == STORY_VANISHED
    assert effect.fields["ask_again_at"] == LATER + NOTHING_IS_FRESH
    shipment.last_outcome = effect.outcome
    assert decide(shipment, failure).drift is None


def test_an_unknown_new_number_raises_no_alarm(decide):
    assert decide(Shipment(number=NUMBER), NotFound("no such item")).drift is None


@pytest.mark.parametrize("answer", [story(POSTED), NotFound("no such item"), Unavailable("no answer")])
def test_every_answer_ends_the_lease(decide, answer):
    fields = decide(Shipment(number=NUMBER), answer).fields
    assert (fields["lease_until"], fields["lease_token"], fields["asked_at"]) == (None, "", LATER)
