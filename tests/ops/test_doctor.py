"""The doctor: each thing that can be wrong is found, said in words with a remedy, and gone when it is mended."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from tests import PROJECT
from tests.support import processes
from tests.support.stories import NUMBER, some_numbers
from tracking.fetching.alarms import DIGEST
from tracking.fetching.gate import current_gate
from tracking.models import Alarm, AskedBy, Fetch, Gate, Message, Phrase, Shipment, Status, UsualWait
from tracking.models.shipments import Outcome
from tracking.ops.backup import back_up
from tracking.ops.doctor import configuration, examine, store
from tracking.ops.doctor.finding import Finding
from tracking.public import visitors
from tracking.staff.access import groups

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def told(found: Iterator[Finding]) -> str:
    """The one finding's words; empty where there is none. What is wrong has a remedy."""
    findings = list(found)
    assert len(findings) < 2 and all(one.remedy for one in findings)
    return findings[0].what if findings else ""


@pytest.fixture
def production(settings, monkeypatch) -> None:
    # Tests with a browser in the same process set it, and Django finds it.
    monkeypatch.delenv("DJANGO_ALLOW_ASYNC_UNSAFE", raising=False)
    settings.DEBUG = False
    settings.SECRET_KEY = "9-Jx2_kQ8vLw0rTz5yB7nMc3dFg6hPs1aEi4uOoKjHlVbCXZqWt"
    settings.ALLOWED_HOSTS = ["track.shop.jp"]
    settings.SITE_URL = "https://track.shop.jp"
    settings.TRUSTED_PROXIES = 1


# Settings


def test_debug(settings) -> None:
    settings.DEBUG = True
    assert "reads our code" in told(configuration.debug())
    settings.DEBUG = False
    assert not told(configuration.debug())


@pytest.mark.parametrize(
    "key", ["short", "x" * 60, "django-insecure-9-Jx2_kQ8vLw0rTz5yB7nMc3dFg6hPs1aEi4uOoKjHl"]
)
def test_a_secret_key_that_can_be_guessed(production, settings, key: str) -> None:
    assert not told(configuration.secret_key())
    settings.SECRET_KEY = key
    assert "can be guessed" in told(configuration.secret_key())


def test_hosts_that_allow_all_or_lack_the_sites_own(production, settings) -> None:
    assert not told(configuration.hosts())
    settings.ALLOWED_HOSTS = ["*"]
    assert "every host" in told(configuration.hosts())
    settings.ALLOWED_HOSTS = ["other.example"]
    assert "track.shop.jp, which ALLOWED_HOSTS does not have" in told(configuration.hosts())
    settings.ALLOWED_HOSTS = [".shop.jp"]
    assert not told(configuration.hosts())


def test_the_sites_address_is_missing_or_not_safe(production, settings) -> None:
    assert not told(configuration.site_url())
    settings.SITE_URL = ""
    assert "is missing" in told(configuration.site_url())
    settings.SITE_URL = "http://track.shop.jp"
    assert "nobody can log in" in told(configuration.site_url())


def test_mail_is_not_set_up_or_comes_from_nowhere(settings) -> None:
    settings.EMAIL_IS_SET_UP = False
    assert "no alarm reaches anybody" in told(configuration.mail())
    settings.EMAIL_IS_SET_UP = True
    assert "webmaster@localhost" in told(configuration.mail())
    settings.DEFAULT_FROM_EMAIL = "parcels@shop.jp"
    assert not told(configuration.mail())


def test_https_without_a_proxy_is_good_to_know(production, settings) -> None:
    assert not told(configuration.proxies())
    settings.TRUSTED_PROXIES = 0
    (finding,) = configuration.proxies()
    assert "count as one" in finding.what and not finding.is_wrong


def test_secrets_that_everybody_can_read(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    assert not told(configuration.env_file(file))
    file.touch(0o640)
    assert not told(configuration.env_file(file))
    file.chmod(0o644)
    assert "Everybody on this machine" in told(configuration.env_file(file))


def test_static_files_are_missing_or_older_than_the_program(production, settings, tmp_path: Path) -> None:
    settings.BACKUP_FOLDER = str(tmp_path / "backups")
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
    }
    assert "every page fails" in told(configuration.static_files())
    call_command("collectstatic", interactive=False, verbosity=0)
    assert not told(configuration.static_files())
    os.utime(settings.STATIC_ROOT / "staticfiles.json", (0, 0))
    assert "older than the program" in told(configuration.static_files())


def test_while_developing_nobody_collects_static_files(settings, tmp_path: Path) -> None:
    settings.DEBUG, settings.STATIC_ROOT = True, tmp_path
    assert not told(configuration.static_files())


def test_a_database_in_a_temporary_folder(tmp_path: Path) -> None:
    assert "a temporary folder" in told(configuration.sqlite_place(tmp_path / "db.sqlite3"))
    assert not told(configuration.sqlite_place(Path("/usr/db.sqlite3")))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("ext4", ""),
        ("nfs4", "on a network (nfs4)"),
        ("fuse.sshfs", "on a network"),
        ("tmpfs", "a temporary folder"),
    ],
)
def test_a_database_on_a_file_system_that_does_not_do(kind: str, words: str) -> None:
    mounts = f"/dev/sda1 / ext4 rw 0 0\nserver:/x /usr/share {kind} rw 0 0\nproc /proc proc rw 0 0\n"
    found = told(configuration.sqlite_place(Path("/usr/share/db.sqlite3"), mounts))
    assert words in found and bool(words) == bool(found)
    assert not told(configuration.sqlite_place(Path("/usr/db.sqlite3"), mounts))


def test_a_database_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert "is no folder" in told(configuration.sqlite_place(tmp_path / "nowhere" / "db.sqlite3"))


def test_the_memory_of_a_process_as_cache_is_good_to_know_and_a_broken_one_is_wrong(settings) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    (finding,) = configuration.cache()
    assert "memory of each process" in finding.what and not finding.is_wrong
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    assert "does not keep what it is given" in told(configuration.cache())


def test_what_django_finds_is_passed_on(production, settings) -> None:
    settings.SECURE_HSTS_SECONDS, settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE = (
        3600,
        True,
        True,
    )
    assert not told(configuration.django_finds())
    settings.SESSION_COOKIE_SECURE = False
    assert "Django says (security.W010)" in told(configuration.django_finds())


def test_japan_post_can_or_cannot_be_reached(standin, settings) -> None:
    assert not told(configuration.japan_post())
    assert standin.requests == []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings.JAPANPOST_URL = f"http://127.0.0.1:{taken.getsockname()[1]}"
    assert "cannot be reached" in told(configuration.japan_post())


def test_a_japan_post_without_a_certificate_is_not_reached(standin, settings) -> None:
    settings.JAPANPOST_URL = standin.url.replace("http:", "https:")
    assert "cannot be reached" in told(configuration.japan_post())


# The database


@pytest.mark.django_db(transaction=True)
def test_a_migration_that_is_not_applied() -> None:
    assert not told(store.obstacles())
    newest = MigrationRecorder.Migration.objects.filter(app="tracking").latest("name")
    newest.delete()
    try:
        assert (
            told(store.obstacles())
            == f"Migrations that are not applied: 1, the first is tracking.{newest.name}."
        )
    finally:
        newest.save()


@pytest.mark.django_db(transaction=True)
def test_a_database_that_can_only_be_read(shop) -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = ON")
        try:
            assert "Nothing can be written" in told(store.obstacles())
        finally:
            cursor.execute("PRAGMA query_only = OFF")
    assert not told(store.obstacles())


@pytest.mark.django_db
def test_the_shop_has_neither_name_nor_address(shop) -> None:
    assert [one.what.partition(":")[0].partition("“")[0].strip() for one in store.shop(NOW)] == [
        "The shop is still called",
        "The shop has no e-mail address of its own",
        "Nobody hears when Japan Post's pages change.",
    ]
    shop.name, shop.email = "Sakura", "shop@sakura.jp"
    shop.save()
    assert not told(store.shop(NOW))


@pytest.mark.django_db
def test_the_watch_has_stopped_or_cannot_keep_up() -> None:
    parcel = Shipment.objects.create(number=NUMBER, watch_at=NOW - 2 * HOUR)
    assert "has asked nobody yet. Parcels that have been due for more than an hour: 1." in told(
        store.watch(NOW)
    )
    Fetch.objects.create(
        shipment=parcel,
        started_at=NOW - 2 * HOUR,
        milliseconds=1,
        outcome=Outcome.TRACKED,
        asked_by=AskedBy.WATCH,
    )
    assert "last asked on 2026-11-24 at 10:00 UTC" in told(store.watch(NOW))
    Fetch.objects.update(started_at=NOW)
    assert "cannot keep up" in told(store.watch(NOW))
    Shipment.objects.update(watch_at=NOW - HOUR / 2)
    assert not told(store.watch(NOW))


@pytest.mark.django_db
def test_while_japan_post_is_not_asked_the_watch_is_not_blamed() -> None:
    Shipment.objects.create(number=NUMBER, watch_at=NOW - 2 * HOUR)
    current_gate()
    Gate.objects.update(paused_until=NOW + HOUR)
    assert not told(store.watch(NOW))


@pytest.mark.django_db
def test_nothing_is_learnt_any_more_or_never_was() -> None:
    assert not told(store.learn(NOW))
    for number in some_numbers(20):
        Shipment.objects.create(number=number, story_at=NOW)
    (finding,) = store.learn(NOW)
    assert "Nothing has been learnt" in finding.what and not finding.is_wrong
    UsualWait.objects.create(
        status=Status.objects.first(), parcels=20, median_days=1, nine_in_ten_days=2, learned_at=NOW - 4 * DAY
    )
    assert "last learnt on 2026-11-20" in told(store.learn(NOW))
    UsualWait.objects.update(learned_at=NOW - DAY)
    assert not told(store.learn(NOW))


@pytest.mark.django_db
def test_phrases_wait_and_nobody_is_told(settings) -> None:
    settings.EMAIL_IS_SET_UP = True
    phrase = Phrase.objects.create(text="Something new", first_seen_at=NOW - DAY)
    assert not told(store.digest(NOW))
    Phrase.objects.filter(pk=phrase.pk).update(first_seen_at=NOW - 3 * DAY)
    assert "Phrases have waited for days, and no mail has told anybody: 1." in told(store.digest(NOW))
    Alarm.objects.create(kind=DIGEST, day=(NOW - DAY).date(), claimed_at=NOW - DAY, mailed_at=NOW - DAY)
    assert not told(store.digest(NOW))


@pytest.mark.django_db
def test_without_mail_phrases_wait_for_no_mail(settings) -> None:
    settings.EMAIL_IS_SET_UP = False
    Phrase.objects.create(text="Something new", first_seen_at=NOW - 3 * DAY)
    assert not told(store.digest(NOW))
    assert "EMAIL_URL is missing" in told(configuration.mail())


@pytest.mark.django_db
def test_a_mail_that_did_not_leave(settings) -> None:
    settings.EMAIL_IS_SET_UP = True
    Alarm.objects.create(kind="cut", day=NOW.date(), claimed_at=NOW - HOUR / 2)
    assert not told(store.mails(NOW))
    Alarm.objects.update(claimed_at=NOW - 2 * HOUR)
    assert "that did not leave in the last week: 1." in told(store.mails(NOW))
    Alarm.objects.update(mailed_at=NOW)
    assert not told(store.mails(NOW))


@pytest.mark.django_db
def test_a_clock_that_is_ahead() -> None:
    current_gate()
    parcel = Shipment.objects.create(number=NUMBER)
    fetch = Fetch.objects.create(shipment=parcel, started_at=NOW, milliseconds=1, outcome=Outcome.TRACKED)
    Gate.objects.update(next_start_at=NOW + timedelta(seconds=1))
    assert not told(store.clocks(NOW))
    Gate.objects.update(next_start_at=NOW + timedelta(seconds=30))
    assert "clock is wrong" in told(store.clocks(NOW))
    Gate.objects.update(next_start_at=None)
    Fetch.objects.filter(pk=fetch.pk).update(started_at=NOW + timedelta(seconds=30))
    assert "clock is wrong" in told(store.clocks(NOW))


@pytest.mark.django_db
def test_nobody_at_the_desk() -> None:
    assert [one.is_wrong for one in store.people(NOW)] == [True, False, False]
    owner = User.objects.create_superuser("ann")
    assert "The superuser ann has no password" in next(store.people(NOW)).what
    owner.set_password("a long password")
    owner.save()
    for name in (groups.EDITORS, groups.SUPPORT):
        assert f"Nobody is in the group {name}" in " ".join(one.what for one in store.people(NOW))
        member = User.objects.create_user(f"one of {name}", is_staff=True)
        member.groups.add(Group.objects.get(name=name))
    assert not told(store.people(NOW))


@pytest.mark.django_db
def test_visitors_that_seem_to_come_from_this_machine(production, settings, client) -> None:
    settings.TRUSTED_PROXIES = 0
    Message.objects.create(email="a@b.jp", created_at=NOW, sender_key=visitors.key_of("192.0.2.1"))
    assert not told(store.addresses(NOW))
    Message.objects.create(email="a@b.jp", created_at=NOW, sender_key=visitors.key_of("127.0.0.1"))
    assert "a proxy stands in front" in told(store.addresses(NOW))
    settings.TRUSTED_PROXIES = 1
    assert not told(store.addresses(NOW))


@pytest.mark.django_db
def test_old_log_ins_that_nobody_clears() -> None:
    Session.objects.create(session_key="a", session_data="", expire_date=NOW - DAY)
    assert not told(store.sessions(NOW))
    Session.objects.create(session_key="b", session_data="", expire_date=NOW - 31 * DAY)
    (finding,) = store.sessions(NOW)
    assert finding.what.endswith("still stored: 1.") and not finding.is_wrong
    assert "manage.py prune daily" in finding.remedy


@pytest.mark.django_db(transaction=True)  # SQLite copies nothing inside one
def test_a_back_up_that_is_days_old_and_none_at_all(settings, tmp_path: Path) -> None:
    settings.BACKUP_FOLDER = str(tmp_path / "backups")
    (finding,) = store.backups(NOW)
    assert "no back-up" in finding.what and not finding.is_wrong  # another machine may make them
    back_up(tmp_path / "backups", NOW - 5 * DAY)
    newer = back_up(tmp_path / "backups", NOW - 2 * DAY)
    (tmp_path / "backups" / "emsguide-notes.sqlite3").touch()
    assert not told(store.backups(NOW))
    newer.unlink()
    assert "2026-11-19" in told(store.backups(NOW))
    (finding,) = store.backups(NOW)
    assert finding.is_wrong


# The command


def doctor(database: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """As an operator runs it, in a process of its own."""
    kept = {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": "production " * 6,
        "ALLOWED_HOSTS": "track.shop.jp",
        "DATABASE_URL": f"sqlite:///{database}",
        "JAPANPOST_URL": "http://127.0.0.1:9",
        "no_proxy": "*",
    }
    command = [sys.executable, "manage.py", "doctor"]
    return processes.run(command, cwd=PROJECT, env=kept | environment, capture_output=True, text=True)


def test_it_says_each_with_its_remedy_the_wrong_ones_first_and_ends_with_1(tmp_path: Path) -> None:
    done = doctor(tmp_path / "db.sqlite3")
    lines = done.stdout.splitlines()
    assert done.returncode == 1 and not done.stderr
    assert [line for line in lines if "Migrations that are not applied" in line]
    assert all(line[:5] in ("WRONG", "note ", "     ") for line in lines[:-1])
    kinds = [line[:5] for line in lines[:-1:2]]
    assert kinds == sorted(kinds, key="note ".__eq__)
    assert lines[-1] == f"{kinds.count('WRONG')} things are wrong."
    assert all(line.startswith("       → ") for line in lines[1:-1:2])


def test_without_a_database_it_says_the_rest(tmp_path: Path) -> None:
    done = doctor(tmp_path / "nowhere" / "db.sqlite3")
    assert "The database does not answer (OperationalError)" in done.stdout
    assert "EMAIL_URL is missing" in done.stdout and "Nobody is in the group" not in done.stdout
    assert done.returncode == 1


@pytest.mark.django_db
def test_an_installation_that_is_well_has_nothing_wrong(
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
    # This may be a copy in a temporary folder.
    monkeypatch.setitem(connection.settings_dict, "NAME", "/usr/db.sqlite3")
    wrong = [finding.what for finding in examine(now=timezone.now()) if finding.is_wrong]
    assert wrong == []
    call_command("doctor")
    assert capsys.readouterr().out.endswith("All is well.\n")


@pytest.mark.parametrize("checks", [configuration.CHECKS, store.CHECKS], ids=["configuration", "store"])
def test_every_check_is_in_the_list(checks: tuple[Callable[..., Iterator[Finding]], ...]) -> None:
    module = sys.modules[checks[0].__module__]
    ours = {
        name
        for name, one in vars(module).items()
        if callable(one) and getattr(one, "__module__", "") == module.__name__ and not name.startswith("_")
    }
    assert {check.__name__ for check in checks} == ours - {"obstacles"}
