"""The desk's page of one parcel: its state in words, the days left for an enquiry, and a request to Japan Post."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from lxml import html

from tests.support.kept import keep
from tests.support.stories import ARRIVED, AT_EXCHANGE, IN_CUSTOMS, NUMBER, POSTED, event, fresh_story, story
from tracking.fetching.lookup import look_up
from tracking.journey.deadlines import enquiry_days_left, enquiry_ends_on
from tracking.journey.times import long_date
from tracking.models import AskedBy, Destination, Event, Fetch, Gate, Message, Shipment
from tracking.staff.access import groups
from tracking.staff.parcels.ask_now import ask_now
from tracking.staff.parcels.details import shipment_page_of, summaries_of

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=16)


def page_of(client: Client, shipment: Shipment) -> html.HtmlElement:
    """The page of the parcel, parsed."""
    response = client.get(reverse("admin:tracking_shipment_change", args=[shipment.pk]))
    assert response.status_code == 200
    return html.fromstring(response.content.decode())


def section(page: html.HtmlElement, name: str) -> str:
    """The text of a section of the page."""
    (found,) = page.xpath(f"//section[@aria-labelledby='parcel-{name}']")
    return " ".join(found.text_content().split())


def rows(page: html.HtmlElement, name: str) -> list[list[str]]:
    """The texts of the cells in the table of a section."""
    found = page.xpath(f"//section[@aria-labelledby='parcel-{name}']//tbody/tr")
    return [[" ".join(cell.text_content().split()) for cell in row] for row in found]


def look_up_story(standin, *texts: str, at: datetime = NOW, make=story) -> Shipment:
    """Look up at that time a story with these rows; returns the stored parcel."""
    standin.set_item(NUMBER, make(*texts))
    look_up(NUMBER, now=at)
    return Shipment.objects.get(number=NUMBER)


# The page


def test_the_page_shows_the_state_in_words_without_a_request(admin_client, standin):
    shipment = look_up_story(standin, POSTED, ARRIVED, IN_CUSTOMS, at=timezone.now(), make=fresh_story)
    posted = shipment.events.earliest("position").local_date
    last_day = enquiry_ends_on(posted, Destination.objects.get(code="DE"))
    asked = len(standin.requests)
    page = page_of(admin_client, shipment)
    now = section(page, "now")
    assert "Your parcel is with customs" in now
    assert "Step 3 of 5: Customs and arrival" in now
    assert "Customs in Germany" in now
    assert "DestinationGermany" in now
    assert f"until {long_date(last_day)}. 6 months after posting on {long_date(posted)}." in now
    assert page.xpath(f"//a[@href='/track/{NUMBER}/']")
    assert len(standin.requests) == asked


def test_silence_has_the_wording_of_the_customers_page(admin_client):
    shipment = keep(event(POSTED, date(2026, 1, 5)), event(IN_CUSTOMS, date(2026, 1, 9)))
    now = section(page_of(admin_client, shipment), "now")
    assert "Quiet for far longer than usual" in now
    assert "Over: 5 July 2026 was the last day" in now


def test_without_the_history_the_day_of_posting_is_not_guessed(admin_client):
    shipment = keep(event(IN_CUSTOMS), history_missing=True)
    assert "Japan Post has not given the day of posting" in section(page_of(admin_client, shipment), "now")


def test_a_number_from_abroad_has_no_enquiry_clock(admin_client):
    shipment = keep(event("Posting/Collection @ UNITED KINGDOM"), number="RB123456785GB")
    said = "With the post in the United Kingdom, which gave out this number. Until when, we do not know."
    assert said in section(page_of(admin_client, shipment), "now")
    paper = admin_client.get(reverse("admin:tracking_shipment_evidence", args=[shipment.pk])).content.decode()
    facts = [" ".join(fact.text_content().split()) for fact in html.fromstring(paper).xpath("//dt | //dd")]
    assert said in facts and "Sender" not in facts


def test_a_destination_set_by_staff_sets_the_enquiry():
    to_china = keep(event(POSTED), destination="CN")
    summary = summaries_of([to_china.number], now=NOW)[to_china.number]
    assert (summary.enquiry.months, summary.enquiry.ends_on, summary.enquiry.days_left) == (
        4,
        date(2027, 3, 9),
        109,
    )


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (2, "2 days left: until 9 May 2027"),
        (1, "1 day left: until 9 May 2027"),
        (0, "Today is the last day (9 May 2027)"),
        (-1, "Over: 9 May 2027 was the last day"),
    ],
)
def test_the_enquiry_says_how_many_days_are_left(days, words):
    shipment = keep(event(POSTED))
    now = datetime(2027, 5, 9, 3, 0, tzinfo=UTC) - timedelta(days=days)
    assert summaries_of([shipment.number], now=now)[shipment.number].enquiry.headline == words


def test_a_parcel_without_a_request_says_so(admin_client):
    shipment = Shipment.objects.create(number=NUMBER)
    page = page_of(admin_client, shipment)
    assert "We have not asked Japan Post about it yet" in section(page, "now")
    assert "Never yet" in section(page, "fetches")


def test_a_parcel_unknown_to_japan_post_says_so(admin_client):
    shipment = Shipment.objects.create(number=NUMBER, last_outcome="not-found", answered_at=NOW)
    assert "Answered: no such item" in section(page_of(admin_client, shipment), "now")


def test_replaced_rows_stay_with_the_time_of_replacement(admin_client, standin):
    look_up_story(standin, POSTED, AT_EXCHANGE)
    shipment = look_up_story(standin, POSTED, ARRIVED, at=LATER)
    shown = rows(page_of(admin_client, shipment), "history")
    assert [(row[1], row[3], row[4]) for row in shown] == [
        ("Arrival at inward office of exchange", "20 November 2026, 21:16", "yes"),
        (
            "Arrival at outward office of exchange",
            "20 November 2026, 21:00",
            "replaced on 20 November 2026, 21:16",
        ),
        ("Posting/Collection", "20 November 2026, 21:00", "yes"),
    ]


def test_the_page_lists_the_newest_twenty_requests_and_links_all(admin_client):
    shipment, other = keep(event(POSTED)), keep(event(POSTED))
    for one, count in ((shipment, 25), (other, 1)):
        for minutes in range(count):
            Fetch.objects.create(
                shipment=one,
                started_at=NOW + timedelta(minutes=minutes),
                milliseconds=812,
                outcome="tracked",
                asked_by="watch",
            )
    page = page_of(admin_client, shipment)
    shown = rows(page, "fetches")
    assert len(shown) == 20
    assert shown[0] == ["20 November 2026, 21:24:00", "Answered with a story", "812 ms", "The watch", ""]
    assert "The newest 20 of 25" in section(page, "fetches")
    (link,) = page.xpath("//a[text()='all of them']/@href")
    assert admin_client.get(link).context["cl"].result_count == 25


def test_the_queries_of_the_page_do_not_grow_with_the_story(admin_client):
    short = keep(event(POSTED))
    long = keep(*(event(POSTED, date(2026, 1, 1) + timedelta(days=day)) for day in range(40)))
    counts = []
    for shipment in (short, short, long):
        with CaptureQueriesContext(connection) as queries:
            page_of(admin_client, shipment)
        counts.append(len(queries))
    assert counts[1] == counts[2]


def test_what_outsiders_wrote_is_shown_as_text(admin_client):
    shipment = keep(event("<script>alert(1)</script> @ <b>GERMANY</b>"))
    Message.objects.create(
        email="ann@example.com", number=shipment.number, text="<img src=x>", created_at=NOW
    )
    page = admin_client.get(reverse("admin:tracking_shipment_change", args=[shipment.pk])).content.decode()
    assert "<script>alert" not in page and "<b>GERMANY" not in page and "<img src=x" not in page


def test_the_page_shows_the_customers_messages_about_it(admin_client):
    shipment, other = keep(event(POSTED)), keep(event(POSTED))
    for number, text, facts in (
        (shipment.number, "Where is it?", {}),
        (shipment.number, "And now?", {"answered": True}),
        (shipment.number, "Cheap watches", {"suspected_spam": True}),
        (other.number, "Another parcel", {}),
    ):
        Message.objects.create(email="ann@example.com", number=number, text=text, created_at=NOW, **facts)
    shown = section(page_of(admin_client, shipment), "messages")
    assert "Where is it? Not answered yet" in shown
    assert "And now? Answered" in shown
    assert "Cheap watches Looks like spam" in shown
    assert "Another parcel" not in shown


def test_only_note_order_and_destination_can_be_edited(admin_client):
    shipment = keep(event(POSTED))
    form = {"destination": "CA", "order_reference": "A-1", "note": "Ann called.", "last_outcome": "rejected"}
    address = reverse("admin:tracking_shipment_change", args=[shipment.pk])
    assert admin_client.post(address, form).status_code == 302
    shipment.refresh_from_db()
    assert (shipment.destination_id, shipment.order_reference, shipment.note, shipment.last_outcome) == (
        *("CA", "A-1", "Ann called."),
        "tracked",
    )


# A request to Japan Post


def test_a_request_by_staff_passes_the_gate_and_says_what_is_new(standin):
    shipment = look_up_story(standin, POSTED)
    standin.set_item(NUMBER, story(POSTED, ARRIVED, IN_CUSTOMS))
    assert ask_now(shipment, now=LATER).text == "Japan Post answered: 2 new rows."
    assert Fetch.objects.first().asked_by == AskedBy.STAFF
    shipment.refresh_from_db()
    assert ask_now(shipment, now=LATER + timedelta(minutes=16)).text == "Japan Post answered: nothing new."


def test_a_fresh_answer_needs_no_request(standin):
    shipment = look_up_story(standin, POSTED)
    result = ask_now(shipment, now=NOW + timedelta(minutes=5))
    assert (
        result.text
        == "Fresh already: Japan Post was asked 5 minutes ago. You can ask again from 21:15 Japan time on."
    )
    assert not result.was_asked
    assert len(standin.requests) == 1


def test_a_failure_is_shown_and_blocks_the_next_request(standin):
    shipment = look_up_story(standin, POSTED)
    standin.set_fault(NUMBER, "500")
    result = ask_now(shipment, now=LATER)
    assert result.was_asked and not result.is_good
    assert result.text.startswith("Japan Post gave no answer: ")
    assert result.text.endswith(" Our story stays.")
    again = ask_now(shipment, now=LATER + timedelta(seconds=10))
    assert again.text.startswith("Japan Post was not asked. It failed just now, so it rests for a while.")
    assert len(standin.requests) == 2


def test_an_unreadable_page_and_a_vanished_story_are_shown(standin):
    shipment = look_up_story(standin, POSTED, AT_EXCHANGE)
    standin.set_fault(NUMBER, "doubled-table")
    assert "answered with a page we cannot read" in ask_now(shipment, now=LATER).text
    standin.clear()
    standin.set_item(NUMBER, story(POSTED))
    assert "ours stay" in ask_now(shipment, now=LATER + timedelta(hours=1)).text
    standin.clear()
    assert (
        ask_now(shipment, now=LATER + timedelta(hours=2)).text
        == "Answered: no such item. What we had before stays."
    )
    assert Event.objects.current().count() == 2


def test_during_a_pause_the_answer_says_until_when(standin):
    shipment = look_up_story(standin, POSTED)
    Gate.objects.update_or_create(
        pk=1, defaults={"paused_until": LATER + timedelta(minutes=4), "pause_reason": "timed out"}
    )
    result = ask_now(shipment, now=LATER)
    assert result.text == (
        "Japan Post was not asked. We pause until 21:20 Japan time, for Japan Post does not answer: timed out."
    )
    assert len(standin.requests) == 1


def test_when_all_slots_are_taken_it_says_when_to_try_again(standin, settings):
    shipment = look_up_story(standin, POSTED)
    settings.JAPANPOST_CONCURRENCY = 1
    Shipment.objects.create(number="EM000000005JP", lease_until=LATER + timedelta(seconds=9))
    result = ask_now(shipment, now=LATER)
    assert result.text.startswith("Japan Post was not asked. Too many requests are under way. Try again in ")
    assert len(standin.requests) == 1


def test_a_request_in_flight_prevents_a_second_one(standin):
    shipment = look_up_story(standin, POSTED)
    Shipment.objects.update(lease_until=LATER + timedelta(seconds=9), lease_token="theirs")
    assert "Another request about this parcel is in flight" in ask_now(shipment, now=LATER).text
    assert len(standin.requests) == 1


def member_of(group: str) -> User:
    """A new member of staff in this group."""
    user = User.objects.create_user(group.lower(), is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    return user


def test_support_presses_the_button_and_reads_the_result(client, standin):
    shipment = look_up_story(standin, POSTED, at=timezone.now() - timedelta(hours=1))
    standin.set_item(NUMBER, story(POSTED, ARRIVED))
    client.force_login(member_of(groups.SUPPORT))
    response = client.post(reverse("admin:tracking_shipment_ask", args=[shipment.pk]))
    assert response.headers["Location"] == reverse("admin:tracking_shipment_change", args=[shipment.pk])
    assert [str(one) for one in get_messages(response.wsgi_request)] == ["Japan Post answered: 1 new row."]
    assert LogEntry.objects.get().get_change_message() == "Asked Japan Post. Japan Post answered: 1 new row."


@pytest.mark.parametrize("who", [groups.EDITORS, "only-reads", None])
def test_other_users_cannot_press_the_button(client, standin, who):
    shipment = look_up_story(standin, POSTED)
    Shipment.objects.update(ask_again_at=None)
    address = reverse("admin:tracking_shipment_ask", args=[shipment.pk])
    if who == groups.EDITORS:
        client.force_login(member_of(who))
    elif who:
        reader = User.objects.create_user("ann", is_staff=True)
        reader.user_permissions.set(
            Group.objects.get(name=groups.SUPPORT).permissions.filter(codename__startswith="view_")
        )
        client.force_login(reader)
        assert "Ask Japan Post now" not in section(page_of(client, shipment), "now")
    assert client.post(address).status_code == (403 if who else 302)
    assert len(standin.requests) == 1


def test_the_button_needs_a_post_with_a_csrf_token(admin_user, standin):
    shipment = look_up_story(standin, POSTED)
    Shipment.objects.update(ask_again_at=None)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin_user)
    address = reverse("admin:tracking_shipment_ask", args=[shipment.pk])
    assert strict.get(address).status_code == 405
    assert strict.post(address).status_code == 403
    assert len(standin.requests) == 1


def test_a_missing_parcel_is_a_404(admin_client):
    for name in ("ask", "evidence", "evidence_csv"):
        address = reverse(f"admin:tracking_shipment_{name}", args=[4711])
        method = admin_client.post if name == "ask" else admin_client.get
        assert method(address).status_code == 404


def test_shipment_page_of_sends_no_request(standin):
    shipment = look_up_story(standin, POSTED)
    shipment_page_of(shipment, now=LATER + timedelta(days=3))
    assert len(standin.requests) == 1


# Days left for an enquiry


@pytest.mark.parametrize(
    ("posted", "months", "last_day"),
    [
        (date(2026, 11, 9), 6, date(2027, 5, 9)),
        (date(2026, 11, 9), 4, date(2027, 3, 9)),
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2027, 8, 31), 6, date(2028, 2, 29)),
        (date(2026, 10, 31), 4, date(2027, 2, 28)),
        (date(2026, 6, 30), 6, date(2026, 12, 30)),
        (date(2026, 12, 31), 6, date(2027, 6, 30)),
        (date(2026, 11, 9), 0, date(2026, 11, 9)),
        (date(2026, 11, 9), 32767, date(2126, 11, 9)),
    ],
)
def test_an_enquiry_ends_its_months_after_posting(posted, months, last_day):
    assert enquiry_ends_on(posted, Destination(enquiry_months=months)) == last_day


def test_china_has_four_months_and_an_unknown_destination_six():
    china = Destination.objects.get(code="CN")
    assert enquiry_ends_on(date(2026, 11, 9), china) == date(2027, 3, 9)
    assert enquiry_ends_on(date(2026, 11, 9), None) == date(2027, 5, 9)


def test_the_days_left_are_counted_in_japans_time():
    last_day = date(2027, 5, 9)
    assert enquiry_days_left(last_day, datetime(2027, 5, 8, 14, 59, tzinfo=UTC)) == 1
    assert enquiry_days_left(last_day, datetime(2027, 5, 8, 15, 0, tzinfo=UTC)) == 0
    assert enquiry_days_left(last_day, datetime(2027, 5, 9, 15, 0, tzinfo=UTC)) == -1
