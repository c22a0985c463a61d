"""What the doctor says about the machine: files, the place of the database, the cache, the way to Japan Post."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from tests.support.findings import text_of
from tracking.ops.doctor import machine


def test_a_settings_file_that_every_user_can_read_is_reported(settings, no_network, tmp_path: Path) -> None:
    file = settings.SETTINGS_FILE = tmp_path / ".env"
    assert not text_of("W101")
    file.touch(0o640)
    assert not text_of("W101")
    file.chmod(0o644)
    assert "Every user of this machine" in text_of("W101")


@pytest.fixture
def open_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that every user can enter, and so are those above it; pytest's are closed."""
    modes = {folder: folder.stat().st_mode for folder in (tmp_path, *tmp_path.parents)}
    modes = {folder: mode for folder, mode in modes.items() if not mode & 0o001}
    for folder, mode in modes.items():
        folder.chmod(mode | 0o001)
    yield tmp_path
    for folder, mode in modes.items():
        folder.chmod(mode)


@pytest.mark.parametrize("name", ["db.sqlite3", "db.sqlite3-wal", "db.sqlite3-shm"])
def test_a_store_that_every_user_can_read_is_reported(
    settings, no_network, open_folder: Path, monkeypatch, name: str
) -> None:
    settings.BACKUP_FOLDER = str(open_folder / "backups")
    monkeypatch.setitem(connection.settings_dict, "NAME", str(open_folder / "db.sqlite3"))
    file = open_folder / name
    file.touch(0o640)
    assert not text_of("W110")
    file.chmod(0o644)
    assert f"messages in {file}." in text_of("W110")
    open_folder.chmod(0o750)
    assert not text_of("W110")


def test_back_ups_that_every_user_can_read_are_reported(
    settings, no_network, open_folder: Path, monkeypatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "NAME", str(open_folder / "db.sqlite3"))
    folder = open_folder / "backups"
    settings.BACKUP_FOLDER = str(folder)
    folder.mkdir(0o700)
    file = folder / "emsguide-20261125T031500.000000Z.dump"
    file.touch()
    file.chmod(0o644)
    assert not text_of("W110")
    folder.chmod(0o755)
    assert f"messages in {folder} and in 1 more." in text_of("W110")


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
