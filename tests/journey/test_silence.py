"""“Is this normal?”: how long a silence is usual, and what the page says about it."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from tests.support import kept
from tests.support.journeys import BRITISH, IN_BRITAIN, NOW, ireland_sends_no_scans, progress_of, store_figure
from tests.support.stories import ARRIVED, DELIVERED, DISPATCHED, FIRST_DAY, NUMBER, POSTED, event, story
from tracking.fetching.lookup import look_up
from tracking.journey.progress import build_progress
from tracking.journey.story import Story
from tracking.models import Destination, Phrase, Status
from tracking.words.glossary import Glossary

AT_INWARD = "arrival-at-inward-office"

pytestmark = pytest.mark.django_db


def test_silence_is_normal_then_longer_then_far_longer():
    status = Status.objects.get(slug="dispatch-from-outward-office")
    item = story(DISPATCHED)
    posted = datetime(2026, 11, 9, 0, 0, tzinfo=UTC)  # 09:00 in Japan
    levels = {
        days: progress_of(item, now=posted + timedelta(days=days)).silence.level
        for days in (0, status.usual_days, status.usual_days + 1, status.worry_days, status.worry_days + 1)
    }
    assert list(levels.values()) == ["usual", "usual", "longer", "longer", "far"]


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (1, "Up to 1 day without news is usual here; yours has waited 1 day."),
        (2, "No news for 2 days; up to 1 day is usual here. It happens, and most parcels then move on."),
    ],
)
def test_one_day_reads_as_a_sentence_too(days, text):
    """At this status, staff's usual time is one day."""
    now = datetime.combine(FIRST_DAY, time(12), UTC) + timedelta(days=days)
    assert progress_of(story("Out for delivery @ GERMANY"), now=now).silence.text == text


@pytest.mark.parametrize("end", [DELIVERED, "Returned to sender @ TOKYO"])
def test_a_finished_journey_has_no_silence(end):
    assert progress_of(story(POSTED, ARRIVED, end)).silence is None


def test_where_no_scans_are_exchanged_nothing_more_will_appear():
    ireland_sends_no_scans()
    progress = progress_of(story(POSTED, DISPATCHED), hint="IE", now=NOW + timedelta(days=90))
    assert progress.silence.headline == "Nothing more will appear here"
    assert progress.hand_over.button == "Ask An Post"
    assert not progress.is_worrying
    assert progress_of(story(POSTED), hint="IE").hand_over is None


def test_during_an_outage_the_silence_ends_at_the_last_answer():
    item = story(POSTED, ARRIVED)
    stored = Story(NUMBER, item.events, False, checked_at=NOW - timedelta(days=9), stale=True)
    progress = build_progress(stored, Glossary.current(), now=NOW + timedelta(days=30))
    assert progress.silence.level == "usual"
    assert progress.silence.text.endswith("; yours had waited 1 day when we last asked.")
    late = build_progress(replace(stored, checked_at=NOW), Glossary.current(), now=NOW + timedelta(days=30))
    assert late.silence.text.startswith("No news for 10 days when we last asked")


def test_during_an_outage_the_age_of_the_last_scan_is_true():
    item = story(POSTED, "Retention @ UNITED KINGDOM")
    stored = Story(NUMBER, item.events, False, checked_at=NOW - timedelta(days=8), stale=True)
    progress = build_progress(stored, Glossary.current(), now=NOW)
    assert progress.silence.text.startswith("The last scan is 10 days old.")
    assert progress.silence.days == 10


def test_during_the_holding_days_no_return_is_announced():
    item = story(POSTED, "Retention @ UNITED KINGDOM")
    days = Destination.objects.get(code="GB").holding_days
    kept_until, after = (
        progress_of(item, now=datetime(2026, 11, 10, 12, 0, tzinfo=UTC) + timedelta(days=days + more))
        for more in (0, 2)
    )
    assert kept_until.collect_by and kept_until.silence.headline == "Please do not wait"
    assert after.silence.headline == "It has waited for too long"


def test_without_a_history_the_enquiry_ends_by_the_only_row():
    item = story(DISPATCHED, history_missing=True)
    soon, late = (progress_of(item, now=NOW + timedelta(days=days)).silence for days in (100, 200))
    assert "only the sender can open an enquiry" in soon.text
    assert "The time in which an enquiry can be opened is over" in late.text


@pytest.mark.parametrize("text", [ARRIVED, "Sorted by a drone @ GERMANY"])
def test_an_unlisted_parcel_is_not_called_normal(text):
    progress = progress_of(
        story(POSTED, text), now=datetime(2026, 11, 11, 12, tzinfo=UTC), no_longer_listed=True
    )
    assert (progress.silence.level, progress.silence.headline) == ("longer", "Japan Post no longer lists it")
    assert "The last scan is 1 day old." in progress.silence.text
    assert progress.what_to_do == "If you still wait for it, write to us." and progress.needs_writing


def test_an_unlisted_parcel_keeps_a_worry_an_end_or_an_advice():
    late = progress_of(story(POSTED, ARRIVED), now=NOW + timedelta(days=40), no_longer_listed=True)
    assert late.silence.level == "far" and "It has been quiet for far too long" in late.what_to_do
    over = progress_of(story(POSTED, DELIVERED), no_longer_listed=True)
    assert over.silence is None and not over.needs_writing
    soon = datetime(2026, 11, 11, 12, tzinfo=UTC)
    act = progress_of(story(POSTED, "Retention @ GERMANY"), now=soon, no_longer_listed=True)
    assert act.silence.headline == "Please do not wait"


@pytest.mark.parametrize(
    ("phrase", "days", "headline", "text"),
    [
        ("Investigation", 1, "It needs the sender's help", "The last scan is "),
        (
            "Held by import Customs",
            90,
            "Quiet for far longer than usual",
            "Only the sender can open an enquiry, with the post that gave out this number.",
        ),
        (
            "Held by import Customs",
            400,
            "Quiet for far longer than usual",
            "Only the sender can open an enquiry, with the post that gave out this number.",
        ),
    ],
)
def test_a_foreign_numbers_silence_refers_to_the_sender(phrase, days, headline, text):
    item = story(IN_BRITAIN, f"{phrase} @ KANAGAWA", number=BRITISH)
    silence = progress_of(item, now=NOW + timedelta(days=days)).silence
    assert silence.headline == headline and text in silence.text
    assert "us" not in silence.text.split() and "Japan Post" not in silence.text


# With the usual waits that were learnt


def silence(days, text=ARRIVED, hint=None):
    """What the page says about the silence of a parcel whose newest row is `days` old."""
    parcel = kept.keep(event(text, kept.NOW.date() - days * kept.DAY, None))
    stored = look_up(parcel.number, now=kept.NOW)
    return build_progress(stored, Glossary.current(), now=kept.NOW, hint=hint).silence


@pytest.mark.parametrize(
    ("learnt", "waited", "words"),
    [
        (5, 2, "9 of 10 parcels to Germany move on within 5 days; yours has waited 2."),
        (5, 1, "9 of 10 parcels to Germany move on within 5 days; yours has waited 1 day."),
        (1, 1, "9 of 10 parcels to Germany move on within 1 day; yours has waited 1 day."),
        (1, 0, "9 of 10 parcels to Germany move on within 1 day; yours has waited less than a day."),
        (0, 0, "9 of 10 parcels to Germany move on in less than a day; yours has waited less than a day."),
        (75, 70, "9 of 10 parcels to Germany move on within 75 days; yours has waited 70."),
    ],
)
def test_a_usual_silence_quotes_the_learnt_figure(learnt, waited, words):
    store_figure(learnt, country="DE")
    shown = silence(waited)
    assert (shown.level, shown.headline, shown.text) == ("usual", "Normal so far", words)


def test_country_names_fit_into_the_sentence():
    store_figure(5, slug="posting-collection", country="US")
    assert "9 of 10 parcels to the United States move on" in silence(3, POSTED, hint="US").text


def test_a_country_without_a_figure_gets_the_figure_of_all():
    store_figure(5)
    store_figure(9, country="CA")
    assert silence(3).text == "9 of 10 parcels move on within 5 days; yours has waited 3."


def test_an_unknown_destination_gets_the_figure_of_all():
    store_figure(5, slug="posting-collection")
    assert silence(3, POSTED).text == "9 of 10 parcels move on within 5 days; yours has waited 3."


def test_without_a_figure_for_all_staffs_days_are_quoted():
    store_figure(9, country="CA")
    assert silence(3).text == "Up to 3 days without news is usual here; yours has waited 3."


def test_a_longer_silence_quotes_the_figure_calmly():
    store_figure(5, country="DE")
    shown = silence(7)
    assert (shown.level, shown.headline) == ("longer", "Quiet for longer than usual")
    assert shown.text == (
        "No news for 7 days; 9 of 10 parcels to Germany move on within 5 days. "
        "It happens, and most of the others then move on too."
    )


def test_a_far_longer_silence_keeps_the_advice():
    store_figure(5, country="DE")
    shown = silence(30)
    assert shown.level == "far"
    assert shown.text == (
        "No news for 30 days; 9 of 10 parcels to Germany move on within 5 days. "
        "Write to us: only the sender can open an enquiry with Japan Post."
    )
    assert "is over; write to us all the same" in silence(300).text


@pytest.mark.parametrize(("learnt", "last_usual", "last_longer"), [(1, 1, 8), (3, 3, 8), (9, 9, 14)])
def test_learnt_days_only_delay_the_worry(learnt, last_usual, last_longer):
    """At this status, staff's usual days are 3 and their worry days 8."""
    store_figure(learnt, country="DE")
    silences = (last_usual, last_usual + 1, last_longer, last_longer + 1)
    assert [silence(days).level for days in silences] == ["usual", "longer", "longer", "far"]


@pytest.mark.parametrize(
    ("text", "slug", "words"),
    [
        ("Retention @ GERMANY", "retention", "The last scan is {} old. It may not move on until you act."),
        (
            "Investigation @ GERMANY",
            "investigation",
            "The last scan is {} old. Write to us, so that we can act.",
        ),
    ],
)
def test_where_action_is_needed_the_texts_stay(text, slug, words):
    store_figure(5, slug=slug, country="DE")
    assert silence(2, text).text == words.format("2 days")
    assert silence(0, text).text == words.format("less than a day")


def test_where_action_is_needed_learnt_days_delay_no_worry():
    germany = Destination.objects.get(code="DE")
    germany.holding_days = None  # otherwise the day of the return decides
    germany.save()
    worry = Status.objects.get(slug="retention").worry_days
    store_figure(5 * worry, slug="retention", country="DE")
    assert silence(worry + 1, "Retention @ GERMANY").level == "far"


def test_an_unknown_phrase_quotes_no_learnt_figure():
    store_figure(5, country="DE")
    assert silence(2, "Zork @ GERMANY").text == "Nobody knows yet how long this usually takes."
    Phrase.objects.create(text="Zork", status=Status.objects.get(slug=AT_INWARD))
    assert "9 of 10 parcels to Germany" in silence(2, "Zork @ GERMANY").text
