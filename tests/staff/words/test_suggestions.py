"""Suggestions for a new phrase: the meanings of similar known phrases, never of one that says the opposite."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from tracking.models import Phrase
from tracking.staff.words.suggestions import LEAST_SCORE, MOST, suggest


def known():
    """All phrases with a meaning."""
    return list(Phrase.objects.exclude(status=None).select_related("status"))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("new", "phrase", "slug", "closeness"),
    [
        (
            "Arrived at inward office of exchange",
            "Arrival at inward office of exchange",
            "arrival-at-inward-office",
            "very similar",
        ),
        ("Delivery attempted", "Attempted Delivery", "attempted-delivery", "very similar"),
        ("Item held by customs", "Held by import Customs", "customs-clearance", "similar"),
        ("Import customs clearance completed", "Customs clearance", "customs-clearance", "similar"),
        ("Final delivery - left with neighbour", "Final delivery", "final-delivery", "similar"),
        ("Delivered", "Final delivery", "final-delivery", "a little similar"),
        ("通関手続き中", "通関手続中", "customs-clearance", "very similar"),
        ("OUT  FOR DELIVERY！", "Out for delivery", "out-for-delivery", "very similar"),
        ("Returned to sender,", "Returned to sender", "returned", "very similar"),
        ("Returned to Sender,", "Returned to Sender", "being-returned", "very similar"),
    ],
)
def test_a_new_phrase_leads_to_the_status_of_a_similar_one(new, phrase, slug, closeness):
    first = suggest(new, known())[0]
    assert (first.phrase, first.status.slug, first.closeness) == (phrase, slug, closeness)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "new", ["Sorted by a drone", "Addressee absent", "Not delivered", "The", "x", "…", "", "zzz qqq"]
)
def test_nothing_is_suggested_where_nothing_is_similar(new):
    assert suggest(new, known()) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("new", "opposite"),
    [
        ("Arrived at inward office of exchange", "Arrival at outward office of exchange"),
        ("Arrived at inward office of exchange", "Departure from inward office of exchange"),
        ("Presented to export Customs", "Item presented to import Customs"),
        ("Not out for delivery", "Out for delivery"),
    ],
)
def test_the_opposite_is_never_suggested_however_similar(new, opposite):
    assert opposite not in [one.phrase for one in suggest(new, known())]
    assert opposite in [one.phrase for one in suggest(opposite, known())]


class TestAnyText(TestCase):
    @settings(max_examples=200)
    @given(st.text(max_size=200))
    def test_any_text_has_at_most_three_suggestions_best_first(self, text):
        found = suggest(text, known())
        assert len(found) == len({one.status.pk for one in found}) <= MOST
        assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
        assert all(LEAST_SCORE <= one.score <= 100 for one in found)

    @settings(max_examples=100)
    @given(st.data())
    def test_a_known_phrase_in_other_spelling_leads_to_its_own_status(self, data):
        phrase = data.draw(st.sampled_from(known()))
        space = data.draw(st.sampled_from([" ", "  ", "\u00a0", "\n"]))
        end = data.draw(st.sampled_from(["", ".", " ", "!"]))
        first = suggest(phrase.text.replace(" ", space) + end, known())[0]
        assert (first.status, first.closeness) == (phrase.status, "very similar")
