"""Tests migrations on a PostgreSQL that other processes use at the same time."""

import os
import sys

import psycopg
import pytest

from tests.support import processes
from tests.support.served import PROJECT, Cluster


@pytest.mark.postgresql
def test_an_index_is_built_concurrently_and_after_an_interruption(cluster: Cluster) -> None:
    url = cluster.new()

    def manage(*arguments: str) -> str:
        kept = {"PATH": os.environ["PATH"], "DEBUG": "True", "DATABASE_URL": url}
        command = [sys.executable, "manage.py", *arguments]
        return processes.run(
            command, cwd=PROJECT, env=kept, check=True, capture_output=True, text=True
        ).stdout

    manage("migrate", "-v0", "tracking", "0016")
    assert "CREATE INDEX CONCURRENTLY" in manage("sqlmigrate", "tracking", "0017")
    with psycopg.connect(url, autocommit=True) as store:
        # In place of the index that an interruption leaves.
        store.execute("CREATE INDEX fetch_by_time ON tracking_fetch (size)")
        manage("migrate", "-v0")
        (definition,) = store.execute(
            "SELECT indexdef FROM pg_indexes WHERE indexname = 'fetch_by_time'"
        ).fetchone()
    assert definition.endswith("(started_at, outcome, milliseconds)")
