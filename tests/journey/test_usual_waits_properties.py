"""What is true of every estimate of how long parcels wait, checked with thousands of generated waits."""

from collections import Counter
from fractions import Fraction
from math import ceil, inf

from hypothesis import given
from hypothesis import strategies as st

from tracking.journey.usual_waits import HALF, NINE_IN_TEN, DwellTimes, days_until

some_days = st.lists(st.integers(0, 30), max_size=60)
at_least_one = st.lists(st.integers(0, 30), min_size=1, max_size=60)
shares = st.sampled_from([HALF, NINE_IN_TEN, Fraction(1, 3), Fraction(1)])


def waits(finished, unfinished=()):
    """The waits in days of parcels that moved on and of parcels that still wait."""
    return DwellTimes(Counter(finished), Counter(unfinished))


def or_infinity(days):
    """The days; infinity for None, so that estimates can be compared."""
    return inf if days is None else days


@given(at_least_one, shares)
def test_where_all_moved_on_it_is_the_plain_order_statistic(finished, share):
    assert days_until(share, waits(finished)) == sorted(finished)[ceil(share * len(finished)) - 1]


@given(some_days, some_days, st.integers(0, 30), shares)
def test_one_more_waiting_parcel_never_makes_it_smaller(finished, unfinished, another, share):
    before = or_infinity(days_until(share, waits(finished, unfinished)))
    assert or_infinity(days_until(share, waits(finished, [*unfinished, another]))) >= before


@given(some_days, some_days, st.integers(0, 30), st.integers(0, 30), shares)
def test_a_parcel_that_waits_on_never_makes_it_smaller(finished, unfinished, days, more, share):
    before = or_infinity(days_until(share, waits(finished, [*unfinished, days])))
    assert or_infinity(days_until(share, waits(finished, [*unfinished, days + more]))) >= before


@given(some_days, at_least_one, shares)
def test_the_estimate_is_none_or_a_day_when_a_parcel_moved_on(finished, unfinished, share):
    assert days_until(share, waits(finished, unfinished)) in {None, *finished}


@given(some_days, some_days)
def test_half_have_moved_on_no_later_than_nine_in_ten(finished, unfinished):
    known = waits(finished, unfinished)
    assert or_infinity(days_until(HALF, known)) <= or_infinity(days_until(NINE_IN_TEN, known))


def test_the_textbook_example():
    """Remission of leukaemia in weeks, 21 patients: Kaplan-Meier 0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448."""
    finished = [6, 6, 6, 7, 10, 13, 16, 22, 23]
    unfinished = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    curve = {6: 857, 7: 807, 10: 753, 13: 690, 16: 627, 22: 538, 23: 448}
    for week, still_here in curve.items():
        share = 1 - Fraction(still_here + 1, 1000)  # reached in this week, and not before
        assert days_until(share, waits(finished, unfinished)) == week
    assert days_until(HALF, waits(finished, unfinished)) == 23
    assert days_until(NINE_IN_TEN, waits(finished, unfinished)) is None
