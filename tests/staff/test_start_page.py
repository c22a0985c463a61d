"""The start page of the desk: the tasks that wait for staff."""

from datetime import date

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.timezone import localdate
from lxml import html

from tests.support.parcels import DAY, member, parcel
from tests.support.stories import IN_CUSTOMS, POSTED
from tracking.models import Message, Notice, Phrase
from tracking.staff.access import groups
from tracking.values.places import JAPAN_TIME

pytestmark = pytest.mark.django_db


def tasks(client: Client) -> list[str]:
    """The texts of the tasks on the start page."""
    page = html.fromstring(client.get(reverse("admin:index")).content.decode())
    return [" ".join(one.text_content().split()) for one in page.xpath("//ul[@class='waiting']//a")]


def test_the_start_page_counts_tasks_and_links_to_them(admin_client, parcels):
    today = localdate(timezone.now(), JAPAN_TIME)
    Phrase.objects.create(text="Something new", first_seen_at=timezone.now())
    Message.objects.create(email="ann@example.com", text="Where?", created_at=timezone.now())
    Notice.objects.create(title="Strike", starts_on=today - DAY, ends_on=today + DAY)
    Notice.objects.create(title="Holidays", starts_on=today - DAY, ends_on=date(2099, 1, 1))
    assert tasks(admin_client) == [
        "1 phrase waits for a meaning",
        "1 message is not answered",
        "4 parcels need a look",
        "There is a problem: 1",
        "Silent for far longer than usual: 1",
        "To be collected soon, or too late: 1",
        "The sender's enquiry ends soon: 1",
        "We have not asked Japan Post today.",
        "1 notice ends within a week",
    ]
    page = html.fromstring(admin_client.get(reverse("admin:index")).content.decode())
    for link in page.xpath("//ul[@class='waiting']//a/@href"):
        assert admin_client.get(link).status_code == 200
    ending = admin_client.get(reverse("admin:tracking_notice_changelist") + "?time=ending")
    assert [str(one) for one in ending.context["cl"].result_list] == ["Strike"]


def test_the_start_page_says_where_nothing_waits(admin_client):
    assert tasks(admin_client) == [
        "No phrase waits for a meaning",
        "Every message is answered",
        "No parcel needs a look",
        "We have not asked Japan Post today.",
        "No notice ends within a week",
    ]


def test_editors_see_only_tasks_about_words_and_notices(parcels):
    assert tasks(member(groups.EDITORS)) == [
        "No phrase waits for a meaning",
        "No notice ends within a week",
    ]


def test_the_queries_of_the_start_page_do_not_grow_with_tasks(admin_client, parcels):
    admin_client.get(reverse("admin:index"))  # the first request creates the row of the gate
    counts = []
    for more in range(2):
        for _ in range(more * 5):
            parcel((POSTED, 60), (IN_CUSTOMS, 50))
            Message.objects.create(email="ann@example.com", text="Where?", created_at=timezone.now())
        with CaptureQueriesContext(connection) as queries:
            admin_client.get(reverse("admin:index"))
        counts.append(len(queries))
    assert counts[0] == counts[1]
