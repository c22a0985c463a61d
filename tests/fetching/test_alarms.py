"""An unreadable page is kept and mailed to the technical contact once, and look-ups do not suffer from it."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.urls import reverse

from tests.support.crowd import all_at_once, join
from tests.support.stories import AT_EXCHANGE, NUMBER, POSTED, some_numbers, story
from tracking.fetching.alarms import Drift, kind_of, raise_alarm
from tracking.fetching.lookup import look_up
from tracking.models import Alarm, KeptPage

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=16)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def mails(settings, shop):
    """A function that waits until all mails are sent and returns them. The shop has both addresses."""
    settings.EMAIL_IS_SET_UP = True
    shop.email, shop.technical_email = "shop@shop.example", "tech@shop.example"
    shop.save()

    def sent():
        join(thread for thread in threading.enumerate() if thread.name == "alarm")
        return mail.outbox

    return sent


def store_story(standin):
    """Look up NUMBER, so that its story of two rows is stored."""
    standin.set_item(NUMBER, story(POSTED, AT_EXCHANGE))
    look_up(NUMBER, now=NOW)


def test_an_unreadable_page_is_kept_with_its_reason_and_mailed(standin, mails):
    store_story(standin)
    standin.set_fault(NUMBER, "doubled-table")
    assert look_up(NUMBER, now=LATER).stale
    page = KeptPage.objects.get()
    assert (page.number, page.kind, page.kept_at) == (NUMBER, "two-tables", LATER)
    assert page.text.count("Posting/Collection") == 2
    (sent,) = mails()
    assert sent.to == ["tech@shop.example"]
    assert NUMBER in sent.body and page.reason in sent.body
    assert Alarm.objects.get().mailed_at == LATER


def test_without_a_technical_address_the_shops_one_is_used(standin, mails, shop):
    shop.technical_email = ""
    shop.save()
    raise_alarm(Drift("cut", "cut: …"), number=NUMBER, html="", now=NOW)
    assert mails()[0].to == ["shop@shop.example"]


def test_each_kind_is_mailed_once_a_day_even_from_many_threads(mails):
    def alarm():
        raise_alarm(Drift("cut", "cut: …"), number=NUMBER, html="x", now=NOW)

    assert not [come.failure for come in all_at_once([alarm] * 8) if come.failure]
    assert len(mails()) == 1
    raise_alarm(Drift("http", "HTTP 404"), number=NUMBER, html="x", now=NOW)
    raise_alarm(Drift("cut", "cut: …"), number=NUMBER, html="x", now=NOW + timedelta(days=1))
    assert len(mails()) == 3


def test_at_most_ten_mails_leave_on_one_day(mails):
    for count in range(30):
        raise_alarm(Drift(f"kind-{count}", "?"), number=NUMBER, html="", now=NOW)
    assert len(mails()) == 10


def test_a_mail_that_fails_is_tried_again_after_an_hour(standin, mails, settings):
    store_story(standin)
    standin.set_fault(NUMBER, "doubled-table")
    backend, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, "no.such.backend"
    assert look_up(NUMBER, now=LATER).stale
    assert mails() == []
    settings.EMAIL_BACKEND = backend
    look_up(NUMBER, now=LATER + timedelta(minutes=30))
    assert mails() == []
    look_up(NUMBER, now=LATER + timedelta(minutes=90))
    assert len(mails()) == 1


def test_a_slow_mail_server_does_not_delay_the_visitor(standin, mails, monkeypatch):
    store_story(standin)
    standin.set_fault(NUMBER, "doubled-table")
    sent = threading.Event()
    monkeypatch.setattr("django.core.mail.EmailMessage.send", lambda self: sent.wait(30))
    look_up(NUMBER, now=LATER)
    assert "alarm" in [thread.name for thread in threading.enumerate()]  # still sending
    sent.set()
    mails()


def test_without_mail_an_alarm_is_only_logged(standin, caplog):
    store_story(standin)
    standin.set_fault(NUMBER, "doubled-table")
    look_up(NUMBER, now=LATER)
    assert "was not mailed: " in caplog.text
    assert KeptPage.objects.count() == 1


def test_an_answer_without_a_page_keeps_the_reason(standin):
    store_story(standin)
    standin.set_fault(NUMBER, "wrong-encoding")
    look_up(NUMBER, now=LATER)
    page = KeptPage.objects.get()
    assert (page.kind, page.size, page.text) == ("not-utf", 0, "")


def test_a_story_that_vanishes_is_an_alarm_once(standin):
    store_story(standin)
    standin.clear()
    for minutes, fault in ((16, None), (32, "500"), (48, None)):
        standin.set_fault(NUMBER, fault or "slow-first-byte", seconds=0)
        assert look_up(NUMBER, now=NOW + timedelta(minutes=minutes)).no_longer_listed
    assert [page.kind for page in KeptPage.objects.all()] == ["story-vanished"]


def test_a_story_that_shrinks_is_an_alarm_once(standin):
    store_story(standin)
    standin.set_item(NUMBER, story(POSTED))
    for minutes in (16, 32):
        assert len(look_up(NUMBER, now=NOW + timedelta(minutes=minutes)).events) == 2
    page = KeptPage.objects.get()
    assert page.kind == "story-vanished" and "1 rows, we have 2" in page.reason


def test_a_story_forgotten_after_a_year_raises_no_alarm(standin):
    store_story(standin)
    standin.clear()
    assert look_up(NUMBER, now=NOW + timedelta(days=400)).no_longer_listed
    assert not KeptPage.objects.exists()


def test_the_newest_twenty_pages_are_kept_and_cut():
    for minutes, number in enumerate(some_numbers(25)):
        KeptPage.objects.keep(
            html="x" * 300_000, number=number, kind="cut", reason="", kept_at=NOW + timedelta(minutes=minutes)
        )
    assert [page.number for page in KeptPage.objects.all()] == some_numbers(25)[:4:-1]
    page = KeptPage.objects.first()
    assert (page.size, len(page.text)) == (300_000, 256 * 1024)


def test_staff_see_the_page_as_text(admin_client):
    html = "<script>alert(1)</script>"
    page = KeptPage.objects.keep(html=html, number=NUMBER, kind="cut", reason="cut: so", kept_at=NOW)
    shown = admin_client.get(reverse("admin:tracking_keptpage_change", args=[page.pk])).content.decode()
    assert html not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown and "cut: so" in shown


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("cut: the page ends in 'x'", "cut"),
        ("HTTP 404", "http"),
        ("not UTF-8: b'abc'", "not-utf"),
        ("2097153 bytes", "bytes"),
        ("<div> in a cell", "in-a-cell"),
        ("nothing happened at 11/09/2026 12:00, TOKYO", "nothing-happened-at"),
        ("two tables 履歴情報", "two-tables"),
        ("<a<b> in a cell", "a-in-a-cell"),
        ("<" * 500, "unexpected"),
        ("???", "unexpected"),
    ],
)
def test_a_kind_is_the_reason_without_its_particulars(reason, kind):
    assert kind_of(reason) == kind
