"""The desk shows, filters and reads times in Japan's time zone; customers' pages and the evidence are in UTC."""

from datetime import UTC, date, datetime

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from tests.support.stories import NUMBER, POSTED, story
from tracking.models import AskedBy, Destination, Fetch, Message, Shipment, Status
from tracking.models.shipments import Outcome

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 30, 17, 0, tzinfo=UTC)  # 2:00 on 1 December in Japan
YESTERDAY = datetime(2026, 11, 30, 14, 0, tzinfo=UTC)  # 23:00 on 30 November there


@pytest.fixture
def desk(client, admin_user, monkeypatch):
    """The client of a superuser; the clock shows NOW, which is night in Japan."""
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    client.force_login(admin_user)
    return client


def text_of(client, name, *arguments):
    """The source of a page of the desk, with single spaces."""
    page = client.get(reverse(f"admin:{name}", args=arguments)).content.decode()
    return " ".join(page.split())


def test_the_today_button_has_japans_day(desk):
    assert 'data-admin-utc-offset="32400"' in text_of(desk, "tracking_notice_add")


def test_each_page_names_the_time_zone_of_its_times(desk):
    status = Status.objects.first()
    for name, *arguments in (
        ("index",),
        ("tracking_message_changelist",),
        ("tracking_status_change", status.pk),
        ("tracking_status_history", status.pk),
        ("tracking_status_preview", status.pk),
        ("tracking_gate_changelist",),
    ):
        assert "Times here are Japan’s." in text_of(desk, name, *arguments), name


def test_lists_have_japans_times(desk):
    Message.objects.create(email="ann@example.com", text="Hello", created_at=NOW)
    parcel = Shipment.objects.create(number=NUMBER)
    fetch = Fetch.objects.create(
        shipment=parcel, started_at=NOW, outcome=Outcome.TRACKED, asked_by=AskedBy.STAFF, milliseconds=1
    )
    assert "2026-12-01 02:00" in text_of(desk, "tracking_message_changelist")
    assert "Dec. 1, 2026, 2 a.m." in text_of(desk, "tracking_fetch_changelist")
    assert "2026-12-01 02:00 tracked" in text_of(desk, "tracking_fetch_change", fetch.pk)
    assert "1 December 2026, 02:00:00" in text_of(desk, "tracking_shipment_change", parcel.pk)


def test_today_in_a_filter_is_japans_today(desk):
    for written, name in ((YESTERDAY, "before"), (NOW, "after")):
        Message.objects.create(email=f"{name}@example.com", text="Hello", created_at=written)
    address = reverse("admin:tracking_message_changelist")
    choices = desk.get(address).context["cl"].filter_specs[2].choices(desk.get(address).context["cl"])
    today = next(one["query_string"] for one in choices if one["display"] == "Today")
    found = desk.get(f"{address}{today}").content.decode()
    assert "after@example.com" in found and "before@example.com" not in found


def test_the_log_of_edits_is_filtered_by_japans_days(desk, admin_user):
    LogEntry.objects.log_actions(str(admin_user.pk), User.objects.all(), CHANGE, "At night.")
    LogEntry.objects.update(action_time=NOW)
    address = reverse("admin:tracking_edit_changelist")
    for month, count in ((11, 0), (12, 1)):
        page = desk.get(address, {"action_time__year": 2026, "action_time__month": month})
        assert page.context["cl"].result_count == count


def test_a_link_is_verified_on_japans_day(desk):
    desk.post(
        reverse("admin:tracking_destination_changelist"), {"action": "link_works", "_selected_action": "DE"}
    )
    assert Destination.objects.get(code="DE").link_verified_on == date(2026, 12, 1)


def test_customers_pages_and_the_preview_keep_utc(desk, standin):
    standin.set_item(NUMBER, story(POSTED))
    text_of(desk, "index")
    assert timezone.get_current_timezone_name() == "UTC"
    assert "30 November 2026, 17:00 UTC" in desk.get(f"/track/{NUMBER}/").content.decode()
    status = Status.objects.get(slug="posting-collection")
    frame = reverse("admin:tracking_status_preview_frame", args=[status.pk])
    assert "30 November 2026, 17:00 UTC" in desk.get(frame, {"number": NUMBER}).content.decode()


def test_the_evidence_is_in_utc(desk):
    parcel = Shipment.objects.create(number=NUMBER)
    assert "30 November 2026, 17:00:00 UTC by admin" in text_of(desk, "tracking_shipment_evidence", parcel.pk)
    sheet = desk.get(reverse("admin:tracking_shipment_evidence_csv", args=[parcel.pk]))
    assert b"2026-11-30 17:00:00" in b"".join(sheet.streaming_content)
