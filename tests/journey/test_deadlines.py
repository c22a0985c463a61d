"""The last day to collect a parcel, and the last day to open an enquiry."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.journeys import NOW, progress_of
from tests.support.stories import ARRIVED, IN_CUSTOMS, POSTED, story

pytestmark = pytest.mark.django_db


def test_an_enquiry_is_not_promised_after_its_deadline():
    late = progress_of(story(POSTED, ARRIVED), now=datetime(2027, 5, 9, 15, tzinfo=UTC))  # 10 May in Japan
    assert "is over" in late.silence.text
    in_time = progress_of(story(POSTED, ARRIVED), now=datetime(2027, 5, 9, 14, tzinfo=UTC))
    assert "only the sender" in in_time.silence.text
    china = story(POSTED, "Arrival at inward office of exchange @ CHINA")
    assert "is over" in progress_of(china, now=datetime(2027, 3, 10, tzinfo=UTC)).silence.text


def test_collect_by_follows_the_holding_days_of_the_destination():
    held = progress_of(story("Retention @ UNITED STATES OF AMERICA"), now=NOW - timedelta(days=8))
    assert "14 November 2026" in held.collect_by
    late = progress_of(story("Retention @ UNITED STATES OF AMERICA"))
    assert "may be on its way back" in late.collect_by
    assert progress_of(story("Retention @ NEW ZEALAND")).collect_by == ""
    assert progress_of(story(IN_CUSTOMS)).collect_by == ""


def test_the_last_day_to_collect_ends_in_the_last_time_zone():
    item = story(POSTED, "Retention @ UNITED STATES OF AMERICA")  # from 10 November, for five days
    evening_there, over = (
        progress_of(item, now=datetime(2026, 11, 16, hour, 59, tzinfo=UTC)) for hour in (11, 12)
    )
    assert evening_there.collect_by.startswith("Collect it by about 15 November 2026, or")
    assert evening_there.silence.headline == "Please do not wait"
    assert over.collect_by.startswith("You could collect it until about 15 November 2026")
    assert over.silence.headline == "It has waited for too long"


def test_business_days_of_holding_become_calendar_days():
    held = progress_of(story("Retention @ AUSTRALIA"))  # from Monday, 9 November, for ten business days
    assert held.collect_by.startswith("Collect it by about 23 November 2026, or")


def test_holding_days_run_from_the_first_row_of_waiting():
    rows = ["Retention @ UNITED STATES OF AMERICA"] * 3
    assert "15 November 2026" in progress_of(story(POSTED, *rows), now=NOW - timedelta(days=8)).collect_by
