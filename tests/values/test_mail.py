"""The function that sends all mails: it sends, or it returns the error and logs the kind of the error."""

from django.core import mail
from django.core.mail import EmailMessage

from tracking.values.mail import NoRecipientsError, send


def mail_to(*to: str) -> EmailMessage:
    """A mail to these addresses."""
    return EmailMessage(subject="News", body="Nothing new.", to=list(to))


def test_a_sent_mail_has_no_error(caplog):
    assert send(mail_to("shop@shop.example"), name="the test") is None
    assert [sent.subject for sent in mail.outbox] == ["News"]
    assert caplog.records == []


def test_without_recipients_nothing_is_sent():
    assert isinstance(send(mail_to(), name="the test"), NoRecipientsError)
    assert mail.outbox == []


def test_an_error_is_returned_and_its_text_is_not_logged(settings, caplog):
    settings.EMAIL_BACKEND = "no.such.backend"
    error = send(mail_to("shop@shop.example"), name="the test")
    assert isinstance(error, ImportError)
    assert [record.getMessage() for record in caplog.records] == [
        "the test was not mailed: ModuleNotFoundError"
    ]
