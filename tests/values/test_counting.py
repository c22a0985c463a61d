"""Numbers with their nouns in the singular and the plural."""

import pytest

from tracking.values.counting import count_of, noun_for


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 parcels"), (1, "1 parcel"), (2, "2 parcels"), (1200, "1200 parcels")]
)
def test_only_the_number_one_takes_the_singular(number: int, words: str) -> None:
    assert count_of(number, "parcel") == words


def test_a_longer_noun_is_given_with_its_plural() -> None:
    forms = ("parcel that shows it now", "parcels that show it now")
    assert [count_of(number, *forms) for number in (1, 3)] == [f"1 {forms[0]}", f"3 {forms[1]}"]


def test_noun_for_returns_the_noun_without_the_number() -> None:
    assert [noun_for(number, "time") for number in (1, 1200)] == ["time", "times"]
