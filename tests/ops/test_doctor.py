"""The doctor reports each problem, says what to do, and no longer reports it after the repair."""

import os
import re
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.core import checks
from django.core.checks import CheckMessage, run_checks
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from tests import PROJECT
from tests.support import processes
from tests.support.stories import NUMBER, some_numbers
from tracking import VERSION
from tracking.fetching.alarms import DIGEST
from tracking.fetching.gate import current_gate
from tracking.models import Alarm, AskedBy, Fetch, Gate, Message, Phrase, Shipment, Status, UsualWait
from tracking.models.shipments import Outcome
from tracking.ops import doctor
from tracking.ops.backup import back_up
from tracking.ops.doctor import configuration, machine, store
from tracking.public import visitors
from tracking.staff.access import groups

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


CHECK_OF_DIGIT = {"0": configuration.check_settings, "1": machine.check_machine, "2": store.check_store}


def found(number: str) -> CheckMessage | None:
    """The finding with this number; None where all is well. The first digit of the number names the check."""
    messages = {one.id: one for one in CHECK_OF_DIGIT[number[1]](databases=["default"])}
    assert all(one.hint for one in messages.values())
    return messages.get(f"emsguide.{number}")


def text_of(number: str) -> str:
    """The text of the finding; empty where all is well."""
    message = found(number)
    return message.msg if message else ""


@pytest.fixture(autouse=True)
def at_now(monkeypatch) -> None:
    """The clock of the site shows NOW."""
    monkeypatch.setattr(timezone, "now", lambda: NOW)


@pytest.fixture
def production(settings, monkeypatch) -> None:
    """The settings of a production site behind one proxy."""
    # Browser tests in the same process set this variable, and a check of Django reports it.
    monkeypatch.delenv("DJANGO_ALLOW_ASYNC_UNSAFE", raising=False)
    settings.DEBUG = False
    settings.SECRET_KEY = "9-Jx2_kQ8vLw0rTz5yB7nMc3dFg6hPs1aEi4uOoKjHlVbCXZqWt"
    settings.ALLOWED_HOSTS = ["track.shop.jp"]
    settings.SITE_URL = "https://track.shop.jp"
    settings.TRUSTED_PROXIES = 1


# Settings


def test_debug_is_reported(settings) -> None:
    settings.DEBUG = True
    assert "shows our code" in text_of("W001")
    settings.DEBUG = False
    assert not text_of("W001")


@pytest.mark.parametrize(
    "key", ["short", "x" * 60, "django-insecure-9-Jx2_kQ8vLw0rTz5yB7nMc3dFg6hPs1aEi4uOoKjHl"]
)
def test_a_guessable_secret_key_is_reported(production, settings, key: str) -> None:
    assert not text_of("W002")
    settings.SECRET_KEY = key
    assert "can be guessed" in text_of("W002")


def test_wrong_allowed_hosts_are_reported(production, settings) -> None:
    assert not text_of("W003") and not text_of("W004")
    settings.ALLOWED_HOSTS = ["*"]
    assert "every host" in text_of("W003")
    settings.ALLOWED_HOSTS = ["other.example"]
    assert "track.shop.jp, which ALLOWED_HOSTS does not have" in text_of("W004")
    settings.ALLOWED_HOSTS = [".shop.jp"]
    assert not text_of("W004")


def test_a_missing_or_insecure_site_url_is_reported(production, settings) -> None:
    assert not text_of("W005") and not text_of("W006")
    settings.SITE_URL = ""
    assert "is missing" in text_of("W005")
    settings.SITE_URL = "http://track.shop.jp"
    assert "staff cannot log in" in text_of("W006")


def test_missing_mail_settings_are_reported(settings) -> None:
    settings.EMAIL_IS_SET_UP = False
    assert "no alarm reaches staff" in text_of("W007")
    settings.EMAIL_IS_SET_UP = True
    assert "webmaster@localhost" in text_of("W008")
    settings.DEFAULT_FROM_EMAIL = "parcels@shop.jp"
    assert not text_of("W007") and not text_of("W008")


def test_https_without_a_proxy_is_a_note(production, settings) -> None:
    assert not text_of("I009")
    settings.TRUSTED_PROXIES = 0
    assert "count as one" in text_of("I009")


def test_a_settings_file_that_every_user_can_read_is_reported(settings, no_network, tmp_path: Path) -> None:
    file = settings.SETTINGS_FILE = tmp_path / ".env"
    assert not text_of("W101")
    file.touch(0o640)
    assert not text_of("W101")
    file.chmod(0o644)
    assert "Every user of this machine" in text_of("W101")


def test_missing_or_outdated_static_files_are_reported(
    production, settings, no_network, tmp_path: Path
) -> None:
    settings.BACKUP_FOLDER = str(tmp_path / "backups")
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
    }
    assert "every page fails" in text_of("W102")
    call_command("collectstatic", interactive=False, verbosity=0)
    assert not text_of("W102") and not text_of("W103")
    os.utime(settings.STATIC_ROOT / "staticfiles.json", (0, 0))
    assert "older than the program" in text_of("W103")


def test_developers_need_no_collected_static_files(settings, no_network, tmp_path: Path) -> None:
    settings.DEBUG, settings.STATIC_ROOT = True, tmp_path
    assert not text_of("W102")


def text_about(file: Path, mounts: str | None = None) -> str:
    """The text about an SQLite database at this path; empty where all is well. `mounts` as in /proc/self/mounts."""
    return " ".join(one.msg for one in machine.sqlite_place(file, mounts))


def test_a_database_in_a_temporary_folder_is_reported(tmp_path: Path) -> None:
    assert "a temporary folder" in text_about(tmp_path / "db.sqlite3")
    assert not text_about(Path("/usr/db.sqlite3"))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("ext4", ""),
        ("nfs4", "on a network (nfs4)"),
        ("fuse.sshfs", "on a network"),
        ("tmpfs", "a temporary folder"),
    ],
)
def test_a_database_on_an_unsuitable_file_system_is_reported(kind: str, words: str) -> None:
    mounts = f"/dev/sda1 / ext4 rw 0 0\nserver:/x /usr/share {kind} rw 0 0\nproc /proc proc rw 0 0\n"
    said = text_about(Path("/usr/share/db.sqlite3"), mounts)
    assert words in said and bool(words) == bool(said)
    assert not text_about(Path("/usr/db.sqlite3"), mounts)


def test_a_database_in_a_missing_folder_is_reported(tmp_path: Path) -> None:
    assert "is no folder" in text_about(tmp_path / "nowhere" / "db.sqlite3")


def test_a_cache_per_process_is_a_note_a_broken_one_is_wrong(settings, no_network) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    assert "memory of each process" in text_of("I108") and not text_of("W107")
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    assert "does not keep what it is given" in text_of("W107")


def test_an_unreachable_japan_post_is_reported(standin, settings) -> None:
    assert not text_of("W109")
    assert standin.requests == []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings.JAPANPOST_URL = f"http://127.0.0.1:{taken.getsockname()[1]}"
    assert "cannot be reached" in text_of("W109")


def test_a_japan_post_without_a_certificate_is_reported(standin, settings) -> None:
    settings.JAPANPOST_URL = standin.url.replace("http:", "https:")
    assert "cannot be reached" in text_of("W109")


# The database


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
    parcel = Shipment.objects.create(number=NUMBER, watch_at=NOW - 2 * HOUR)
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
    assert "cannot keep up" in text_of("W208") and not text_of("W207")
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
    settings.TRUSTED_PROXIES = 1
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


# The commands


def run_doctor(database: Path) -> subprocess.CompletedProcess[str]:
    """Run `manage.py doctor` on this database in a process of its own, as an operator does."""
    kept = {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": "production " * 6,
        "ALLOWED_HOSTS": "track.shop.jp",
        "DATABASE_URL": f"sqlite:///{database}",
        "JAPANPOST_URL": "http://127.0.0.1:9",
        "no_proxy": "*",
    }
    return processes.run(
        [sys.executable, "manage.py", "doctor"],
        cwd=PROJECT,
        env=kept,
        capture_output=True,
        text=True,
    )


def test_doctor_prints_what_is_wrong_first_and_exits_with_1(tmp_path: Path) -> None:
    done = run_doctor(tmp_path / "db.sqlite3")
    first, *lines = done.stdout.splitlines()
    assert first == f"emsguide {VERSION}"
    assert done.returncode == 1 and not done.stderr
    assert [line for line in lines if "Migrations that are not applied" in line]
    assert all(line[:5] in ("WRONG", "note ", "     ") for line in lines[:-1])
    kinds = [line[:5] for line in lines[:-1:2]]
    assert kinds == sorted(kinds, key="note ".__eq__)
    assert lines[-1] == f"{kinds.count('WRONG')} things are wrong."
    assert all(line.startswith("       → ") for line in lines[1:-1:2])


def test_without_a_database_doctor_reports_the_rest(tmp_path: Path) -> None:
    done = run_doctor(tmp_path / "nowhere" / "db.sqlite3")
    assert "The database does not answer (OperationalError)" in done.stdout
    assert "EMAIL_URL is missing" in done.stdout and "no active members" not in done.stdout
    assert done.returncode == 1


@pytest.mark.django_db
def test_doctor_reports_the_findings_of_django_too(production, settings, no_network, capsys) -> None:
    settings.SESSION_COOKIE_SECURE = False
    with pytest.raises(SystemExit, match="1"):
        call_command("doctor")
    said = capsys.readouterr().out
    assert "Django says (security.W010): You have" in said and "security.W008" not in said
    settings.DEBUG = True
    with pytest.raises(SystemExit, match="1"):
        call_command("doctor")
    assert "Django says" not in capsys.readouterr().out


def checked(**options: object) -> str:
    """Run `manage.py check`; returns what it prints."""
    out = StringIO()
    call_command("check", stdout=out, stderr=out, **options)
    return out.getvalue()


def ids_in(text: str) -> list[str]:
    """The ids of findings of the doctor, in the order of the text."""
    return re.findall(r"emsguide\.[A-Z][0-9]+", text)


@pytest.mark.django_db
def test_check_deploy_with_a_database_reports_the_same(production, settings, no_network) -> None:
    settings.SITE_URL, settings.SESSION_COOKIE_SECURE = "", False
    findings, output = doctor.findings(), checked(deploy=True, databases=["default"])
    assert {f"emsguide.{number}" for number in ("W005", "W109", "W204", "I218")} < set(ids_in(output))
    assert sorted(ids_in(output)) == sorted(one.id for one in findings if doctor.is_ours(one))
    assert "security.W010" in [one.id for one in findings]
    for one in findings:
        assert f"({one.id}) {one.msg}" in output and (one.hint or "") in output


def test_without_a_database_check_deploy_reads_settings_only(production, settings, no_network) -> None:
    settings.SITE_URL = ""
    ids = ids_in(checked(deploy=True))
    assert "emsguide.W005" in ids and {one[:-2] for one in ids} <= {"emsguide.W0", "emsguide.I0"}


def test_without_deploy_no_check_runs(production, settings, no_network) -> None:
    settings.SITE_URL = ""
    assert not [one for one in run_checks(databases=[]) if doctor.is_ours(one)]
    assert not ids_in(checked())


@pytest.mark.django_db
def test_a_finding_can_be_silenced_by_its_id(production, settings, no_network, capsys) -> None:
    silenced = {"emsguide.W109", "emsguide.W204"}
    assert silenced < {one.id for one in doctor.findings()}
    settings.SILENCED_SYSTEM_CHECKS = [*settings.SILENCED_SYSTEM_CHECKS, *silenced]
    assert not silenced & {one.id for one in doctor.findings()}
    assert not silenced & set(ids_in(checked(deploy=True, databases=["default"])))
    with pytest.raises(SystemExit):
        call_command("doctor")
    assert "Japan Post cannot be reached" not in capsys.readouterr().out


def test_the_deployment_guide_lists_every_id_once() -> None:
    code = "".join(file.read_text() for file in Path(doctor.__file__).parent.glob("*.py"))
    used = re.findall(r'id="(emsguide\.\w+)"', code)
    table = re.findall(r"^\| `(emsguide\.\w+)` \|", (PROJECT / "docs/deploying.md").read_text(), re.MULTILINE)
    assert table == sorted(used, key=lambda one: one[-3:]) and len(table) == len(set(table))


@pytest.mark.django_db
def test_a_correct_installation_has_nothing_wrong(
    production, settings, shop, standin, tmp_path: Path, capsys, monkeypatch
) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "parcels@shop.jp"
    settings.SECURE_HSTS_SECONDS, settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE = (
        3600,
        True,
        True,
    )
    settings.BACKUP_FOLDER = str(tmp_path / "backups")
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
    }
    call_command("collectstatic", interactive=False, verbosity=0)
    shop.name, shop.email = "Sakura", "shop@sakura.jp"
    shop.save()
    User.objects.create_superuser("ann", password="a long password")
    # The test database may be in a temporary folder, which the doctor would report.
    monkeypatch.setitem(connection.settings_dict, "NAME", "/usr/db.sqlite3")
    assert [one.msg for one in doctor.findings() if one.is_serious(checks.WARNING)] == []
    call_command("doctor")
    assert capsys.readouterr().out.endswith("All is well.\n")
