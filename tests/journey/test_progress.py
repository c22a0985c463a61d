"""What the page as a whole says about a story: banner, icons, warning, history."""

from datetime import UTC, datetime, time, timedelta

import pytest

from tests.support.journeys import NOW, progress_of
from tests.support.stories import (
    ARRIVED,
    AT_EXCHANGE,
    DELIVERED,
    DISPATCHED,
    FIRST_DAY,
    IN_CUSTOMS,
    POSTED,
    story,
)

pytestmark = pytest.mark.django_db


def test_facts_about_ems_alone_are_not_said_of_other_mail():
    rows = (POSTED, "Retention @ FRANCE")
    ems, letter = progress_of(story(*rows)), progress_of(story(*rows, number="RB123456785JP"))
    assert ems.hand_over and "Chronopost" in ems.who_has_it
    assert letter.hand_over is None and "Chronopost" not in letter.who_has_it + letter.what_to_do
    held = (POSTED, "Retention @ GERMANY")
    assert progress_of(story(*held)).collect_by
    assert progress_of(story(*held, number="RB123456785JP")).collect_by == ""


def test_a_long_history_is_folded_to_its_newest_three():
    texts = [POSTED, AT_EXCHANGE, DISPATCHED, ARRIVED, IN_CUSTOMS]
    long = progress_of(story(*texts))
    assert [entry.event.phrase for entry in long.newest_entries] == [
        text.split(" @")[0] for text in texts[:1:-1]
    ]
    assert long.newest_entries + long.older_entries == long.timeline
    short = progress_of(story(*texts[:4]))
    assert (len(short.newest_entries), short.older_entries) == (4, ())


def test_an_unknown_phrase_after_a_delivery_is_calm_but_not_over():
    item = story(POSTED, DELIVERED, "Delivery scan cancelled @ GERMANY")
    for days in (0, 30, 300):
        progress = progress_of(item, now=NOW + timedelta(days=days))
        assert (progress.stage, progress.status, progress.tone) == (5, None, "wait")
        assert (progress.is_over, progress.warning, progress.needs_writing) == (False, "", False)
        assert (progress.silence.headline, progress.silence.text) == (
            "We cannot tell",
            "It was shown as delivered, and nobody knows yet what the words after that mean.",
        )
        assert progress.what_to_do == "If you do not have it, write to us."


def test_an_advice_to_write_to_us_comes_with_the_link():
    item = story(POSTED, "Retention @ GERMANY")
    early, late = (progress_of(item, now=NOW + timedelta(days=days)) for days in (-9, 9))
    assert not early.needs_writing
    assert "write to us" in late.silence.text
    assert late.needs_writing


def test_the_banner_and_the_icon_follow_the_tone():
    held, lost = (
        progress_of(story(POSTED, "Retention @ GERMANY")),
        progress_of(story(POSTED, "Investigation")),
    )
    calm = progress_of(story(POSTED, ARRIVED))
    assert [(page.banner, page.icon) for page in (held, lost, calm)] == [
        ("Please act", "icons/bell.svg"),
        ("There is a problem", "icons/alert.svg"),
        ("", "icons/customs.svg"),
    ]
    assert progress_of(story("Something new")).icon == "icons/question.svg"


@pytest.mark.parametrize(
    ("text", "days", "warning"),
    [
        (ARRIVED, 0, ""),
        (ARRIVED, 5, "Quiet for longer than usual"),
        (ARRIVED, 30, "Quiet for far longer than usual"),
        ("Retention @ GERMANY", 30, "Please act"),
        (DELIVERED, 30, ""),
    ],
)
def test_a_list_row_warns_of_what_needs_a_look(text, days, warning):
    now = datetime.combine(FIRST_DAY, time(12), UTC) + timedelta(days=days)
    assert progress_of(story(text), now=now).warning == warning


@pytest.mark.parametrize(
    ("text", "days", "icon"),
    [
        (ARRIVED, 0, "check"),
        (ARRIVED, 5, "clock"),
        (ARRIVED, 30, "mail"),
        ("Retention @ GERMANY", 0, "clock"),
        ("Investigation @ GERMANY", 0, "mail"),
        ("Something new @ GERMANY", 0, "clock"),
        ("Something new @ GERMANY", 30, "mail"),
    ],
)
def test_the_silence_icon_reassures_only_where_all_is_normal(text, days, icon):
    now = datetime.combine(FIRST_DAY, time(12), UTC) + timedelta(days=days)
    assert progress_of(story(text), now=now).silence_icon == f"icons/{icon}.svg"


def test_an_unknown_phrase_after_a_problem_keeps_its_icon():
    item = story(POSTED, "Investigation @ GERMANY", "Zork @ GERMANY")
    assert progress_of(item, now=NOW - timedelta(days=8)).silence_icon == "icons/mail.svg"
