"""Tests that a server whose start fails is ended together with its child processes."""

from pathlib import Path

import pytest

from tests.support import processes, served
from tests.support.test_processes import is_alive


def children() -> set[int]:
    """The ids of the living child processes of this process."""
    return {
        int(pid)
        for task in Path("/proc/self/task").iterdir()
        for pid in (task / "children").read_text().split()
        if is_alive(int(pid))
    }


@pytest.mark.cacheserver
def test_a_cache_server_that_never_answers_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    assert_that_a_failed_start_leaves_nothing(monkeypatch, "until_connected", served.CacheServer)


@pytest.mark.haproxy
def test_a_balancer_that_never_answers_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machines = ["http://127.0.0.1:9"] * 2
    assert_that_a_failed_start_leaves_nothing(
        monkeypatch, "until_connected", lambda: served.Balancer(tmp_path, machines)
    )


@pytest.mark.postgresql
def test_a_postgresql_that_never_answers_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """The failure comes when the server has started, as when the test's time limit ends it at that moment."""
    run = processes.run

    def fail_when_ready(command, **options):
        done = run(command, **options)
        return 1 / 0 if "pg_isready" in str(command[0]) and done.returncode == 0 else done

    monkeypatch.setattr(processes, "run", fail_when_ready)
    assert_that_a_failed_start_leaves_nothing(monkeypatch, "until_connected", served.postgresql)


def test_a_site_that_never_answers_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(served.Site, "manage", lambda *_: "")
    site = served.Site(tmp_path, f"sqlite:///{tmp_path}/db.sqlite3")
    assert_that_a_failed_start_leaves_nothing(monkeypatch, "get", lambda: site)


def assert_that_a_failed_start_leaves_nothing(monkeypatch, step, server) -> None:
    before = children()
    monkeypatch.setattr(served, step, lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError), server():
        pass
    assert children() == before
