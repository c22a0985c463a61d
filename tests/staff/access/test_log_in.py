"""The log-in of staff: a pause after too many failures, safe cookies, strong passwords."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from threading import Event
from typing import ClassVar

import pytest
import time_machine
from axes.models import AccessAttempt
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from lxml import html

from tests.support.crowd import let_in, wait_for
from tracking.models import FailedLogIn
from tracking.staff.access import tries
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
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
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


# Many tries at once, and over many names


class CountingHasher(MD5PasswordHasher):
    """Notes which passwords are checked. A check ends when `may_end` is set, however long others take to begin."""

    checked: ClassVar[list[str]] = []
    may_end: ClassVar[Event] = Event()

    def encode(self, password, salt):
        self.checked.append(password)
        self.may_end.wait()
        return super().encode(password, salt)


@pytest.fixture
def checked(settings) -> list[str]:
    """The passwords that were checked."""
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    CountingHasher.checked.clear()
    CountingHasher.may_end.set()
    return CountingHasher.checked


@pytest.fixture
def stopped_clock() -> Iterator[None]:
    """Stop the clock a minute after a full hour, so that no quarter of an hour ends during a test."""
    with time_machine.travel(timezone.now().replace(minute=1, second=0, microsecond=0), tick=False):
        yield


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["ann", "unknown"])
def test_of_sixteen_tries_at_once_five_passwords_are_checked(checked, stopped_clock, name):
    User.objects.create_superuser("ann", password=PASSWORD)
    checked.clear()
    passwords = [PASSWORD if i == 9 else f"wrong {i}" for i in range(16)]
    CountingHasher.may_end.clear()
    try:
        crowd = let_in(partial(try_to_log_in, Client(), name=name, password=one) for one in passwords)
        wait_for(crowd, but=5)  # eleven are refused before the first password is checked
    finally:
        CountingHasher.may_end.set()
    wait_for(crowd)
    assert [one.failure for one in crowd] == [None] * 16
    assert len(checked) == 5
    assert [one.result.status_code for one in crowd].count(429) >= 11
    seconds = {int(one.result["Retry-After"]) for one in crowd if one.result.status_code == 429}
    assert seconds <= {14 * 60, 15 * 60}  # until the window ends, or the pause of axes


def test_one_address_has_a_limit_of_failures_over_all_names(client, ann, settings, checked, stopped_clock):
    assert settings.FAILURES_PER_ADDRESS == 20
    settings.FAILURES_PER_ADDRESS = 4
    assert fail(client, times=1) == [200]
    assert [fail(client, times=1, name=f"name {i}")[0] for i in range(4)] == [200] * 3 + [429]
    before = len(checked)
    refused = try_to_log_in(client, password=PASSWORD)
    assert (refused.status_code, refused["Retry-After"], len(checked)) == (429, str(14 * 60), before)
    text = html.fromstring(refused.content.decode()).text_content()
    assert "please wait 14 minutes" in text and "from your internet connection failed" in text
    assert try_to_log_in(client, password=PASSWORD, REMOTE_ADDR="203.0.113.9").status_code == 302


def test_log_ins_that_succeed_are_not_counted(client, ann, settings, stopped_clock):
    settings.FAILURES_PER_ADDRESS = 4
    for _ in range(6):
        assert try_to_log_in(client, password=PASSWORD).status_code == 302
    fail(client, times=3)
    assert try_to_log_in(client, password=PASSWORD).status_code == 302
    # A right password in between does not let an address try more names.
    assert [fail(client, times=1, name=f"name {i}")[0] for i in range(2)] == [200, 429]


def test_a_network_of_ipv6_has_four_times_the_failures(client, ann, settings, stopped_clock):
    settings.FAILURES_PER_ADDRESS = 1
    seen = [fail(client, 1, name=f"name {i}", REMOTE_ADDR=f"2001:db8:1:{i}::1")[0] for i in range(6)]
    assert seen == [200] * 4 + [429] * 2
    assert try_to_log_in(client, password=PASSWORD, REMOTE_ADDR="2001:db8:2::1").status_code == 302


def test_ipv4_addresses_in_ipv6_notation_are_locked_apart(client, ann):
    assert fail(client, REMOTE_ADDR="::ffff:192.0.2.1")[-1] == 429
    assert try_to_log_in(client, password=PASSWORD, REMOTE_ADDR="192.0.2.1").status_code == 429
    assert try_to_log_in(client, password=PASSWORD, REMOTE_ADDR="::ffff:192.0.2.2").status_code == 302


def test_without_an_address_one_name_locks_no_other(client, ann, settings, stopped_clock):
    settings.FAILURES_PER_ADDRESS = 1
    fail(client, times=3, name="another", REMOTE_ADDR="")
    assert try_to_log_in(client, password=PASSWORD, REMOTE_ADDR="").status_code == 302


def test_a_password_that_cannot_be_checked_is_not_counted(client, ann, settings, stopped_clock):
    hashers = settings.PASSWORD_HASHERS
    settings.PASSWORD_HASHERS = ["tests.no_such_module.Hasher"]
    for _ in range(6):
        with pytest.raises(ImportError):
            try_to_log_in(client)
    settings.PASSWORD_HASHERS = hashers
    assert try_to_log_in(client, password=PASSWORD).status_code == 302


@pytest.mark.parametrize("with_button", [True, False], ids=["button", "list"])
def test_deleting_its_line_lets_a_name_try_at_once(
    client, admin_client, ann, settings, stopped_clock, with_button
):
    settings.FAILURES_PER_ADDRESS = 5
    for browser in ("Firefox", "Chromium"):
        fail(client, times=3, HTTP_USER_AGENT=browser)
    assert try_to_log_in(client, password=PASSWORD).status_code == 429
    line = FailedLogIn.objects.first()
    if with_button:
        admin_client.post(reverse("admin:tracking_failedlogin_delete", args=[line.pk]), {"post": "yes"})
    else:
        chosen = {"action": "delete_selected", "_selected_action": line.pk, "post": "yes"}
        admin_client.post(reverse("admin:tracking_failedlogin_changelist"), chosen)
    assert not FailedLogIn.objects.exists()
    assert try_to_log_in(client, password=PASSWORD).status_code == 302


@pytest.mark.parametrize(
    "command",
    [
        ["axes_reset"],
        ["axes_reset_ip", "127.0.0.1"],
        ["axes_reset_username", "ann"],
        ["axes_reset_ip_username", "127.0.0.1", "ann"],
    ],
)
def test_each_command_of_axes_ends_the_pause(client, ann, settings, stopped_clock, capsys, command):
    settings.FAILURES_PER_ADDRESS = 5
    fail(client)
    call_command(*command)
    assert try_to_log_in(client, password=PASSWORD).status_code == 302


# What comes in


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("a" * 151, "wrong"),
        ("a" * 256, "wrong"),
        ("a" * 2_000_000, "wrong"),
        ("\ufdfa" * 150, "wrong"),  # 18 characters each, after NFKC
        ("ann", "a" * 1001),
        ("ann", "a" * 2_000_000),
    ],
    ids=["151", "256", "2-MB", "nfkc", "password-1001", "password-2-MB"],
)
def test_a_name_or_password_that_is_too_long_is_not_looked_at(client, ann, caplog, checked, name, password):
    page = try_to_log_in(client, name=name, password=password)
    assert page.status_code == 200
    assert "Please enter the correct username and password" in page.content.decode()
    assert not AccessAttempt.objects.exists() and not caplog.records and not checked


@pytest.mark.parametrize("sign", ["'", "\ufdfa", "a\u0315\u0300"], ids=["quote", "nfkc", "combining"])
def test_a_long_name_is_neither_normalized_nor_sent_back(client, ann, monkeypatch, sign):
    normalized = []
    monkeypatch.setattr("unicodedata.normalize", lambda form, text: normalized.append(len(text)) or text)
    page = try_to_log_in(client, name=sign * 200_000)
    assert page.status_code == 200 and len(page.content) < 20_000
    assert max(normalized, default=0) <= 1000


def test_a_long_target_of_the_log_in_is_refused(client, ann):
    form = {"username": "ann", "password": "wrong", "next": "/" + "'" * 200_000}
    page = client.post(PAGE, form)
    assert page.status_code == 400 and len(page.content) < 20_000


def test_the_longest_name_and_password_can_log_in(client, db):
    name, password = "a" * 150, "ab" * 500
    User.objects.create_superuser(name, password=password)
    assert try_to_log_in(client, name=name, password=password).status_code == 302
    client.logout()
    assert fail(client, times=1, name="\u00e9" * 150) == [200]
    validate_password(password)
    with pytest.raises(ValidationError, match="at most 1000 characters"):
        validate_password(password + "a")


def test_a_long_old_password_is_refused_before_it_is_compared(client, ann, checked):
    client.force_login(ann)
    checked.clear()
    form = {"old_password": "a" * 1001, "new_password1": "other 8 horses", "new_password2": "other 8 horses"}
    page = client.post(reverse("admin:password_change"), form)
    assert page.status_code == 200 and "Your old password was entered incorrectly" in page.content.decode()
    assert "a" * 1001 not in checked
    changed = client.post(reverse("admin:password_change"), form | {"old_password": PASSWORD})
    assert changed["Location"] == reverse("admin:password_change_done")


def test_wrong_old_passwords_count_as_tries(client, ann, checked, stopped_clock):
    client.force_login(ann)
    form = {"new_password1": "other 8 horses", "new_password2": "other 8 horses"}
    address = reverse("admin:password_change")
    for _ in range(5):
        assert "incorrectly" in client.post(address, form | {"old_password": "wrong"}).content.decode()
    checked.clear()
    page = client.post(address, form | {"old_password": PASSWORD}).content.decode()
    assert "Too many wrong passwords: please wait 14 minutes." in page and PASSWORD not in checked
    assert (
        try_to_log_in(Client(), password=PASSWORD).status_code == 302
    )  # only the page of the password is locked
    with time_machine.travel(timezone.now() + timedelta(minutes=15)):
        assert client.post(address, form | {"old_password": PASSWORD}).status_code == 302


def test_a_name_that_is_no_users_is_not_logged(client, ann, caplog):
    fail(client, times=1, name="MY-SECRET-PASSWORD")
    fail(client, times=1, name="two\nlines")
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("axes")]
    assert len(lines) == 2 and all("by an unknown name from 127.0.0.1." in line for line in lines)
    assert "MY-SECRET" not in caplog.text and "two" not in caplog.text


# A clock that was ahead


def test_failures_from_a_clock_that_was_ahead_lock_no_name(client, ann):
    fail(client)
    year = timezone.now() + timedelta(days=365)
    AccessAttempt.objects.update(attempt_time=year)
    tries.forget_all()  # those of that clock are in another window
    assert fail(client, times=1) == [200]  # and the row does not come back with today's date
    assert AccessAttempt.objects.get().failures_since_start == 1
    AccessAttempt.objects.update(attempt_time=year, failures_since_start=5)
    assert try_to_log_in(client, password=PASSWORD).status_code == 302


def test_tries_from_a_clock_that_was_ahead_lock_no_name(client, ann):
    with time_machine.travel(timezone.now() + timedelta(days=365)):
        assert fail(client)[-1] == 429
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
