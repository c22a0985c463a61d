"""The learnt usual waits, as the tracking page says them and as staff see them."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.utils import timezone

from tests.support.journeys import store_figure
from tests.support.kept import DAY, keep
from tests.support.stories import ARRIVED, AT_EXCHANGE, DISPATCHED, NUMBER, POSTED, event, story
from tracking.japanpost.records import TrackedItem
from tracking.models import UsualWait

pytestmark = pytest.mark.django_db


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
