"""The contact form: it stores a message, then mails it, and never says that an unsent message was sent."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import OperationalError, connection
from django.db.models.signals import pre_save
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from lxml import html

from tests.support.crowd import all_at_once
from tests.support.stories import ARRIVED, NUMBER, POSTED, some_numbers, story
from tracking.models import Allowance, Message, Status, Wording
from tracking.public.forms import ContactForm

pytestmark = pytest.mark.django_db

LETTER = {"name": "Ann", "email": "ann@example.com", "number": NUMBER, "text": "Where is it?", "website": ""}


def text_of(response):
    return " ".join(
        html.fromstring(response.content.decode()).get_element_by_id("main").text_content().split()
    )


@pytest.fixture
def mail_works(settings, shop):
    settings.EMAIL_IS_SET_UP = True
    shop.email = "parcels@shop.example"
    shop.save()


def test_a_message_is_stored_and_mailed(client, mail_works):
    response = client.post("/contact/", LETTER, follow=True)
    message = Message.objects.get()
    assert (message.text, message.mailed) == ("Where is it?", True)
    assert "It was sent to our staff" in text_of(response)
    (letter,) = mail.outbox
    assert (letter.to, letter.reply_to) == (["parcels@shop.example"], ["ann@example.com"])
    assert NUMBER in letter.subject


def test_without_mail_the_page_says_kept_and_not_sent(client):
    response = client.post("/contact/", LETTER, follow=True)
    assert not Message.objects.get().mailed
    assert "kept for our staff" in text_of(response)
    assert "sent to" not in text_of(response)
    assert mail.outbox == []


def test_a_message_is_kept_when_the_mail_server_fails(client, mail_works, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    response = client.post("/contact/", LETTER, follow=True)
    assert response.status_code == 200
    assert not Message.objects.get().mailed
    assert "kept for our staff" in text_of(response)


@pytest.mark.parametrize(
    "pasted",
    [
        "ann@example.com\u202c",
        "ann@example.com\u200e",
        "\u202aann@example.com\u202c",
        "\u2066ann@exa\u200bmple.com\u2069",
        "ann\u00ad@example.com",
    ],
)
def test_invisible_characters_are_removed_from_a_pasted_address(client, mail_works, pasted):
    response = client.post("/contact/", LETTER | {"email": pasted}, follow=True)
    assert "It was sent to our staff" in text_of(response)
    assert Message.objects.get().email == "ann@example.com"
    assert mail.outbox[0].reply_to == ["ann@example.com"]


@pytest.mark.parametrize("host", ["ü" * 60 + ".de", "gmail.com。。", "exa\u3000mple.de", "exam\ufdd0ple.de"])
def test_an_impossible_mail_host_is_refused_and_stays_in_the_field(client, host):
    response = client.post("/contact/", LETTER | {"email": f"ann@{host}"})
    assert response.status_code == 400
    main = html.fromstring(response.content.decode()).get_element_by_id("main")
    error = main.get_element_by_id("id_email_error").text_content()
    assert error.startswith("No mail can be sent to what stands behind the @")
    assert main.get_element_by_id("id_email").get("value") == f"ann@{host}"
    assert not Message.objects.exists()


@pytest.mark.parametrize("address", ["ann@bücher.example", "ann@пример.рф"])
def test_a_host_in_other_letters_is_accepted(client, mail_works, address):
    response = client.post("/contact/", LETTER | {"email": address}, follow=True)
    assert "It was sent to our staff" in text_of(response)
    assert Message.objects.get().email == address


def test_a_mail_error_keeps_the_message_and_logs_no_address(client, mail_works, shop, caplog):
    shop.email = "parcels@" + "ü" * 60 + ".example"
    shop.save()
    response = client.post("/contact/", LETTER, follow=True)
    message = Message.objects.get()
    assert (response.status_code, message.mailed) == (200, False)
    assert "kept for our staff" in text_of(response)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "tracking.values.mail"]
    assert line == f"message {message.pk} was not mailed: UnicodeError"


def test_errors_are_shown_at_their_fields_and_the_input_is_kept(client):
    response = client.post("/contact/", LETTER | {"email": "not an address"})
    assert response.status_code == 400
    main = html.fromstring(response.content.decode()).get_element_by_id("main")
    field = main.get_element_by_id("id_email")
    assert field.get("aria-invalid") == "true"
    assert main.get_element_by_id("id_email_error").text_content().startswith("This does not look like")
    assert "id_email_error" in field.get("aria-describedby")
    assert main.get_element_by_id("id_text").text.strip() == "Where is it?"
    assert not Message.objects.exists()


def test_a_pasted_link_is_stored_as_its_number(client):
    pasted = f"https://trackings.post.japanpost.jp/services/srv/search/direct?reqCodeNo1={NUMBER}&locale=en"
    assert client.post("/contact/", LETTER | {"number": pasted}).status_code == 302
    assert client.post("/contact/", LETTER | {"number": "my parcel"}).status_code == 302
    assert set(Message.objects.values_list("number", flat=True)) == {NUMBER, "my parcel"}


def test_the_fields_have_no_maxlength(client):
    main = html.fromstring(client.get("/contact/").content.decode()).get_element_by_id("main")
    assert not main.xpath(".//*/@maxlength")


@pytest.mark.parametrize(
    ("field", "typed", "error"),
    [
        ("number", "no number " * 5, "Please write one tracking number here"),
        ("number", " ".join(some_numbers(4)), "Please write one tracking number here"),
        ("text", "a" * 5001, "Please write at most 5000 characters; these are 5001."),
        ("text", "\x00" + "a" * 5001, "Please write at most 5000 characters; these are 5002. Null"),
    ],
)
def test_input_that_is_too_long_is_refused_and_comes_back_whole(client, field, typed, error):
    response = client.post("/contact/", LETTER | {field: typed})
    page = response.content.decode()
    assert (response.status_code, page.count(f'id="id_{field}_error"')) == (400, 1)
    main = html.fromstring(page.replace("\x00", "")).get_element_by_id("main")
    assert main.get_element_by_id(f"id_{field}_error").text_content().startswith(error)
    shown = main.get_element_by_id(f"id_{field}")
    assert typed.strip("\x00 ") in (shown.get("value") or shown.text)
    assert not Message.objects.exists()


def text_of_length(field, length):
    """Return text of that length for the field; for `email` an address whose host has parts of a valid length."""
    if field != "email":
        return "a" * length
    host = ".".join(["a" * 60] * 3) + ".example"
    return "a" * (length - len(host) - 1) + "@" + host


@pytest.mark.parametrize("field", ["name", "email", "number", "text"])
def test_the_form_accepts_exactly_what_the_columns_hold(client, field):
    most = Message._meta.get_field(field).max_length or 5000
    assert client.post("/contact/", LETTER | {field: text_of_length(field, most)}).status_code == 302
    assert len(getattr(Message.objects.get(), field)) == most
    response = client.post("/contact/", LETTER | {field: text_of_length(field, most + 1)})
    assert response.status_code == 400
    main = html.fromstring(response.content.decode()).get_element_by_id("main")
    shown = main.get_element_by_id(f"id_{field}")
    assert len(shown.get("value") or shown.text.strip()) == most + 1
    assert main.get_element_by_id(f"id_{field}_error").text_content().startswith("Please write ")
    assert Message.objects.count() == 1


def test_a_message_with_long_text_in_the_trap_is_kept(client):
    assert client.post("/contact/", LETTER | {"website": "spam " * 100}).status_code == 302
    assert Message.objects.get().suspected_spam


def test_the_link_from_a_parcel_fills_in_the_known_facts(client, standin):
    standin.set_item(NUMBER, story(POSTED, ARRIVED))
    client.get(f"/track/{NUMBER}/")
    asked = len(standin.requests)
    text = text_of(client.get("/contact/", {"number": NUMBER}))
    assert f"Parcel: {NUMBER}" in text
    assert "Your parcel has arrived in Germany" in text
    assert "Country: Germany" in text
    assert "Days without news:" in text
    assert len(standin.requests) == asked


def test_the_link_keeps_a_destination_that_only_the_address_named(client, standin):
    standin.set_item(NUMBER, story(POSTED))
    page = html.fromstring(client.get(f"/track/{NUMBER}/", {"to": "fr"}).content.decode())
    links = set(page.get_element_by_id("main").xpath(".//a[starts-with(@href, '/contact/')]/@href"))
    assert links == {f"/contact/?number={NUMBER}&to=FR"}
    assert "Country: France" in text_of(client.get(links.pop()))


@pytest.mark.parametrize("hint", ["", "XX", "<b>", "\x00"])
def test_an_unknown_country_is_left_out_of_the_message(client, standin, hint):
    standin.set_item(NUMBER, story(POSTED))
    client.get(f"/track/{NUMBER}/")
    text = text_of(client.get("/contact/", {"number": NUMBER, "to": hint}))
    assert f"Parcel: {NUMBER}" in text and "Country:" not in text


def test_staff_see_what_the_page_said_at_the_time(client, standin):
    standin.set_item(NUMBER, story(POSTED, ARRIVED))
    client.get(f"/track/{NUMBER}/")
    client.post("/contact/", LETTER)
    assert "Step 3 of 5" in Message.objects.get().situation


def test_staff_see_it_with_a_destination_that_only_the_form_named(client, standin):
    standin.set_item(NUMBER, story(POSTED))
    client.get(f"/track/{NUMBER}/")
    status = Status.objects.get(phrases__text="Posting/Collection")
    Wording.objects.create(status=status, destination_id="FR", title="Off to France", meaning="It goes.")
    page = html.fromstring(client.get("/contact/", {"number": NUMBER, "to": "fr"}).content.decode())
    (form,) = (one for one in page.forms if "email" in one.fields)
    client.post("/contact/", LETTER | {"to": form.fields["to"]})
    assert Message.objects.get().situation.startswith("Off to France")


@pytest.mark.parametrize("hint", ["", "XX", "<b>", "\x00"])
def test_an_unknown_country_does_not_stop_the_message(client, standin, hint):
    standin.set_item(NUMBER, story(POSTED))
    client.get(f"/track/{NUMBER}/")
    client.post("/contact/", LETTER | {"to": hint})
    assert "Step 1 of 5" in Message.objects.get().situation


def test_the_trap_keeps_the_message_and_mails_nothing(client, mail_works):
    client.post("/contact/", LETTER | {"website": "https://spam.example"})
    assert Message.objects.get().suspected_spam
    assert mail.outbox == []
    assert not Message.objects.unanswered().exists()


def test_one_visitor_may_write_five_messages_an_hour(client, noon, monkeypatch):
    for _ in range(5):
        assert client.post("/contact/", LETTER).status_code == 302
    response = client.post("/contact/", LETTER)
    assert (response.status_code, response["Retry-After"]) == (429, "3600")
    assert "Where is it?" in text_of(response)
    assert Client(REMOTE_ADDR="203.0.113.9").post("/contact/", LETTER).status_code == 302
    in_an_hour = timezone.now() + timedelta(hours=1)
    monkeypatch.setattr(timezone, "now", lambda: in_an_hour)
    assert client.post("/contact/", LETTER).status_code == 302


@pytest.mark.parametrize("network", ["", "2001:db8:1:"], ids=["one-address", "network"])
def test_a_refused_message_writes_nothing(client, noon, network):
    for i in range(20):
        address = f"{network}{i // 4:x}::1" if network else "203.0.113.9"
        client.post("/contact/", LETTER, REMOTE_ADDR=address)
    before = list(Allowance.objects.order_by("pk").values())
    with CaptureQueriesContext(connection) as queries:
        for i in range(100, 103):
            address = f"{network}{i:x}::1" if network else "203.0.113.9"
            assert client.post("/contact/", LETTER, REMOTE_ADDR=address).status_code == 429
    written = [
        one["sql"] for one in queries if one["sql"].startswith(("INSERT", "UPDATE", "DELETE", "SAVEPOINT"))
    ]
    assert written == [] and list(Allowance.objects.order_by("pk").values()) == before


@pytest.mark.django_db(transaction=True)
def test_of_thirty_messages_at_once_five_are_taken(noon):
    crowd = all_at_once([lambda: Client().post("/contact/", LETTER).status_code] * 30)
    assert sorted(one.result for one in crowd) == [302] * 5 + [429] * 25
    assert Message.objects.count() == 5


def test_what_is_not_stored_is_not_counted(client, noon):
    def refuse(**_):
        raise OperationalError("disk I/O error")

    for _ in range(6):
        assert client.post("/contact/", LETTER | {"email": "not an address"}).status_code == 400
    pre_save.connect(refuse, sender=Message)
    try:
        for _ in range(6):
            assert client.post("/contact/", LETTER).status_code == 503
    finally:
        pre_save.disconnect(refuse, sender=Message)
    assert [client.post("/contact/", LETTER).status_code for _ in range(6)] == [302] * 5 + [429]


@pytest.fixture
def once_ahead(client, monkeypatch):
    """The last answer to five messages sent while the clock was a year ahead. Now it is right again."""
    year = timezone.now() + timedelta(days=365)
    with monkeypatch.context() as wrong:
        wrong.setattr(timezone, "now", lambda: year)
        return [client.post("/contact/", LETTER) for _ in range(5)][-1]


def test_a_clock_that_was_ahead_does_not_shut_the_form(client, once_ahead):
    assert client.post("/contact/", LETTER).status_code == 302


def test_a_receipt_from_a_clock_that_was_ahead_is_not_shown(client, once_ahead):
    page = client.get(once_ahead["Location"])
    assert page.status_code == 200 and "Your message is with us" not in text_of(page)


def test_a_forged_forwarded_address_is_ignored(client, noon):
    for i in range(6):
        response = client.post("/contact/", LETTER, headers={"x-forwarded-for": f"203.0.113.{i}"})
    assert response.status_code == 429


def test_behind_a_proxy_the_address_it_adds_counts(client, settings):
    settings.TRUSTED_PROXIES = 1
    for i in range(6):
        response = client.post("/contact/", LETTER, headers={"x-forwarded-for": f"spoofed, 203.0.113.{i}"})
    assert response.status_code == 302
    assert "203.0.113" not in "".join(Message.objects.values_list("sender_key", flat=True))


def test_a_forged_receipt_shows_no_confirmation(client):
    assert "Your message is with us" not in text_of(client.get("/contact/", {"receipt": "forged"}))


def test_without_its_cookie_the_form_is_refused_with_an_explanation():
    response = Client(enforce_csrf_checks=True).post(
        "/contact/", LETTER | {"text": "Please </textarea> help"}
    )
    assert response.status_code == 403
    assert "cookie" in text_of(response)
    assert "Please </textarea> help" in text_of(response), "the page shows the visitor's text again"


def test_text_posted_by_another_site_is_not_shown():
    strict = Client(enforce_csrf_checks=True, headers={"origin": "https://elsewhere.example"})
    response = strict.post("/contact/", LETTER | {"text": "Send your card's number to us"})
    assert response.status_code == 403
    assert "card's number" not in text_of(response)


@pytest.mark.parametrize("field", ["name", "email", "number", "text"])
def test_nul_characters_are_refused(client, field):
    assert client.post("/contact/", LETTER | {field: "a\x00b"}).status_code == 400


@pytest.mark.parametrize("sign", ["\n", "\r\n", "\x1b", "\u2028"])
@pytest.mark.parametrize("field", ["name", "number", "email"])
def test_a_field_of_one_line_takes_no_line_end(field, sign):
    typed = {"name": "Ann", "email": "ann@example.com", "number": "my order", "text": "Where?"}
    typed[field] = {"email": f'"a{sign}b"@example.com'}.get(field, f"one{sign}two")
    form = ContactForm(typed)
    assert not form.is_valid() and set(form.errors) == {field}


@pytest.mark.parametrize("field", ["name", "number", "email"])
def test_a_field_of_one_line_has_a_limit(field):
    typed = {
        "name": "Ann",
        "email": "ann@example.com",
        "text": "Where?",
        field: "x" * 100_000 + "@example.com",
    }
    assert set(ContactForm(typed).errors) == {field}


# Work is bounded by length before anything else


@pytest.mark.parametrize("field", ["name", "email", "number", "text", "to", "website"])
def test_a_field_of_megabytes_is_not_looked_at_and_comes_back_cut(client, monkeypatch, field):
    monkeypatch.setattr(
        "tracking.public.forms.has_control_characters", lambda text: len(text) > 20_000 and 1 / 0
    )
    monkeypatch.setattr(
        "tracking.public.forms.unicodedata.category", lambda sign: "Cf" if sign == "'" else "Ll"
    )
    typed = "'" * 2_000_000 + "@example.com"
    response = client.post("/contact/", LETTER | {field: typed})
    assert response.status_code == 400 and len(response.content) < 150_000
    main = html.fromstring(response.content.decode()).get_element_by_id("main")
    shown = main.get_element_by_id(f"id_{field}")
    assert (shown.get("value") or shown.text or "").strip() == "'" * 20_000
    if field in ("name", "email", "number", "text"):
        assert "2000012" in main.get_element_by_id(f"id_{field}_error").text_content()
    assert not Message.objects.exists()


@pytest.mark.parametrize("sign", ["'", "a"])
def test_a_form_without_its_cookie_shows_what_a_message_can_hold(sign):
    response = Client(enforce_csrf_checks=True).post("/contact/", {"text": sign * 2_000_000})
    main = html.fromstring(response.content.decode()).get_element_by_id("main")
    assert response.status_code == 403 and main.get_element_by_id("written").text == sign * 5000
