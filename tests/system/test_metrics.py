"""Tests /metrics with several workers of gunicorn."""

import os
import signal
from pathlib import Path

import requests

from tests.ops.test_metrics import TOKEN, Figures, read
from tests.support.served import Site


def test_workers_and_their_replacements_share_the_counts(tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    healthz = "emsguide_request_seconds_count status=200 view=healthz"

    def scrape(address: str) -> Figures:
        answer = requests.get(f"{address}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)
        answer.raise_for_status()
        return read(answer.text)

    visits = 0

    def visit(address: str) -> None:
        nonlocal visits
        for _ in range(20):
            requests.get(f"{address}/healthz", timeout=30).raise_for_status()
            visits += 1

    url = f"sqlite:///{tmp_path}/db.sqlite3"
    with Site(tmp_path, url, METRICS_TOKEN=TOKEN, TMPDIR=temporary) as site:
        (address,) = site.addresses
        visit(address)
        assert scrape(address)[healthz] == visits
        first = workers_of(site)
        os.kill(first[0], signal.SIGTERM)
        while first[0] in workers_of(site) or len(workers_of(site)) < 2:
            visit(address)
        visit(address)
        assert scrape(address)[healthz] == visits
        (folder,) = temporary.glob("emsguide-metrics-*")
        assert {file.name for file in folder.iterdir()} <= {"histogram_0.db", "histogram_1.db"}
    assert list(temporary.glob("emsguide-metrics-*")) == []


def workers_of(site: Site) -> list[int]:
    """The process ids of the only gunicorn's workers."""
    (gunicorn,) = site.pids
    return [int(pid) for pid in Path(f"/proc/{gunicorn}/task/{gunicorn}/children").read_text().split()]
