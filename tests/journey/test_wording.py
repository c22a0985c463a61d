"""The words of a row: those of staff with the country filled in, else Japan Post's phrase."""

from datetime import UTC, datetime

import pytest

from tests.support.journeys import progress_of
from tests.support.stories import AT_OFFICE, DELIVERED, POSTED, story
from tracking.models import Destination, Wording

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("slug", "text", "advice"),
    [
        ("at-delivery-office", AT_OFFICE, "Nothing for now. Look again tomorrow, or write to us."),
        ("retention", "Retention @ GERMANY", "Ask the local post what they need from you."),
        ("investigation", "Investigation @ GERMANY", "Write to us, so that we can act."),
        ("final-delivery", DELIVERED, "If you do not have it, write to us."),
    ],
)
def test_a_status_without_published_words_says_only_what_is_known(slug, text, advice):
    soon = datetime(2026, 11, 11, 12, 0, tzinfo=UTC)
    with_words = progress_of(story(POSTED, text), now=soon)
    for wording in Wording.objects.filter(status__slug=slug):
        wording.hidden = True
        wording.save()
    progress = progress_of(story(POSTED, text), now=soon)
    assert (progress.stage, progress.tone) == (with_words.stage, with_words.tone)
    assert progress.headline == f"Japan Post says: “{text.partition(' @ ')[0]}”"
    assert progress.meaning == "We do not have our own words for this yet."
    assert progress.what_to_do == advice
    assert progress.timeline[0].title == "" and progress.guide_slug == ""


def test_country_names_fit_into_a_sentence():
    progress = progress_of(story("Arrival at inward office of exchange @ UNITED STATES OF AMERICA"))
    assert progress.headline == "Your parcel has arrived in the United States"
    Destination.objects.filter(code="US").update(name_in_text="")
    assert Destination.objects.get(code="US").spoken_name == "United States"


def test_an_ambiguous_phrase_shows_both_meanings():
    progress = progress_of(story("引受 @ 東京都", "国際交換局に到着 @ 東京都"))
    assert "both for leaving a country and for arriving" in progress.meaning
    assert progress.what_to_do


def test_a_number_of_an_unknown_country_names_no_country():
    progress = progress_of(story("Investigation @ KANAGAWA", number="RB123456785ZZ"))
    assert "the post in the country of origin" in progress.what_to_do
