"""How often and where the stored stories have a phrase."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.stories import ARRIVED, POSTED, some_numbers, story
from tracking.fetching.lookup import look_up
from tracking.models import Phrase
from tracking.staff.words.phrase_usage import usage_of
from tracking.values.spelling import normalise, spellings

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DRONE = "Sorted by a drone"
FIRST, SECOND, THIRD = some_numbers(3)

pytestmark = pytest.mark.django_db


def look_up_story(standin, number, *texts, now=NOW):
    """Look up a story with these rows."""
    standin.set_item(number, story(*texts, number=number))
    look_up(number, now=now)


def usage(text=DRONE):
    """The usage of the stored phrase with this text."""
    phrase = Phrase.objects.get(text=text)
    return usage_of([phrase])[phrase.pk]


def test_each_parcel_is_counted_once_and_newest_rows_apart(standin):
    look_up_story(standin, FIRST, POSTED, f"{DRONE} @ GERMANY", f"{DRONE} @ GERMANY")
    look_up_story(standin, SECOND, POSTED, f"{DRONE} @ FRANCE", ARRIVED)
    found = usage()
    assert (found.parcels, found.shown_now, found.example) == (2, 1, FIRST)
    assert found.top_countries == [("Germany", 2), ("France", 1)]


def test_white_space_and_a_final_full_stop_make_no_other_phrase(standin):
    look_up_story(standin, FIRST, POSTED, DRONE)
    look_up_story(
        standin, SECOND, POSTED, f"{DRONE}.", "Sorted  by a\u00a0drone .", now=NOW + timedelta(hours=1)
    )
    assert Phrase.objects.unmapped().get().text == DRONE
    assert (usage().parcels, usage().shown_now) == (2, 2)
    assert Phrase.objects.get(text=DRONE).last_seen_at == NOW + timedelta(hours=1)
    assert {normalise(text) for text in spellings(f" {DRONE}. ")} == {DRONE}


def test_texts_that_differ_in_case_are_two_phrases(standin):
    look_up_story(standin, FIRST, POSTED, DRONE)
    look_up_story(standin, SECOND, POSTED, DRONE.upper())
    assert usage().parcels == usage(DRONE.upper()).parcels == 1


def test_replaced_rows_are_not_counted(standin):
    look_up_story(standin, FIRST, POSTED, DRONE)
    look_up_story(standin, FIRST, POSTED, "Sorted by hand", now=NOW + timedelta(minutes=16))
    assert usage().parcels == 0
    assert usage("Sorted by hand").shown_now == 1


def test_the_top_three_countries_and_unknown_regions_are_named(standin):
    places = ["ATLANTIS", "GERMANY", "GERMANY", "FRANCE", "FRANCE", "TOKYO", "TOKYO", ""]
    look_up_story(standin, FIRST, *(f"{DRONE} @ {place}" for place in places))
    found = usage()
    assert found.top_countries == [("France", 2), ("Germany", 2), ("Japan", 2)]
    assert found.more_countries == 1 and "ATLANTIS" in found.countries
    assert (found.top_offices, found.more_offices) == ([], 0)


def test_many_phrases_cost_as_few_queries_as_one(standin, django_assert_num_queries):
    look_up_story(standin, FIRST, *(f"New {count}" for count in range(30)))
    phrases = list(Phrase.objects.unmapped())
    assert len(phrases) == 30
    for some in (phrases[:1], phrases):
        with django_assert_num_queries(3):  # two for the rows, one for the version of the words
            assert {one.parcels for one in usage_of(some).values()} == {1}
    with django_assert_num_queries(0):
        assert usage_of([]) == {}
