"""Tests crowds of visitors, as after a shipping e-mail to all customers, on gunicorn with SQLite and PostgreSQL."""

import asyncio
import itertools
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.served import Site, everybody, get, run, statuses, until_answered
from tests.support.standin import StandIn
from tests.support.stories import NUMBER, POSTED, some_numbers, story

SPACING = 100  # milliseconds
# Numbers, each with ten visitors. CROWD=50 takes half a minute more.
CROWD = int(os.environ.get("CROWD", "20"))


@pytest.fixture(scope="module")
def japan_post() -> Iterator[StandIn]:
    with StandIn() as standin:
        yield standin


@pytest.fixture(
    scope="module",
    params=[
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.postgresql),
    ],
)
def site(
    request: pytest.FixtureRequest, japan_post: StandIn, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """One gunicorn with SQLite, then two with PostgreSQL."""
    folder: Path = tmp_path_factory.mktemp("site")
    settings = {
        "JAPANPOST_URL": japan_post.url,
        "JAPANPOST_SPACING_MS": SPACING,
        "JAPANPOST_TIMEOUT": 25,  # long enough for a busy machine
        "LOOKUPS_PER_MINUTE": 0,
    }
    if request.param == "sqlite":
        with Site(folder, f"sqlite:///{folder}/db.sqlite3", **settings) as site:
            yield site
    else:
        url = request.getfixturevalue("cluster").migrated()
        with Site(folder, url, gunicorns=2, **settings) as site:
            yield site


@pytest.fixture(autouse=True)
def fresh_start(japan_post: StandIn) -> None:
    japan_post.clear()


def test_many_visitors_of_a_stale_number_cause_one_request(site: Site, japan_post: StandIn) -> None:
    japan_post.set_item(NUMBER, story(POSTED))
    pages = [f"{address}/track/{NUMBER}/" for address in site.addresses]
    assert statuses(everybody(get, pages[:1])) == {200: 1}
    site.python("Shipment.objects.update(ask_again_at=None)")
    japan_post.set_fault(None, "slow-first-byte", seconds=1.5)
    seen = everybody(get, (pages * 500)[:500])
    assert statuses(seen) == {200: 500}
    assert len(japan_post.requests) == 2
    waited = sorted(one.seconds for one in seen)
    print(f"500 visitors of one stale number: half within {waited[250]:.2f} s, all within {waited[-1]:.2f} s")


def test_a_crowd_is_answered_with_one_request_per_number(site: Site, japan_post: StandIn) -> None:
    numbers = some_numbers(CROWD, start=20_000_000)
    for number in numbers:
        japan_post.set_item(number, story(POSTED, number=number))
    japan_post.set_fault(None, "slow-first-byte", seconds=0.25)
    visitors = [
        f"{address}/track/{number}/"
        for number in numbers
        for address in (site.addresses * 10)[:10]  # ten visitors for each number, spread over the gunicorns
    ]
    began = time.monotonic()
    seen = everybody(until_answered, visitors)
    took = time.monotonic() - began
    assert statuses(seen) == {200: 10 * CROWD}
    assert all("Posting" in one.body or "posted" in one.body for one in seen)
    asked = Counter(request.query["reqCodeNo1"] for request in japan_post.requests)
    assert asked == dict.fromkeys(numbers, 1)
    assert japan_post.concurrent_peak <= 4
    # The starts that the site has stored: the delay until a request arrives at the stand-in varies.
    asked_at = "Fetch.objects.filter(shipment__number__in={numbers}).values_list('started_at', flat=True)"
    said = site.python(f"print(*sorted(at.timestamp() for at in {asked_at.format(numbers=numbers)}))")
    starts = [float(one) for one in said.split()]
    assert len(starts) == CROWD
    gaps = sorted(later - earlier for earlier, later in itertools.pairwise(starts))
    visits = sum(one.visits for one in seen)
    print(
        f"{len(visitors)} visitors, {CROWD} numbers: all answered in {took:.1f} s, {visits} visits, at most"
        f" {japan_post.concurrent_peak} at a time, gaps from {gaps[0] * 1000:.0f} ms"
    )
    # A process that is interrupted between its turn and the storing stores a late start. So check six starts in a row
    # and all starts together instead of each distance.
    windows = [later - earlier for earlier, later in zip(starts, starts[5:], strict=False)]
    assert min(windows) > 5 * SPACING / 1000 * 0.5
    assert starts[-1] - starts[0] > (len(starts) - 1) * SPACING / 1000 * 0.9


def test_a_crowd_reads_fresh_pages_without_a_request(site: Site, japan_post: StandIn) -> None:
    japan_post.set_item(NUMBER, story(POSTED))
    everybody(until_answered, [f"{site.addresses[0]}/track/{NUMBER}/"])
    before = len(japan_post.requests)
    seen = everybody(get, [f"{address}/track/{NUMBER}/" for address in site.addresses * 100])
    assert statuses(seen) == {200: len(seen)}
    assert len(japan_post.requests) == before


def test_stored_pages_are_answered_while_japan_post_hangs(site: Site, japan_post: StandIn) -> None:
    """Read the guide, a fresh page and a stale page while 200 visitors of unknown numbers wait.

    All are read before any of the four requests to Japan Post ends, so no reader waited for one of them.
    """
    fresh, stale, *cold = some_numbers(202, start=30_000_000)
    for number in (fresh, stale):
        japan_post.set_item(number, story(POSTED, number=number))
        everybody(until_answered, [f"{site.addresses[0]}/track/{number}/"])
    site.python(f"Shipment.objects.filter(number='{stale}').update(ask_again_at=None)")
    address = site.addresses[0]
    readers = [f"{address}/", f"{address}/track/{fresh}/", f"{address}/admin/login/"]

    peaks = []

    async def read(waiting: list[str], readers: list[str]) -> float:
        before = len(japan_post.requests)
        crowd = [asyncio.create_task(until_answered(url)) for url in waiting]
        async with asyncio.timeout(60):
            while waiting and japan_post.concurrent_peak < 4:
                await asyncio.sleep(0.01)
        await asyncio.sleep(5 * SPACING / 1000 if waiting else 0)  # long enough for a fifth request to start
        # Not later: when the first four time out, the next ones can arrive before the stand-in notices it.
        peaks.append(japan_post.concurrent_peak)
        seen = [await get(url) for url in readers * 5]
        if waiting:
            assert len(japan_post.requests) == before + 4  # more would mean that one of the four has ended
        for one in crowd:
            one.cancel()
        await asyncio.gather(*crowd, return_exceptions=True)
        assert {one.status for one in seen} == {200}
        return max(one.seconds for one in seen)

    calm = run(read([], readers))
    japan_post.set_fault(None, "hang")
    waiting = [f"{address}/track/{number}/" for number in cold]
    hanging = run(read(waiting, [*readers, f"{address}/track/{stale}/"]))
    print(f"slowest of guide, stored page and admin: {calm:.2f} s in calm, {hanging:.2f} s while it hangs")
    assert peaks[1] == 4
    site.stop(signal.SIGKILL)  # otherwise the waiting requests go on in the next test
    japan_post.clear()
    site.start()
    site.python("Gate.objects.all().delete(); Shipment.objects.all().delete()")


def test_concurrent_runs_of_learn_leave_one_set_of_figures(site: Site) -> None:
    said = site.python(
        "from django.utils import timezone\n"
        "from tests.support.crowd import all_at_once\n"
        "from tracking.journey.usual_waits import store_usual_waits\n"
        "figures = {'parcels': 20, 'median_days': 1, 'nine_in_ten_days': 2, 'learned_at': timezone.now()}\n"
        "status = Status.objects.first()\n"
        "comes = all_at_once([lambda: store_usual_waits([UsualWait(status=status, **figures)])] * 8)\n"
        "print([come.failure for come in comes], sum(come.result or 0 for come in comes), UsualWait.objects.count())\n"
        "store_usual_waits([])"
    )
    assert said == f"{[None] * 8} 1 1"


@pytest.fixture
def small_site(japan_post: StandIn, tmp_path: Path) -> Iterator[Site]:
    settings = {
        "JAPANPOST_URL": japan_post.url,
        "JAPANPOST_SPACING_MS": 10,
        "JAPANPOST_TIMEOUT": 25,  # so that the request is killed before it times out
        "LOOKUPS_PER_MINUTE": 10,
    }
    with Site(tmp_path, f"sqlite:///{tmp_path}/db.sqlite3", **settings) as site:
        yield site


def test_a_killed_request_is_repeated_and_processes_share_a_limit(
    small_site: Site, japan_post: StandIn
) -> None:
    page = f"{small_site.addresses[0]}/track/{NUMBER}/"
    japan_post.set_item(NUMBER, story(POSTED))
    japan_post.set_fault(NUMBER, "hang", times=1)

    async def leave_in_the_middle() -> None:
        visit = asyncio.create_task(get(page))
        await asyncio.to_thread(japan_post.wait_for_requests, 1)
        visit.cancel()
        await asyncio.gather(visit, return_exceptions=True)

    run(leave_in_the_middle())
    assert len(japan_post.requests) == 1
    small_site.stop(signal.SIGKILL)
    small_site.start()
    lease = "Shipment.objects.filter(lease_until__gt=timezone.now())"
    expire = f"print({lease}.update(lease_until=timezone.now()))"  # instead of waiting until it expires
    assert small_site.python(f"from django.utils import timezone\n{expire}") == "1"
    (seen,) = everybody(until_answered, [page])
    assert seen.status == 200
    assert len(japan_post.requests) == 2
    assert (
        small_site.python("print(Fetch.objects.count(), Shipment.objects.exclude(lease_until=None).count())")
        == "1 0"
    )

    japan_post.clear()
    stream = [f"{small_site.addresses[0]}/track/{number}/" for number in some_numbers(25, start=40_000_000)]
    found = [everybody(get, [url])[0] for url in stream]
    asked, refused = statuses(found)[404], statuses(found)[429]
    assert len(japan_post.requests) == asked == 25 - refused
    # Two more look-ups were counted above. There are two counts if a minute ended during the test.
    counts = [
        int(one)
        for one in small_site.python("print(*Allowance.objects.values_list('used', flat=True))").split()
    ]
    assert max(counts) == 10 and sum(counts) == 2 + asked
    assert all(1 <= int(one.headers["retry-after"]) <= 67 for one in found if one.status == 429)


def test_a_kill_while_writing_leaves_no_partial_story(japan_post: StandIn, tmp_path: Path) -> None:
    settings = {"JAPANPOST_URL": japan_post.url, "JAPANPOST_SPACING_MS": 0, "LOOKUPS_PER_MINUTE": 0}
    numbers = some_numbers(12, start=50_000_000)
    for number in numbers:
        japan_post.set_item(number, story(*[POSTED] * 6, number=number))

    async def until_some_are_asked(site: Site, more: int) -> None:
        wanted = len(japan_post.requests) + more
        crowd = [asyncio.create_task(get(f"{site.addresses[0]}/track/{number}/")) for number in numbers]
        while len(japan_post.requests) < wanted and not all(one.done() for one in crowd):
            await asyncio.sleep(0.001)
        site.stop(signal.SIGKILL)
        for one in crowd:
            one.cancel()
        await asyncio.gather(*crowd, return_exceptions=True)

    with Site(tmp_path, f"sqlite:///{tmp_path}/db.sqlite3", **settings) as site:
        for more in (1, 2, 3):
            run(until_some_are_asked(site, more))
            whole = site.python(
                "from django.db import connection\n"
                "rows = {s: s.events.count() for s in Shipment.objects.all()}\n"
                "cursor = connection.cursor().execute('PRAGMA integrity_check')\n"
                "print(cursor.fetchone()[0], {n for s, n in rows.items()} <= {0, 6},"
                " all((n == 6) == (s.story_at is not None) for s, n in rows.items()))"
            )
            assert whole == "ok True True"
            site.start()
        site.python("Shipment.objects.update(lease_until=None)")  # instead of waiting until they expire
        seen = everybody(until_answered, [f"{site.addresses[0]}/track/{number}/" for number in numbers])
        assert statuses(seen) == {200: 12}
        assert site.python("print({s.events.count() for s in Shipment.objects.all()})") == "{6}"
