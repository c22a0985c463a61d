"""The one sender of mails: a mail is sent, or the caller gets the error and the log its kind."""

from django.core import mail
from django.core.mail import EmailMessage

from tracking.values.mail import NoRecipientsError, send


def letter(*to: str) -> EmailMessage:
    return EmailMessage(subject="News", body="Nothing new.", to=list(to))


def test_a_sent_mail_has_no_error(caplog):
    assert send(letter("shop@shop.example"), name="the test") is None
    assert [one.subject for one in mail.outbox] == ["News"]
    assert caplog.records == []


def test_without_recipients_nothing_is_sent():
    assert isinstance(send(letter(), name="the test"), NoRecipientsError)
    assert mail.outbox == []


def test_an_error_is_returned_and_its_text_is_not_logged(settings, caplog):
    settings.EMAIL_BACKEND = "no.such.backend"
    error = send(letter("shop@shop.example"), name="the test")
    assert isinstance(error, ImportError)
    assert [record.getMessage() for record in caplog.records] == [
        "the test was not mailed: ModuleNotFoundError"
    ]
