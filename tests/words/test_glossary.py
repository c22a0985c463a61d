"""Which status a phrase has, and which words a status has for a language and a destination."""

import pytest

from tests.support.crowd import all_at_once
from tracking.models import Destination, Phrase, Status, Wording
from tracking.values.spelling import normalise
from tracking.words.glossary import Glossary, fill

pytestmark = pytest.mark.django_db


def slug_of(phrase):
    """The slug of the phrase's status; None where it has none."""
    status = Glossary.current().status_of(phrase)
    return status and status.slug


@pytest.mark.parametrize(
    ("phrase", "slug"),
    [
        ("Posting/Collection", "posting-collection"),
        ("  Posting/Collection\u00a0", "posting-collection"),
        ("Absence. Attempted delivery.", "attempted-delivery"),
        ("Absence. Attempted delivery", "attempted-delivery"),
        ("Office closed. Retention.", "retention"),
        ("Returned to Sender", "being-returned"),
        ("Returned to sender", "returned"),
        ("RETURNED TO SENDER", None),
        ("POSTING/COLLECTION", "posting-collection"),
        ("Item returned from import Customs", "released-by-customs"),
        ("Arrival", "en-route"),
        ("Arrival at", None),
        ("Not delivered", None),
        ("Final", None),
        ("Final delivery - Collected at counter", "final-delivery"),
        ("国際交換局に到着", None),
        ("", None),
    ],
)
def test_a_phrase_matches_only_as_a_whole(phrase, slug):
    assert slug_of(phrase) == slug


@pytest.mark.parametrize("slug", [None, "returned"])
def test_staff_can_override_a_delivery_phrase_with_a_dash(slug):
    status = Status.objects.get(slug=slug) if slug else None
    Phrase.objects.create(text="Final delivery - Refused by addressee", status=status)
    assert slug_of("Final delivery - Refused by addressee.") == slug
    assert slug_of("Final delivery - Collected at counter") == "final-delivery"


def test_one_final_full_stop_is_dropped():
    assert normalise(" Office  closed.\nRetention. ") == "Office closed. Retention"


def test_an_edit_is_seen_when_the_glossary_is_next_read():
    assert slug_of("Sorted by a drone") is None
    Phrase.objects.create(text="Sorted by a drone", status=Status.objects.get(slug="en-route"))
    assert slug_of("Sorted by a drone") == "en-route"


@pytest.mark.parametrize("mapped", ["Sorted by a drone", "Sorted by a drone."])
def test_of_two_spellings_the_one_with_a_status_counts(mapped):
    status = Status.objects.get(slug="en-route")
    for text in ("Sorted by a drone", "Sorted by a drone."):
        Phrase.objects.create(text=text, status=status if text == mapped else None)
    assert slug_of("Sorted by a drone") == "en-route"


def test_reading_again_costs_one_query(django_assert_num_queries):
    Glossary.current()
    with django_assert_num_queries(1):
        Glossary.current()


def test_words_fall_back_to_english_for_all_destinations():
    status = Status.objects.get(slug="customs-clearance")
    france = Destination.objects.get(code="FR")

    def title(language, destination):
        words = Glossary.current().words_for(status, language=language, destination=destination)
        return words and words.title

    assert title("fr", "FR") == "Your parcel is with customs"
    Wording.objects.create(
        status=status, language="en", destination=france, title="FR in English", meaning="x"
    )
    assert title("fr", "FR") == "FR in English"
    Wording.objects.create(status=status, language="fr", title="French for all", meaning="x")
    assert title("fr", "FR") == "French for all"
    Wording.objects.create(
        status=status, language="fr", destination=france, title="FR in French", meaning="x"
    )
    assert title("fr", "FR") == "FR in French"
    assert title("fr-ca", "FR") == "FR in French"
    assert title("en", "DE") == "Your parcel is with customs"
    Wording.objects.filter(status=status).update(hidden=True)
    Wording.objects.get(status=status, language="fr", destination=france).save()
    assert title("fr", "FR") is None


def test_only_the_four_placeholders_are_filled_in():
    text = fill(
        "{operator} in {country}: {number} {broken} {0} {", operator="bpost", country="Belgium", number="X"
    )
    assert text == "Bpost in Belgium: X {broken} {0} {"


def test_a_placeholder_that_begins_a_sentence_is_capitalised():
    assert (
        fill("Nothing. {operator} takes it. Ask {operator}!")
        == "Nothing. The local post takes it. Ask the local post!"
    )


@pytest.mark.django_db(transaction=True)
def test_one_of_many_threads_reads_the_new_words_for_all():
    before = Glossary.current()
    Wording.objects.first().save()
    seen = {id(come.result) for come in all_at_once([Glossary.current] * 8)}
    assert len(seen) == 1 and id(before) not in seen
