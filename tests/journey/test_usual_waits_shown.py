"""The learnt usual waits, as the tracking page says them and as staff see them."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.utils import timezone

from tests.support.kept import DAY, NOW, keep
from tests.support.stories import ARRIVED, AT_EXCHANGE, DISPATCHED, NUMBER, POSTED, event, story
from tracking.fetching.lookup import look_up
from tracking.japanpost.records import TrackedItem
from tracking.journey.progress import build_progress
from tracking.journey.usual_waits import store_usual_waits
from tracking.models import Destination, Phrase, Status, UsualWait
from tracking.words.glossary import Glossary

AT_INWARD = "arrival-at-inward-office"

pytestmark = pytest.mark.django_db


def store_figure(days, *, slug=AT_INWARD, country=None):
    """Store the figure of a status and a country: 9 of 10 parcels move on within `days`. No country: all countries."""
    status = Status.objects.get(slug=slug)
    store_usual_waits(
        [
            *UsualWait.objects.all(),
            UsualWait(
                status=status,
                destination_id=country,
                parcels=20,
                median_days=0,
                nine_in_ten_days=days,
                learned_at=NOW,
            ),
        ]
    )


def silence(days, text=ARRIVED, hint=None):
    """What the page says about the silence of a parcel whose newest row is `days` old."""
    parcel = keep(event(text, NOW.date() - days * DAY, None))
    stored = look_up(parcel.number, now=NOW)
    return build_progress(stored, Glossary.current(), now=NOW, hint=hint).silence


def test_the_page_says_what_was_learnt_from_stored_stories(client, standin):
    long_ago = timezone.now().date() - 20 * DAY
    for days in [1] * 10 + [5] * 10:
        rows = (event(AT_EXCHANGE, long_ago), event(DISPATCHED, long_ago + days * DAY))
        keep(*rows, destination="CA", at=timezone.now())
    clock = timezone.now().astimezone(ZoneInfo("Asia/Tokyo")) - 3 * DAY - timedelta(hours=1)
    standin.set_item(NUMBER, TrackedItem(NUMBER, "EMS", (event(AT_EXCHANGE, clock.date(), clock.time()),)))
    assert "Up to 3 days without news is usual" in client.get(f"/track/{NUMBER}/?to=CA").content.decode()
    call_command("learn")
    page = client.get(f"/track/{NUMBER}/?to=CA").content.decode()
    assert "9 of 10 parcels to Canada move on within 5 days; yours has waited 3." in page
    assert "is usual here" not in page


@pytest.mark.parametrize(
    ("learnt", "waited", "words"),
    [
        (5, 2, "9 of 10 parcels to Germany move on within 5 days; yours has waited 2."),
        (5, 1, "9 of 10 parcels to Germany move on within 5 days; yours has waited 1 day."),
        (1, 1, "9 of 10 parcels to Germany move on within 1 day; yours has waited 1 day."),
        (1, 0, "9 of 10 parcels to Germany move on within 1 day; yours has waited less than a day."),
        (0, 0, "9 of 10 parcels to Germany move on in less than a day; yours has waited less than a day."),
        (75, 70, "9 of 10 parcels to Germany move on within 75 days; yours has waited 70."),
    ],
)
def test_a_usual_silence_quotes_the_learnt_figure(learnt, waited, words):
    store_figure(learnt, country="DE")
    shown = silence(waited)
    assert (shown.level, shown.headline, shown.text) == ("usual", "Normal so far", words)


def test_country_names_fit_into_the_sentence():
    store_figure(5, slug="posting-collection", country="US")
    assert "9 of 10 parcels to the United States move on" in silence(3, POSTED, hint="US").text


def test_a_country_without_a_figure_gets_the_figure_of_all():
    store_figure(5)
    store_figure(9, country="CA")
    assert silence(3).text == "9 of 10 parcels move on within 5 days; yours has waited 3."


def test_an_unknown_destination_gets_the_figure_of_all():
    store_figure(5, slug="posting-collection")
    assert silence(3, POSTED).text == "9 of 10 parcels move on within 5 days; yours has waited 3."


def test_without_a_figure_for_all_staffs_days_are_quoted():
    store_figure(9, country="CA")
    assert silence(3).text == "Up to 3 days without news is usual here; yours has waited 3."


def test_a_longer_silence_quotes_the_figure_calmly():
    store_figure(5, country="DE")
    shown = silence(7)
    assert (shown.level, shown.headline) == ("longer", "Quiet for longer than usual")
    assert shown.text == (
        "No news for 7 days; 9 of 10 parcels to Germany move on within 5 days. "
        "It happens, and most of the others then move on too."
    )


def test_a_far_longer_silence_keeps_the_advice():
    store_figure(5, country="DE")
    shown = silence(30)
    assert shown.level == "far"
    assert shown.text == (
        "No news for 30 days; 9 of 10 parcels to Germany move on within 5 days. "
        "Write to us: only the sender can open an enquiry with Japan Post."
    )
    assert "is over; write to us all the same" in silence(300).text


@pytest.mark.parametrize(("learnt", "last_usual", "last_longer"), [(1, 1, 8), (3, 3, 8), (9, 9, 14)])
def test_learnt_days_only_delay_the_worry(learnt, last_usual, last_longer):
    """At this status, staff's usual days are 3 and their worry days 8."""
    store_figure(learnt, country="DE")
    silences = (last_usual, last_usual + 1, last_longer, last_longer + 1)
    assert [silence(days).level for days in silences] == ["usual", "longer", "longer", "far"]


@pytest.mark.parametrize(
    ("text", "slug", "words"),
    [
        ("Retention @ GERMANY", "retention", "The last scan is {} old. It may not move on until you act."),
        (
            "Investigation @ GERMANY",
            "investigation",
            "The last scan is {} old. Write to us, so that we can act.",
        ),
    ],
)
def test_where_action_is_needed_the_texts_stay(text, slug, words):
    store_figure(5, slug=slug, country="DE")
    assert silence(2, text).text == words.format("2 days")
    assert silence(0, text).text == words.format("less than a day")


def test_where_action_is_needed_learnt_days_delay_no_worry():
    germany = Destination.objects.get(code="DE")
    germany.holding_days = None  # otherwise the day of the return decides
    germany.save()
    worry = Status.objects.get(slug="retention").worry_days
    store_figure(5 * worry, slug="retention", country="DE")
    assert silence(worry + 1, "Retention @ GERMANY").level == "far"


def test_an_unknown_phrase_quotes_no_learnt_figure():
    store_figure(5, country="DE")
    assert silence(2, "Zork @ GERMANY").text == "Nobody knows yet how long this usually takes."
    Phrase.objects.create(text="Zork", status=Status.objects.get(slug=AT_INWARD))
    assert "9 of 10 parcels to Germany" in silence(2, "Zork @ GERMANY").text


def test_a_page_with_a_learnt_figure_costs_three_queries(client, standin, django_assert_num_queries):
    store_figure(5, country="DE")
    standin.set_item(NUMBER, story(POSTED, ARRIVED))
    client.get(f"/track/{NUMBER}/")
    with django_assert_num_queries(3):
        client.get(f"/track/{NUMBER}/")


# The admin page


def test_staff_see_figures_next_to_their_days_but_cannot_edit(admin_client):
    store_figure(5, country="DE")
    store_figure(6)
    page = admin_client.get("/admin/tracking/usualwait/").content.decode()
    assert "9 of 10 move on within" in page
    assert "all countries together" in page
    assert '<td class="field-staff_days">3</td>' in page
    row = UsualWait.objects.get(destination="DE")
    for what in (f"{row.pk}/change", f"{row.pk}/delete", "add"):
        assert admin_client.post(f"/admin/tracking/usualwait/{what}/", {"post": "yes"}).status_code == 403
    assert admin_client.get(f"/admin/tracking/usualwait/{row.pk}/change/").status_code == 200
    assert (
        "see “Usual waits”"
        in admin_client.get(f"/admin/tracking/status/{row.status_id}/change/").content.decode()
    )
