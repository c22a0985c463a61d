"""Backs up the whole store while the site runs, and restores a back-up."""

import os
import re
import shutil
import sqlite3
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any, cast

from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader

_SUFFIX = {"sqlite": ".sqlite3", "postgresql": ".dump"}
_NAME = "emsguide-%Y%m%dT%H%M%S.%fZ"  # the moment of the back-up, in UTC; microseconds keep names apart
_UNFINISHED = ".unfinished-"
_CLOCKS_MAY_DIFFER = timedelta(minutes=1)  # of machines that share a folder of back-ups
_OUR_TABLE = "tracking_shop"  # a store with this table is ours
# A complete back-up has at least the tables of the first release.
_TABLES = {
    f"tracking_{name}"
    for name in (
        "destination",
        "event",
        "fetch",
        "message",
        "notice",
        "phrase",
        "shipment",
        "shop",
        "status",
        "wording",
    )
} | {"auth_user", "django_migrations"}
_LONGEST_NAME = 100  # characters of a name in a back-up that a message prints


class BackupError(Exception):
    """No back-up was made, or nothing was restored. The message is a sentence for the owner."""


class _UnreadableError(BackupError):
    """The disk, SQLite or PostgreSQL reported an error."""


def back_up(folder: Path, now: datetime) -> Path:
    """Copy a snapshot of the store into a new file that only its owner can read. Return the file.

    The file gets its final name after it was read back completely. `now` is aware. Raises BackupError.
    """
    with _as_backup_errors():
        if _OUR_TABLE not in connection.introspection.table_names():
            raise BackupError("there is no store of ours. Is DATABASE_URL right?")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=folder) as own:
            unfinished = Path(own, "copy")
            unfinished.touch(mode=0o600)
            _copy_to(unfinished)
            verify_backup(unfinished)
            _flush(unfinished)
            finished = _free_name(folder, now)
            unfinished.rename(finished)
        _flush(folder)
        return finished


def keep_newest(made: Path, count: int, now: datetime) -> list[Path]:
    """Delete all but `made` and the `count` - 1 next newest back-ups of this kind in its folder. Return the deleted.

    Neither deletes nor counts back-ups from the future: the clock is or was wrong, so their order is unknown. Also
    deletes unfinished copies of killed runs that are more than a day old. Keeps other files. Raises BackupError.
    """
    others = [
        file for moment, file in _backups_in(made.parent) if not _is_ahead(moment, now) and file != made
    ]
    old = others[: max(0, len(others) - (count - 1))]
    yesterday = (now - timedelta(days=1)).timestamp()
    with _as_backup_errors():
        for file in old:
            file.unlink(missing_ok=True)  # another run may have deleted it
        for unfinished in made.parent.glob(f"{_UNFINISHED}*"):
            with suppress(FileNotFoundError):  # another run may have finished it
                if unfinished.stat().st_mtime < yesterday:
                    shutil.rmtree(unfinished)
    return old


def newest_in(folder: Path, now: datetime) -> datetime | None:
    """Return the aware moment in the name of the newest back-up of this kind of store that is not from the future.

    None if there is none.
    """
    return max((moment for moment, _ in _backups_in(folder) if not _is_ahead(moment, now)), default=None)


def from_the_future(folder: Path, now: datetime) -> list[Path]:
    """Return the back-ups of this kind whose name lies ahead of `now`, oldest first: the clock is or was wrong."""
    return [file for moment, file in _backups_in(folder) if _is_ahead(moment, now)]


def verify_backup(file: Path) -> None:
    """Read a back-up completely. Raises BackupError if it is damaged or not a back-up of this site.

    Also if it has triggers of SQLite: the site has none, and they would run in the store.
    """
    triggers = list[str]()
    with _as_backup_errors():
        if not stat.S_ISREG(file.stat().st_mode):  # opening a named pipe would wait for ever
            raise BackupError(f"{file} is not a file.")
        file.open("rb").close()  # gives a clearer error than SQLite does
        if connection.vendor == "sqlite":
            with closing(_read_only(file)) as copy:
                parts = copy.execute("SELECT type, name FROM sqlite_master").fetchall()
                tables = {name for kind, name in parts if kind == "table"}
                triggers = [name for kind, name in parts if kind == "trigger"]
                (verdict,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
        else:
            _run("pg_restore", "--file=/dev/null", file)
            tables, verdict = set(_run("pg_restore", "--list", file).split()), "ok"
        if verdict != "ok":
            raise BackupError(f"{file} is damaged: {verdict}.")
        if _OUR_TABLE not in tables:
            raise BackupError(f"{file} is no back-up of this site.")
        if missing := sorted(_TABLES - tables):
            raise BackupError(f"{file} is not complete: it has no table {missing[0]}.")
        if triggers:
            raise BackupError(
                f"{file} has a trigger, which the site does not use: {_printable(triggers[0])}."
            )


def migrations_of_newer_releases(file: Path) -> list[str]:
    """Return the migrations of a back-up, as `app.name`, that this release does not know.

    Those of an app that is not installed are left out: an older release may have had it. Raises BackupError.
    """
    with _as_backup_errors():
        try:
            applied = _migrations_in(file)
        except (ValueError, IndexError):  # no columns or no text, in a dump
            applied = {(None, None)}
    if not all(isinstance(word, str) for names in applied for word in names):
        raise BackupError(f"{file} is damaged: its list of migrations cannot be read.")
    loader = MigrationLoader(None)
    known = set(loader.disk_migrations).union(*(one.replaces for one in loader.disk_migrations.values()))
    return [f"{app}.{name}" for app, name in sorted(applied - known) if app in loader.migrated_apps]


def restore(
    file: Path, *, replace: bool, folder: Path, now: datetime, newer_release: bool = False
) -> Path | None:
    """Replace the contents of the store by those of `file`, completely or not at all. The site may keep running.

    A store that has tables is overwritten only with `replace`, and is backed up into `folder` first. A back-up of a
    newer release is restored only with `newer_release`. Returns the file of the back-up of the store before; None if
    it was empty. Raises BackupError.
    """
    verify_backup(file)
    if not newer_release and (unknown := migrations_of_newer_releases(file)):
        raise BackupError(
            f"{file} is of a newer release: it has migrations that this release does not know ({len(unknown)}, the "
            f"first is {_printable(unknown[0])}). Install that release, or restore with --newer-release if this one is "
            "just one version older."
        )
    try:
        with _as_backup_errors():
            tables = connection.introspection.table_names()
        if tables and not replace:
            raise BackupError("the store is not empty. With --replace it is backed up, then overwritten.")
        before = back_up(folder, now) if tables else None
    except _UnreadableError as reason:
        raise BackupError(
            f"what is in the store now cannot be backed up: {reason} Move it away, or name an empty store in "
            "DATABASE_URL; then restore without --replace."
        ) from reason
    with _as_backup_errors():
        if connection.vendor == "sqlite":
            connection.ensure_connection()
            with closing(_read_only(file)) as copy:
                copy.backup(cast(sqlite3.Connection, connection.connection))  # one transaction
        else:
            _load_dump(file, instead_of=tables)
    return before


def _backups_in(folder: Path) -> list[tuple[datetime, Path]]:
    """The back-ups of this kind of store with the moments in their names, oldest first."""
    digits = "-{}T{}.{}Z".format(*("[0-9]" * count for count in (8, 6, 6)))
    found = []
    for file in folder.glob(f"emsguide{digits}{_SUFFIX[connection.vendor]}"):
        with suppress(ValueError):  # no day of the calendar, so not our name
            found.append((datetime.strptime(file.stem, _NAME).replace(tzinfo=UTC), file))
    return sorted(found)


def _migrations_in(file: Path) -> set[tuple[Any, Any]]:
    """The migrations that a verified back-up notes as applied, as (app, name)."""
    if connection.vendor == "sqlite":
        with closing(_read_only(file)) as copy:
            return set(copy.execute("SELECT app, name FROM django_migrations"))
    script = _run("pg_restore", "--data-only", "--table=django_migrations", "--file=-", file)
    _, _, rows = script.partition("\nCOPY ")
    columns, *lines = rows.splitlines()
    app, name = (re.findall(r"\w+", columns.partition("(")[2]).index(column) for column in ("app", "name"))
    cells = (line.split("\t") for line in takewhile(lambda line: line != r"\.", lines))
    return {(row[app], row[name]) for row in cells}


def _printable(name: str) -> str:
    """The beginning of a name from a back-up, with ? for what could control a terminal."""
    return "".join(one if one.isprintable() else "?" for one in name[:_LONGEST_NAME])


def _is_ahead(moment: datetime, now: datetime) -> bool:
    return moment > now + _CLOCKS_MAY_DIFFER


def _free_name(folder: Path, now: datetime) -> Path:
    """The name for a back-up of this moment, or of the next microsecond without one, as after a clock was set back."""
    while True:
        file = folder / f"{now.astimezone(UTC):{_NAME}}{_SUFFIX[connection.vendor]}"
        if not file.exists():
            return file
        now += timedelta(microseconds=1)


def _copy_to(file: Path) -> None:
    """Copy a snapshot without blocking the site. The copy of SQLite contains no remains of deleted rows."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(file)])
    else:
        _run("pg_dump", "--format=custom", f"--file={file}", *_database())


def _read_only(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)


def _load_dump(file: Path, instead_of: list[str]) -> None:
    """Load a dump into PostgreSQL in one transaction that first drops the tables `instead_of`."""
    commands = [f"--command=DROP TABLE {connection.ops.quote_name(table)} CASCADE" for table in instead_of]
    settings = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]
    filling = subprocess.Popen(
        ["psql", *settings, *commands, "--file=-", *_database()],
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    with filling:
        try:
            reading = subprocess.run(
                ["pg_restore", "--no-owner", "--no-privileges", "--file=-", file],
                check=False,
                stdout=filling.stdin,
                stderr=subprocess.PIPE,
            )
        except BaseException:
            filling.kill()  # also on Ctrl-C: psql would take the end of its input for the end of the dump, and commit
            raise
        if reading.returncode != 0:
            filling.kill()  # before its input ends, so that it commits nothing
        _, errors = filling.communicate()
    if filling.returncode != 0 or reading.returncode != 0:
        raise BackupError(
            f"nothing was changed: {(errors + reading.stderr).decode(errors='replace').strip()}"
        )


def _run(program: str, *arguments: str | Path) -> str:
    """Run a program of PostgreSQL; return what it prints. Raises _UnreadableError if it fails."""
    command = [program, *arguments]
    done = subprocess.run(command, check=False, env=_environment(), capture_output=True, text=True)
    if done.returncode != 0:
        raise _UnreadableError(done.stderr.strip())
    return done.stdout


def _database() -> list[str]:
    """The arguments that name our database to PostgreSQL's programs, as Django passes them to psql."""
    _, *arguments = connection.client.settings_to_cmd_args_env(connection.settings_dict, [])[0]
    return arguments


def _environment() -> dict[str, str]:
    """The environment with the password: every user of the machine can read command lines."""
    _, more = connection.client.settings_to_cmd_args_env(connection.settings_dict, [])
    return os.environ | (more or {})


def _flush(path: Path) -> None:
    """Flush a file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _as_backup_errors() -> Iterator[None]:
    """Turn errors of the disk, SQLite and PostgreSQL into BackupError."""
    try:
        yield
    except FileNotFoundError as reason:
        if reason.filename not in ("pg_dump", "pg_restore", "psql"):
            raise _UnreadableError(f"{reason.filename} is not there.") from reason
        raise _UnreadableError(
            f"{reason.filename} is missing (Debian: apt install postgresql-client)."
        ) from reason
    except OSError as reason:
        raise _UnreadableError(f"{reason.filename}: {reason.strerror}.") from reason
    except (sqlite3.Error, DatabaseError) as reason:
        raise _UnreadableError(f"{reason}.") from reason
