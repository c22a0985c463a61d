"""What the page says about a story: stage, tone, destination, silence and hand-over. It never shows false progress."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from tests.support.stories import (
    ARRIVED,
    AT_EXCHANGE,
    AT_OFFICE,
    DELIVERED,
    DISPATCHED,
    FIRST_DAY,
    IN_CUSTOMS,
    NUMBER,
    POSTED,
    event,
    story,
)
from tracking.japanpost.records import TrackedEvent, TrackedItem
from tracking.journey.progress import build_progress
from tracking.journey.story import Story
from tracking.journey.times import ago, day_count
from tracking.models import Destination, Phrase, Status, Wording
from tracking.words.glossary import Glossary

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def progress_of(item: TrackedItem, *, now: datetime = NOW, hint=None, destination=None, **more):
    """The page's contents for the stored item. `hint` is the link's destination, `destination` is staff's."""
    stored = Story(
        item.number, item.events, item.history_missing, checked_at=now, destination=destination, **more
    )
    return build_progress(stored, Glossary.current(), now=now, hint=hint)


def summary_of(*texts, number=NUMBER):
    """The stage, the tone and the slug of the newest row's status. Stage or slug is None where it is unknown."""
    progress = progress_of(story(*texts, number=number))
    return progress.stage, progress.tone, progress.status and progress.status.slug


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


@pytest.mark.parametrize(
    ("slug", "text", "advice"),
    [
        ("at-delivery-office", AT_OFFICE, "Nothing for now. Look again tomorrow, or write to us."),
        ("retention", "Retention @ GERMANY", "Ask the local post what they need from you."),
        ("investigation", "Investigation @ GERMANY", "Write to us, so that we can act."),
        ("final-delivery", DELIVERED, "If you do not have it, write to us."),
    ],
)
def test_a_status_without_published_words_says_only_what_is_known(slug, text, advice):
    soon = datetime(2026, 11, 11, 12, 0, tzinfo=UTC)
    with_words = progress_of(story(POSTED, text), now=soon)
    for wording in Wording.objects.filter(status__slug=slug):
        wording.hidden = True
        wording.save()
    progress = progress_of(story(POSTED, text), now=soon)
    assert (progress.stage, progress.tone) == (with_words.stage, with_words.tone)
    assert progress.headline == f"Japan Post says: “{text.partition(' @ ')[0]}”"
    assert progress.meaning == "We do not have our own words for this yet."
    assert progress.what_to_do == advice
    assert progress.timeline[0].title == "" and progress.guide_slug == ""


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


def test_en_route_keeps_the_stage():
    assert summary_of(POSTED, "En route @ OSAKA")[0] == 1
    assert summary_of(POSTED, ARRIVED, "En route @ GERMANY")[0] == 3
    assert summary_of("En route @ GERMANY")[0] is None


def test_en_route_in_japan_after_an_arrival_is_a_step_back():
    progress = progress_of(story(POSTED, ARRIVED, IN_CUSTOMS, "En route @ OSAKA"))
    assert (progress.stage, progress.headline) == (2, "Your parcel is in Japan")
    assert "had already reached step 3" in progress.came_back
    assert progress.hand_over is None


def test_a_delivery_in_the_country_of_origin_is_a_problem():
    assert summary_of(POSTED, DISPATCHED, "Final delivery @ TOKYO") == (2, "problem", "final-delivery")
    assert summary_of("Final delivery @ TOKYO") == (None, "problem", "final-delivery")


def test_a_parcel_from_abroad_is_delivered_in_japan():
    rows = ("Dispatch from outward office of exchange @ UNITED KINGDOM", "Final delivery @ SAITAMA")
    assert summary_of(*rows, number="RB123456785GB") == (5, "done", "final-delivery")
    assert progress_of(story(*rows, number="RB123456785GB")).destination == "JP"


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


def test_staff_then_the_link_name_the_destination_before_a_scan():
    assert progress_of(story(POSTED), hint="US").destination == "US"
    assert progress_of(story(POSTED), hint="US", destination="CA").destination == "CA"
    assert progress_of(story(POSTED, ARRIVED), hint="US", destination="CA").destination == "DE"


def test_the_local_post_is_named_from_arrival_on():
    assert progress_of(story(POSTED, DISPATCHED), hint="DE").hand_over is None
    hand_over = progress_of(story(POSTED, ARRIVED)).hand_over
    assert (hand_over.button, hand_over.opens_parcel) == ("Ask Deutsche Post DHL", True)
    assert hand_over.introduction == "In Germany, EMS is delivered by Deutsche Post DHL."
    assert NUMBER in hand_over.url
    abroad = progress_of(story(POSTED, "Arrival at inward office of exchange @ SINGAPORE")).hand_over
    assert (abroad.button, abroad.opens_parcel) == ("Ask SingPost", False)
    assert NUMBER not in abroad.url


def test_without_a_known_operator_the_button_names_its_site():
    hand_over = progress_of(story(POSTED, "Arrival at inward office of exchange @ KENYA")).hand_over
    assert (hand_over.introduction, hand_over.button) == ("", "Look it up at www.ems.post")


def test_facts_about_ems_alone_are_not_said_of_other_mail():
    rows = (POSTED, "Retention @ FRANCE")
    ems, letter = progress_of(story(*rows)), progress_of(story(*rows, number="RB123456785JP"))
    assert ems.hand_over and "Chronopost" in ems.who_has_it
    assert letter.hand_over is None and "Chronopost" not in letter.who_has_it + letter.what_to_do
    held = (POSTED, "Retention @ GERMANY")
    assert progress_of(story(*held)).collect_by
    assert progress_of(story(*held, number="RB123456785JP")).collect_by == ""


def test_silence_is_normal_then_longer_then_far_longer():
    status = Status.objects.get(slug="dispatch-from-outward-office")
    item = story(DISPATCHED)
    posted = datetime(2026, 11, 9, 0, 0, tzinfo=UTC)  # 09:00 in Japan
    levels = {
        days: progress_of(item, now=posted + timedelta(days=days)).silence.level
        for days in (0, status.usual_days, status.usual_days + 1, status.worry_days, status.worry_days + 1)
    }
    assert list(levels.values()) == ["usual", "usual", "longer", "longer", "far"]


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (1, "Up to 1 day without news is usual here; yours has waited 1 day."),
        (2, "No news for 2 days; up to 1 day is usual here. It happens, and most parcels then move on."),
    ],
)
def test_one_day_reads_as_a_sentence_too(days, text):
    """At this status, staff's usual time is one day."""
    now = datetime.combine(FIRST_DAY, time(12), UTC) + timedelta(days=days)
    assert progress_of(story("Out for delivery @ GERMANY"), now=now).silence.text == text


def test_a_worrying_silence_always_has_an_advice():
    progress = progress_of(story(DISPATCHED), now=NOW + timedelta(days=40))
    assert "Write to us" in progress.what_to_do
    assert "sender can open an enquiry" in progress.silence.text


def test_an_enquiry_is_not_promised_after_its_deadline():
    late = progress_of(story(POSTED, ARRIVED), now=datetime(2027, 5, 9, 15, tzinfo=UTC))  # 10 May in Japan
    assert "is over" in late.silence.text
    in_time = progress_of(story(POSTED, ARRIVED), now=datetime(2027, 5, 9, 14, tzinfo=UTC))
    assert "only the sender" in in_time.silence.text
    china = story(POSTED, "Arrival at inward office of exchange @ CHINA")
    assert "is over" in progress_of(china, now=datetime(2027, 3, 10, tzinfo=UTC)).silence.text


@pytest.mark.parametrize("end", [DELIVERED, "Returned to sender @ TOKYO"])
def test_a_finished_journey_has_no_silence(end):
    assert progress_of(story(POSTED, ARRIVED, end)).silence is None


def test_collect_by_follows_the_holding_days_of_the_destination():
    held = progress_of(story("Retention @ UNITED STATES OF AMERICA"), now=NOW - timedelta(days=8))
    assert "14 November 2026" in held.collect_by
    late = progress_of(story("Retention @ UNITED STATES OF AMERICA"))
    assert "may be on its way back" in late.collect_by
    assert progress_of(story("Retention @ NEW ZEALAND")).collect_by == ""
    assert progress_of(story(IN_CUSTOMS)).collect_by == ""


@pytest.mark.parametrize("phrase", ["Collection", "Absence. Attempted delivery."])
def test_a_possible_door_delivery_is_not_said_to_be_at_a_counter(phrase):
    item = story(ARRIVED, f"{phrase} @ GERMANY")
    soon, late = (
        progress_of(item, now=NOW - timedelta(days=9)),
        progress_of(item, now=NOW + timedelta(days=9)),
    )
    assert soon.collect_by == (
        "If they keep it for you, collect it by about 17 November 2026, or it may go back."
    )
    assert late.collect_by == (
        "If they kept it for you, that was until about 17 November 2026. It may be on its way back."
    )
    assert (soon.silence.headline, soon.silence.text) == (
        "Please do not wait",
        "The last scan is 1 day old. It may not move on until you act.",
    )


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


def test_country_names_fit_into_a_sentence():
    progress = progress_of(story("Arrival at inward office of exchange @ UNITED STATES OF AMERICA"))
    assert progress.headline == "Your parcel has arrived in the United States"
    Destination.objects.filter(code="US").update(name_in_text="")
    assert Destination.objects.get(code="US").spoken_name == "United States"


def test_the_steps_of_a_foreign_parcel_do_not_leave_japan():
    progress = progress_of(story("En route @ SAITAMA", number="RB123456785GB"))
    assert [step.label for step in progress.steps][1] == "Leaving the United Kingdom"
    assert progress.from_abroad


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (0, "0 days"),
        (1, "1 day"),
        (60, "60 days"),
        (61, "2 months"),
        (90, "3 months"),
        (729, "24 months"),
        (730, "2 years"),
        (4400, "12 years"),
    ],
)
def test_days_in_words(days, words):
    assert day_count(days) == words


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (0, "just now"),
        (4, "just now"),
        (19, "15 minutes ago"),
        (180, "3 hours ago"),
        (3 * 1440, "3 days ago"),
    ],
)
def test_how_long_ago_in_words(minutes, words):
    assert ago(NOW - timedelta(minutes=minutes), NOW) == words


def test_a_long_history_is_folded_to_its_newest_three():
    texts = [POSTED, AT_EXCHANGE, DISPATCHED, ARRIVED, IN_CUSTOMS]
    long = progress_of(story(*texts))
    assert [entry.event.phrase for entry in long.newest_entries] == [
        text.split(" @")[0] for text in texts[:1:-1]
    ]
    assert long.newest_entries + long.older_entries == long.timeline
    short = progress_of(story(*texts[:4]))
    assert (len(short.newest_entries), short.older_entries) == (4, ())


def ireland_sends_no_scans() -> Destination:
    """Store that the post in Ireland sends no scans to Japan. Returns Ireland."""
    ireland = Destination.objects.get(code="IE")
    ireland.exchanges_scans = False
    ireland.save()
    return ireland


def test_where_no_scans_are_exchanged_nothing_more_will_appear():
    ireland_sends_no_scans()
    progress = progress_of(story(POSTED, DISPATCHED), hint="IE", now=NOW + timedelta(days=90))
    assert progress.silence.headline == "Nothing more will appear here"
    assert progress.hand_over.button == "Ask An Post"
    assert not progress.is_worrying
    assert progress_of(story(POSTED), hint="IE").hand_over is None


def test_where_no_scans_are_exchanged_no_news_is_promised():
    ireland_sends_no_scans()
    soon, late = (
        progress_of(story(POSTED, DISPATCHED), hint="IE", now=NOW + timedelta(days=days)) for days in (0, 90)
    )
    assert "next news" not in soon.what_to_do
    assert "ask the local post" in soon.what_to_do
    text = "The post in Ireland sends no scans to Japan. Ask them with the same number."
    assert soon.silence.text == text
    assert late.silence.text == f"{text} If they know nothing about it either, write to us."


def test_words_written_for_a_country_without_scans_are_kept():
    ireland = ireland_sends_no_scans()
    status = Status.objects.get(slug="dispatch-from-outward-office")
    texts = {"title": "Gone", "meaning": "It flew.", "what_to_do": "Ask An Post after a week."}
    Wording.objects.create(status=status, language="en", destination=ireland, **texts)
    assert progress_of(story(DISPATCHED), hint="IE").what_to_do == "Ask An Post after a week."


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


def test_a_delivery_phrase_may_have_details_after_a_dash():
    with_details = "Final delivery - Left with neighbour @ GERMANY"
    assert summary_of(POSTED, with_details) == (5, "done", "final-delivery")
    assert summary_of(POSTED, "Final deliveries @ GERMANY")[1] == "wait"
    assert summary_of(POSTED, "Not - Final delivery @ GERMANY")[1] == "wait"


def test_an_ambiguous_phrase_shows_both_meanings():
    progress = progress_of(story("引受 @ 東京都", "国際交換局に到着 @ 東京都"))
    assert "both for leaving a country and for arriving" in progress.meaning
    assert progress.what_to_do


def test_an_unknown_phrase_on_the_way_back_advises_to_write_to_us():
    progress = progress_of(story(POSTED, ARRIVED, "Returned to Sender @ GERMANY", "Zork @ GERMANY"))
    assert progress.tone == "problem"
    assert progress.hand_over is None
    assert "Write to us" in progress.what_to_do


@pytest.mark.parametrize(
    ("before", "advice"),
    [
        (
            "Retention @ GERMANY",
            "Before this, something was asked of you. Ask the local post whether it still is.",
        ),
        ("Investigation @ GERMANY", "There was a problem before this. Write to us, so that we can act."),
        (IN_CUSTOMS, "Nothing for now. Look again tomorrow, or write to us."),
    ],
)
def test_an_unknown_phrase_keeps_the_advice_of_the_banner(before, advice):
    assert progress_of(story(POSTED, before, "Zork @ GERMANY")).what_to_do == advice


def test_during_an_outage_the_silence_ends_at_the_last_answer():
    item = story(POSTED, ARRIVED)
    stored = Story(NUMBER, item.events, False, checked_at=NOW - timedelta(days=9), stale=True)
    progress = build_progress(stored, Glossary.current(), now=NOW + timedelta(days=30))
    assert progress.silence.level == "usual"
    assert progress.silence.text.endswith("; yours had waited 1 day when we last asked.")
    late = build_progress(replace(stored, checked_at=NOW), Glossary.current(), now=NOW + timedelta(days=30))
    assert late.silence.text.startswith("No news for 10 days when we last asked")


def test_during_an_outage_the_age_of_the_last_scan_is_true():
    item = story(POSTED, "Retention @ UNITED KINGDOM")
    stored = Story(NUMBER, item.events, False, checked_at=NOW - timedelta(days=8), stale=True)
    progress = build_progress(stored, Glossary.current(), now=NOW)
    assert progress.silence.text.startswith("The last scan is 10 days old.")
    assert progress.silence.days == 10


def test_during_the_holding_days_no_return_is_announced():
    item = story(POSTED, "Retention @ UNITED KINGDOM")
    days = Destination.objects.get(code="GB").holding_days
    kept_until, after = (
        progress_of(item, now=datetime(2026, 11, 10, 12, 0, tzinfo=UTC) + timedelta(days=days + more))
        for more in (0, 2)
    )
    assert kept_until.collect_by and kept_until.silence.headline == "Please do not wait"
    assert after.silence.headline == "It has waited for too long"


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


def test_without_a_history_the_enquiry_ends_by_the_only_row():
    item = story(DISPATCHED, history_missing=True)
    soon, late = (progress_of(item, now=NOW + timedelta(days=days)).silence for days in (100, 200))
    assert "only the sender can open an enquiry" in soon.text
    assert "The time in which an enquiry can be opened is over" in late.text


def test_holding_days_run_from_the_first_row_of_waiting():
    rows = ["Retention @ UNITED STATES OF AMERICA"] * 3
    assert "15 November 2026" in progress_of(story(POSTED, *rows), now=NOW - timedelta(days=8)).collect_by


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


@pytest.mark.parametrize("phrase", ["En route", "Retention", "Out for delivery", "Zork"])
def test_a_phrase_after_a_delivery_names_the_day_of_the_delivery(phrase):
    assert came_back(POSTED, DELIVERED, f"{phrase} @ GERMANY") == (
        "It was shown as delivered on 10 November 2026, and this came after it. If you have it, all is well."
    )
    assert came_back(POSTED, DELIVERED, DELIVERED) == ""


@pytest.mark.parametrize("phrase", ["En route", "Out for delivery"])
def test_a_worry_after_a_delivery_is_for_customers_without_the_parcel(phrase):
    item = story(POSTED, DELIVERED, f"{phrase} @ GERMANY")
    progress = progress_of(item, now=NOW + timedelta(days=60))
    assert progress.came_back.endswith("If you have it, all is well.")
    assert progress.what_to_do == "If you do not have it, write to us: it has been quiet for far too long."
    assert progress.needs_writing


@pytest.mark.parametrize("phrase", ["Investigation", "Returned to Sender"])
def test_a_problem_after_a_delivery_is_not_the_end(phrase):
    progress = progress_of(story(POSTED, DELIVERED, f"{phrase} @ GERMANY"))
    assert not progress.is_over
    assert progress.silence.headline == "It needs our help"


def test_an_old_suffix_means_great_britain():
    progress = progress_of(story("Posting/Collection @ UNITED KINGDOM", number="EE123456785UK"))
    assert progress.destination is None


BRITISH, IN_BRITAIN = "RB123456785GB", "Posting/Collection @ UNITED KINGDOM"
ASK_THE_SENDER = (
    "Ask the sender: only they can have the post in the United Kingdom look into it. "
    "If that is us, write to us."
)


@pytest.mark.parametrize(
    "rows", [["Investigation @ KANAGAWA"], ["Returned to Sender @ KANAGAWA"], ["Investigation", "Zork"]]
)
def test_for_a_foreign_number_we_are_not_called_the_sender(rows):
    progress = progress_of(story(IN_BRITAIN, *rows, number=BRITISH))
    assert (progress.tone, progress.what_to_do) == ("problem", ASK_THE_SENDER)
    assert not any("us" in words.split() for words in (progress.headline, progress.meaning))


def test_export_customs_abroad_do_not_ask_us():
    progress = progress_of(
        story(IN_BRITAIN, "Item held by export Customs/Security @ UNITED KINGDOM", number=BRITISH),
        now=NOW - timedelta(days=8),
    )
    assert progress.what_to_do == "Nothing. If they need something, they ask the sender."


def test_a_foreign_numbers_worrying_silence_refers_to_the_sender():
    item = story(IN_BRITAIN, "Held by import Customs @ KANAGAWA", number=BRITISH)
    assert progress_of(item, now=NOW + timedelta(days=90)).what_to_do == ASK_THE_SENDER


def test_a_number_of_an_unknown_country_names_no_country():
    progress = progress_of(story("Investigation @ KANAGAWA", number="RB123456785ZZ"))
    assert "the post in the country of origin" in progress.what_to_do


def test_a_foreign_number_shows_the_words_written_for_japan():
    status = Status.objects.get(slug="investigation")
    texts = {"title": "Held", "meaning": "They look.", "what_to_do": "Call 0120-000-000."}
    Wording.objects.create(status=status, destination_id="JP", language="en", **texts)
    progress = progress_of(story(IN_BRITAIN, "Investigation @ KANAGAWA", number=BRITISH))
    assert progress.what_to_do == "Call 0120-000-000."


RELEASED = "Item returned from import Customs @ GERMANY"


def came_back(*texts):
    """The page's sentence about a step back; empty where there is none."""
    return progress_of(story(*texts)).came_back


def test_a_journey_that_only_moves_forward_mentions_no_step_back():
    assert (
        came_back(POSTED, AT_EXCHANGE, DISPATCHED, ARRIVED, IN_CUSTOMS, RELEASED, AT_OFFICE, DELIVERED) == ""
    )


def test_a_step_back_is_mentioned():
    text = came_back(POSTED, ARRIVED, AT_OFFICE, IN_CUSTOMS)
    assert text == "It had already reached step 4 of 5, With the local post, and has gone back."


def test_customs_for_the_second_time_name_the_day_of_the_first():
    assert came_back(POSTED, ARRIVED, IN_CUSTOMS, RELEASED, IN_CUSTOMS) == (
        "It was at this point before, on 11 November 2026, and is here again."
    )


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


def test_a_problem_mentions_no_step_back():
    assert came_back(POSTED, ARRIVED, AT_OFFICE, IN_CUSTOMS, "Returned to sender @ JAPAN") == ""


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


@pytest.mark.parametrize("text", [ARRIVED, "Sorted by a drone @ GERMANY"])
def test_an_unlisted_parcel_is_not_called_normal(text):
    progress = progress_of(story(POSTED, text), now=datetime(2026, 11, 11, 12, tzinfo=UTC), gone=True)
    assert (progress.silence.level, progress.silence.headline) == ("longer", "Japan Post no longer lists it")
    assert "The last scan is 1 day old." in progress.silence.text
    assert progress.what_to_do == "If you still wait for it, write to us." and progress.needs_writing


def test_an_unlisted_parcel_keeps_a_worry_an_end_or_an_advice():
    late = progress_of(story(POSTED, ARRIVED), now=NOW + timedelta(days=40), gone=True)
    assert late.silence.level == "far" and "It has been quiet for far too long" in late.what_to_do
    over = progress_of(story(POSTED, DELIVERED), gone=True)
    assert over.silence is None and not over.needs_writing
    soon = datetime(2026, 11, 11, 12, tzinfo=UTC)
    act = progress_of(story(POSTED, "Retention @ GERMANY"), now=soon, gone=True)
    assert act.silence.headline == "Please do not wait"


@pytest.mark.parametrize(
    ("phrase", "days", "headline", "text"),
    [
        ("Investigation", 1, "It needs the sender's help", "The last scan is "),
        (
            "Held by import Customs",
            90,
            "Quiet for far longer than usual",
            "Only the sender can open an enquiry, with the post that gave out this number.",
        ),
        (
            "Held by import Customs",
            400,
            "Quiet for far longer than usual",
            "Only the sender can open an enquiry, with the post that gave out this number.",
        ),
    ],
)
def test_a_foreign_numbers_silence_refers_to_the_sender(phrase, days, headline, text):
    item = story(IN_BRITAIN, f"{phrase} @ KANAGAWA", number=BRITISH)
    silence = progress_of(item, now=NOW + timedelta(days=days)).silence
    assert silence.headline == headline and text in silence.text
    assert "us" not in silence.text.split() and "Japan Post" not in silence.text


def test_an_unknown_phrase_after_a_problem_keeps_its_icon():
    item = story(POSTED, "Investigation @ GERMANY", "Zork @ GERMANY")
    assert progress_of(item, now=NOW - timedelta(days=8)).silence_icon == "icons/mail.svg"
