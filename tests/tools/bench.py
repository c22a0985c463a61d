"""python -m tests.tools.bench (make bench): measures what the site costs and prints each aim with the result.

This is a benchmark, not a test. Everything runs on this machine: gunicorn with production settings and its own
stores, and a stand-in for Japan Post that answers at once. The figures depend on the machine and on its load. Ratios
depend on them less than milliseconds do; on a busy machine, ratios of processor time are more reliable than ratios of
requests a second.

BENCH_PARCELS is the number of parcels in the large store. Filling it takes a minute or two for a million.
"""

import http.client
import io
import os
import pickle
import secrets
import socket
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import requests
from PIL import Image
from playwright.sync_api import sync_playwright

from tests import PROJECT
from tests.support import processes
from tests.support.chromium import CHROMIUM, launched
from tests.support.crowd import join, start_threads
from tests.support.standin import StandIn
from tests.support.standin.server import SEARCH_PATH
from tests.support.stories import ARRIVED, IN_CUSTOMS, POSTED, story
from tests.tools.bench_load import HEADERS, WRK, Kind, Server, note, put_load, show, take_turns, timed
from tests.tools.bench_reading import bench_hostile_pages, bench_junk, bench_parser
from tests.tools.bench_store import fill, number_of
from tests.tools.weight import weigh
from tracking.values.logos import read_picture
from tracking.values.numbers import check_digit

FEW_PARCELS, MANY_PARCELS = 1000, int(os.environ.get("BENCH_PARCELS", "1000000"))
LOOKUPS = 60
EDITS_PER_SECOND = 10


def main() -> int:
    started = time.monotonic()
    os.environ["no_proxy"] = "*"
    client = (
        WRK or "threads of Python, which can be the limit (Debian: sudo apt install wrk, which is quicker)"
    )
    print(f"{os.cpu_count()} processors, load by {client}")
    print(f"{'':52} {'aim':>10} {'here':>10}")
    bench_parser()
    bench_hostile_pages()
    bench_junk()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        japan_post = stack.enter_context(StandIn())
        site = stack.enter_context(running_site(folder / "few", japan_post.url, parcels=FEW_PARCELS))
        bare = stack.enter_context(running_bare(folder, site, page_of(FEW_PARCELS // 2)))
        bench_pages(site, bare)
        bench_edits(site, folder / "few" / "store.sqlite3")
        bench_crowd(site)
        bench_lookups(site, japan_post)
        bench_memory(site)
        bench_weight(site, japan_post, folder / "few" / "store.sqlite3")
        large = stack.enter_context(running_site(folder / "many", japan_post.url, parcels=MANY_PARCELS))
        bench_sizes(site, large)
    print(f"\n{time.monotonic() - started:.0f} seconds in all.")
    return 0


def bench_pages(site: Server, bare: Server) -> None:
    """Cached pages, compared with an empty view on the same server and with the same bytes without Django."""
    page = page_of(FEW_PARCELS // 2)
    known = {"If-None-Match": answer_of(site, page)[1]["ETag"]}
    kinds = {
        "empty view": Kind(site, ["/empty"]),
        "same bytes without Django": Kind(bare, ["/"]),
        "stored tracking page": Kind(site, [page]),
        "stored tracking page, 304": Kind(site, [page], known),
        "its JSON": Kind(site, [f"{page[:-1]}.json"]),
        "the guide": Kind(site, ["/"]),
        "any of 300 tracking pages": Kind(site, [page_of(place) for place in range(300)]),
    }
    take_turns(list(kinds.values()))
    empty, plain = kinds["empty view"].load, kinds["same bytes without Django"].load
    for name, aim in (
        ("stored tracking page", ">= 0.7"),
        ("stored tracking page, 304", ""),
        ("its JSON", ""),
        ("the guide", ""),
        ("any of 300 tracking pages", ""),
    ):
        load = kinds[name].load
        show(f"{name} / empty view", aim, load.per_second / empty.per_second)
        note(f"by processor time {empty.server_microseconds / load.server_microseconds:.2f}")
    page_load = kinds["stored tracking page"].load
    show("stored tracking page / same bytes without Django", "", page_load.per_second / plain.per_second)
    note(f"by processor time {plain.server_microseconds / page_load.server_microseconds:.2f}")
    for name, kind in kinds.items():
        describe(name, kind)


def bench_edits(site: Server, store: Path) -> None:
    """Pages while words are edited ten times a second, so that each worker renders each page ten times a second."""
    kinds = {"empty": Kind(site, ["/empty"]), "page": Kind(site, [page_of(1)])}
    with edits(store):
        take_turns(list(kinds.values()))
    empty, page = kinds["empty"].load, kinds["page"].load
    show("tracking page while words change / empty view", ">= 0.35", page.per_second / empty.per_second)
    note(
        f"{EDITS_PER_SECOND} edits a second; by processor time"
        f" {empty.server_microseconds / page.server_microseconds:.2f}, p99 {page.p99 * 1000:.1f} ms"
    )
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    first, rendered = [], []
    for place in range(2, 42):
        edit(store)
        first.append(timed(lambda place=place: get(connection, page_of(place)))[1])
        rendered.append(timed(lambda place=place: get(connection, page_of(place + 100)))[1])
    connection.close()
    note(
        f"the first page of a worker after an edit takes {statistics.median(first) * 1000:.1f} ms"
        " (it reads the words again),"
    )
    note(f"a page that is not in the cache {statistics.median(rendered) * 1000:.1f} ms, one at a time")


def bench_crowd(site: Server) -> None:
    """Two hundred connections at once. Each sends its next request when the last one is answered."""
    load = put_load(Kind(site, [page_of(place) for place in range(300)]), 5, 200)
    show("errors at 200 connections", "0", load.refused)
    note(
        f"of {load.requests} requests in {load.seconds:.1f} s; p50 {load.p50 * 1000:.0f} ms,"
        f" p99 {load.p99 * 1000:.0f} ms"
    )


def bench_sizes(few: Server, many: Server) -> None:
    """The same pages with a small and with a large store: from the cache, and rendered (each requested once)."""
    places = range(100, 400)
    cached = [Kind(site, [page_of(place) for place in places]) for site in (few, many)]
    take_turns(cached)
    show(f"cached page: {MANY_PARCELS:,} parcels / {FEW_PARCELS:,}", ">= 0.8", ratio(cached))
    note(f"by processor time {cached[0].load.server_microseconds / cached[1].load.server_microseconds:.2f}")
    rendered = [rendering_time(site) for site in (few, many)]
    show(f"rendered page: {MANY_PARCELS:,} parcels / {FEW_PARCELS:,}", "<= 1.2", rendered[1] / rendered[0])
    note(f"{rendered[0] * 1000:.2f} ms / {rendered[1] * 1000:.2f} ms of processor time each")


def bench_lookups(site: Server, japan_post: StandIn) -> None:
    """A first look-up, compared with a direct request for the same page of Japan Post."""
    cold, bare = [], []
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    for number in numbers(LOOKUPS):
        japan_post.set_item(number, story(POSTED, IN_CUSTOMS, number=number))
        cold.append(timed(lambda number=number: get(connection, f"/track/{number}/"))[1])
        address = f"{japan_post.url}{SEARCH_PATH}?reqCodeNo1={number}&locale=en"
        bare.append(timed(lambda address=address: requests.get(address, timeout=60))[1])
    connection.close()
    extra = statistics.median(one - other for one, other in zip(cold, bare, strict=True))
    show("a first look-up, on top of Japan Post's time", "<= 5 ms", extra * 1000, " ms")
    note(
        f"median {statistics.median(cold) * 1000:.1f} ms / {statistics.median(bare) * 1000:.1f} ms direct,"
        f" {LOOKUPS} numbers"
    )


def bench_memory(site: Server) -> None:
    """The workers' memory after all measurements before. Memory that they share with their parent counts in each."""
    sizes = [resident_megabytes(pid) for pid in site.workers]
    show("memory of the largest worker", "<= 90 MB", max(sizes), " MB")
    note("resident: " + ", ".join(f"{size:.0f} MB" for size in sizes))


def bench_weight(site: Server, japan_post: StandIn, store: Path) -> None:
    """Each kind of page on a visitor's first visit; the last one for a shop with its own color and logo."""
    if not CHROMIUM:
        note(
            "page weights: not measured, there is no Chromium here (Debian: sudo apt install chromium-headless-shell)"
        )
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
        "tracking page with colour and logo": f"/track/{known}/",
    }
    with sync_playwright() as playwright:
        for name, path in paths.items():
            if "logo" in name:
                set_color_and_logo(store)
            with launched(playwright) as browser:
                weight = weigh(browser, f"http://127.0.0.1:{site.port}{path}")
            show(f"{name}, first visit", "<= 30 KB", weight.bytes / 1024, " KB")
            note(
                f"{weight.requests} requests (aim <= 5), third parties: {', '.join(weight.third_parties) or 'none'}, "
                f"layout shift {weight.layout_shift:.3f} (aim 0)"
            )


def describe(name: str, kind: Kind) -> None:
    load = kind.load
    limit = ": the client is the limit" if load.client_share > 0.8 else ""
    note(
        f"{name:26} {load.per_second:6.0f}/s, {load.server_microseconds:5.0f} µs of the server each, "
        f"p50 {load.p50 * 1000:4.1f} ms, p99 {load.p99 * 1000:5.1f} ms,"
        f" client {load.client_share:4.0%} of a processor{limit}"
    )
    if load.refused:
        raise RuntimeError(f"{name}: {load.refused} requests failed")


def ratio(kinds: list[Kind]) -> float:
    """The requests a second of the last kind, divided by those of the first."""
    return kinds[-1].load.per_second / kinds[0].load.per_second


def page_of(place: int) -> str:
    """The path of the tracking page of a parcel with a story; each hundredth parcel of the store has none."""
    return f"/track/{number_of(place + place // 99)}/"


def rendering_time(site: Server) -> float:
    """Seconds of processor time to render one page that is not in the cache."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    before = site.processor_seconds
    for place in range(500, 800):
        get(connection, page_of(place))
    connection.close()
    return (site.processor_seconds - before) / 300


def get(connection: http.client.HTTPConnection, path: str) -> tuple[bytes, dict[str, str]]:
    connection.request("GET", path, headers=HEADERS)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status}")
    return body, dict(answer.getheaders())


def answer_of(site: Server, path: str) -> tuple[bytes, dict[str, str]]:
    with closing(http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)) as connection:
        return get(connection, path)


def edit(store: Path) -> None:
    """Changes the version of the words as an edit does, so that no cached page is used again."""
    with closing(sqlite3.connect(store, timeout=20)) as connection, connection:
        connection.execute("UPDATE tracking_shop SET words_version = ?", [uuid.uuid4().hex])


def set_color_and_logo(store: Path) -> None:
    """Give the shop a color, and a logo of the largest size that is stored."""
    file = io.BytesIO()
    Image.effect_noise((720, 120), 20).save(file, "PNG")
    logo = read_picture(file.getvalue())
    columns = (logo.data, logo.digest, logo.extension, logo.width, logo.height)
    with closing(sqlite3.connect(store, timeout=20)) as connection, connection:
        connection.execute("UPDATE tracking_shop SET accent_color = '#0b6e4f'")
        connection.execute(
            "INSERT INTO tracking_logo (shop_id, data, digest, extension, width, height) "
            "SELECT id, ?, ?, ?, ?, ? FROM tracking_shop",
            columns,
        )
    edit(store)


@contextmanager
def edits(store: Path) -> Iterator[None]:
    """EDITS_PER_SECOND edits a second until the block ends."""
    over = threading.Event()

    def edit_on() -> None:
        while not over.wait(1 / EDITS_PER_SECOND):
            edit(store)

    threads = start_threads([edit_on])
    try:
        yield
    finally:
        over.set()
        join(threads)


def numbers(count: int, *, start: int = 81_000_000) -> Iterator[str]:
    for serial in map(str, range(start, start + count)):
        yield f"EM{serial}{check_digit(serial)}JP"


def resident_megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


@contextmanager
def running_site(folder: Path, japanpost_url: str, *, parcels: int) -> Iterator[Server]:
    """The site as in production, on a free port, with its own store of this many parcels."""
    folder.mkdir()
    environment = {
        "DJANGO_SETTINGS_MODULE": "tests.tools.bench_settings",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "ALLOWED_HOSTS": "127.0.0.1",
        "DATABASE_URL": f"sqlite:///{folder}/store.sqlite3",
        "BENCH_STATIC_ROOT": f"{folder}/static",
        "JAPANPOST_URL": japanpost_url,
        "JAPANPOST_SPACING_MS": "0",  # otherwise the spacing is all that a look-up measures
        "LOOKUPS_PER_MINUTE": "0",
    }
    for command in (["migrate"], ["collectstatic", "--no-input"]):
        prepare = [sys.executable, "manage.py", *command, "--verbosity", "0"]
        processes.run(prepare, cwd=PROJECT, env=_outside() | environment, check=True)
    _, seconds = timed(lambda: fill(folder / "store.sqlite3", parcels=parcels))
    note(f"a store with {parcels:,} parcels, filled in {seconds:.0f} s")
    with running_gunicorn("emsguide.wsgi", environment, "/readyz") as server:
        yield server


@contextmanager
def running_bare(folder: Path, site: Server, path: str) -> Iterator[Server]:
    """A server that sends the site's answer to this path under the same gunicorn settings, without Django."""
    body, headers = answer_of(site, path)
    own = ("Server", "Date", "Connection", "Transfer-Encoding")
    kept = [(name, value) for name, value in headers.items() if name not in own]
    (folder / "answer").write_bytes(pickle.dumps(("200 OK", kept, body)))
    with running_gunicorn("tests.tools.bench_wsgi", {"BENCH_ANSWER": f"{folder}/answer"}, "/") as server:
        yield server


@contextmanager
def running_gunicorn(application: str, environment: dict[str, str], ready: str) -> Iterator[Server]:
    """A gunicorn on a free port with the project's settings. The end of the block ends it and its workers."""
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        port, descriptor = listener.getsockname()[1], listener.fileno()
        bind = ["--bind", f"fd://{descriptor}", "--log-level", "warning", "--max-requests", "0"]
        command = [sys.executable, "-m", "gunicorn", application, *bind]
        options = {"cwd": PROJECT, "env": _outside() | environment, "pass_fds": [descriptor]}
        with processes.running(command, **options) as gunicorn:
            requests.get(f"http://127.0.0.1:{port}{ready}", timeout=60).raise_for_status()
            yield Server(port, gunicorn.pid)


def _outside() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ("DEBUG", "DATABASE_URL")}


if __name__ == "__main__":
    sys.exit(main())
