"""Tests `manage.py backup` and `restore` on a running site, with SQLite and with PostgreSQL."""

import json
import os
import queue
import re
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.crowd import join, start_threads
from tests.support.served import Cluster, Site, get, run
from tests.support.standin import StandIn
from tests.support.stories import ARRIVED, AT_EXCHANGE, NUMBER, POSTED, some_numbers, story
from tracking.models import Phrase
from tracking.ops.backup import _load_dump, back_up, newest_in

ROWS = (POSTED, AT_EXCHANGE, ARRIVED)
MESSAGES = (
    "from django.utils import timezone\n"
    "Message.objects.bulk_create(Message(email='ann@example.com', text='Where? ' * 50, created_at=timezone.now())"
    " for _ in range(10_000))"
)  # three megabytes


@dataclass
class Stores:
    """Creates stores of one kind. `new` returns the DATABASE_URL of an empty one.

    `for_a_site` returns the DATABASE_URL of one that a site can start with.
    """

    kind: str
    folder: Path
    new: Callable[[], str]
    for_a_site: Callable[[], str]


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def stores(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    folder = tmp_path_factory.mktemp("stores")
    if request.param == "sqlite":
        names = (f"sqlite:///{folder}/store{number}.sqlite3" for number in count())
        yield Stores("sqlite", folder, names.__next__, names.__next__)
        return
    cluster = request.getfixturevalue("cluster")
    yield Stores("postgresql", folder, cluster.new, cluster.migrated)


@pytest.fixture(scope="module")
def japan_post() -> Iterator[StandIn]:
    with StandIn() as standin:
        yield standin


@pytest.fixture(scope="module")
def site(stores: Stores, japan_post: StandIn) -> Iterator[Site]:
    """One site for all tests of a kind of store, with 10,000 messages to back up."""
    settings = {"JAPANPOST_URL": japan_post.url, "JAPANPOST_SPACING_MS": 0, "LOOKUPS_PER_MINUTE": 0}
    with Site(
        stores.folder, stores.for_a_site(), BACKUP_FOLDER=stores.folder / "backups", **settings
    ) as site:
        site.python(MESSAGES)
        yield site


def manage(database_url: str, folder: Path, *arguments: str) -> str:
    """The output of a command on a store that no gunicorn uses."""
    site = Site(folder, database_url, gunicorns=0, BACKUP_FOLDER=folder / "backups")
    try:
        return site.manage(*arguments)
    finally:
        site.__exit__()


def backup(site: Site, *arguments: str) -> Path:
    """The file of a new backup."""
    return Path(site.manage("backup", *arguments).partition(": ")[0])


def refusal(command: Callable[..., str], *arguments: str | Path) -> str:
    """What the command writes to stderr when it fails. It has to fail."""
    with pytest.raises(subprocess.CalledProcessError) as error:
        command(*arguments)
    return error.value.stderr


def json_of(site: Site, number: str) -> dict:
    """The JSON of the parcel's tracking page."""
    return json.loads(run(get(f"{site.addresses[0]}/track/{number}.json")).body)


@contextmanager
def visitors(site: Site, japan_post: StandIn) -> Iterator[queue.Queue[str]]:
    """Three visitors, each of whom opens new parcels until the block ends. Yields the numbers that they have opened."""
    numbers, opened, stopping = queue.Queue[str](), queue.Queue[str](), threading.Event()
    for number in some_numbers(5_000):
        numbers.put(number)

    def visit() -> None:
        while not stopping.is_set():
            number = numbers.get(timeout=1)
            japan_post.set_item(number, story(*ROWS, number=number))
            if run(get(f"{site.addresses[0]}/track/{number}/")).status == 200:
                opened.put(number)

    threads = start_threads([visit] * 3)
    try:
        yield opened
    finally:
        stopping.set()
        join(threads)


def test_a_backup_made_under_load_restores_the_same_stories(
    stores: Stores, site: Site, japan_post: StandIn, tmp_path: Path
) -> None:
    with visitors(site, japan_post) as opened:
        before = {opened.get(timeout=60) for _ in range(5)}
        file = backup(site)
        meanwhile = opened.qsize()
        assert opened.get(timeout=60)
    assert meanwhile  # visitors opened parcels during the backup
    new = stores.new()
    manage(new, tmp_path, "restore", str(file))
    with Site(tmp_path, new, JAPANPOST_URL="http://127.0.0.1:9") as restored:
        numbers = restored.python(
            "print(*set(Event.objects.values_list('shipment__number', flat=True)))"
        ).split()
        assert before <= set(numbers)
        for number in numbers:
            assert json_of(restored, number) == json_of(site, number)
            assert len(json_of(restored, number)["events"]) == len(ROWS)


def test_replacing_a_store_needs_an_option_and_keeps_a_backup(site: Site, japan_post: StandIn) -> None:
    address = f"{site.addresses[0]}/track/{NUMBER}/"
    japan_post.set_item(NUMBER, story(POSTED))
    run(get(address))
    file = backup(site)
    japan_post.set_item(NUMBER, story(*ROWS))
    site.python("Shipment.objects.update(ask_again_at=None)")
    run(get(address))
    assert len(json_of(site, NUMBER)["events"]) == 3
    assert "With --replace" in refusal(site.manage, "restore", str(file))
    assert len(json_of(site, NUMBER)["events"]) == 3
    words = site.manage("restore", "--replace", str(file))
    assert len(json_of(site, NUMBER)["events"]) == 1
    site.manage("migrate", "-v0")
    (before,) = re.findall(r"before is in (\S+)\.\n", words)
    site.manage("restore", "--replace", before)
    assert len(json_of(site, NUMBER)["events"]) == 3


def test_a_restore_drops_tables_that_the_backup_lacks(site: Site) -> None:
    """Otherwise restoring a backup from before an upgrade leaves tables that the next upgrade tries to create."""
    connect = "from django.db import connection\n"
    file = backup(site)
    site.python(connect + "connection.cursor().execute('CREATE TABLE later (id integer)')")
    site.manage("restore", "--replace", str(file))
    tables = site.python(connect + "print(*connection.introspection.table_names())").split()
    assert "tracking_shop" in tables and "later" not in tables


@pytest.mark.django_db(transaction=True)
def test_two_backups_in_one_second_do_not_overwrite_each_other(tmp_path: Path) -> None:
    """Otherwise `restore --replace` of a backup made in this second overwrites it with the store that it replaces."""
    now = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
    first = back_up(tmp_path, now)
    before = first.read_bytes()
    Phrase.objects.create(text="Sorted by a drone")
    second = back_up(tmp_path, now + timedelta(microseconds=1))
    assert first.read_bytes() == before != second.read_bytes()
    assert newest_in(tmp_path, now) == now + timedelta(microseconds=1)


def test_only_its_owner_can_read_a_backup(site: Site) -> None:
    file = backup(site)
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    made = datetime.strptime(file.stem, "emsguide-%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
    assert timedelta() <= datetime.now(UTC) - made < timedelta(minutes=5)


def test_backup_takes_another_folder_and_number_to_keep(site: Site, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    file = backup(site, str(elsewhere))
    old = file.rename(elsewhere / file.name.replace(file.name[9:13], "2001"))
    assert "1 old deleted" in site.manage("backup", str(elsewhere), "--keep", "1")
    assert file.parent == elsewhere and not old.exists()
    assert "at least 1" in refusal(site.manage, "backup", "--keep", "0")


NOTE = "from django.db.migrations.recorder import MigrationRecorder\nrows = MigrationRecorder.Migration.objects\n"


@pytest.mark.parametrize("migration", ["tracking.9001_of_next_year", "auth.0099_a_newer_package"])
def test_a_backup_of_a_newer_release_needs_an_option(site: Site, migration: str) -> None:
    app, name = migration.split(".")
    site.python(f"{NOTE}rows.create(app={app!r}, name={name!r})")
    file = backup(site)
    site.python(f"{NOTE}rows.filter(name={name!r}).delete()")
    folder = sorted(file.parent.iterdir())
    said = refusal(site.manage, "restore", "--replace", str(file))
    assert (
        f"of a newer release: it has migrations that this release does not know (1, the first is {migration})"
        in said
    )
    assert site.python(f"{NOTE}print(rows.filter(name={name!r}).count())") == "0"
    assert sorted(file.parent.iterdir()) == folder  # nothing was done yet
    assert "The store is what" in site.manage("restore", "--replace", "--newer-release", str(file))
    assert site.python(f"{NOTE}print(*rows.filter(name={name!r}).delete())").startswith("1 ")


def test_after_a_backup_of_an_older_release_migrate_is_demanded(site: Site) -> None:
    """Also a back-up with rows of an app that the code no longer has is of an older release."""
    last = site.python(
        f"{NOTE}row = rows.filter(app='tracking').latest('name'); print(row.name); row.delete()"
    )
    site.python(f"{NOTE}rows.create(app='removed_app', name='0001_initial')")
    file = backup(site)
    site.python(f"{NOTE}rows.create(app='tracking', name={last!r})")
    said = site.manage("restore", "--replace", str(file))
    assert (
        f"does not work until `migrate` has run. Migrations that it lacks: 1, the first is tracking.{last}."
        in said
    )
    site.python(f"{NOTE}rows.create(app='tracking', name={last!r})\nrows.filter(app='removed_app').delete()")
    assert "older release" not in site.manage("restore", "--replace", str(backup(site)))


@pytest.mark.parametrize("damage", ["cut", "overwritten"])
def test_restore_refuses_a_damaged_backup_and_keeps_the_store(site: Site, damage: str) -> None:
    file = backup(site)
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle:] = b"" if damage == "cut" else os.urandom(len(content) - middle)
    file.write_bytes(content)
    assert "Nothing was restored" in refusal(site.manage, "restore", "--replace", str(file))
    assert site.python("print(Message.objects.count())") == "10000"


def test_restore_refuses_a_file_that_is_not_a_backup(site: Site, stores: Stores, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("Dear shop")
    assert "Nothing was restored" in refusal(site.manage, "restore", "--replace", str(other))
    assert f"{tmp_path}/nothing" in refusal(site.manage, "restore", "--replace", f"{tmp_path}/nothing")
    empty = tmp_path / "empty"
    if stores.kind == "sqlite":
        with closing(sqlite3.connect(empty)) as other_store:
            other_store.execute("CREATE TABLE shop (name)")
    else:
        processes.run(["pg_dump", "--format=custom", f"--file={empty}", stores.new()], check=True)
    assert "is no back-up of this site" in refusal(site.manage, "restore", "--replace", str(empty))


def test_an_interrupted_restore_commits_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The psql here commits at the end of its input, as with --single-transaction. Ctrl-C comes before that."""
    committed = tmp_path / "committed"
    (tmp_path / "psql").write_text(f"#!/bin/sh\ncat >/dev/null; echo done >{committed}\n")
    (tmp_path / "psql").chmod(0o755)

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr("tracking.ops.backup._database", list)
    monkeypatch.setattr("tracking.ops.backup._environment", lambda: dict(os.environ))
    monkeypatch.setattr("tracking.ops.backup.subprocess.run", interrupt)
    with pytest.raises(KeyboardInterrupt):
        _load_dump(tmp_path / "dump", [])
    assert not committed.exists()


def test_an_empty_store_is_not_backed_up(stores: Stores, tmp_path: Path) -> None:
    assert "Is DATABASE_URL right?" in refusal(manage, stores.new(), tmp_path, "backup")
    assert not (tmp_path / "backups").exists()


def test_a_full_disk_leaves_the_old_backup_and_no_partial_file(site: Site) -> None:
    file = backup(site)
    before = sorted(file.parent.iterdir())
    with disk_for(100_000):
        assert "There is no new back-up" in refusal(site.manage, "backup", "--keep", "1")
    assert sorted(file.parent.iterdir()) == before


@contextmanager
def disk_for(size: int) -> Iterator[None]:
    """Within the block, no file of this process and of the programs it starts can grow beyond `size` bytes."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_restore_keeps_a_damaged_store_and_says_what_to_do(tmp_path: Path) -> None:
    store = tmp_path / "db.sqlite3"
    url = f"sqlite:///{store}"
    manage(url, tmp_path, "migrate", "-v0")
    file = manage(url, tmp_path, "backup").partition(": ")[0]
    content = bytearray(store.read_bytes())
    content[2000:200_000] = os.urandom(198_000)
    store.write_bytes(content)
    assert "Move it away" in refusal(manage, url, tmp_path, "restore", "--replace", file)
    assert store.read_bytes() == content
    store.unlink()
    assert "The store is what" in manage(url, tmp_path, "restore", file)


@pytest.mark.postgresql
def test_the_password_is_on_no_command_line(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script in front of each program of PostgreSQL notes its arguments and password, then runs the program."""
    calls = tmp_path / "calls"
    for name in ("pg_dump", "pg_restore", "psql"):
        script = tmp_path / name
        script.write_text(
            "#!/bin/sh\n"
            f"""echo "{name}|$*|$PGPASSWORD" >>{calls}\n"""
            f"""PATH=${{PATH#*:}} exec {name} "$@"\n"""
        )
        script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    url = cluster.migrated().replace("shop@", "shop:open%20sesame@")
    file = manage(url, tmp_path, "backup").partition(": ")[0]
    manage(url, tmp_path, "restore", "--replace", file)
    seen = [line.split("|") for line in calls.read_text().splitlines()]
    assert {name for name, _, _ in seen} == {"pg_dump", "pg_restore", "psql"}
    assert all("sesame" not in arguments for _, arguments, _ in seen)
    assert all(password == "open sesame" for name, _, password in seen if name != "pg_restore")


@pytest.mark.postgresql
def test_a_missing_program_is_named_with_its_package(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = cluster.migrated()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "apt install postgresql-client" in refusal(manage, url, tmp_path, "backup")
