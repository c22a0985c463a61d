"""The log-in of staff while the store cannot be written: a sentence at once, and no password or code is checked."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django_otp.plugins.otp_totp.models import TOTPDevice
from lxml import html

from tests.staff.access.test_log_in import PASSWORD, checked, stopped_clock, try_to_log_in  # noqa: F401  # fixtures
from tests.support.trouble import commit_fails, locked, read_only
from tracking.models import Allowance
from tracking.values import store

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sqlite]
troubles = pytest.mark.parametrize("trouble", [read_only, locked])


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    """A write waits for a lock for an instant."""
    monkeypatch.setattr("tracking.staff.access.trouble.LOCK_WAIT", 0.01)


@pytest.fixture
def ann(transactional_db) -> User:
    """A superuser with PASSWORD."""
    return User.objects.create_superuser("ann", password=PASSWORD)


def assert_says_so(page):
    """The page is a 503 that says why."""
    assert (page.status_code, page["Retry-After"]) == (503, "60")
    assert "no-store" in page["Cache-Control"]
    text = " ".join(
        html.fromstring(page.content.decode()).get_element_by_id("content").text_content().split()
    )
    assert "The site cannot store anything at the moment" in text and "try again in a minute" in text


@troubles
@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
def test_a_log_in_that_cannot_be_counted_checks_no_password(client, ann, checked, trouble, password):  # noqa: F811
    checked.clear()
    with trouble():
        assert_says_so(try_to_log_in(client, password=password))
    assert checked == [] and "sessionid" not in client.cookies
    assert try_to_log_in(client, password=PASSWORD).status_code == 302


@pytest.mark.parametrize("statement", ["INSERT ON axes_accessattempt", "DELETE ON tracking_allowance"])
def test_a_later_write_that_fails_is_no_error_500(client, ann, statement):
    password = "wrong" if "axes" in statement else PASSWORD
    with commit_fails(statement):
        assert_says_so(try_to_log_in(client, password=password))
    assert "sessionid" not in client.cookies
    assert try_to_log_in(client, password=PASSWORD).status_code == 302


def test_a_wrong_password_counts_even_if_not_noted(client, ann, stopped_clock):  # noqa: F811
    with commit_fails("INSERT ON axes_accessattempt"):
        codes = [try_to_log_in(client).status_code for _ in range(6)]
    assert codes == [503] * 5 + [429]
    assert set(Allowance.objects.values_list("used", flat=True)) == {5}


@troubles
def test_a_code_and_an_old_password_are_not_checked_either(client, ann, settings, checked, trouble):  # noqa: F811
    client.force_login(ann)
    form = {"old_password": PASSWORD, "new_password1": "other 8 horses", "new_password2": "other 8 horses"}
    checked.clear()
    with trouble():
        assert_says_so(client.post(reverse("admin:password_change"), form))
    assert checked == []
    settings.STAFF_SECOND_FACTOR = "required"
    TOTPDevice.objects.create(user=ann, confirmed=True)
    with trouble():
        assert_says_so(client.post(reverse("admin:second_factor"), {"code": "123456"}))
    assert client.post(reverse("admin:second_factor"), {"code": "123456"}).status_code == 200


def test_a_log_in_waits_for_a_lock_for_a_short_time(client, ann, monkeypatch):
    waits = []
    monkeypatch.setattr("tracking.staff.access.trouble.LOCK_WAIT", 2.0)
    monkeypatch.setattr(store, "_set_lock_wait", waits.append)
    assert try_to_log_in(client).status_code == 200
    assert waits == [2.0, None]
