"""Which back-ups `backup` keeps and which one is the newest, also while the clock is wrong."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from tracking.ops.backup import (
    BackupError,
    back_up,
    from_the_future,
    keep_newest,
    newest_in,
    restore,
    verify_backup,
)

DAY = timedelta(days=1)
NOW = datetime(2026, 11, 25, 3, 15, tzinfo=UTC)


def file_of(folder: Path, moment: datetime) -> Path:
    """Create an empty file with the name of a back-up of this moment. Returns it."""
    file = folder / f"emsguide-{moment:%Y%m%dT%H%M%S.%fZ}.sqlite3"
    file.touch()
    return file


def test_the_newest_backups_and_other_files_are_kept(tmp_path: Path) -> None:
    ours = [file_of(tmp_path, NOW - days * DAY) for days in range(23, -1, -1)]
    names = "emsguide-before-the-sale.sqlite3", "emsguide-20269999T031500.000000Z.sqlite3", "notes.txt"
    others = [tmp_path / name for name in names]
    for file in others:
        file.touch()
    killed, at_work = tmp_path / ".unfinished-killed", tmp_path / ".unfinished-at-work"
    for unfinished, day in ((killed, NOW - 2 * DAY), (at_work, NOW)):
        unfinished.mkdir()
        (unfinished / "half").touch()
        os.utime(unfinished, (day.timestamp(),) * 2)
    assert keep_newest(ours[-1], 14, NOW) == ours[:10]
    assert sorted(tmp_path.iterdir()) == sorted([*ours[10:], *others, at_work])


@pytest.mark.parametrize("count", [1, 2, 14])
def test_the_backup_just_made_is_never_deleted(tmp_path: Path, count: int) -> None:
    """The clock is behind that of the other back-ups: by a year, and by less than clocks may differ."""
    later = [file_of(tmp_path, NOW + ahead) for ahead in (timedelta(seconds=1), 365 * DAY, 366 * DAY)]
    made = file_of(tmp_path, NOW)
    deleted = keep_newest(made, count, NOW)
    assert deleted == (later[:1] if count == 1 else [])
    assert made.exists() and all(file.exists() for file in later[1:])


def test_backups_from_the_future_do_not_push_out_good_ones(tmp_path: Path) -> None:
    """The clock was ahead for some days. The next good back-ups stay, and only good ones count."""
    ahead = [file_of(tmp_path, NOW + days * DAY) for days in range(300, 320)]
    good = [file_of(tmp_path, NOW - days * DAY) for days in range(4, -1, -1)]
    assert keep_newest(good[-1], 3, NOW) == good[:2]
    assert all(file.exists() for file in (*ahead, *good[2:]))
    assert newest_in(tmp_path, NOW) == NOW
    assert from_the_future(tmp_path, NOW) == ahead
    assert (
        newest_in(tmp_path, NOW + 400 * DAY) == NOW + 319 * DAY
    )  # they are ordinary when their time has come
    assert from_the_future(tmp_path, NOW + 400 * DAY) == []


@pytest.mark.django_db(transaction=True)  # SQLite copies no database inside a transaction
def test_two_backups_of_one_moment_do_not_overwrite_each_other(tmp_path: Path) -> None:
    first, second = back_up(tmp_path, NOW), back_up(tmp_path, NOW)
    assert first.read_bytes() and second.read_bytes()
    assert second.name == "emsguide-20261125T031500.000001Z.sqlite3"


@pytest.mark.django_db(transaction=True)
def test_backup_with_a_clock_that_is_behind_says_so(tmp_path: Path, monkeypatch, capsys) -> None:
    for years in (1, 2):
        file_of(tmp_path, NOW + years * 365 * DAY)
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    call_command("backup", str(tmp_path), "--keep", "1")
    said = capsys.readouterr().out
    assert "emsguide-20261125T031500.000000Z.sqlite3: " in said
    assert "2 kept that are dated in the future, the first is emsguide-20271125T031500" in said
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.django_db(transaction=True)
def test_an_old_backup_that_cannot_be_deleted_is_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    (tmp_path / "emsguide-20251125T031500.000000Z.sqlite3").mkdir()
    with pytest.raises(CommandError, match=r"is made, but an old one could not be deleted: .*20251125"):
        call_command("backup", str(tmp_path), "--keep", "1")
    assert (tmp_path / "emsguide-20261125T031500.000000Z.sqlite3").is_file()


# What restore refuses


@pytest.fixture
def damaged(tmp_path: Path) -> Callable[[str], Path]:
    """A function that makes a back-up, runs a statement of SQL in it, and returns the file."""
    file = back_up(tmp_path, NOW)

    def damage(statement: str) -> Path:
        with closing(sqlite3.connect(file, isolation_level=None)) as copy:
            copy.execute(statement)
        return file

    return damage


FOREIGN = "INSERT INTO django_migrations (app, name, applied) VALUES ('tracking', "


@pytest.mark.sqlite
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DROP TABLE tracking_event", "is not complete: it has no table tracking_event"),
        ("ALTER TABLE tracking_phrase RENAME TO phrases", "it has no table tracking_phrase"),
        ("DROP TABLE django_migrations", "it has no table django_migrations"),
        ("DROP TABLE tracking_shop", "is no back-up of this site"),
        ("CREATE TRIGGER t AFTER INSERT ON tracking_shop BEGIN SELECT 1; END", "has a trigger, .*: t"),
        ("UPDATE django_migrations SET app = x'ff', name = x'ff' WHERE id = 1", "migrations cannot be read"),
        ("UPDATE django_migrations SET name = x'ff' WHERE id = 2", "migrations cannot be read"),
        (f"{FOREIGN} '9999_a' || char(10, 27) || '[31m', 0)", r"the first is tracking\.9999_a\?\?\[31m\)"),
        (f"{FOREIGN} '9999_' || hex(zeroblob(5000)), 0)", r"the first is tracking\.9999_0{86}\)"),
    ],
)
def test_a_foreign_or_incomplete_backup_is_refused(damaged, statement: str, words: str) -> None:
    with pytest.raises(BackupError, match=words):
        restore(damaged(statement), replace=True, folder=Path("/nowhere"), now=NOW)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_refused_without_a_wait(tmp_path: Path, make) -> None:
    make(tmp_path / "odd")
    for odd in (tmp_path / "odd", Path("/dev/zero")):
        with pytest.raises(BackupError, match="is not a file"):
            verify_backup(odd)
