"""The route of a story: step, tone and destination after each row. It never shows false progress."""

from datetime import timedelta

import pytest

from tests.support.journeys import NOW, came_back, ireland_sends_no_scans, progress_of, summary_of
from tests.support.stories import (
    ARRIVED,
    AT_EXCHANGE,
    AT_OFFICE,
    DELIVERED,
    DISPATCHED,
    IN_CUSTOMS,
    POSTED,
    RELEASED,
    story,
)
from tracking.models import Phrase, Status

pytestmark = pytest.mark.django_db


# Step and tone


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([POSTED], (1, "normal", "posting-collection")),
        ([POSTED, AT_EXCHANGE], (2, "normal", "arrival-at-outward-office")),
        ([POSTED, DISPATCHED, ARRIVED], (3, "normal", "arrival-at-inward-office")),
        ([POSTED, ARRIVED, IN_CUSTOMS], (3, "wait", "customs-clearance")),
        ([POSTED, AT_OFFICE], (4, "normal", "at-delivery-office")),
        ([POSTED, "Retention @ GERMANY"], (4, "act", "retention")),
        ([POSTED, DELIVERED], (5, "done", "final-delivery")),
        ([POSTED, "Final delivery"], (5, "done", "final-delivery")),
    ],
)
def test_the_newest_row_leads(texts, expected):
    assert summary_of(*texts) == expected


@pytest.mark.parametrize(
    "phrase", ["En route", "Processing at delivery Post Office", "Held by import Customs"]
)
def test_rows_in_the_country_of_origin_never_pass_stage_two(phrase):
    stage, tone, _ = summary_of(POSTED, AT_EXCHANGE, f"{phrase} @ OSAKA")
    assert stage == 2
    assert tone != "done"


def test_en_route_keeps_the_stage():
    assert summary_of(POSTED, "En route @ OSAKA")[0] == 1
    assert summary_of(POSTED, ARRIVED, "En route @ GERMANY")[0] == 3
    assert summary_of("En route @ GERMANY")[0] is None


def test_en_route_in_japan_after_an_arrival_is_a_step_back():
    progress = progress_of(story(POSTED, ARRIVED, IN_CUSTOMS, "En route @ OSAKA"))
    assert (progress.stage, progress.headline) == (2, "Your parcel is in Japan")
    assert "had already reached step 3" in progress.came_back
    assert progress.hand_over is None


def test_an_investigation_keeps_the_last_stage_reached():
    assert summary_of(POSTED, DISPATCHED, "Investigation @ GERMANY") == (2, "problem", "investigation")
    assert summary_of("Investigation @ GERMANY")[0] is None


def test_customs_after_the_local_post_are_a_step_back():
    texts = (POSTED, AT_OFFICE, "Item presented to import Customs @ GERMANY")
    assert summary_of(*texts) == (3, "wait", "customs-clearance")


@pytest.mark.parametrize(
    ("before", "tone"),
    [
        (IN_CUSTOMS, "wait"),
        ("Retention @ GERMANY", "act"),
        ("Investigation @ GERMANY", "problem"),
        (DELIVERED, "wait"),
    ],
)
def test_an_unmapped_phrase_keeps_the_stage_and_any_warning(before, tone):
    mapped = progress_of(story(POSTED, before))
    unmapped = progress_of(story(POSTED, before, "Sorted by a drone @ GERMANY"))
    assert (unmapped.stage, unmapped.tone, unmapped.status) == (mapped.stage, tone, None)
    assert "Sorted by a drone" in unmapped.headline


def test_a_story_of_unmapped_phrases_has_no_stage_and_waits():
    assert summary_of("Sorted by a drone") == (None, "wait", None)


def test_a_delivery_phrase_may_have_details_after_a_dash():
    with_details = "Final delivery - Left with neighbour @ GERMANY"
    assert summary_of(POSTED, with_details) == (5, "done", "final-delivery")
    assert summary_of(POSTED, "Final deliveries @ GERMANY")[1] == "wait"
    assert summary_of(POSTED, "Not - Final delivery @ GERMANY")[1] == "wait"


@pytest.mark.parametrize(
    "phrase", ["Posting/Collection", "Dispatch from outward office of exchange", "In a box for export"]
)
def test_a_leaving_step_scanned_abroad_is_not_leaving_japan(phrase):
    Phrase.objects.create(text="In a box for export", status=Status.objects.get(slug="export-customs"))
    progress = progress_of(story(POSTED, ARRIVED, f"{phrase} @ GERMANY"), now=NOW - timedelta(days=8))
    assert progress.headline == f"Japan Post says: “{phrase}”"
    assert "this scan is not from Japan" in progress.meaning
    assert progress.silence.headline == "We cannot tell"
    assert progress.status is not None


@pytest.mark.parametrize("leaving", ["Dispatch from outward office of exchange", "Posting/Collection"])
@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("Import terminated", (3, "problem")),
        ("Retention", (4, "act")),
        ("Held by import Customs", (3, "wait")),
    ],
)
def test_leaving_the_destination_keeps_the_step_and_the_banner(leaving, before, expected):
    item = story(POSTED, ARRIVED, f"{before} @ GERMANY", f"{leaving} @ GERMANY")
    progress = progress_of(item, now=NOW - timedelta(days=7))
    assert (progress.stage, progress.tone) == expected
    assert "this scan is not from Japan" in progress.meaning
    assert not progress.came_back


# In the country of origin


@pytest.mark.parametrize(
    "phrase", ["Processing at delivery Post Office", "Item out for physical delivery", "Retention"]
)
def test_a_late_step_inside_japan_promises_no_delivery(phrase):
    for before in ((POSTED,), (POSTED, DISPATCHED, ARRIVED)):
        progress = progress_of(story(*before, f"{phrase} @ TOKYO"), hint="DE")
        assert progress.headline == "Your parcel is in Japan"
        assert progress.collect_by == ""
        assert progress.hand_over is None


@pytest.mark.parametrize("phrase", ["Retention", "Absence. Attempted delivery.", "Collection"])
def test_inside_the_country_of_origin_the_customer_need_not_act(phrase):
    progress = progress_of(story(POSTED, ARRIVED, f"{phrase} @ TOKYO"), now=NOW - timedelta(days=8))
    assert (progress.tone, progress.banner, progress.warning) == ("act", "", "")
    assert progress.icon == "icons/plane.svg"
    assert progress.silence.headline == "Normal so far"


def test_an_arrival_back_in_japan_is_shown_as_a_return():
    progress = progress_of(
        story(POSTED, DISPATCHED, "Arrival at inward office of exchange @ TOKYO"), hint="US"
    )
    assert "has come back" in progress.meaning
    assert progress.stage == 2


def test_a_delivery_in_the_country_of_origin_is_a_problem():
    assert summary_of(POSTED, DISPATCHED, "Final delivery @ TOKYO") == (2, "problem", "final-delivery")
    assert summary_of("Final delivery @ TOKYO") == (None, "problem", "final-delivery")


def test_a_parcel_from_abroad_is_delivered_in_japan():
    rows = ("Dispatch from outward office of exchange @ UNITED KINGDOM", "Final delivery @ SAITAMA")
    assert summary_of(*rows, number="RB123456785GB") == (5, "done", "final-delivery")
    assert progress_of(story(*rows, number="RB123456785GB")).destination == "JP"


# After a return or a delivery


@pytest.mark.parametrize(
    "after",
    [
        "Arrival at inward office of exchange @ TOKYO",
        "Final delivery @ TOKYO",
        "Final delivery @ GERMANY",
        "Who knows",
    ],
)
def test_every_row_after_a_return_is_a_problem(after):
    stage, tone, _ = summary_of(POSTED, ARRIVED, AT_OFFICE, "Returned to Sender @ GERMANY", after)
    assert (stage, tone) == (4, "problem")


def test_after_a_return_no_headline_promises_a_delivery():
    for after in ("Final delivery @ TOKYO", "Final delivery @ GERMANY"):
        progress = progress_of(story(POSTED, ARRIVED, "Returned to Sender @ GERMANY", after))
        assert progress.headline == "Your parcel probably went back to the sender"
        assert progress.hand_over is None


def test_a_parcel_that_moves_on_after_its_delivery_is_not_over():
    soon, late = (
        progress_of(story(POSTED, DELIVERED, "En route @ GERMANY"), now=NOW + timedelta(days=days))
        for days in (0, 60)
    )
    assert (soon.stage, soon.tone, soon.status.slug) == (4, "normal", "en-route")
    assert soon.step_text.startswith("Step 4 of 5")
    assert (soon.is_over, late.is_over) == (False, False)
    assert late.silence.level == "far"


@pytest.mark.parametrize("between", ["Zork", "Investigation"])
def test_it_moves_on_after_a_delivery_whatever_came_between(between):
    rows = (POSTED, DELIVERED, f"{between} @ GERMANY", "En route @ GERMANY")
    assert summary_of(*rows) == (4, "normal", "en-route")


def test_a_status_that_staff_call_done_ends_the_journey():
    signed = Status.objects.create(slug="signed", tone="done")
    Phrase.objects.create(text="Signature received", status=signed)
    progress = progress_of(story(POSTED, DELIVERED, "Signature received @ GERMANY"))
    assert (progress.stage, progress.is_over) == (5, True)


@pytest.mark.parametrize("phrase", ["Investigation", "Returned to Sender"])
def test_a_problem_after_a_delivery_is_not_the_end(phrase):
    progress = progress_of(story(POSTED, DELIVERED, f"{phrase} @ GERMANY"))
    assert not progress.is_over
    assert progress.silence.headline == "It needs our help"


# The destination, and the last scan on the way there


def test_the_destination_is_named_by_the_newest_row_abroad():
    assert progress_of(story(POSTED, AT_EXCHANGE)).destination is None
    assert progress_of(story(POSTED, ARRIVED)).destination == "DE"
    assert (
        progress_of(story(POSTED, ARRIVED, "Arrival at inward office of exchange @ HONG KONG")).destination
        == "HK"
    )
    assert progress_of(story(POSTED, ARRIVED, "Final delivery @ TOKYO")).destination == "DE"
    assert progress_of(story(POSTED, "En route @ ATLANTIS")).destination is None


def test_a_transit_country_is_not_the_destination():
    changing = (POSTED, DISPATCHED, "Departure from transit office of exchange @ GERMANY")
    assert progress_of(story(*changing)).destination is None
    assert progress_of(story(*changing), hint="NO").destination == "NO"
    assert progress_of(story(*changing, "Arrival at inward office of exchange @ NORWAY")).destination == "NO"


def test_an_old_suffix_means_great_britain():
    progress = progress_of(story("Posting/Collection @ UNITED KINGDOM", number="EE123456785UK"))
    assert progress.destination is None


@pytest.mark.parametrize(
    "text",
    [
        AT_EXCHANGE,
        "Item held by export Customs/Security @ TOKYO",
        "Export cancellation @ TOKYO",
        "Zork @ TOKYO",
    ],
)
def test_a_scan_before_the_departure_is_not_the_last_scan(text):
    ireland_sends_no_scans()
    progress = progress_of(story(POSTED, AT_EXCHANGE, text), hint="IE")
    assert progress.silence.headline != "Nothing more will appear here"
    assert progress.hand_over is None


# At the same point again


@pytest.mark.parametrize("there", ["AUSTRIA", "ATLANTIS", ""])
def test_customs_of_another_country_are_not_a_second_visit(there):
    assert came_back(POSTED, ARRIVED, IN_CUSTOMS, RELEASED, f"Held by import Customs @ {there}") == ""


def test_customs_without_a_country_are_not_a_second_visit():
    no_country = "Held by import Customs"
    assert came_back(POSTED, ARRIVED, no_country, RELEASED, no_country) == ""
    assert came_back(POSTED, ARRIVED, IN_CUSTOMS, no_country, IN_CUSTOMS) == ""


def test_two_customs_rows_in_a_row_are_one_visit():
    assert came_back(POSTED, ARRIVED, IN_CUSTOMS, IN_CUSTOMS) == ""


def test_an_unknown_phrase_does_not_end_a_visit_to_customs():
    assert came_back(POSTED, ARRIVED, IN_CUSTOMS, "Something new @ GERMANY", IN_CUSTOMS) == ""
