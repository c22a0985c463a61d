"""The contact form while the store cannot be written: the customer reads what became of the message, and keeps it."""

import pytest
from django.core import mail
from lxml import html

from tests.support.trouble import commit_fails, full, locked, read_only
from tracking.models import Message

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sqlite]

LETTER = {
    "name": "Ann",
    "email": "ann@example.com",
    "number": "EM123456785JP",
    "text": "Where is my parcel? " * 240,  # more than a page of the file
    "to": "DE",
    "website": "",
}


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    """A write waits for a lock for an instant."""
    monkeypatch.setattr("tracking.public.contact.LOCK_WAIT", 0.01)


@pytest.fixture
def mail_works(settings, shop):
    settings.EMAIL_IS_SET_UP = True
    shop.email = "parcels@shop.example"
    shop.save()


def main_of(response):
    return html.fromstring(response.content.decode()).get_element_by_id("main")


@pytest.mark.parametrize(
    "trouble",
    [read_only, full, locked, lambda: commit_fails("INSERT ON tracking_message")],
    ids=["read-only", "full", "locked", "not-committed"],
)
def test_a_message_that_is_not_kept_stays_in_the_form(client, mail_works, trouble):
    with trouble():
        response = client.post("/contact/", LETTER)
    assert (response.status_code, response["Retry-After"]) == (503, "60")
    main = main_of(response)
    (alert,) = main.xpath(".//*[@role='alert']")
    assert "Your message was not kept" in alert.text_content()
    assert "or write to parcels@shop.example" in alert.text_content()
    (form,) = (one for one in main.forms if "email" in one.fields)
    typed = {name: (form.fields[name] or "").strip() for name in LETTER}
    assert typed == {name: text.strip() for name, text in LETTER.items()}
    assert not Message.objects.exists()
    assert mail.outbox == []
    assert client.post("/contact/", LETTER).status_code == 302


def test_without_an_address_of_the_shop_none_is_named(client, shop):
    shop.email = ""
    shop.save()
    with read_only():
        response = client.post("/contact/", LETTER)
    (alert,) = main_of(response).xpath(".//*[@role='alert']")
    assert alert.text_content().strip().endswith("Please send it again in a few minutes.")


def test_a_kept_message_has_its_receipt_even_if_mailed_is_not_noted(client, mail_works):
    with commit_fails("UPDATE OF mailed ON tracking_message"):
        response = client.post("/contact/", LETTER, follow=True)
    assert response.status_code == 200
    assert "Your message is with us" in main_of(response).text_content()
    assert len(mail.outbox) == 1
    assert not Message.objects.get().mailed
