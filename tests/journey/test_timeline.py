"""The history on the page: its order, its times, and its links to the guide."""

from datetime import date, time

import pytest

from tests.support.journeys import progress_of
from tests.support.stories import ARRIVED, DISPATCHED, FIRST_DAY, IN_CUSTOMS, NUMBER, POSTED, event, story
from tracking.japanpost.records import TrackedEvent, TrackedItem
from tracking.models import Status

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("texts", "slug"),
    [
        ([POSTED, "Processing at delivery Post Office @ TOKYO"], "inside-origin"),
        ([POSTED, "Final delivery @ TOKYO"], "delivered-back"),
        ([POSTED, "Who knows"], ""),
    ],
)
def test_a_row_links_to_the_guide_entry_with_its_words(texts, slug):
    progress = progress_of(story(*texts))
    assert (progress.guide_slug, progress.timeline[0].guide_slug) == (slug, slug)


def test_a_row_links_to_no_hidden_guide_entry():
    customs = Status.objects.get(slug="customs-clearance")
    customs.hidden = True
    customs.save()
    progress = progress_of(story(POSTED, ARRIVED, IN_CUSTOMS))
    assert progress.headline == "Your parcel is with customs"
    assert (progress.guide_slug, progress.timeline[1].guide_slug) == ("", "arrival-at-inward-office")


def test_times_have_an_offset_only_where_it_is_certain():
    item = TrackedItem(
        NUMBER,
        "EMS",
        (
            TrackedEvent(FIRST_DAY, time(9, 0), "Posting/Collection", region="TOKYO"),
            TrackedEvent(FIRST_DAY, time(9, 0), "Arrival at inward office of exchange", region="GERMANY"),
            TrackedEvent(FIRST_DAY, time(9, 0), "En route", region="AUSTRALIA"),
            TrackedEvent(FIRST_DAY, None, "En route", region="GERMANY"),
            event("En route"),
        ),
    )
    times = [entry.when.machine for entry in reversed(progress_of(item).timeline)]
    assert times == [
        "2026-11-09T09:00:00+09:00",
        "2026-11-09T09:00:00+01:00",
        "2026-11-09T09:00",
        "2026-11-09",
        "2026-11-09T09:00",
    ]


def test_japan_posts_order_is_kept_even_against_local_times():
    rows = (
        event(DISPATCHED, date(2026, 11, 12)),
        event("Arrival at inward office of exchange @ CANADA", date(2026, 11, 11)),
    )
    timeline = progress_of(TrackedItem(NUMBER, "EMS", rows)).timeline
    assert [entry.event for entry in timeline] == list(reversed(rows))
    assert timeline[0].is_newest
