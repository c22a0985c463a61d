"""The second factor of staff: required after the password, set up by each member, removed when a phone is lost."""

import re
from base64 import b32decode
from datetime import timedelta
from urllib.parse import unquote

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from lxml import html

from tests.project.test_headers import POLICY, policy_of
from tests.project.test_settings import PRODUCTION, start
from tests.support.crowd import all_at_once
from tracking.staff.access import second_factor

PASSWORD = "correct horse 7 battery"
PAGE = "/admin/second-factor/"


@pytest.fixture(autouse=True)
def required(settings) -> None:
    """The site requires a second factor."""
    settings.STAFF_SECOND_FACTOR = "required"
    # Else, where a time step of the codes ends between two lines of a test, the phone counts as late from then on.
    settings.OTP_TOTP_SYNC = False


@pytest.fixture
def ann(db) -> User:
    """A superuser with PASSWORD."""
    return User.objects.create_superuser("ann", password=PASSWORD)


def code_of_phone(user: User, later: int = 0) -> str:
    """The code that the app on the phone shows, `later` time steps ahead: each code works once."""
    phone = TOTPDevice.objects.get(user=user)
    return f"{totp(phone.bin_key, t0=-30 * later):06}"


def log_in(client: Client, name: str = "ann", to: str = "/admin/"):
    """Log in with PASSWORD; returns the page after all redirections."""
    return client.post(
        f"/admin/login/?next={to}", {"username": name, "password": PASSWORD, "next": to}, follow=True
    )


def send_code(client: Client, code: str, **more: str):
    """Send the form of the page for the second factor."""
    return client.post(PAGE, {"code": code, **more})


def secret_on(page) -> str:
    """The secret of the phone, as the page for its set-up shows it."""
    return html.fromstring(page.content.decode()).xpath("string(//code)").replace(" ", "")


def text_of(response) -> str:
    return " ".join(html.fromstring(response.content.decode()).text_content().split())


def enrol(client: Client, user: User) -> list[str]:
    """Log the user in and set up a phone; returns the back-up codes."""
    log_in(client, user.username)
    return re.findall(r"<code>([a-z2-7]{8})</code>", send_code(client, code_of_phone(user)).content.decode())


def wrong_code(code: str) -> str:
    """Another code than this one."""
    return f"{(int(code) + 1) % 1_000_000:06}"


def test_without_the_setting_the_password_is_enough(client, ann, settings):
    settings.STAFF_SECOND_FACTOR = "off"
    assert log_in(client).redirect_chain == [("/admin/", 302)]
    assert "Second factor" not in client.get("/admin/").content.decode()
    assert client.get(PAGE)["Location"] == "/admin/"
    assert not TOTPDevice.objects.exists()


def test_the_setting_accepts_only_off_and_required():
    assert start(**PRODUCTION | {"STAFF_SECOND_FACTOR": "required"}).returncode == 0
    assert "write off or required" in start(**PRODUCTION | {"STAFF_SECOND_FACTOR": "on"}).stderr


def test_with_the_password_alone_every_page_leads_to_the_set_up(client, ann):
    log_in(client)
    for name in ("index", "tracking_status_changelist", "auth_user_changelist", "password_change"):
        response = client.get(reverse(f"admin:{name}"), follow=True)
        assert response.redirect_chain[-1][0].startswith(PAGE), name
        assert "Connect your phone" in text_of(response)
    assert client.post(reverse("admin:tracking_notice_add"), {"title": "x"}).status_code == 302


def test_setting_up_a_phone_shows_the_back_up_codes_once(client, ann):
    page = log_in(client, to="/admin/tracking/status/")
    tree = html.fromstring(page.content.decode())
    assert len(tree.xpath("//*[@role='img']/*[local-name()='svg']")) == 1
    assert not tree.xpath("//@style | //style | //*[local-name()='svg']//script")
    assert policy_of(page) == POLICY and "no-store" in page["Cache-Control"]
    secret = secret_on(page)
    assert secret in TOTPDevice.objects.get().config_url
    assert secret_on(client.get(PAGE)) == secret
    done = send_code(client, code_of_phone(ann), next="/admin/tracking/status/")
    codes = re.findall(r"<code>([a-z2-7]{8})</code>", done.content.decode())
    assert len(set(codes)) == 10
    assert html.fromstring(done.content.decode()).xpath("//a[@class='button']/@href") == [
        "/admin/tracking/status/"
    ]
    assert client.get("/admin/tracking/status/").status_code == 200
    assert not any(code in client.get(PAGE).content.decode() for code in codes)
    assert LogEntry.objects.get().change_message == "Set up a second factor."


def test_a_thief_of_the_password_does_not_learn_the_phones_secret(client, ann):
    """A thief logs in first in two browsers and logs out of one. The owner connects her phone afterwards."""
    logged_out, logged_in = Client(), Client()
    stolen = [secret_on(log_in(logged_out)), secret_on(log_in(logged_in))]
    logged_out.logout()
    secret = secret_on(log_in(client))
    assert len({*stolen, secret}) == 3
    hers = TOTPDevice.objects.get(key=b32decode(secret).hex())
    send_code(client, f"{totp(hers.bin_key):06}")
    assert client.get("/admin/").status_code == 200
    assert TOTPDevice.objects.get() == hers
    log_in(logged_out)
    for thief in (logged_out, logged_in):
        for known in stolen:
            assert "not right" in text_of(send_code(thief, f"{totp(b32decode(known)):06}"))
            TOTPDevice.objects.update(throttling_failure_count=0)
        assert thief.get("/admin/").status_code == 302


def test_the_next_log_in_asks_for_the_code_of_the_phone(client, ann):
    enrol(client, ann)
    client.logout()
    page = log_in(client, to="/admin/tracking/status/")
    assert unquote(page.redirect_chain[-1][0]) == f"{PAGE}?next=/admin/tracking/status/"
    before = client.session.session_key
    code = code_of_phone(ann, later=1)
    response = send_code(client, f"{code[:3]} {code[3:]}", next="/admin/tracking/status/")
    assert response["Location"] == "/admin/tracking/status/"
    assert client.session.session_key != before
    assert client.get("/admin/tracking/status/").status_code == 200


def test_a_code_never_leads_to_another_site(client, ann):
    enrol(client, ann)
    client.logout()
    log_in(client)
    response = send_code(client, code_of_phone(ann, later=1), next="https://evil.example/")
    assert response["Location"] == "/admin/"


def test_a_code_works_once(client, ann):
    log_in(client)
    code = code_of_phone(ann)
    send_code(client, code)
    assert client.get("/admin/").status_code == 200
    other = Client()
    log_in(other)
    assert "not right, or it was used before" in text_of(send_code(other, code))
    assert other.get("/admin/").status_code == 302


def test_a_back_up_code_opens_the_desk_once(client, ann):
    code = enrol(client, ann)[0]
    client.logout()
    log_in(client)
    assert send_code(client, code.upper())["Location"] == "/admin/"
    assert "You have 9 back-up codes left" in text_of(client.get(PAGE))
    client.logout()
    log_in(client)
    assert "not right" in text_of(send_code(client, code))


def test_wrong_codes_lengthen_the_pause_across_log_ins(client, ann):
    enrol(client, ann)
    TOTPDevice.objects.update(throttling_failure_count=9)
    log_in(other := Client())
    assert "not right" in text_of(send_code(other, wrong_code(code_of_phone(ann, later=1))))
    log_in(other := Client())
    assert "please wait 9 minutes" in text_of(send_code(other, code_of_phone(ann, later=1)))
    assert other.get("/admin/").status_code == 302
    assert client.get("/admin/").status_code == 200  # an open session stays open


def test_the_pause_after_wrong_passwords_stays_the_same(client, ann):
    enrol(client, ann)
    client.logout()
    wrong_password = {"username": "ann", "password": "wrong"}
    answers = [client.post("/admin/login/", wrong_password).status_code for _ in range(5)]
    assert answers == [200, 200, 200, 200, 429]
    assert log_in(client).status_code == 429
    call_command("axes_reset", verbosity=0)
    assert "The code from your phone" in text_of(log_in(client))


@pytest.mark.django_db(transaction=True)
def test_of_eight_codes_at_once_one_is_checked(client):
    ann = User.objects.create_superuser("ann", password=PASSWORD)
    enrol(client, ann)
    client.logout()
    log_in(client)
    with time_machine.travel(timezone.now(), tick=False):  # no pause ends during the test
        right = code_of_phone(ann, later=1)

        def try_a_code() -> str:
            other = Client()
            other.cookies = client.cookies
            return text_of(send_code(other, wrong_code(right)))

        crowd = all_at_once([try_a_code] * 8)
        assert [one.failure for one in crowd] == [None] * 8
        assert TOTPDevice.objects.get().throttling_failure_count == 1
        assert "Too many wrong codes" in text_of(send_code(client, right))


@pytest.mark.parametrize("kind", [TOTPDevice, StaticDevice])
def test_a_clock_that_was_ahead_leaves_no_endless_pause(client, ann, kind):
    back_up = enrol(client, ann)
    client.logout()
    log_in(client)
    year = timezone.now() + timedelta(days=365)
    kind.objects.update(throttling_failure_timestamp=year, throttling_failure_count=3)
    right = code_of_phone(ann, later=1) if kind is TOTPDevice else back_up[0]
    assert send_code(client, right).status_code == 302


@pytest.mark.parametrize("code", ["1" * 41, "a" * 1_000_000])
def test_a_code_that_is_too_long_is_refused_before_it_is_compared(client, ann, code):
    enrol(client, ann)
    client.logout()
    log_in(client)
    page = send_code(client, code)
    assert page.status_code == 200 and "at most 40 characters" in text_of(page)
    assert not TOTPDevice.objects.get().throttling_failure_count
    assert not StaticDevice.objects.get().throttling_failure_count


def test_another_account_in_the_same_session_needs_its_own_phone(client, ann):
    enrol(client, ann)
    User.objects.create_superuser("bob", password=PASSWORD)
    assert "Connect your phone" in text_of(log_in(client, "bob"))


def test_a_colleagues_or_unconfirmed_phone_does_not_count(client, ann):
    enrol(Client(), ann)
    log_in(client, User.objects.create_superuser("bob", password=PASSWORD).username)
    client.get(PAGE)
    for phone in TOTPDevice.objects.all():
        session = client.session
        session[DEVICE_ID_SESSION_KEY] = phone.persistent_id
        session.save()
        assert client.get("/admin/").status_code == 302, phone


def test_the_page_lets_staff_log_out_and_refuses_others(client, ann):
    assert client.get(PAGE)["Location"] == "/admin/login/"
    log_in(client)
    assert client.post(PAGE, {"log_out": "1"})["Location"] == "/admin/login/"
    assert client.get(PAGE)["Location"] == "/admin/login/"
    client.force_login(User.objects.create_user("customer"), "django.contrib.auth.backends.ModelBackend")
    assert client.get(PAGE)["Location"] == "/admin/login/"


def test_new_back_up_codes_replace_the_old_ones(client, ann):
    old = enrol(client, ann)
    done = client.post(PAGE, {"new_codes": "1"})
    new = re.findall(r"<code>([a-z2-7]{8})</code>", done.content.decode())
    assert set(StaticToken.objects.values_list("token", flat=True)) == set(new)
    assert not set(old) & set(new)


def test_a_new_phone_replaces_the_old_one(client, ann):
    enrol(client, ann)
    old = TOTPDevice.objects.get().key
    assert "Connect your phone" in text_of(client.post(PAGE, {"new_phone": "1"}, follow=True))
    assert TOTPDevice.objects.get().key != old
    assert client.get("/admin/").status_code == 302
    send_code(client, code_of_phone(ann))
    assert client.get("/admin/").status_code == 200


def test_removing_a_second_factor_ends_open_sessions(client, ann):
    bob = User.objects.create_user("bob", password=PASSWORD, is_staff=True)
    bob.groups.add(Group.objects.get(name="Editors"))
    enrol(bobs := Client(), bob)
    enrol(client, ann)
    people = reverse("admin:auth_user_changelist")
    assert client.get(people).content.decode().count("icon-yes.svg") > 2
    chosen = {"action": "forget_phones", "_selected_action": [bob.pk]}
    said = client.post(people, chosen, follow=True)
    assert "The second factor was removed for bob." in text_of(said)
    assert not TOTPDevice.objects.filter(user=bob).exists() and not StaticDevice.objects.filter(user=bob)
    assert client.get("/admin/").status_code == 200
    assert LogEntry.objects.filter(object_id=bob.pk, change_message="Removed the second factor.").exists()
    assert "no user: none had one" in text_of(client.post(people, chosen, follow=True))
    assert bobs.get("/admin/").status_code == 302
    assert "Connect your phone" in text_of(bobs.get("/admin/", follow=True))


def test_an_editor_cannot_remove_a_second_factor(ann):
    bob = User.objects.create_user("bob", password=PASSWORD, is_staff=True)
    bob.groups.add(Group.objects.get(name="Editors"))
    enrol(bobs := Client(), bob)
    chosen = {"action": "forget_phones", "_selected_action": [ann.pk]}
    assert bobs.post(reverse("admin:auth_user_changelist"), chosen).status_code == 403


def test_the_operator_removes_a_second_factor_with_a_command(client, ann, capsys):
    enrol(client, ann)
    call_command("remove_second_factor", "ann")
    assert client.get("/admin/").status_code == 302
    call_command("remove_second_factor", "ann")
    assert capsys.readouterr().out.splitlines() == [
        "ann sets up a new second factor after the next log-in.",
        "ann has no second factor.",
    ]
    with pytest.raises(CommandError, match="No user is called 'zoe'"):
        call_command("remove_second_factor", "zoe")


def test_no_page_of_the_desk_shows_the_secret_of_a_phone(client, ann):
    enrol(client, ann)
    for address in ("otp_totp/totpdevice/", "otp_static/staticdevice/"):
        assert client.get(f"/admin/{address}").status_code == 404
    user = reverse("admin:auth_user_change", args=[ann.pk])
    assert TOTPDevice.objects.get().key not in client.get(user).content.decode()


def test_customers_pages_do_not_query_the_second_factor(client, ann):
    enrol(client, ann)
    second_factor_of = [TOTPDevice._meta.db_table, StaticDevice._meta.db_table]
    for address in ("/", "/examples/in-customs/", "/contact/"):
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
        assert not [one for one in queries.captured_queries if any(t in one["sql"] for t in second_factor_of)]
    with CaptureQueriesContext(connection) as queries:
        client.get("/admin/")
    # One query is for the page and one for its head.
    assert sum(TOTPDevice._meta.db_table in one["sql"] for one in queries.captured_queries) == 2
    assert second_factor.codes_left(ann) == 10
