"""Tests that the store of the benchmarks has the contents of a shop's store."""

from collections import Counter
from pathlib import Path

import pytest
from django.db import connection

from tests.support.kept import NOW
from tests.tools.bench_store import fill, number_of
from tracking.models import Event, Fetch, Phrase, Shipment
from tracking.staff.parcels.details import summaries_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_store_has_stories_of_every_kind_and_no_future_event():
    fill(Path(connection.settings_dict["NAME"]), parcels=2000, now=NOW)
    numbers = [number_of(place) for place in range(2000)]
    assert list(Shipment.objects.order_by("pk").values_list("number", flat=True)) == numbers
    tones = Counter(summary.progress.tone for summary in summaries_of(numbers[1000:], now=NOW).values())
    assert set(tones) == {"normal", "wait", "act", "problem", "done"}
    assert tones["done"] > 700
    assert not Event.objects.filter(first_seen_at__gt=NOW).exists()
    assert Phrase.objects.unmapped().values_list("text", flat=True).get() == "Lost in the mist"
    assert Counter(Fetch.objects.values_list("outcome", flat=True))["unavailable"] == 120


def test_a_finished_story_has_the_number_of_rows_asked_for():
    fill(Path(connection.settings_dict["NAME"]), parcels=10, events_each=5, now=NOW)
    assert Event.objects.filter(shipment__number=number_of(0)).count() == 5
