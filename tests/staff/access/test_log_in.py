"""The log-in of staff: a pause after too many failures, safe cookies, strong passwords."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.urls import reverse
from lxml import html

from tracking.staff.access.log_in import address_of

PAGE = "/admin/login/"
PASSWORD = "correct horse 7 battery"


@pytest.fixture
def ann(db) -> User:
    """A superuser with PASSWORD."""
    return User.objects.create_superuser("ann", password=PASSWORD)


def try_to_log_in(client, *, name="ann", password="wrong", **headers):
    return client.post(PAGE, {"username": name, "password": password, "next": "/admin/"}, **headers)


def fail(client, times=5, **attempt):
    """Try to log in with a wrong password; returns the status codes."""
    return [try_to_log_in(client, **attempt).status_code for _ in range(times)]


def test_after_five_failures_the_right_password_is_refused_too(client, ann):
    assert fail(client) == [200, 200, 200, 200, 429]
    response = try_to_log_in(client, password=PASSWORD)
    assert response.status_code == 429
    assert 14 * 60 < int(response["Retry-After"]) <= 15 * 60
    text = html.fromstring(response.content.decode()).text_content()
    assert "Too many failed log-ins: please wait 15 minutes" in text
    assert "no-store" in response["Cache-Control"]
    assert client.get("/admin/").status_code == 302


def test_an_unknown_name_is_treated_like_a_known_one(client, ann):
    known, unknown = fail(client), fail(client, name="unknown")
    assert known == unknown


def test_attempts_during_the_pause_do_not_make_it_longer(client, ann):
    fail(client)
    AccessAttempt.objects.update(
        attempt_time=AccessAttempt.objects.get().attempt_time - timedelta(minutes=10)
    )
    response = try_to_log_in(client)
    assert 4 * 60 < int(response["Retry-After"]) <= 5 * 60
    assert "please wait 5 minutes" in response.content.decode()


def test_after_the_pause_a_log_in_works_and_clears_old_failures(client, ann):
    fail(client)
    fail(client, times=2, name="another")
    AccessAttempt.objects.update(
        attempt_time=AccessAttempt.objects.first().attempt_time - timedelta(minutes=16)
    )
    assert try_to_log_in(client, password=PASSWORD)["Location"] == "/admin/"
    assert not AccessAttempt.objects.exists()


def test_a_successful_log_in_resets_the_count_of_failures(client, ann):
    fail(client, times=4)
    assert try_to_log_in(client, password=PASSWORD).status_code == 302
    client.logout()
    assert fail(client, times=4) == [200] * 4


def test_other_accounts_and_addresses_are_not_locked_out(client, ann):
    User.objects.create_superuser("bob", password=PASSWORD)
    fail(client)
    assert try_to_log_in(client, name="bob", password=PASSWORD).status_code == 302
    client.logout()
    assert try_to_log_in(client, password=PASSWORD, REMOTE_ADDR="203.0.113.9").status_code == 302


def test_without_a_proxy_a_forwarded_address_is_ignored(client, ann):
    codes = [
        try_to_log_in(client, HTTP_X_FORWARDED_FOR=f"203.0.113.{i}", HTTP_USER_AGENT=f"{i}").status_code
        for i in range(5)
    ]
    assert codes[-1] == 429


def test_behind_a_proxy_the_address_that_the_proxy_saw_counts(client, ann, settings):
    settings.TRUSTED_PROXIES = 1
    codes = [
        try_to_log_in(client, HTTP_X_FORWARDED_FOR=f"198.51.100.{i}, 203.0.113.9").status_code
        for i in range(5)
    ]
    assert codes[-1] == 429
    assert try_to_log_in(client, HTTP_X_FORWARDED_FOR="203.0.113.9, 203.0.113.8").status_code == 200


def test_without_an_address_failures_are_counted_by_name_alone(client, ann, rf):
    assert address_of(rf.get("/", REMOTE_ADDR="")) is None
    assert fail(client, REMOTE_ADDR="")[-1] == 429


def test_the_password_is_neither_stored_nor_logged(client, ann, caplog):
    fail(client, password="MY-SECRET-PASSWORD")
    stored = repr(list(AccessAttempt.objects.values()))
    assert "ann" in stored and "MY-SECRET" not in stored
    assert "MY-SECRET" not in caplog.text


def test_the_operator_can_end_the_pause_with_a_command(client, ann):
    fail(client)
    call_command("axes_reset", verbosity=0)
    assert try_to_log_in(client, password=PASSWORD).status_code == 302


def test_the_session_ends_with_the_browser_or_after_12_hours(client, ann):
    cookie = try_to_log_in(client, password=PASSWORD).cookies["sessionid"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax"
    assert not cookie["max-age"] and not cookie["expires"]
    assert client.session.get_expiry_age() == 12 * 3600


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("gnhqv7tzx", "at least 10 characters"),
        ("password123", "too common"),
        ("4938275610384", "entirely numeric"),
        ("annalivia99", "too similar to the username"),
    ],
)
def test_a_weak_password_is_refused(password, words):
    with pytest.raises(ValidationError, match=words):
        validate_password(password, User(username="annalivia"))


@pytest.mark.django_db
def test_the_desk_forbids_indexing_and_robots_txt_omits_it(client):
    for address in (PAGE, reverse("admin:password_change")):
        page = html.fromstring(client.get(address, follow=True).content)
        assert "NONE" in page.xpath("string(//meta[@name='robots']/@content)")
    assert "admin" not in client.get("/robots.txt").content.decode()
