"""Days and times in words, and until when a page stays the same, checked at thousands of moments."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.journeys import NOW
from tests.support.stories import ARRIVED, DELIVERED, DISPATCHED, IN_CUSTOMS, NUMBER, POSTED, story
from tracking.journey.progress import build_progress
from tracking.journey.story import Story
from tracking.journey.times import ago, day_count, valid_until
from tracking.values.numbers import TrackingNumber
from tracking.values.places import days_between
from tracking.words.glossary import Glossary

CHECKED = datetime(2026, 11, 12, 9, 17, 23, tzinfo=UTC)
ENQUIRY_ENDS = datetime(2027, 5, 9, 15, 0, tzinfo=UTC)  # midnight in Japan
STORIES = [
    story(POSTED),
    story(POSTED, DISPATCHED),
    story(POSTED, ARRIVED, IN_CUSTOMS),
    story(POSTED, "Retention @ GERMANY"),
    # A country of several time zones, so the row has no instant.
    story(POSTED, "Processing at delivery Post Office @ UNITED STATES OF AMERICA"),
    story(POSTED, DELIVERED),
]


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (0, "0 days"),
        (1, "1 day"),
        (60, "60 days"),
        (61, "2 months"),
        (90, "3 months"),
        (729, "24 months"),
        (730, "2 years"),
        (4400, "12 years"),
    ],
)
def test_days_in_words(days, words):
    assert day_count(days) == words


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (0, "just now"),
        (4, "just now"),
        (19, "15 minutes ago"),
        (180, "3 hours ago"),
        (3 * 1440, "3 days ago"),
    ],
)
def test_how_long_ago_in_words(minutes, words):
    assert ago(NOW - timedelta(minutes=minutes), NOW) == words


@pytest.mark.django_db
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.sampled_from(STORIES),
    st.booleans(),
    st.one_of(st.integers(0, 7200), st.integers(0, 250 * 86400)),
    st.integers(0, 999),
)
@example(STORIES[2], False, int((ENQUIRY_ENDS - CHECKED).total_seconds()) - 900, 999)
def test_the_page_is_unchanged_until_valid_until(item, stale, seconds, thousandths):
    stored = Story(TrackingNumber(NUMBER), item.events, False, checked_at=CHECKED, stale=stale)
    now = CHECKED + timedelta(seconds=seconds)
    shown = build_progress(stored, Glossary.current(), now=now)
    later = now + (shown.valid_until - now) * thousandths / 1000
    assert now < shown.valid_until
    shown_later = build_progress(stored, Glossary.current(), now=later)
    assert replace(shown_later, valid_until=shown.valid_until) == shown


@pytest.mark.parametrize(
    ("scanned", "changes"),
    [
        (datetime(2026, 10, 24, 12, 0), datetime(2026, 10, 26, 10, 0, tzinfo=UTC)),  # noon in summer
        (datetime(2026, 3, 28, 12, 0), datetime(2026, 3, 30, 11, 0, tzinfo=UTC)),  # noon in winter
    ],
)
def test_a_day_of_silence_has_24_hours_when_the_clocks_change(scanned, changes):
    scanned_at = scanned.replace(tzinfo=ZoneInfo("Europe/Paris"))
    now = changes - timedelta(hours=2)
    checked_at = now - timedelta(days=100)  # counted in whole days, so its words change a day later
    assert valid_until(now, checked_at=checked_at, scanned_at=scanned_at) == changes
    assert days_between(scanned.date(), scanned_at, changes) == 2
    assert days_between(scanned.date(), scanned_at, changes - timedelta(seconds=1)) == 1


@pytest.mark.parametrize("minutes", [0, 4, 5, 12, 119, 120, 2879, 2880, 90 * 1440])
def test_the_age_of_the_last_check_changes_at_valid_until(minutes):
    now = CHECKED + timedelta(minutes=minutes)
    until = valid_until(now, checked_at=CHECKED, scanned_at=None)
    before = until - timedelta(seconds=1)
    assert ago(CHECKED, before) == ago(CHECKED, now)
    if until.time().minute:  # on a full hour, `until` may be a midnight, when other words change
        assert ago(CHECKED, until) != ago(CHECKED, now)
