"""The pages of `/examples/`: each situation with the words and the template of a real parcel, without a network."""

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lxml import html

from tracking.japanpost.examples import Example, all_examples
from tracking.journey.progress import build_progress
from tracking.journey.story import Story
from tracking.values.numbers import TrackingNumber
from tracking.words.glossary import Glossary

pytestmark = pytest.mark.django_db

EXPECTED = {
    "just-posted": ("1", "normal"),
    "en-route": ("1", "normal"),
    "leaving-japan": ("2", "normal"),
    "export-customs": ("2", "wait"),
    "inside-origin": ("2", "normal"),
    "silent-6-days": ("2", "normal"),
    "silent-30-days": ("2", "normal"),
    "transit-country": ("2", "normal"),
    "arrival-at-inward-office": ("3", "normal"),
    "held-at-inward-office": ("3", "wait"),
    "in-customs": ("3", "wait"),
    "customs-twice": ("3", "wait"),
    "released-by-customs": ("3", "normal"),
    "departure-from-inward-office": ("3", "normal"),
    "with-local-post": ("4", "normal"),
    "back-in-customs": ("3", "wait"),
    "collection": ("4", "act"),
    "out-for-delivery": ("4", "normal"),
    "absent": ("4", "act"),
    "retention": ("4", "act"),
    "redelivery-booked": ("4", "normal"),
    "forwarded": ("4", "wait"),
    "delivered": ("5", "done"),
    "delivered-in-france": ("5", "done"),
    "collected-at-counter": ("5", "done"),
    "investigation": ("4", "problem"),
    "export-cancelled": ("2", "problem"),
    "import-terminated": ("3", "problem"),
    "being-returned": ("4", "problem"),
    "returned": ("4", "problem"),
    "delivered-back": ("4", "problem"),
    "unknown-phrase": ("3", "wait"),
    "list-row": ("3", "normal"),
    "not-found": ("", ""),
    "digit-error": ("", ""),
}


def test_all_examples_are_listed(client):
    links = html.fromstring(client.get("/examples/").content.decode()).xpath(
        "//main//ul[@class='examples']//a/@href"
    )
    assert links == [f"/examples/{slug}/" for slug in EXPECTED]
    assert [example.slug for example in all_examples()] == list(EXPECTED)


@pytest.mark.parametrize("slug", EXPECTED)
def test_each_shows_its_situation(client, no_network, slug):
    response = client.get(f"/examples/{slug}/")
    main = html.fromstring(response.content.decode()).get_element_by_id("main")
    assert response.status_code == 200
    assert "An example, not a real parcel" in main.text_content()
    assert (main.get("data-stage"), main.get("data-tone")) == EXPECTED[slug]


def test_an_unknown_example_is_not_found(client):
    assert client.get("/examples/nothing/").status_code == 404


def summary_at(now: datetime, example: Example) -> tuple[object, ...]:
    """Return what the page of an example says at a moment, without its dates and numbers."""
    item = example.item(now)
    lookup = Story(TrackingNumber(example.number), item.events, item.history_missing, now, stale=False)
    progress = build_progress(lookup, Glossary.current(), now=now, hint=example.destination or None)
    silence = progress.silence and (progress.silence.level, progress.silence.headline)
    return progress.headline, progress.step_text, progress.banner, bool(progress.collect_by), silence


@settings(
    max_examples=20,
    phases=[Phase.reuse, Phase.generate],  # no shrinking: no day is simpler than another
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.datetimes(datetime(2026, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)))
def test_an_example_says_the_same_on_every_day_and_at_every_hour(now):
    """Also at month ends, on leap days and when the clocks change in the example's country."""
    for example in all_examples():
        if example.events:
            assert summary_at(now, example) == summary_at(
                datetime(2026, 6, 15, 12, 0, tzinfo=UTC), example
            ), example.slug
