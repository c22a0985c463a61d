"""The days of a notice are days in Japan: pages and desk show it from midnight to midnight there."""

from datetime import UTC, date, datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.support.stories import IN_CUSTOMS, NUMBER, POSTED, story
from tracking.models import Notice

pytestmark = pytest.mark.django_db

TITLE = "The post is on strike"
BEFORE = datetime(2026, 11, 30, 14, 59, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 30, 15, 0, tzinfo=UTC)  # 1 December in Japan
LAST_MINUTE = datetime(2026, 12, 1, 14, 59, tzinfo=UTC)
OVER = datetime(2026, 12, 1, 15, 0, tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch):
    """Return a function that sets the current time."""
    return lambda moment: monkeypatch.setattr(timezone, "now", lambda: moment)


@pytest.fixture(autouse=True)
def notice() -> Notice:
    return Notice.objects.create(title=TITLE, starts_on=date(2026, 12, 1), ends_on=date(2026, 12, 1))


@pytest.mark.parametrize(
    "address",
    ["/", "/track/", f"/track/{NUMBER}/", f"/track/?number={NUMBER},EN123456785JP", "/examples/in-customs/"],
)
def test_a_notice_is_shown_for_its_day_in_japan(client, standin, settings, clock, address):
    settings.FRESH_MINUTES = 1440  # no new answer: only the notice changes on the parcel's page
    standin.set_item(NUMBER, story(POSTED, IN_CUSTOMS))
    clock(BEFORE)
    client.get(f"/track/{NUMBER}/")
    shown = []
    for moment in (BEFORE, MIDNIGHT, LAST_MINUTE, OVER):  # cached pages follow the same day
        clock(moment)
        shown.append(TITLE in client.get(address).content.decode())
    assert shown == [False, True, True, False]


def test_the_desk_shows_the_same_state(client, admin_user, clock):
    address, states = reverse("admin:tracking_notice_changelist"), []
    for moment in (BEFORE, MIDNIGHT, LAST_MINUTE, OVER):
        clock(moment)
        client.force_login(admin_user)  # a session does not last until the last moment
        page = client.get(address).content.decode()
        states.append(next(one for one in ("up now", "planned", "over") if f'field-state">{one}<' in page))
    assert states == ["planned", "up now", "up now", "over"]


def test_the_form_says_that_the_days_are_japans(admin_client, notice):
    page = admin_client.get(reverse("admin:tracking_notice_change", args=[notice.pk])).content.decode()
    assert page.count("by Japan's calendar") == 2
