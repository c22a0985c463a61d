"""What visitors may still do: counted and decided in one statement, in windows that every clock computes alike."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from tests.support.crowd import all_at_once
from tracking.models import Allowance, Purpose
from tracking.models.allowances import limits, seconds_left, window_start

NOW = datetime(2026, 11, 20, 12, 7, 30, tzinfo=UTC)
MESSAGE = Purpose.MESSAGE

database = pytest.mark.django_db
threads = pytest.mark.django_db(transaction=True)


def take(*keys, most=5, purpose=MESSAGE, now=NOW):
    return Allowance.objects.take(purpose, limits(keys, most), now)


def used():
    """The uses of each key in all windows."""
    return {row.key: row.used for row in Allowance.objects.all()}


@threads
def test_twenty_at_once_are_never_more_than_the_limit():
    crowd = all_at_once([partial(take, "a", "its network")] * 20)
    assert [one.failure for one in crowd] == [None] * 20
    assert [one.result for one in crowd].count(True) == 5
    assert used() == {"a": 5, "its network": 5}


@threads
def test_twenty_of_one_network_at_once_share_its_limit():
    crowd = all_at_once(partial(take, f"{i}", "their network", most=2) for i in range(20))
    assert [one.failure for one in crowd] == [None] * 20
    assert [one.result for one in crowd].count(True) == 2 * 4
    assert used()["their network"] == 8


@database
def test_a_refusal_counts_nothing_for_any_key():
    assert all(take(name, "network", most=1) for name in "abcd")
    assert not take("e", "network", most=1)  # the network has used up its four
    assert not take("a", "network", most=1)
    assert used() == {
        "a": 1,
        "b": 1,
        "c": 1,
        "d": 1,
        "network": 4,
    }  # a row of "e" would be one for each address
    assert not Allowance.objects.has_room(MESSAGE, limits(["e", "network"], 1), NOW)
    assert Allowance.objects.has_room(MESSAGE, limits(["e"], 1), NOW)


@database
def test_each_purpose_and_each_window_counts_for_itself():
    assert take("a", most=1)
    assert not take("a", most=1)
    assert take("a", most=1, purpose=Purpose.LOG_IN)
    assert take("a", most=1, now=NOW + timedelta(hours=1))


@database
def test_what_is_given_back_can_be_used_again():
    assert take("a", "network", most=1)
    Allowance.objects.give_back(MESSAGE, ["a", "network"], NOW)
    Allowance.objects.give_back(MESSAGE, ["a", "unknown"], NOW)  # never less than none
    assert used() == {}
    assert take("a", "network", most=2) and take("a", "network", most=2)
    Allowance.objects.give_back(MESSAGE, ["a"], NOW)
    assert used() == {"a": 1, "network": 2}
    Allowance.objects.give_back(MESSAGE, ["a", "network"], NOW)
    Allowance.objects.give_back(MESSAGE, ["network"], NOW)
    assert take("a", "network", most=1)
    assert not take("a", "network", most=1)


@pytest.mark.parametrize(
    ("purpose", "start", "left"),
    [
        (Purpose.LOOK_UP, (12, 7), 30),
        (Purpose.STORED, (12, 7), 30),
        (Purpose.LOG_IN, (12, 0), 7 * 60 + 30),
        (Purpose.MESSAGE, (12, 0), 52 * 60 + 30),
    ],
)
def test_windows_are_full_minutes_quarters_and_hours(purpose, start, left):
    assert window_start(purpose, NOW) == NOW.replace(hour=start[0], minute=start[1], second=0)
    assert seconds_left(purpose, NOW) == left
    assert seconds_left(purpose, window_start(purpose, NOW)) > left


@database
@pytest.mark.parametrize("purpose", [Purpose.LOOK_UP, Purpose.MESSAGE])
def test_a_clock_that_was_ahead_leaves_nothing_used_up(purpose):
    assert take("a", most=1, purpose=purpose, now=NOW + timedelta(days=365))
    assert take("a", most=1, purpose=purpose)
    assert [row.window_start for row in Allowance.objects.all()] == [window_start(purpose, NOW)]


@database
def test_the_first_use_in_a_window_deletes_rows_that_are_over():
    for minutes in (0, 1, 10):
        take("a", purpose=Purpose.LOOK_UP, now=NOW + timedelta(minutes=minutes))
    take("b", now=NOW)
    left = Allowance.objects.filter(purpose=Purpose.LOOK_UP)
    assert [row.window_start for row in left] == [window_start(Purpose.LOOK_UP, NOW + timedelta(minutes=10))]
    assert Allowance.objects.filter(purpose=MESSAGE).count() == 1


@database
def test_one_key_costs_one_statement(django_assert_num_queries):
    take("a")
    with django_assert_num_queries(1):
        take("a")
    with django_assert_num_queries(1):
        Allowance.objects.has_room(MESSAGE, limits(["a", "network"], 5), NOW)
