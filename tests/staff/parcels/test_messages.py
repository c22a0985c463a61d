"""Messages at the desk: the list, the parcel then and now, the mark as answered, and the link to a reply by mail."""

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from tests.support.kept import keep
from tests.support.stories import ARRIVED, IN_CUSTOMS, NUMBER, POSTED, event
from tracking.journey.story import recall
from tracking.models import Message, Status, Wording
from tracking.staff.access import groups
from tracking.staff.parcels.details import summaries_of
from tracking.staff.parcels.replies import MOST_CHARACTERS, mailto
from tracking.values.numbers import TrackingNumber

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
LIST = "/admin/tracking/message/"


def create_message(email: str = "ann@example.com", text: str = "Where is it?", **facts) -> Message:
    """Store a message of a customer, at NOW unless `at` is given."""
    return Message.objects.create(email=email, text=text, created_at=facts.pop("at", NOW), **facts)


@pytest.fixture
def support(client) -> Client:
    """The client of a member of Support."""
    user = User.objects.create_user("support", is_staff=True)
    user.groups.add(Group.objects.get(name=groups.SUPPORT))
    client.force_login(user)
    return client


def listed(client: Client, **query: str) -> list[dict[str, str]]:
    """The rows of the list: the texts of their parts by class."""
    page = html.fromstring(client.get(LIST, query).content.decode())
    parts = ("sender", "first-words", "parcel", "then", "now")
    return [
        {part: " ".join(row.xpath(f"string(.//*[@class='{part}'])").split()) for part in parts}
        for row in page.xpath("//table[@id='result_list']/tbody/tr")
    ]


def senders(client: Client, **query: str) -> set[str]:
    return {row["sender"] for row in listed(client, **query)}


# The list


def test_the_list_opens_on_unanswered_messages_without_spam(support):
    create_message("waits@example.com")
    create_message("done@example.com", answered=True)
    create_message("spam@example.com", suspected_spam=True)
    assert senders(support) == {"waits@example.com"}
    assert senders(support, show="answered") == {"done@example.com"}
    assert senders(support, show="spam") == {"spam@example.com"}
    assert len(senders(support, show="all")) == 3


def test_a_search_finds_answered_messages_too(support):
    create_message("done@example.com", answered=True)
    create_message("spam@example.com", suspected_spam=True, text="Cheap")
    assert senders(support, q="done") == {"done@example.com"}
    assert listed(support, q="spam")[0]["first-words"] == "Looks like spam: Cheap"
    assert senders(support, q="done", show="unanswered") == set()


def test_a_row_shows_the_parcel_then_and_now(support):
    shipment = keep(event(POSTED), event(ARRIVED), event(IN_CUSTOMS))
    create_message(number=shipment.number, situation="Your parcel has arrived in Germany (Step 3 of 5)")
    (row,) = listed(support)
    assert row["then"] == "Your parcel has arrived in Germany (Step 3 of 5)"
    assert row["now"].startswith("Your parcel is with customs (Step 3 of 5: Customs and arrival), ")
    assert row["now"].endswith(" without news")
    page = html.fromstring(support.get(LIST).content.decode())
    address = reverse("admin:tracking_shipment_change", args=[shipment.pk])
    assert page.xpath(f"//dd[@class='parcel']/a[@href='{address}']")


def test_an_invalid_or_unknown_number_is_shown_as_not_known(support):
    for number in ("my parcel", NUMBER, ""):
        create_message(number=number)
    assert {(row["parcel"], row["then"], row["now"]) for row in listed(support)} == {
        (number or "not named", "not known", "not known") for number in ("my parcel", NUMBER, "")
    }


def test_the_queries_of_the_list_do_not_grow_with_its_length(support):
    counts = []
    for count in (1, 1, 20):
        for _ in range(count):
            shipment = keep(event(POSTED), event(ARRIVED))
            create_message(number=shipment.number)
        with CaptureQueriesContext(connection) as queries:
            listed(support)
        counts.append(len(queries))
    assert counts[1] == counts[2]


def test_summaries_match_stories_recalled_one_by_one(standin):
    kept = [keep(event(POSTED), event(phrase)) for phrase in (ARRIVED, IN_CUSTOMS)]
    kept.append(keep(event(IN_CUSTOMS), history_missing=True))
    numbers = [one.number for one in kept]
    summaries = summaries_of([*numbers, NUMBER], now=NOW)
    assert set(summaries) == set(numbers)
    for number in numbers:
        lookup = recall(TrackingNumber(number))
        progress = summaries[number].progress
        assert tuple(entry.event for entry in reversed(progress.timeline)) == lookup.events
        assert (progress.checked_at, progress.history_missing) == (lookup.checked_at, lookup.history_missing)
    assert standin.requests == []


def test_what_a_customer_wrote_is_shown_as_text(support):
    message = create_message(text="<script>alert(1)</script>", name="<b>Ann</b>", situation="<i>x</i>")
    for address in (LIST, reverse("admin:tracking_message_change", args=[message.pk])):
        page = support.get(address).content.decode()
        assert "<script>alert" not in page and "<b>Ann" not in page and "<i>x" not in page


# Answered


def test_one_click_marks_as_answered_and_another_undoes_it(support):
    message = create_message()
    address = reverse("admin:tracking_message_answered", args=[message.pk])
    page = support.post(address, follow=True)
    message.refresh_from_db()
    assert message.answered
    assert "is marked as answered" in page.content.decode()
    assert listed(support) == []
    page = support.post(address, {"undo": "1"}, follow=True)
    message.refresh_from_db()
    assert not message.answered
    assert "is to be answered again" in page.content.decode()


def test_only_staff_who_may_change_messages_can_mark_them(client, admin_user):
    message = create_message()
    address = reverse("admin:tracking_message_answered", args=[message.pk])
    assert client.post(address).status_code == 302
    user = User.objects.create_user("editor", is_staff=True)
    user.groups.add(Group.objects.get(name=groups.EDITORS))
    client.force_login(user)
    assert client.post(address).status_code == 403
    assert client.get(LIST).status_code == 403
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin_user)
    assert (strict.get(address).status_code, strict.post(address).status_code) == (405, 403)
    message.refresh_from_db()
    assert not message.answered


def test_the_page_of_a_message_marks_answered_and_clears_spam(support):
    message = create_message(suspected_spam=True, text="A real question")
    address = reverse("admin:tracking_message_change", args=[message.pk])
    assert "A real question" in support.get(address).content.decode()
    assert support.post(address, {"answered": "on"}).status_code == 302
    message.refresh_from_db()
    assert (message.answered, message.suspected_spam) == (True, False)
    assert message.text == "A real question"


# The mail


def read(link: str) -> tuple[str, dict[str, str]]:
    """Read a mailto link as a mail program does. Returns the recipient, and the subject and body by name."""
    parts = urlsplit(link)
    assert parts.scheme == "mailto"
    fields = parse_qsl(parts.query.replace("+", "%2B"), strict_parsing=True, keep_blank_values=True)
    assert [name for name, _ in fields] == ["subject", "body"]
    return unquote(parts.path), dict(fields)


def reply_to(client: Client, message: Message) -> tuple[str, dict[str, str]]:
    """The link to a reply on the page of the message, as `read` returns it."""
    page = html.fromstring(
        client.get(reverse("admin:tracking_message_change", args=[message.pk])).content.decode()
    )
    (link,) = page.xpath("//a[starts-with(@href, 'mailto:')]/@href")
    return read(link)


def test_the_mail_is_filled_in_with_the_facts(support, settings):
    settings.SITE_URL = "https://track.example.com"
    shipment = keep(event(POSTED), event(IN_CUSTOMS))
    to, mail = reply_to(support, create_message(number=shipment.number))
    assert to == "ann@example.com"
    assert mail["subject"] == f"Your parcel {shipment.number}"
    lines = mail["body"].split("\r\n")
    assert lines[0] == "Hello,"
    for line in (
        f"Your parcel: {shipment.number}",
        "Now: Your parcel is with customs",
        "Step 3 of 5: Customs and arrival",
        "Newest scan: 9 November 2026, 09:00, local time there",
        f"See it here: https://track.example.com/track/{shipment.number}/",
        "Our shop",
    ):
        assert line in lines


def test_without_site_url_the_mail_links_to_the_host_of_the_desk(support):
    shipment = keep(event(POSTED))
    _, mail = reply_to(support, create_message(number=shipment.number))
    assert f"See it here: http://testserver/track/{shipment.number}/" in mail["body"]


def test_the_mail_has_nothing_that_the_customer_typed(support):
    _, mail = reply_to(
        support,
        create_message(number="x&bcc=eve@evil.example", name="Ann\r\nBcc: eve@evil.example", text="secret"),
    )
    assert mail == {"subject": "Your message to us", "body": "Hello,\r\n\r\n\r\n\r\n\r\n\r\nOur shop\r\n"}


@pytest.mark.parametrize("email", ["a?bcc=eve@evil.example", "a&b=c%0D@example.com", "o'neil+x@example.com"])
def test_an_address_with_odd_characters_adds_no_fields(email):
    to, _ = read(mailto(email, number="", progress=None, page_url="", shop_name="x"))
    assert to == email


def test_long_texts_are_shortened_but_not_the_address_of_the_page():
    wording = Wording.objects.get(status=Status.objects.get(slug="customs-clearance"), destination=None)
    wording.meaning = "通関手続き中です。" * 60
    wording.save()
    shipment = keep(event(POSTED), event(IN_CUSTOMS))
    summary = summaries_of([shipment.number], now=NOW)[shipment.number]
    page_url = f"https://track.example.com/track/{shipment.number}/"
    link = mailto(
        "ann@example.com",
        number=shipment.number,
        progress=summary.progress,
        page_url=page_url,
        shop_name="店",
    )
    assert MOST_CHARACTERS - 20 <= len(link) <= MOST_CHARACTERS
    _, mail = read(link)
    assert "通関手続き中です。通関手続き中" in mail["body"] and "…" in mail["body"]
    assert mail["body"].endswith(f"\r\nSee it here: {page_url}\r\n\r\n店\r\n")


@given(st.emails(), st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_any_address_and_shop_name_give_only_two_fields(email, shop_name):
    to, mail = read(
        mailto(email, number=NUMBER, progress=None, page_url="https://x.example/", shop_name=shop_name)
    )
    assert to == email
    headers = EmailMessage()
    headers["Subject"] = mail["subject"]
    assert headers["Subject"] == f"Your parcel {NUMBER}"


def test_a_message_that_names_two_parcels_is_on_both_pages(support):
    first, second = keep(event(POSTED)), keep(event(POSTED))
    create_message(number=f"{first.number} {second.number}", at=NOW - timedelta(days=1))
    for shipment in (first, second):
        page = support.get(reverse("admin:tracking_shipment_change", args=[shipment.pk])).content.decode()
        assert "ann@example.com" in page
