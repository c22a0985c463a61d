"""Tests gunicorn with a store that cannot be written: a full disk, and PostgreSQL lost at COMMIT, read-only or locked.

Customers read stored stories or a sentence, never an error 500, and once the trouble is over the same processes ask
Japan Post at once.
"""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString

import psycopg
import psycopg.sql
import pytest

from tests.support import processes
from tests.support.served import Cluster, Seen, Site, everybody, get, run, statuses
from tests.support.standin import StandIn
from tests.support.stories import NUMBER, POSTED, some_numbers, story

NUMBERS = some_numbers(24, start=70_000_000)  # more than two workers have slots
NEW, LATER = NUMBERS[:12], NUMBERS[12:]


@pytest.fixture(scope="module")
def japan_post() -> Iterator[StandIn]:
    with StandIn() as standin:
        for number in (NUMBER, *NUMBERS):
            standin.set_item(number, story(POSTED, number=number))
        yield standin


@contextmanager
def serving(folder: Path, database: str, japan_post: StandIn) -> Iterator[Site]:
    """The site with a parcel that has a story and is due. Its workers have their connections already."""
    settings = {"JAPANPOST_URL": japan_post.url, "JAPANPOST_SPACING_MS": 0, "LOOKUPS_PER_MINUTE": 0}
    with Site(folder, database, **settings) as site:
        assert page_of(site, NUMBER).status == 200
        site.python("Shipment.objects.update(ask_again_at=None)")
        assert statuses(everybody(get, [f"{site.addresses[0]}/readyz"] * 16)) == {200: 16}
        yield site


def page_of(site: Site, number: str, ending: str = "/") -> Seen:
    seen: Seen = run(get(f"{site.addresses[0]}/track/{number}{ending}"))
    return seen


def assert_customers_are_served(site: Site, new: list[str]) -> None:
    """The due parcel shows its story, and each new number is 503 with a sentence."""
    for number in new:
        seen = page_of(site, number)
        assert (seen.status, seen.headers.get("retry-after")) == (503, "60")
        assert "We cannot look up new parcels at the moment" in seen.body
    for ending in ("/", ".json"):
        seen = page_of(site, NUMBER, ending)
        assert seen.status == 200
        assert "Posting" in seen.body or "posted" in seen.body


def until_readyz(site: Site, status: int) -> str:
    """Wait until `/readyz` has this status, which it finds out after some seconds. Returns its body."""
    until = time.monotonic() + 30
    while True:
        seen = run(get(f"{site.addresses[0]}/readyz"))
        if seen.status == status:
            return str(seen.body)
        assert time.monotonic() < until, seen.body
        time.sleep(0.1)


def assert_all_is_well(site: Site, japan_post: StandIn, numbers: list[str]) -> None:
    """The same processes ask about every number at once."""
    before = len(japan_post.requests)
    assert [page_of(site, number).status for number in numbers] == [200] * len(numbers)
    assert len(japan_post.requests) == before + len(numbers)
    until_readyz(site, 200)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of eight megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    processes.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], check=True, timeout=30)
    try:
        yield folder
    finally:
        processes.run(["umount", "--lazy", folder], check=True, timeout=30)


@pytest.mark.mount
def test_a_full_disk_costs_news_and_nothing_else(
    small_disk: Path, tmp_path: Path, japan_post: StandIn
) -> None:
    with serving(tmp_path, f"sqlite:///{small_disk}/db.sqlite3", japan_post) as site:
        filling = small_disk / "filling"
        with pytest.raises(OSError, match="No space left"), filling.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        assert_customers_are_served(site, NEW)
        assert '"writes": "cannot be written (OperationalError)"' in until_readyz(site, 503)
        filling.unlink()
        assert_all_is_well(site, japan_post, [*NEW, NUMBER])
    log = (tmp_path / "gunicorn.log").read_text()
    assert "could not be looked up: OperationalError: database or disk is full" in log
    assert "Traceback" not in log


@pytest.fixture
def database(cluster: Cluster) -> str:
    return cluster.migrated()


def execute(database: str, *statements: LiteralString) -> None:
    """Execute the statements in a session of their own."""
    with psycopg.connect(database, autocommit=True) as session:
        for statement in statements:
            session.execute(statement)


END_SESSIONS: LiteralString = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
DIES: LiteralString = (
    "CREATE FUNCTION dies() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'"
)

DIES_ONCE: LiteralString = (
    "CREATE FUNCTION dies_once() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN IF nextval(''deaths'') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NULL; END'"
)


@pytest.mark.postgresql
def test_a_connection_lost_at_commit_costs_that_look_up_only(
    tmp_path: Path, database: str, japan_post: StandIn
) -> None:
    dies: LiteralString = "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dies()"
    with serving(tmp_path, database, japan_post) as site:
        execute(database, DIES)
        execute(
            database, f"CREATE CONSTRAINT TRIGGER start AFTER INSERT OR UPDATE ON tracking_shipment {dies}"
        )
        assert_customers_are_served(site, NEW)
        execute(database, "DROP TRIGGER start ON tracking_shipment")
        execute(database, f"CREATE CONSTRAINT TRIGGER answer AFTER INSERT ON tracking_fetch {dies}")
        assert_customers_are_served(site, LATER)
        execute(database, "DROP TRIGGER answer ON tracking_fetch")
        assert_all_is_well(site, japan_post, [*NUMBERS, NUMBER])


@contextmanager
def while_japan_post_is_asked(site: Site, japan_post: StandIn, number: str) -> Iterator[Future[Seen]]:
    """A visitor asks about a new number, and Japan Post takes some seconds. Yields what the visitor will see."""
    before = len(japan_post.requests)
    japan_post.set_fault(number, "slow-first-byte", seconds=2)
    with ThreadPoolExecutor() as visitors:
        seen = visitors.submit(page_of, site, number)
        japan_post.wait_for_requests(before + 1)
        yield seen
    japan_post.set_fault(number, "slow-first-byte", seconds=0)


@pytest.mark.postgresql
@pytest.mark.parametrize("lost", ["while asking", "while storing"])
def test_an_answer_is_stored_though_its_connection_is_lost(
    tmp_path: Path, database: str, japan_post: StandIn, lost: str
) -> None:
    number = NEW[0]
    with serving(tmp_path, database, japan_post) as site:
        if lost == "while storing":
            execute(database, DIES_ONCE, "CREATE SEQUENCE deaths")
            dies: LiteralString = "FOR EACH ROW EXECUTE FUNCTION dies_once()"
            execute(database, f"CREATE TRIGGER answer AFTER INSERT ON tracking_fetch {dies}")
        with while_japan_post_is_asked(site, japan_post, number) as seen:
            if lost == "while asking":
                execute(database, END_SESSIONS)
        assert seen.result().status == 200
        assert "Posting" in seen.result().body
        counts = (
            "Fetch.objects.filter(shipment__number=%r).count(), Shipment.objects.get(number=%r).lease_token"
        )
        assert site.python(f"print({counts % (number, number)})").split() == ["1"]


@pytest.mark.postgresql
def test_a_lock_on_a_new_connection_holds_no_visitor_for_long(
    tmp_path: Path, database: str, japan_post: StandIn
) -> None:
    with serving(tmp_path, database, japan_post) as site, psycopg.connect(database) as session:
        with while_japan_post_is_asked(site, japan_post, NEW[0]) as seen:
            session.execute(END_SESSIONS)
            session.execute("LOCK TABLE tracking_shipment IN EXCLUSIVE MODE")
            assert seen.result().status == 503  # with the lock's limit of the server, after 120 seconds
        session.rollback()
        until_readyz(site, 200)


@pytest.mark.postgresql
def test_a_read_only_database_costs_news_and_nothing_else(
    tmp_path: Path, database: str, japan_post: StandIn
) -> None:
    name = database.rpartition("/")[2]
    server = f"{database.rpartition('/')[0]}/postgres"
    with serving(tmp_path, database, japan_post) as site, psycopg.connect(server, autocommit=True) as session:
        read_only = psycopg.sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on")
        session.execute(read_only.format(psycopg.sql.Identifier(name)))
        execute(database, END_SESSIONS)
        assert_customers_are_served(site, NEW)
        assert '"writes": "cannot be written (InternalError)"' in until_readyz(site, 503)
        writable = psycopg.sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only")
        session.execute(writable.format(psycopg.sql.Identifier(name)))
        execute(database, END_SESSIONS)
        assert_all_is_well(site, japan_post, [*NEW, NUMBER])


@pytest.mark.postgresql
def test_a_locked_gate_holds_no_visitor_for_long(tmp_path: Path, database: str, japan_post: StandIn) -> None:
    with serving(tmp_path, database, japan_post) as site:
        with psycopg.connect(database) as session:
            session.execute("SELECT * FROM tracking_gate FOR UPDATE")
            assert_customers_are_served(
                site, NEW[:1]
            )  # with the lock's limit of the server, after 120 seconds
            assert '"writes": "cannot be written (OperationalError)"' in until_readyz(site, 503)
        assert_all_is_well(site, japan_post, [*NEW, NUMBER])


@pytest.mark.postgresql
def test_a_database_that_is_down_is_503_and_a_line_of_the_log(
    tmp_path: Path, database: str, japan_post: StandIn
) -> None:
    server, _, name = database.rpartition("/")
    allow = psycopg.sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with (
        serving(tmp_path, database, japan_post) as site,
        psycopg.connect(f"{server}/postgres", autocommit=True) as session,
    ):
        session.execute(allow.format(psycopg.sql.Identifier(name), False))
        session.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        paths = [
            "/",
            f"/track/{NUMBER}/",
            f"/track/{NEW[0]}/",
            f"/track/{NUMBER}.json",
            "/examples/",
            "/contact/",
        ]
        seen = everybody(get, [f"{site.addresses[0]}{path}" for path in paths])
        assert [(one.status, one.headers.get("retry-after")) for one in seen] == [(503, "60")] * len(paths)
        session.execute(allow.format(psycopg.sql.Identifier(name), True))
        assert_all_is_well(site, japan_post, [*NEW[:2], NUMBER])
    log = (tmp_path / "gunicorn.log").read_text()
    assert "the store cannot be used: OperationalError: " in log
    assert "Traceback" not in log
