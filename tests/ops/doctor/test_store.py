"""What the doctor says about the database, and about the jobs that have to run."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from tests.support.findings import NOW, found, text_of
from tests.support.stories import NUMBER, some_numbers
from tracking.fetching.alarms import DIGEST
from tracking.fetching.gate import current_gate
from tracking.models import (
    Alarm,
    Allowance,
    AskedBy,
    Fetch,
    Gate,
    Message,
    Phrase,
    Purpose,
    Shipment,
    Status,
    UsualWait,
)
from tracking.models.shipments import Outcome
from tracking.ops.backup import back_up
from tracking.ops.doctor import store
from tracking.public import visitors
from tracking.staff.access import groups

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.django_db(transaction=True)
def test_an_unapplied_migration_is_reported() -> None:
    assert not text_of("W201")
    newest = MigrationRecorder.Migration.objects.filter(app="tracking").latest("name")
    newest.delete()
    try:
        assert [one.msg for one in store.check_store(databases=["default"])] == [
            f"Migrations that are not applied: 1, the first is tracking.{newest.name}."
        ]
    finally:
        newest.save()


@pytest.mark.django_db(transaction=True)
def test_a_read_only_database_is_reported(shop) -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = ON")
        try:
            assert "Nothing can be written" in text_of("W203")
        finally:
            cursor.execute("PRAGMA query_only = OFF")
    assert not text_of("W203")


@pytest.mark.django_db
def test_a_shop_without_name_or_address_is_reported(shop) -> None:
    assert "The shop is still called" in text_of("W204")
    assert "The shop has no e-mail address of its own" in text_of("W205")
    assert "Japan Post's pages have changed" in text_of("W206")
    shop.name, shop.email = "Sakura", "shop@sakura.jp"
    shop.save()
    assert not text_of("W204") and not text_of("W205") and not text_of("W206")


@pytest.mark.django_db
def test_a_watch_that_stopped_or_is_too_slow_is_reported() -> None:
    parcel = Shipment.objects.create(number=NUMBER, registered_at=NOW, watch_at=NOW - 2 * HOUR)
    assert "has never asked. Parcels that have been due for more than an hour: 1." in text_of("W207")
    Fetch.objects.create(
        shipment=parcel,
        started_at=NOW - 2 * HOUR,
        milliseconds=1,
        outcome=Outcome.TRACKED,
        asked_by=AskedBy.WATCH,
    )
    assert "last asked on 2026-11-24 at 10:00 UTC" in text_of("W207")
    Fetch.objects.update(started_at=NOW)
    assert "cannot keep up" in text_of("W208") and not text_of("W207") and not text_of("I222")
    Shipment.objects.update(registered_at=None)
    assert "typed, and that have been due for more than an hour: 1." in text_of("I222")
    assert not text_of("W207") and not text_of("W208")
    Shipment.objects.update(watch_at=NOW - HOUR / 2)
    assert not text_of("W207") and not text_of("W208")


@pytest.mark.django_db
def test_a_late_watch_is_not_reported_during_a_pause() -> None:
    Shipment.objects.create(number=NUMBER, watch_at=NOW - 2 * HOUR)
    current_gate()
    Gate.objects.update(paused_until=NOW + HOUR)
    assert not text_of("W207") and not text_of("W208")


@pytest.mark.django_db
def test_missing_or_old_usual_waits_are_reported() -> None:
    assert not text_of("W209") and not text_of("I210")
    for number in some_numbers(20):
        Shipment.objects.create(number=number, story_at=NOW)
    assert "Nothing has been learnt" in text_of("I210") and not text_of("W209")
    UsualWait.objects.create(
        status=Status.objects.first(), parcels=20, median_days=1, nine_in_ten_days=2, learned_at=NOW - 4 * DAY
    )
    assert "last learnt on 2026-11-20" in text_of("W209")
    UsualWait.objects.update(learned_at=NOW - DAY)
    assert not text_of("W209")


@pytest.mark.django_db
def test_phrases_that_no_mail_has_named_for_days_are_reported(settings) -> None:
    settings.EMAIL_IS_SET_UP = True
    phrase = Phrase.objects.create(text="Something new", first_seen_at=NOW - DAY)
    assert not text_of("W211")
    Phrase.objects.filter(pk=phrase.pk).update(first_seen_at=NOW - 3 * DAY)
    assert "have waited for days, and no mail has named them to staff: 1." in text_of("W211")
    Alarm.objects.create(kind=DIGEST, day=(NOW - DAY).date(), claimed_at=NOW - DAY, mailed_at=NOW - DAY)
    assert not text_of("W211")


@pytest.mark.django_db
def test_without_email_url_only_the_missing_setting_is_reported(settings) -> None:
    settings.EMAIL_IS_SET_UP = False
    Phrase.objects.create(text="Something new", first_seen_at=NOW - 3 * DAY)
    assert not text_of("W211")
    assert "EMAIL_URL is missing" in text_of("W007")


@pytest.mark.django_db
def test_an_alarm_mail_that_failed_is_reported(settings) -> None:
    settings.EMAIL_IS_SET_UP = True
    Alarm.objects.create(kind="cut", day=NOW.date(), claimed_at=NOW - HOUR / 2)
    assert not text_of("W214")
    Alarm.objects.update(claimed_at=NOW - 2 * HOUR)
    assert "that did not leave in the last week: 1." in text_of("W214")
    Alarm.objects.update(mailed_at=NOW)
    assert not text_of("W214")


@pytest.mark.django_db
def test_a_clock_that_is_ahead_is_reported() -> None:
    current_gate()
    parcel = Shipment.objects.create(number=NUMBER)
    fetch = Fetch.objects.create(shipment=parcel, started_at=NOW, milliseconds=1, outcome=Outcome.TRACKED)
    Gate.objects.update(next_start_at=NOW + timedelta(seconds=1))
    assert not text_of("W215")
    Gate.objects.update(next_start_at=NOW + timedelta(seconds=30))
    assert "clock is wrong" in text_of("W215")
    Gate.objects.update(next_start_at=None)
    Fetch.objects.filter(pk=fetch.pk).update(started_at=NOW + timedelta(seconds=30))
    assert "clock is wrong" in text_of("W215")


@pytest.mark.django_db
def test_missing_staff_accounts_are_reported() -> None:
    assert "no superuser" in text_of("W216") and not text_of("W217")
    assert "no active members" in text_of("I218")
    owner = User.objects.create_superuser("ann")
    assert "The superuser ann has no password" in text_of("W217") and not text_of("W216")
    owner.set_password("a long password")
    owner.save()
    for name in (groups.EDITORS, groups.SUPPORT):
        lacking = [one.msg for one in store.check_store(databases=["default"])]
        assert f"The group {name} has no active members." in lacking
        member = User.objects.create_user(f"one of {name}", is_staff=True)
        member.groups.add(Group.objects.get(name=name))
    assert not text_of("W216") and not text_of("W217") and not text_of("I218")


@pytest.mark.django_db
def test_a_proxy_missing_from_trusted_proxies_is_reported(production, settings, client) -> None:
    settings.TRUSTED_PROXIES = 0
    Message.objects.create(email="a@b.jp", created_at=NOW, sender_key=visitors.key_of("192.0.2.1"))
    assert not text_of("W219")
    Message.objects.create(email="a@b.jp", created_at=NOW, sender_key=visitors.key_of("127.0.0.1"))
    assert "there is a proxy in front" in text_of("W219")
    Message.objects.all().delete()
    host = settings.ALLOWED_HOSTS[0]
    for address, is_here in (("192.0.2.1", False), ("::1", True), ("::ffff:127.0.0.1", True)):
        Allowance.objects.all().delete()
        client.get(f"/track/{NUMBER}.json?stored=1", REMOTE_ADDR=address, HTTP_HOST=host, secure=True)
        assert Allowance.objects.exists() and bool(text_of("W219")) == is_here
    settings.TRUSTED_PROXIES = 1
    assert not text_of("W219")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("purpose", "used"),
    [(Purpose.LOG_IN, 0), (Purpose.LOG_IN, 3), (Purpose.LOOK_UP, 0), (Purpose.MESSAGE, 0)],
)
def test_log_ins_and_uses_given_back_are_no_proxy(production, settings, purpose, used) -> None:
    settings.TRUSTED_PROXIES = 0
    key = visitors.key_of("127.0.0.1")
    Allowance.objects.create(purpose=purpose, key=key, window_start=NOW, used=used)
    assert not text_of("W219")


@pytest.mark.django_db
def test_old_sessions_are_reported() -> None:
    Session.objects.create(session_key="a", session_data="", expire_date=NOW - DAY)
    assert not text_of("I220")
    Session.objects.create(session_key="b", session_data="", expire_date=NOW - 31 * DAY)
    message = found("I220")
    assert message and message.msg.endswith("still stored: 1.")
    assert message.hint and "manage.py prune daily" in message.hint


@pytest.mark.django_db(transaction=True)  # SQLite copies no database inside a transaction
def test_an_old_or_missing_back_up_is_reported(settings, tmp_path: Path) -> None:
    settings.BACKUP_FOLDER = str(tmp_path / "backups")
    # A missing back-up is only a note: another machine may make them.
    assert "no back-up" in text_of("I212") and not text_of("W213")
    back_up(tmp_path / "backups", NOW - 5 * DAY)
    newer = back_up(tmp_path / "backups", NOW - 2 * DAY)
    (tmp_path / "backups" / "emsguide-notes.sqlite3").touch()
    assert not text_of("I212") and not text_of("W213")
    newer.unlink()
    assert "2026-11-19" in text_of("W213")


@pytest.mark.django_db
@pytest.mark.parametrize("last", [None, 5, 1])
def test_a_back_up_from_the_future_is_reported_and_not_the_newest(settings, tmp_path: Path, last) -> None:
    settings.BACKUP_FOLDER = str(tmp_path)
    for moment in [NOW + DAY] + ([NOW - last * DAY] if last else []):
        (tmp_path / f"emsguide-{moment:%Y%m%dT%H%M%S.%fZ}.sqlite3").touch()
    assert "dated in the future: 1, the first is emsguide-" in text_of("W221")
    assert bool(text_of("W213")) == (last == 5)
    assert not text_of("I212")
