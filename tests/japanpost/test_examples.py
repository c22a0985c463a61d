"""The example parcels: correct numbers, known phrases, and dates that make sense at every time."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tracking.japanpost.errors import NotFound, Rejected
from tracking.japanpost.examples import Example, all_examples, get_example
from tracking.values.places import JAPAN_TIME

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
WITH_EVENTS = [example for example in all_examples() if example.events]


def slug_of(example: Example) -> str:
    return example.slug


def test_the_situations_come_in_the_order_of_a_journey() -> None:
    assert [example.slug for example in all_examples()] == [
        "just-posted",
        "en-route",
        "leaving-japan",
        "export-customs",
        "inside-origin",
        "silent-6-days",
        "silent-30-days",
        "transit-country",
        "arrival-at-inward-office",
        "held-at-inward-office",
        "in-customs",
        "customs-twice",
        "released-by-customs",
        "departure-from-inward-office",
        "with-local-post",
        "back-in-customs",
        "collection",
        "out-for-delivery",
        "absent",
        "retention",
        "redelivery-booked",
        "forwarded",
        "delivered",
        "delivered-in-france",
        "collected-at-counter",
        "investigation",
        "export-cancelled",
        "import-terminated",
        "being-returned",
        "returned",
        "delivered-back",
        "unknown-phrase",
        "list-row",
        "not-found",
        "digit-error",
    ]


def test_an_unknown_slug_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        get_example("no-such-example")


@pytest.mark.parametrize("example", all_examples(), ids=slug_of)
def test_its_number_has_the_right_check_digit(example: Example) -> None:
    match = re.fullmatch(r"EM([0-9]{8})([0-9])[A-Z]{2}", example.number)
    assert match is not None
    rest = (
        sum(int(digit) * weight for digit, weight in zip(match[1], (8, 6, 4, 2, 3, 5, 9, 7), strict=True))
        % 11
    )
    assert int(match[2]) == {10: 0, 11: 5}.get(11 - rest, 11 - rest)


def test_only_a_parcel_to_japan_has_a_foreign_number() -> None:
    assert all(example.number.endswith("JP") != (example.destination == "JP") for example in all_examples())


def test_no_two_examples_share_a_number() -> None:
    assert len({example.number for example in all_examples()}) == len(all_examples())


@pytest.mark.parametrize("example", all_examples(), ids=slug_of)
def test_each_example_has_a_title_and_a_description(example: Example) -> None:
    assert example.title and example.about.endswith(".")
    assert re.fullmatch(r"[A-Z]{2}|", example.destination)


@pytest.mark.parametrize("example", WITH_EVENTS, ids=slug_of)
def test_its_events_are_in_order_and_before_now(example: Example) -> None:
    agos = [event.ago for event in example.events]
    assert agos == sorted(set(agos), reverse=True)
    assert agos[-1] > timedelta(0)


@pytest.mark.parametrize("example", WITH_EVENTS, ids=slug_of)
@pytest.mark.parametrize(
    "now",
    [NOW, NOW.astimezone(ZoneInfo("America/New_York")), datetime(2027, 3, 28, 0, 59, tzinfo=UTC)],
    ids=["utc", "new-york", "summer-time-begins"],
)
def test_its_dates_are_local_to_each_place(example: Example, now: datetime) -> None:
    for event, row in zip(example.events, example.item(now).events, strict=True):
        local = (now.astimezone(UTC) - event.ago).astimezone(event.zone)
        assert row.local_date == local.date()
        assert row.local_time is None or (row.local_time.hour, row.local_time.minute) == (
            local.hour,
            local.minute,
        )


def test_a_row_in_japan_has_japanese_time() -> None:
    [row] = get_example("just-posted").item(NOW).events  # 5 h 12 min ago
    assert (str(row.local_date), str(row.local_time)) == ("2026-11-23", "13:48:00")


def test_a_row_abroad_has_the_time_of_the_place() -> None:
    row = get_example("out-for-delivery").item(NOW).events[-1]  # 3 h 39 min ago, Singapore is UTC+8
    assert (str(row.local_date), str(row.local_time)) == ("2026-11-23", "14:21:00")


@pytest.mark.parametrize("example", WITH_EVENTS, ids=slug_of)
def test_only_rows_in_japan_have_a_postal_code(example: Example) -> None:
    assert all((event.zone == JAPAN_TIME) == bool(event.postal_code) for event in example.events)
    assert all(re.fullmatch(r"[0-9]{3}-[0-9]{4}|", event.postal_code) for event in example.events)


def test_the_oddities_of_the_real_pages_all_occur() -> None:
    events = [event for example in WITH_EVENTS for event in example.events]
    assert any(not event.has_time for event in events)
    assert any(not event.office for event in events)
    assert any(event.details for event in events)


def test_a_list_row_says_that_the_history_is_missing() -> None:
    item = get_example("list-row").item(NOW)
    assert item.history_missing
    assert len(item.events) == 1
    assert not get_example("delivered").item(NOW).history_missing


def test_the_examples_without_a_story_raise_their_failure() -> None:
    with pytest.raises(NotFound):
        get_example("not-found").item(NOW)
    with pytest.raises(Rejected):
        get_example("digit-error").item(NOW)


def test_both_spellings_of_returned_to_sender_occur() -> None:
    assert get_example("being-returned").events[-1].phrase == "Returned to Sender"
    assert get_example("returned").events[-1].phrase == "Returned to sender"
    assert get_example("returned").events[-1].zone == JAPAN_TIME
