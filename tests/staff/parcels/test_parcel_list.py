"""The list of parcels: its columns and filters, and how staff mark parcels as handled."""

from datetime import UTC, datetime

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from lxml import html

from tests.support.parcels import member, one_of_each, parcel
from tests.support.stories import IN_CUSTOMS, POSTED
from tracking.models import Shipment, Standing, Status
from tracking.staff.access import groups

pytestmark = pytest.mark.django_db

LIST = reverse("admin:tracking_shipment_changelist")


def listed(client: Client, query: str, parcels: dict[str, Shipment]) -> list[str]:
    """The names of the parcels in the list, in its order."""
    response = client.get(f"{LIST}?{query}")
    assert response.status_code == 200
    names = {one.pk: name for name, one in parcels.items()}
    return [names[one.pk] for one in response.context["cl"].result_list]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("look=any", {"silent", "problem", "kept", "closing"}),
        ("look=problem", {"problem"}),
        ("look=silent", {"silent"}),
        ("look=collect", {"kept"}),
        ("look=enquiry", {"closing"}),
        ("stage=3", {"moving", "silent", "too late"}),
        ("stage=5", {"delivered"}),
        ("stage=none", {"unknown"}),
        ("standing__tone__exact=act", {"kept", "closing"}),
        ("silent=far", {"silent", "too late"}),
        ("enquiry=soon", {"closing"}),
        ("enquiry=over", {"delivered", "too late"}),
        ("enquiry=unknown", {"unknown"}),
        ("destination=FR", {"closing"}),
        ("destination=none", {"unknown"}),
        ("q=em 700 100 325 jp", {"unknown"}),
        ("last_outcome__exact=not-found", {"unknown"}),
    ],
)
def test_each_filter_finds_its_parcels(admin_client, parcels, query, expected):
    assert set(listed(admin_client, query, parcels)) == expected


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        (
            "moving",
            ["Arrival at inward office of exchange (3 of 5)", "Germany", "19 Nov 2026", "5 months left"],
        ),
        (
            "silent",
            ["Customs clearance (3 of 5)", "Germany", "1 Oct 2026: far longer than usual", "4 months left"],
        ),
        (
            "problem",
            ["Problem: Returned to sender (arrived) (1 of 5)", "Germany", "19 Nov 2026", "5 months left"],
        ),
        ("closing", ["Act: Retention (4 of 5)", "France", "20 Nov 2026", "6 days left"]),
        (
            "too late",
            ["Customs clearance (3 of 5)", "Germany", "3 Feb 2026: far longer than usual", "too late"],
        ),
        ("unknown", ["Answered: no such item", "not known", "none yet", "not known"]),
    ],
)
def test_the_columns_say_where_a_parcel_is_and_what_is_left(client, admin_user, monkeypatch, name, cells):
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 11, 20, 3, tzinfo=UTC))
    client.force_login(admin_user)
    page = html.fromstring(client.get(f"{LIST}?q={one_of_each()[name].number}").content)
    cell = "normalize-space(//table[@id='result_list']//td[contains(@class, $name)])"
    columns = ("state", "goes_to", "newest_scan", "enquiry")
    assert [page.xpath(cell, name=f"field-{column}") for column in columns] == cells


@pytest.mark.parametrize(
    "query", ["look=nonsense", "stage=x", "stage=99", "enquiry=never", "destination=<b>", "silent=1"]
)
def test_an_unknown_filter_value_filters_nothing(admin_client, parcels, query):
    assert len(listed(admin_client, query, parcels)) == len(parcels)


def test_the_earliest_end_of_an_enquiry_comes_first(admin_client, parcels):
    found = listed(admin_client, "enquiry=open", parcels)
    assert found[0] == "closing" and found[-1] == "moving"


def test_the_list_shows_an_edit_of_words_at_the_next_request(admin_client, parcels):
    assert "moving" not in listed(admin_client, "look=any", parcels)
    status = Status.objects.get(slug="arrival-at-inward-office")
    status.tone = "problem"
    status.save()
    assert "moving" in listed(admin_client, "look=problem", parcels)


def test_handled_parcels_leave_the_list_and_are_logged(parcels):
    support = member(groups.SUPPORT)
    chosen = [parcels["silent"].pk, parcels["problem"].pk]
    done = support.post(
        f"{LIST}?look=any", {"action": "looked_after", "_selected_action": chosen}, follow=True
    )
    assert "2 parcels need no look now." in done.content.decode()
    assert set(listed(support, "look=any", parcels)) == {"kept", "closing"}
    assert set(listed(support, "silent=far", parcels)) == {"silent", "too late"}
    assert LogEntry.objects.filter(change_message="Looked after it.").count() == 2


def test_the_button_on_the_parcel_page_marks_it_as_handled(parcels):
    support, silent = member(groups.SUPPORT), parcels["silent"]
    address = reverse("admin:tracking_shipment_change", args=[silent.pk])
    assert "Silent for far longer than usual." in support.get(address).content.decode()
    done = support.post(reverse("admin:tracking_shipment_looked_after", args=[silent.pk]), follow=True)
    assert "needs no look until there is another reason" in done.content.decode()
    assert "Needs a look." not in done.content.decode()


def test_a_destination_set_by_staff_changes_the_standing_at_once(admin_client):
    at_sea = parcel((POSTED, 3))
    address = reverse("admin:tracking_shipment_change", args=[at_sea.pk])
    admin_client.post(address, {"destination": "CN", "order_reference": "", "note": ""})
    assert Standing.objects.get(shipment=at_sea).destination_id == "CN"


def test_the_queries_of_the_list_do_not_grow_with_parcels(admin_client, parcels):
    counts = []
    for more in range(2):
        for _ in range(more * 5):
            parcel((POSTED, 60), (IN_CUSTOMS, 50))
        with CaptureQueriesContext(connection) as queries:
            admin_client.get(f"{LIST}?look=any")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_editors_cannot_mark_parcels_as_handled(parcels):
    editor = member(groups.EDITORS)
    assert editor.get(LIST).status_code == 403
    done = editor.post(reverse("admin:tracking_shipment_looked_after", args=[parcels["silent"].pk]))
    assert done.status_code == 403
    parcels["silent"].refresh_from_db()
    assert parcels["silent"].handled_at is None
