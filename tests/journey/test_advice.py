"""What the customer can do now, whom to ask, and what the page says about a step back."""

from datetime import timedelta

import pytest

from tests.support.journeys import BRITISH, IN_BRITAIN, NOW, came_back, ireland_sends_no_scans, progress_of
from tests.support.stories import (
    ARRIVED,
    AT_EXCHANGE,
    AT_OFFICE,
    DELIVERED,
    DISPATCHED,
    IN_CUSTOMS,
    NUMBER,
    POSTED,
    RELEASED,
    story,
)
from tracking.models import Status, Wording

ASK_THE_SENDER = (
    "Ask the sender: only they can have the post in the United Kingdom look into it. "
    "If that is us, write to us."
)

pytestmark = pytest.mark.django_db


# What to do now


def test_a_worrying_silence_always_has_an_advice():
    progress = progress_of(story(DISPATCHED), now=NOW + timedelta(days=40))
    assert "Write to us" in progress.what_to_do
    assert "sender can open an enquiry" in progress.silence.text


def test_where_no_scans_are_exchanged_no_news_is_promised():
    ireland_sends_no_scans()
    soon, late = (
        progress_of(story(POSTED, DISPATCHED), hint="IE", now=NOW + timedelta(days=days)) for days in (0, 90)
    )
    assert "next news" not in soon.what_to_do
    assert "ask the local post" in soon.what_to_do
    text = "The post in Ireland sends no scans to Japan. Ask them with the same number."
    assert soon.silence.text == text
    assert late.silence.text == f"{text} If they know nothing about it either, write to us."


def test_words_written_for_a_country_without_scans_are_kept():
    ireland = ireland_sends_no_scans()
    status = Status.objects.get(slug="dispatch-from-outward-office")
    texts = {"title": "Gone", "meaning": "It flew.", "what_to_do": "Ask An Post after a week."}
    Wording.objects.create(status=status, language="en", destination=ireland, **texts)
    assert progress_of(story(DISPATCHED), hint="IE").what_to_do == "Ask An Post after a week."


def test_an_unknown_phrase_on_the_way_back_advises_to_write_to_us():
    progress = progress_of(story(POSTED, ARRIVED, "Returned to Sender @ GERMANY", "Zork @ GERMANY"))
    assert progress.tone == "problem"
    assert progress.hand_over is None
    assert "Write to us" in progress.what_to_do


@pytest.mark.parametrize(
    ("before", "advice"),
    [
        (
            "Retention @ GERMANY",
            "Before this, something was asked of you. Ask the local post whether it still is.",
        ),
        ("Investigation @ GERMANY", "There was a problem before this. Write to us, so that we can act."),
        (IN_CUSTOMS, "Nothing for now. Look again tomorrow, or write to us."),
    ],
)
def test_an_unknown_phrase_keeps_the_advice_of_the_banner(before, advice):
    assert progress_of(story(POSTED, before, "Zork @ GERMANY")).what_to_do == advice


@pytest.mark.parametrize("phrase", ["En route", "Out for delivery"])
def test_a_worry_after_a_delivery_is_for_customers_without_the_parcel(phrase):
    item = story(POSTED, DELIVERED, f"{phrase} @ GERMANY")
    progress = progress_of(item, now=NOW + timedelta(days=60))
    assert progress.came_back.endswith("If you have it, all is well.")
    assert progress.what_to_do == "If you do not have it, write to us: it has been quiet for far too long."
    assert progress.needs_writing


@pytest.mark.parametrize(
    "rows", [["Investigation @ KANAGAWA"], ["Returned to Sender @ KANAGAWA"], ["Investigation", "Zork"]]
)
def test_for_a_foreign_number_we_are_not_called_the_sender(rows):
    progress = progress_of(story(IN_BRITAIN, *rows, number=BRITISH))
    assert (progress.tone, progress.what_to_do) == ("problem", ASK_THE_SENDER)
    assert not any("us" in words.split() for words in (progress.headline, progress.meaning))


def test_export_customs_abroad_do_not_ask_us():
    progress = progress_of(
        story(IN_BRITAIN, "Item held by export Customs/Security @ UNITED KINGDOM", number=BRITISH),
        now=NOW - timedelta(days=8),
    )
    assert progress.what_to_do == "Nothing. If they need something, they ask the sender."


def test_a_foreign_numbers_worrying_silence_refers_to_the_sender():
    item = story(IN_BRITAIN, "Held by import Customs @ KANAGAWA", number=BRITISH)
    assert progress_of(item, now=NOW + timedelta(days=90)).what_to_do == ASK_THE_SENDER


def test_a_foreign_number_shows_the_words_written_for_japan():
    status = Status.objects.get(slug="investigation")
    texts = {"title": "Held", "meaning": "They look.", "what_to_do": "Call 0120-000-000."}
    Wording.objects.create(status=status, destination_id="JP", language="en", **texts)
    progress = progress_of(story(IN_BRITAIN, "Investigation @ KANAGAWA", number=BRITISH))
    assert progress.what_to_do == "Call 0120-000-000."


# The local post, and until when it keeps the parcel


def test_the_local_post_is_named_from_arrival_on():
    assert progress_of(story(POSTED, DISPATCHED), hint="DE").hand_over is None
    hand_over = progress_of(story(POSTED, ARRIVED)).hand_over
    assert (hand_over.button, hand_over.opens_parcel) == ("Ask Deutsche Post DHL", True)
    assert hand_over.introduction == "In Germany, EMS is delivered by Deutsche Post DHL."
    assert NUMBER in hand_over.url
    abroad = progress_of(story(POSTED, "Arrival at inward office of exchange @ SINGAPORE")).hand_over
    assert (abroad.button, abroad.opens_parcel) == ("Ask SingPost", False)
    assert NUMBER not in abroad.url


def test_without_a_known_operator_the_button_names_its_site():
    hand_over = progress_of(story(POSTED, "Arrival at inward office of exchange @ KENYA")).hand_over
    assert (hand_over.introduction, hand_over.button) == ("", "Look it up at www.ems.post")


@pytest.mark.parametrize("phrase", ["Collection", "Absence. Attempted delivery."])
def test_a_possible_door_delivery_is_not_said_to_be_at_a_counter(phrase):
    item = story(ARRIVED, f"{phrase} @ GERMANY")
    soon, late = (
        progress_of(item, now=NOW - timedelta(days=9)),
        progress_of(item, now=NOW + timedelta(days=9)),
    )
    assert soon.collect_by == (
        "If they keep it for you, collect it by about 17 November 2026, or it may go back."
    )
    assert late.collect_by == (
        "If they kept it for you, that was until about 17 November 2026. It may be on its way back."
    )
    assert (soon.silence.headline, soon.silence.text) == (
        "Please do not wait",
        "The last scan is 1 day old. It may not move on until you act.",
    )


# A step back


def test_a_journey_that_only_moves_forward_mentions_no_step_back():
    assert (
        came_back(POSTED, AT_EXCHANGE, DISPATCHED, ARRIVED, IN_CUSTOMS, RELEASED, AT_OFFICE, DELIVERED) == ""
    )


def test_a_step_back_is_mentioned():
    text = came_back(POSTED, ARRIVED, AT_OFFICE, IN_CUSTOMS)
    assert text == "It had already reached step 4 of 5, With the local post, and has gone back."


def test_customs_for_the_second_time_name_the_day_of_the_first():
    assert came_back(POSTED, ARRIVED, IN_CUSTOMS, RELEASED, IN_CUSTOMS) == (
        "It was at this point before, on 11 November 2026, and is here again."
    )


@pytest.mark.parametrize("phrase", ["En route", "Retention", "Out for delivery", "Zork"])
def test_a_phrase_after_a_delivery_names_the_day_of_the_delivery(phrase):
    assert came_back(POSTED, DELIVERED, f"{phrase} @ GERMANY") == (
        "It was shown as delivered on 10 November 2026, and this came after it. If you have it, all is well."
    )
    assert came_back(POSTED, DELIVERED, DELIVERED) == ""


def test_a_problem_mentions_no_step_back():
    assert came_back(POSTED, ARRIVED, AT_OFFICE, IN_CUSTOMS, "Returned to sender @ JAPAN") == ""
