"""Threats that concern more than one page: forms from other sites, redirections, shared caches, headers of mails."""

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.urls import reverse

from tests.support.stories import IN_CUSTOMS, NUMBER, POSTED, story
from tracking.models import Message, Notice


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["admin:tracking_notice_add", "admin:auth_user_add", "admin:logout"])
def test_a_form_from_another_site_changes_nothing_at_the_desk(name):
    client = Client(enforce_csrf_checks=True)
    ann = User.objects.create_superuser("ann")
    client.force_login(ann, "django.contrib.auth.backends.ModelBackend")
    sent = client.post(
        reverse(name), {"title": "x", "username": "eve"}, headers={"origin": "https://evil.example"}
    )
    assert sent.status_code == 403
    assert not Notice.objects.exists() and User.objects.count() == 1
    assert client.get("/admin/").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address",
    [
        f"/track/?number={NUMBER}&next=//evil.example",
        f"/track/https://evil.example/{NUMBER}",
        f"/track//evil.example/{NUMBER}",
        f"/services/srv/search/direct?reqCodeNo1={NUMBER}&to=//evil.example/",
        f"/services/srv/search/direct?reqCodeNo1={NUMBER}&reqCodeNo2=EN123456785JP&to=//evil.example",
    ],
)
def test_every_redirection_stays_on_the_site(client, address):
    response = client.get(address)
    assert response.status_code in (301, 302)
    assert response["Location"].startswith("/track/")
    assert not response["Location"].startswith("//")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_the_log_in_leads_to_no_other_site(client, wanted):
    User.objects.create_superuser("ann", password="correct horse 7 battery")
    form = {"username": "ann", "password": "correct horse 7 battery", "next": wanted}
    response = client.post(f"/admin/login/?next={wanted}", form)
    assert (response.status_code, response["Location"]) == (302, "/admin/")


def test_a_cached_page_names_only_the_requested_host(client, standin, settings, db):
    settings.ALLOWED_HOSTS = ["one.example", "two.example"]
    standin.set_item(NUMBER, story(POSTED, IN_CUSTOMS))
    for path in (f"/track/{NUMBER}/", "/"):
        for host in ("one.example", "two.example"):
            claim = {"x-forwarded-host": "evil.example"}
            page = client.get(path, headers={"host": host} | claim).content.decode()
            assert not any(other in page for other in {"one.example", "two.example", "evil.example"} - {host})


def test_no_shared_cache_keeps_a_parcel_and_no_page_sets_a_cookie(client, standin, db):
    standin.set_item(NUMBER, story(POSTED, IN_CUSTOMS))
    for path in (f"/track/{NUMBER}/", f"/track/{NUMBER}.json", f"/track/?number={NUMBER},EN123456785JP"):
        for _ in range(2):
            response = client.get(path)
            assert "private" in response["Cache-Control"] and "public" not in response["Cache-Control"]
            assert not response.cookies
    assert "no-store" in client.get("/contact/")["Cache-Control"]


def test_a_visitor_cannot_add_headers_to_the_mail_to_the_shop(client, settings, shop):
    settings.EMAIL_IS_SET_UP = True
    shop.email = "shop@example.com"
    shop.save()
    form = {"name": "Ann", "email": "ann@example.com", "number": "no number", "text": "Hello"}
    more = "\r\nBcc: victim@example.com"
    for field in ("name", "email", "number"):
        assert client.post("/contact/", form | {field: form[field] + more}).status_code == 400
    client.post("/contact/", form | {"number": NUMBER + more, "text": f"Hello{more}"})
    (sent,) = mail.outbox
    assert sent.recipients() == ["shop@example.com"]
    assert not {"Bcc", "bcc"} & set(sent.message()) and "\n" not in sent.subject
    assert Message.objects.count() == len(mail.outbox) == 1
