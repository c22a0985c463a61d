"""python -m tests.tools.soak MINUTES (make soak): looks for leaks and growing delays while the site works for long.

One machine as in production, with SQLite, at half of its capacity: cached pages, first look-ups, edits of words, a
watch, and a stand-in for Japan Post. The stand-in has faults, and about every two minutes an outage of 20 seconds, in
which the gate has to pause. Exits with 1 where a page failed, where memory, threads, waiting times or the delay of the
watch grew, or where the gate did not pause and resume.
"""

import argparse
import http.client
import itertools
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from tests.support import processes
from tests.support.crowd import join, start_threads
from tests.support.remote_desk import Desk
from tests.support.served import PROJECT, Site, everybody, statuses, until_answered
from tests.support.standin import StandIn
from tests.support.stories import ARRIVED, IN_CUSTOMS, POSTED, some_numbers, story

VISITORS = 12  # at once
PAGES_EACH = 10  # on one connection; the next visitor opens a new one, which any free worker accepts
PARCELS = 100
WATCHED = 40
CAPACITY_TAKES = 15.0  # seconds
LOOK_UP_EVERY = 1.0
EDIT_EVERY = 5.0
FAULT_EVERY = 10.0  # after the end of the last one
DUE_EVERY = 15.0  # then the parcels of the watch become due
FAULTS = ("slow-first-byte", "500", "cut-mid-row", "connection-reset", "hang", "empty-body")
# A fault lasts for four requests, one fewer than makes the gate pause, and for ten seconds at most.
FAULT_TIMES, FAULT_LASTS = 4, 10.0
OUTAGE_LASTS = 20.0  # seconds in which every request fails; one outage after all of FAULTS
PAUSE_LASTS = 150.0  # seconds; a minute, and two more where its probe came too early or was late
MOST_GROWTH = 1.08, 4.0  # memory of one process: by this factor and by more than so many MB
# Seconds more than before, at the sample with the least delay: during a pause the watch falls behind for a while.
MOST_BEHIND = 30.0
SAMPLES = 30


@dataclass
class Seen:
    """The results of the visits since the last sample, shared by all threads."""

    pages: Counter[str] = field(default_factory=Counter)  # by status, or "lost"
    seconds: list[float] = field(default_factory=list)  # how long each page took
    late: list[float] = field(default_factory=list)  # how long each visitor waited for a free connection
    bad: list[str] = field(default_factory=list)  # what must not happen, in words; kept for the whole run
    outages: int = 0  # finished outages of Japan Post
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, result: str, seconds: float, late: float = 0.0, *, bad: str = "") -> None:
        """Counts a visit. `bad` says what must not happen; empty where the visit was right."""
        with self.lock:
            self.pages[result] += 1
            self.seconds.append(seconds)
            self.late.append(late)
            if bad:
                self.bad.append(bad)

    def take(self) -> tuple[Counter[str], list[float], list[float]]:
        """The pages, seconds and delays since the last call."""
        with self.lock:
            taken = self.pages, self.seconds, self.late
            self.pages, self.seconds, self.late = Counter(), [], []
        return taken


@dataclass(frozen=True)
class Sample:
    """The state of the processes at one moment, and how long visitors waited since the last sample."""

    at: float  # seconds since the start
    memory: dict[int, float]  # MB by process id
    threads: dict[int, int]  # by process id
    late: float  # seconds, the 99th percentile
    behind: float  # seconds since the longest due parcel of the watch became due
    is_paused: bool  # the gate is paused, so no request is sent to Japan Post


class Visitor:
    """A visitor with one connection that stays open, as a browser's does."""

    def __init__(self, address: str, seen: Seen) -> None:
        self._host, self._seen, self._read = urlsplit(address).netloc, seen, 0
        self._connection = http.client.HTTPConnection(self._host, timeout=30)

    def read(self, path: str, *, late: float = 0.0) -> None:
        """Open a page and note the result. `late` is how long the visitor waited before, in seconds."""
        began = time.monotonic()
        try:
            status, retry_after = self._request(path)
        except (OSError, http.client.HTTPException) as failure:
            self._seen.add("lost", time.monotonic() - began, late, bad=f"{path}: {failure!r}")
            return
        is_right = status < 500 or (status == 503 and retry_after is not None)
        bad = "" if is_right else f"{path}: {status}"
        self._seen.add(str(status), time.monotonic() - began, late, bad=bad)
        self._read += 1
        if self._read % PAGES_EACH == 0:
            self._connection.close()

    def _request(self, path: str) -> tuple[int, str | None]:
        for _ in range(2):
            is_new = self._connection.sock is None
            try:
                self._connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
                answer = self._connection.getresponse()
                answer.read()
                return answer.status, answer.getheader("Retry-After")
            except ConnectionError:
                self._connection.close()
                if is_new:  # otherwise a worker closed the idle connection; a browser tries again too
                    raise
        raise ConnectionError("closed twice")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("minutes", type=float, nargs="?", default=10.0)
    seconds = parser.parse_args().minutes * 60
    os.environ["no_proxy"] = "*"
    with tempfile.TemporaryDirectory() as name, StandIn() as japan_post:
        folder = Path(name)
        settings = {
            "JAPANPOST_URL": japan_post.url,
            "JAPANPOST_SPACING_MS": 20,
            "LOOKUPS_PER_MINUTE": 0,
            "FRESH_MINUTES": 60,
            "GUNICORN_CMD_ARGS": "--max-requests 0",  # otherwise gunicorn replaces a worker before a leak shows
        }
        with Site(folder, f"sqlite:///{folder}/db.sqlite3", **settings) as site:
            return soak(site, japan_post, folder / "db.sqlite3", seconds)


def soak(site: Site, japan_post: StandIn, store: Path, seconds: float) -> int:
    """Measure the capacity, run at half of it for so many seconds, print, and return the exit code."""
    paths = prepare(site, japan_post)
    (address,) = site.addresses
    seen, samples = Seen(), list[Sample]()
    with watch(site) as watching, disturbances(site, japan_post, store, seen):
        with visitors(address, paths, Seen(), rate=None) as warming:
            time.sleep(CAPACITY_TAKES / 2)
            warming.take()
            time.sleep(CAPACITY_TAKES)
            capacity = sum(warming.take()[0].values()) / CAPACITY_TAKES
        print(
            f"{capacity:.0f} pages a second at most, with all other work; half of it for {seconds / 60:g} minutes",
            flush=True,
        )
        with visitors(address, paths, seen, rate=capacity / 2):
            began = time.monotonic()
            for number in range(1, SAMPLES + 1):
                time.sleep(max(0.0, began + seconds * number / SAMPLES - time.monotonic()))
                samples.append(take_sample(site, watching, store, seen, began))
        if watching.poll() is not None:
            seen.bad.append(f"the watch ended by itself: {watching.returncode}")
    return verdict(seen, samples)


def prepare(site: Site, japan_post: StandIn) -> list[str]:
    """Create an administrator, parcels with a story and parcels for the watch. Returns the paths for visitors."""
    numbers, watched = some_numbers(PARCELS, start=70_000_000), some_numbers(WATCHED, start=71_000_000)
    for number in (*numbers, *watched):
        japan_post.set_item(number, story(POSTED, ARRIVED, IN_CUSTOMS, number=number))
    site.python(
        "from django.contrib.auth.models import User\n"
        "from django.utils import timezone\n"
        "User.objects.create_superuser('ann', password='a long password')\n"
        f"for number in {[str(one) for one in watched]}:\n"
        "    Shipment.objects.create(number=number, registered_at=timezone.now(), watch_at=timezone.now())"
    )
    paths = [f"/track/{number}/" for number in numbers]
    for start in range(0, PARCELS, 10):
        some = [f"{site.addresses[0]}{path}" for path in paths[start : start + 10]]
        assert statuses(everybody(until_answered, some)) == {200: len(some)}
    return [*paths, "/"]


@contextmanager
def visitors(address: str, paths: list[str], seen: Seen, *, rate: float | None) -> Iterator[Seen]:
    """Visitors who open `rate` pages a second together, at regular moments; None: as many as they can."""
    over, turns, began = threading.Event(), itertools.count(), time.monotonic()

    def come() -> None:
        visitor = Visitor(address, seen)
        while not over.is_set():
            due = began + next(turns) / rate if rate else time.monotonic()
            if over.wait(max(0.0, due - time.monotonic())):
                return
            visitor.read(random.choice(paths), late=max(0.0, time.monotonic() - due))

    with running([come] * VISITORS, over):
        yield seen


@contextmanager
def disturbances(site: Site, japan_post: StandIn, store: Path, seen: Seen) -> Iterator[None]:
    """First look-ups, edits of words, faults of Japan Post, and work for the watch, each at its own interval."""
    (address,) = site.addresses
    over = threading.Event()
    unknown, desk = iter(some_numbers(50_000, start=72_000_000)), Desk(address)
    customs = site.python("print(Status.objects.get(slug='customs-clearance').pk)")
    reader, titles = Visitor(address, seen), itertools.count()
    faults = itertools.cycle([*FAULTS, None])
    known = f"{address}/track/{some_numbers(1, start=70_000_000)[0]}/"

    def look_up() -> None:
        number = next(unknown)
        if random.random() < 0.8:
            japan_post.set_item(number, story(POSTED, number=number))
        reader.read(f"/track/{number}/")

    def edit() -> None:
        title = f"Edited for the {next(titles)}th time"
        desk.post(f"/admin/tracking/status/{customs}/change/", **{"wordings-0-title": title, "_publish": "1"})
        (page,) = everybody(until_answered, [known])
        if title not in page.body:
            seen.bad.append(f"{title}: not on the next page")

    def fail() -> None:
        if fault := next(faults):
            japan_post.set_fault(None, fault, times=FAULT_TIMES)
            over.wait(FAULT_LASTS)
        else:
            japan_post.set_fault(None, "500")
            if not over.wait(OUTAGE_LASTS):
                seen.outages += 1
        japan_post.set_fault(None, "slow-first-byte", seconds=0)

    def make_due() -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        with closing(sqlite3.connect(store, timeout=20)) as connection, connection:
            connection.execute(
                "UPDATE tracking_shipment SET watch_at = ?, ask_again_at = ?"
                " WHERE registered_at IS NOT NULL AND watch_at > ?",  # a parcel that is already due keeps its time
                (now, now, now),
            )

    clocks = {look_up: LOOK_UP_EVERY, edit: EDIT_EVERY, fail: FAULT_EVERY, make_due: DUE_EVERY}

    def every(work: Callable[[], None], seconds: float) -> Callable[[], None]:
        def repeat() -> None:
            while not over.wait(seconds):
                try:
                    work()
                except Exception as failure:
                    seen.bad.append(f"{work.__name__}: {failure!r}"[:300])

        return repeat

    with running([every(work, seconds) for work, seconds in clocks.items()], over):
        yield


@contextmanager
def running(works: list[Callable[[], None]], over: threading.Event) -> Iterator[None]:
    """Run each function in a thread until the block ends. Sets `over` at its end and waits for the threads."""
    threads = start_threads(works)
    try:
        yield
    finally:
        over.set()
        join(threads)


@contextmanager
def watch(site: Site) -> Iterator["subprocess.Popen[bytes]"]:
    """The process of `manage.py watch`, which runs until the block ends."""
    command = [sys.executable, "manage.py", "watch"]
    options = {"cwd": PROJECT, "env": site.environment, "stdout": subprocess.DEVNULL}
    with processes.running(command, **options) as process:
        yield process


def take_sample(
    site: Site, watching: "subprocess.Popen[bytes]", store: Path, seen: Seen, began: float
) -> Sample:
    """The present sample, which it also prints."""
    pages, seconds, late = seen.take()
    processes = [*site.workers, watching.pid]
    stats = {pid: status_of(pid) for pid in processes}
    behind, is_paused = work_of_the_watch(store)
    sample = Sample(
        time.monotonic() - began,
        memory={pid: int(one["VmRSS"].split()[0]) / 1024 for pid, one in stats.items() if "VmRSS" in one},
        threads={pid: int(one["Threads"]) for pid, one in stats.items()},
        late=percentile(late, 99),
        behind=behind,
        is_paused=is_paused,
    )
    print(
        f"{sample.at:5.0f} s  {sum(pages.values()):6} pages {dict(sorted(pages.items()))}  half in"
        f" {percentile(seconds, 50) * 1000:.0f} ms, 99 of 100 in {percentile(seconds, 99) * 1000:.0f} ms,"
        f" started {sample.late * 1000:.0f} ms late"
        f"  memory {' '.join(f'{one:.1f}' for one in sample.memory.values())} MB"
        f"  threads {' '.join(map(str, sample.threads.values()))}"
        f"  watch {behind:.0f} s behind{', paused' if is_paused else ''}",
        flush=True,
    )
    return sample


def work_of_the_watch(store: Path) -> tuple[float, bool]:
    """The seconds since the longest due parcel became due (0 where none is due), and whether the gate is paused."""
    with closing(sqlite3.connect(store, timeout=20)) as connection:
        (due,) = connection.execute("SELECT min(watch_at) FROM tracking_shipment").fetchone()
        (until,) = connection.execute("SELECT max(paused_until) FROM tracking_gate").fetchone()
    now = datetime.now(UTC).replace(tzinfo=None)
    behind = (now - datetime.fromisoformat(due)).total_seconds() if due else 0.0
    return max(0.0, behind), until is not None and now < datetime.fromisoformat(until)


def status_of(pid: int) -> dict[str, str]:
    """The fields of the process in /proc."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def percentile(values: list[float], percent: int) -> float:
    """The percentile of the values; 0 where there are fewer than two."""
    return statistics.quantiles(values, n=100)[percent - 1] if len(values) > 1 else 0.0


def verdict(seen: Seen, samples: list[Sample]) -> int:
    """Print what is wrong. Returns the exit code: 1 where something is wrong."""
    wrong = [*dict.fromkeys(seen.bad)]
    middle, last = samples[len(samples) // 3 : -len(samples) // 3], samples[-len(samples) // 3 :]
    memory = both(middle, last, "memory")
    for pid in samples[0].memory.keys() - memory.keys():
        wrong.append(f"process {pid} did not live long enough to be compared")
    for pid, (before, after) in memory.items():
        factor, least = MOST_GROWTH
        print(f"process {pid}: {before:.1f} MB in the middle third, {after:.1f} MB in the last")
        if after > before * factor and after > before + least:
            wrong.append(f"memory of process {pid} grew from {before:.1f} to {after:.1f} MB")
    for pid, (before, after) in both(middle, last, "threads").items():
        if after > before + 1:
            wrong.append(f"threads of process {pid} grew from {before:.0f} to {after:.0f}")
    late_before, late_after = (statistics.median(one.late for one in some) for some in (middle, last))
    if late_after > 1.5 * late_before + 0.5:
        wrong.append(f"visitors waited longer and longer: {late_before:.2f} s, then {late_after:.2f} s")
    behind_before, behind_after = (min(one.behind for one in some) for some in (middle, last))
    if behind_after > behind_before + MOST_BEHIND:
        wrong.append(f"the watch fell behind: {behind_before:.0f} s at least, then {behind_after:.0f} s")
    if seen.outages and not any(one.is_paused for one in samples):
        wrong.append("Japan Post was down, and the gate did not pause")
    open_at = max((one.at for one in samples if not one.is_paused), default=0.0)
    if samples[-1].at > open_at + PAUSE_LASTS:
        wrong.append(f"a pause did not end: no request since {open_at:.0f} s")
    for line in wrong[:20]:
        print(f"WRONG: {line}")
    print(f"{len(wrong)} faults found." if wrong else "Nothing failed, and nothing grew.")
    return 1 if wrong else 0


def both(before: list[Sample], after: list[Sample], name: str) -> dict[int, tuple[float, float]]:
    """For each process that has at least three samples in both lists: its two medians of the field `name`."""
    found = []
    for samples in (before, after):
        values: defaultdict[int, list[float]] = defaultdict(list)
        for sample in samples:
            for pid, value in getattr(sample, name).items():
                values[pid].append(value)
        found.append({pid: statistics.median(some) for pid, some in values.items() if len(some) > 2})
    return {pid: (value, found[1][pid]) for pid, value in found[0].items() if pid in found[1]}


if __name__ == "__main__":
    sys.exit(main())
