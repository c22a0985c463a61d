"""python -m tests.bench (make bench): what the site costs, beside what it is aimed at. A benchmark, not a test.

Everything runs on this machine: gunicorn with the settings of production and a store of its own, and a stand-in for
Japan Post that answers at once. Figures of one machine and one hour; ratios travel better than milliseconds.
"""

import http.client
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import timeit
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import lxml.html
import requests
from playwright.sync_api import sync_playwright

from tests.chromium import ARGUMENTS, CHROMIUM
from tests.standin import StandIn
from tests.standin.pages import render_detail
from tests.standin.server import SEARCH_PATH
from tests.stories import ARRIVED, IN_CUSTOMS, POSTED, story
from tests.weight import weigh
from tracking.examples import get_example
from tracking.japanpost.parser import parse_page
from tracking.numbers import check_digit

PROJECT = Path(__file__).resolve().parents[1]
EXAMPLE = get_example("delivered")  # the longest of the examples
CONNECTIONS = 16
ROUNDS = 3
REQUESTS_PER_ROUND = 1000  # of each kind; the kinds take turns, so that both meet the same hour
LOOKUPS = 60
HEADERS = {"Accept-Encoding": "gzip", "Accept-Language": "de, en;q=0.8", "Connection": "keep-alive"}


@dataclass(frozen=True)
class Load:
    """What came of a number of requests."""

    seconds: float  # from the first to the last
    times: list[float]  # seconds for each
    client_share: float  # of one processor, that the client itself took

    @property
    def per_second(self) -> float:
        return len(self.times) / self.seconds

    def percentile(self, percent: int) -> float:
        return statistics.quantiles(self.times, n=100)[percent - 1]


@dataclass(frozen=True)
class Site:
    port: int
    pid: int

    @property
    def workers(self) -> list[int]:
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]


def main() -> int:
    started = time.monotonic()
    os.environ["no_proxy"] = "*"
    print(f"{'':44} {'aim':>12} {'here':>12}")
    bench_parser()
    with StandIn() as japan_post, running_site(japan_post.url) as site:
        bench_pages(site)
        bench_lookups(site, japan_post)
        bench_memory(site)
        bench_weight(site, japan_post)
    print(f"\n{time.monotonic() - started:.0f} seconds in all.")
    return 0


def bench_parser() -> None:
    html = render_detail(EXAMPLE.item(datetime.now(UTC)))
    page = html.encode()
    ours = best_time(lambda: parse_page(html, EXAMPLE.number))
    bare = best_time(lambda: lxml.html.fromstring(page))
    show("reading a page: ours / lxml.html alone", "<= 2", ours / bare, "x")
    note(
        f"{ours * 1e6:.0f} µs / {bare * 1e6:.0f} µs for {len(page) / 1000:.0f} kB, {len(EXAMPLE.events)} events"
    )


def bench_pages(site: Site) -> None:
    """A tracking page from the store, beside an empty view on the same server."""
    paths = {"empty": "/empty", "page": f"/track/{EXAMPLE.number}/", "guide": "/"}
    rounds: dict[str, list[Load]] = {kind: [] for kind in paths}
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    get(connection, paths["page"])  # asks the stand-in
    connection.close()
    for path in paths.values():
        put_load(site.port, path, 200)  # warm up
    for _ in range(ROUNDS):
        for kind, path in paths.items():
            rounds[kind].append(put_load(site.port, path, REQUESTS_PER_ROUND))
    loads = {kind: together(some) for kind, some in rounds.items()}
    show("stored tracking page / empty view", ">= 0.25", loads["page"].per_second / loads["empty"].per_second)
    show("the guide / empty view", "", loads["guide"].per_second / loads["empty"].per_second)
    for kind, load in loads.items():
        note(
            f"{kind:5} {load.per_second:6.0f} requests/s, "
            f"p50 {load.percentile(50) * 1000:5.1f} ms, p99 {load.percentile(99) * 1000:5.1f} ms, "
            f"client {load.client_share:.0%} of one processor"
            + (": too few to tell, the client is the limit" if load.client_share > 0.8 else "")
        )
    note(
        f"{CONNECTIONS} connections, {os.cpu_count()} processors for {len(site.workers)} workers and the client"
    )


def bench_lookups(site: Site, japan_post: StandIn) -> None:
    """A number nobody has asked about, beside fetching the same page from Japan Post by hand."""
    cold, bare = [], []
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    for number in numbers(LOOKUPS):
        japan_post.set_item(number, story(POSTED, IN_CUSTOMS, number=number))
        cold.append(timed(get, connection, f"/track/{number}/"))
        address = f"{japan_post.url}{SEARCH_PATH}?reqCodeNo1={number}&locale=en"
        bare.append(timed(requests.get, address))
    connection.close()
    extra = statistics.median(one - other for one, other in zip(cold, bare, strict=True))
    show("a first look-up, on top of Japan Post's time", "<= 15 ms", extra * 1000, " ms")
    note(
        f"median {statistics.median(cold) * 1000:.1f} ms / {statistics.median(bare) * 1000:.1f} ms by hand, {LOOKUPS} numbers"
    )


def bench_memory(site: Site) -> None:
    """After all of the above; what the workers share with their parent counts in each."""
    sizes = [resident_megabytes(pid) for pid in site.workers]
    show("memory of the largest worker", "<= 90 MB", max(sizes), " MB")
    note("resident: " + ", ".join(f"{size:.0f} MB" for size in sizes))


def bench_weight(site: Site, japan_post: StandIn) -> None:
    """Each kind of page for somebody who has never been here."""
    if not CHROMIUM:
        note("page weights: not measured, there is no Chromium here (Debian: sudo apt install chromium)")
        return
    known, unknown, other = numbers(3, start=82_000_000)
    for number in (known, other):
        japan_post.set_item(number, story(POSTED, ARRIVED, IN_CUSTOMS, number=number))
    paths = {
        "tracking page": f"/track/{known}/",
        "list of two": f"/track/?number={known},{other}",
        "guide": "/",
        "contact": "/contact/",
        "answer without a result": f"/track/{unknown}/",
    }
    with sync_playwright() as playwright:
        for name, path in paths.items():
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            weight = weigh(browser, f"http://127.0.0.1:{site.port}{path}")
            browser.close()
            show(f"{name}, first visit", "<= 30 KB", weight.bytes / 1024, " KB")
            note(
                f"{weight.requests} requests (aim <= 5), third parties: {', '.join(weight.third_parties) or 'none'}, "
                f"layout shift {weight.layout_shift:.3f} (aim 0)"
            )


def show(what: str, aim: str, result: float, unit: str = "") -> None:
    print(f"{what:44} {aim:>12} {f'{result:.2f}{unit}':>12}", flush=True)


def note(text: str) -> None:
    print(f"    {text}", flush=True)


def best_time(work: Callable[[], object]) -> float:
    """Seconds for one run: the best of several series, for everything else is somebody else's work."""
    return min(timeit.repeat(work, number=50, repeat=10)) / 50


def timed(work: Callable[..., object], *arguments: object) -> float:
    started = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - started


def put_load(port: int, path: str, count: int) -> Load:
    """So many requests over kept-alive connections, each of which asks again when it is answered."""
    times: list[float] = []
    failures: list[BaseException] = []

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            for _ in range(count // CONNECTIONS + 1):
                times.append(timed(get, connection, path))
        except BaseException as failure:
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(CONNECTIONS)]
    started, processor = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    if failures:
        raise failures[0]
    return Load(seconds, times, (time.process_time() - processor) / seconds)


def together(loads: list[Load]) -> Load:
    return Load(
        seconds=sum(load.seconds for load in loads),
        times=[one for load in loads for one in load.times],
        client_share=statistics.mean(load.client_share for load in loads),
    )


def get(connection: http.client.HTTPConnection, path: str) -> None:
    connection.request("GET", path, headers=HEADERS)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status}")


def numbers(count: int, *, start: int = 81_000_000) -> Iterator[str]:
    for serial in map(str, range(start, start + count)):
        yield f"EM{serial}{check_digit(serial)}JP"


def resident_megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


@contextmanager
def running_site(japanpost_url: str) -> Iterator[Site]:
    """gunicorn as in production, on a free port and with an empty store; ended with everything it started."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        environment = {name: value for name, value in os.environ.items() if name != "DEBUG"} | {
            "DJANGO_SETTINGS_MODULE": "tests.bench_settings",
            "SECRET_KEY": secrets.token_urlsafe(64),
            "ALLOWED_HOSTS": "127.0.0.1",
            "DATABASE_URL": f"sqlite:///{folder}/store.sqlite3",
            "BENCH_STATIC_ROOT": f"{folder}/static",
            "JAPANPOST_URL": japanpost_url,
            "JAPANPOST_SPACING_MS": "0",  # politeness has its own tests; here it would be all we measure
            "LOOKUPS_PER_MINUTE": "0",
            "BIND": f"127.0.0.1:{port}",
        }
        for command in (["migrate"], ["collectstatic", "--no-input"]):
            prepare = [sys.executable, "manage.py", *command, "--verbosity", "0"]
            subprocess.run(prepare, cwd=PROJECT, env=environment, check=True)
        serve = [sys.executable, "-m", "gunicorn", "emsguide.wsgi", "--log-level", "warning"]
        gunicorn = subprocess.Popen(serve, cwd=PROJECT, env=environment)
        try:
            wait_until_ready(gunicorn, port)
            yield Site(port, gunicorn.pid)
        finally:
            gunicorn.terminate()
            try:
                gunicorn.wait(20)
            except subprocess.TimeoutExpired:
                gunicorn.kill()
                gunicorn.wait()


def wait_until_ready(process: "subprocess.Popen[bytes]", port: int) -> None:
    for _ in range(300):
        try:
            requests.get(f"http://127.0.0.1:{port}/readyz", timeout=10).raise_for_status()
            return
        except requests.ConnectionError:
            pass
        try:
            process.wait(0.1)  # the pause between two tries, unless it has ended
        except subprocess.TimeoutExpired:
            continue
        raise RuntimeError("gunicorn did not start")
    raise RuntimeError("gunicorn does not answer")


if __name__ == "__main__":
    sys.exit(main())
