"""`manage.py digest`: one mail a day while phrases wait for a meaning."""

import smtplib
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import CommandError, call_command
from django.urls import reverse

from tests.support.crowd import all_at_once
from tests.support.stories import NUMBER, POSTED, story
from tracking.fetching.alarms import Drift, raise_alarm
from tracking.fetching.lookup import look_up
from tracking.models import Alarm, Phrase, Status
from tracking.ops.digest import NotMailedError, send_digest

NOW = datetime(2026, 11, 20, 0, 0, tzinfo=UTC)  # nine in the morning in Japan
NEW = "Arrived at inward office of exchange"

pytestmark = pytest.mark.django_db(transaction=True)


class BrokenBackend(EmailBackend):
    """Fails to send any mail."""

    def send_messages(self, messages):
        raise smtplib.SMTPServerDisconnected("gone")


@pytest.fixture(autouse=True)
def mail_is_set_up(settings, shop):
    """The site can send mails, and the shop has both of its addresses."""
    settings.EMAIL_IS_SET_UP = True
    shop.email, shop.technical_email = "shop@shop.example", "tech@shop.example"
    shop.save()


@pytest.fixture
def waiting_phrase(standin):
    """A phrase of one parcel that has no meaning yet."""
    standin.set_item(NUMBER, story(POSTED, f"{NEW} @ GERMANY"))
    look_up(NUMBER, now=NOW - timedelta(hours=10))
    return Phrase.objects.unmapped().get()


def run(**options):
    """Run the command; returns what it prints."""
    out = StringIO()
    call_command("digest", stdout=out, **options)
    return out.getvalue()


def test_it_lists_waiting_phrases_with_suggestions_and_a_link(waiting_phrase, settings):
    settings.SITE_URL = "https://track.shop.example"
    assert send_digest(now=NOW)
    (sent,) = mail.outbox
    assert sent.to == ["shop@shop.example"]
    assert sent.subject == "1 phrase waits for a meaning"
    for words in (
        f"“{NEW}”\n  on 1 parcel, shown to customers now on 1\n",
        "first seen 19 November 2026, last seen 19 November 2026",
        "perhaps “Arrival at inward office of exchange”: very similar to",
        "https://track.shop.example/admin/tracking/phrase/",
    ):
        assert words in sent.body


def test_without_site_url_the_mail_names_the_inbox_in_words(waiting_phrase):
    send_digest(now=NOW)
    assert "in the admin of your tracking site, under Phrases" in mail.outbox[0].body
    assert "http" not in mail.outbox[0].body


def test_no_mail_is_sent_while_no_phrase_waits(settings):
    settings.EMAIL_IS_SET_UP = False
    assert run(verbosity=2) == ""
    assert run(dry_run=True) == "Nothing waits.\n"
    Phrase.objects.create(text="Both ways", ambiguous=True)
    Phrase.objects.create(text="Known", status=Status.objects.first())
    assert not send_digest(now=NOW)
    assert mail.outbox == [] and not Alarm.objects.exists()


def test_one_mail_is_sent_per_day_of_japans_calendar(waiting_phrase):
    last_second = NOW.replace(hour=14, minute=59, second=59)  # the last second before midnight in Japan
    assert [send_digest(now=moment) for moment in (NOW, NOW, last_second)] == [True, False, False]
    assert send_digest(now=last_second + timedelta(seconds=1))
    assert len(mail.outbox) == 2


def test_the_list_of_alarms_names_the_time_zone_of_each_day(waiting_phrase, admin_client):
    send_digest(now=NOW)
    Alarm.objects.create(kind="captcha", day=NOW.date(), claimed_at=NOW)
    for alarm, zone in zip(Alarm.objects.order_by("kind"), ("UTC", "Japan"), strict=True):
        for name, arguments in (("changelist", []), ("change", [alarm.pk])):
            page = admin_client.get(reverse(f"admin:tracking_alarm_{name}", args=arguments))
            assert f"{alarm.day} ({zone})" in page.content.decode()


def test_one_mail_is_sent_when_many_machines_run_it_at_once(waiting_phrase):
    runs = all_at_once([lambda: send_digest(now=NOW)] * 6)
    assert not [one.failure for one in runs if one.failure]
    assert sorted(one.result for one in runs) == [False] * 5 + [True]
    assert len(mail.outbox) == 1


def test_a_failed_mail_is_sent_again_at_the_next_run(waiting_phrase, settings):
    good, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, f"{__name__}.BrokenBackend"
    with pytest.raises(NotMailedError, match="SMTPServerDisconnected: gone"):
        send_digest(now=NOW)
    settings.EMAIL_BACKEND = good
    assert send_digest(now=NOW)
    assert not send_digest(now=NOW)
    assert len(mail.outbox) == 1


def test_a_run_that_crashed_while_mailing_is_repeated_after_an_hour(waiting_phrase):
    send_digest(now=NOW)
    Alarm.objects.update(mailed_at=None)
    assert not send_digest(now=NOW + timedelta(minutes=59))
    assert send_digest(now=NOW + timedelta(minutes=60))


def test_without_the_shops_address_the_technical_one_is_used(waiting_phrase, shop):
    shop.email = ""
    shop.save()
    send_digest(now=NOW)
    assert mail.outbox[0].to == ["tech@shop.example"]


def test_without_email_url_the_command_says_so_and_succeeds(waiting_phrase, settings):
    settings.EMAIL_IS_SET_UP = False
    assert run() == "Nothing was mailed: EMAIL_URL is not set. The inbox at the desk has what waits.\n"
    assert not Alarm.objects.exists()
    settings.EMAIL_IS_SET_UP = True
    assert run(verbosity=2) == "Mailed.\n"


def test_without_an_address_the_command_fails_and_can_run_again(waiting_phrase, shop):
    shop.email = shop.technical_email = ""
    shop.save()
    with pytest.raises(CommandError, match="no e-mail address"):
        run()
    shop.email = "shop@shop.example"
    shop.save()
    assert run(verbosity=2) == "Mailed.\n"


def test_a_dry_run_prints_the_mail_and_stores_nothing(waiting_phrase):
    said = run(dry_run=True)
    assert "To: shop@shop.example\nSubject: 1 phrase waits" in said and NEW in said
    assert mail.outbox == [] and not Alarm.objects.exists()


def test_one_mail_lists_the_newest_phrases_and_counts_the_rest():
    for minutes in range(120):
        Phrase.objects.create(text=f"New {minutes:03}", last_seen_at=NOW + timedelta(minutes=minutes))
    send_digest(now=NOW)
    body = mail.outbox[0].body
    assert body.index("New 119") < body.index("New 118") and "… and 70 more." in body
    assert "New 069" not in body


def test_the_digest_does_not_count_against_the_limit_of_alarms(waiting_phrase, settings):
    send_digest(now=NOW)
    settings.EMAIL_IS_SET_UP = False  # alarms are stored, but no thread mails them
    for count in range(12):
        raise_alarm(Drift(f"kind-{count}", "?"), number=NUMBER, html="", now=NOW)
    assert Alarm.objects.exclude(kind="new-phrases").count() == 10
    assert Alarm.objects.filter(kind="new-phrases", mailed_at=NOW).exists()
