"""Tests two web machines behind HAProxy with one PostgreSQL and one cache: edits, a killed machine, a lost cache."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

from tests.support.remote_desk import Desk
from tests.support.served import (
    Balancer,
    CacheServer,
    Cluster,
    Site,
    everybody,
    get,
    run,
    statuses,
    until_answered,
)
from tests.support.standin import StandIn
from tests.support.stories import IN_CUSTOMS, POSTED, some_numbers, story

pytestmark = [pytest.mark.postgresql, pytest.mark.cacheserver, pytest.mark.haproxy]

WARM, COLD = 6, 24  # parcels
READERS = 4  # visitors of warm pages, each of whom sends the next request when answered


@dataclass
class Machines:
    """The running installation."""

    site: Site
    balancer: Balancer
    cache: CacheServer
    database: str
    japan_post: StandIn

    @property
    def front(self) -> str:
        """The address of the balancer."""
        return self.balancer.address

    def query(self, statement: LiteralString) -> list[Any]:
        """The values of the statement's only column."""
        with psycopg.connect(self.database) as connection:
            return [value for (value,) in connection.execute(statement)]

    def in_flight(self) -> set[str]:
        """The numbers for which a request to Japan Post is in flight."""
        return set(self.query("SELECT number FROM tracking_shipment WHERE lease_until IS NOT NULL"))


@pytest.fixture(scope="module")
def machines(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    folder: Path = tmp_path_factory.mktemp("machines")
    database = cluster.migrated()
    with StandIn() as japan_post, CacheServer() as cache:
        settings = {
            "JAPANPOST_URL": japan_post.url,
            "JAPANPOST_SPACING_MS": 20,
            "JAPANPOST_TIMEOUT": 10,  # so that the lease of a killed process expires soon
            "LOOKUPS_PER_MINUTE": 0,
            "CACHE_URL": cache.url,
            "TRUSTED_PROXIES": 1,
        }
        with Site(folder, database, gunicorns=2, **settings) as site:
            site.python(
                "from django.contrib.auth.models import User\n"
                "User.objects.create_superuser('ann', password='a long password')"
            )
            with Balancer(folder, site.addresses) as balancer:
                yield Machines(site, balancer, cache, database, japan_post)


def test_an_edit_on_one_machine_is_on_every_machines_next_page(machines: Machines) -> None:
    (number,) = some_numbers(1, start=60_000_000)
    machines.japan_post.set_item(number, story(POSTED, IN_CUSTOMS, number=number))
    one, other = machines.site.addresses
    pages = [f"{address}/track/{number}/" for address in (other, machines.front, one)]
    assert statuses(everybody(until_answered, pages * 10)) == {200: 30}  # every worker has them in its cache
    (customs,) = machines.query("SELECT id FROM tracking_status WHERE slug = 'customs-clearance'")
    desk = Desk(one)
    for title in ("Customs look at it", "Customs look at it again"):
        desk.post(f"/admin/tracking/status/{customs}/change/", **{"wordings-0-title": title, "_publish": "1"})
        assert all(f"{title}<" in one.body for one in everybody(get, pages * 5))


@dataclass
class Load:
    """Counts the visits that were answered and notes those that were lost."""

    answered: Counter[int] = field(default_factory=Counter)
    lost: list[tuple[float, str]] = field(default_factory=list)  # start of the visit, failure

    async def visit(self, url: str) -> None:
        """Opens a page, again after Retry-After where the site asks for it. Any other failure is a lost visit."""
        while True:
            began = time.monotonic()
            try:
                seen = await get(url)
            except (OSError, ValueError, TimeoutError) as failure:
                self.lost.append((began, repr(failure)))
                return
            if seen.status == 200:
                self.answered[200] += 1
                return
            if "retry-after" not in seen.headers:  # an answer of the balancer, not of the site
                self.lost.append((began, f"{seen.status} {seen.body[:80]}"))
                return
            await asyncio.sleep(int(seen.headers["retry-after"]))


def test_after_a_machine_is_killed_every_new_visitor_is_answered(
    machines: Machines,
) -> None:
    """Numbers whose request was in flight on the killed machine are requested twice at most, all others once."""
    japan_post, site = machines.japan_post, machines.site
    japan_post.clear()
    warm, cold = some_numbers(WARM, start=61_000_000), some_numbers(COLD, start=62_000_000)
    for number in (*warm, *cold):
        japan_post.set_item(number, story(POSTED, IN_CUSTOMS, number=number))
    pages = {number: f"{machines.front}/track/{number}/" for number in (*warm, *cold)}
    everybody(until_answered, [pages[number] for number in warm])
    japan_post.set_fault(None, "slow-first-byte", seconds=0.1)
    load = Load()

    async def kill_under_load() -> tuple[float, set[str]]:
        over = asyncio.Event()

        async def read(place: int) -> None:
            while not over.is_set():
                await load.visit(pages[warm[place % WARM]])

        readers = [asyncio.create_task(read(place)) for place in range(READERS)]
        crowd = [asyncio.create_task(load.visit(pages[number])) for number in cold for _ in range(2)]
        while len(japan_post.requests) < WARM + COLD // 3:
            await asyncio.sleep(0.01)
        asking = await asyncio.to_thread(machines.in_flight)
        await asyncio.to_thread(site.lose, 0)
        killed_at = time.monotonic()
        asking |= await asyncio.to_thread(machines.in_flight)
        before = load.answered[200]
        await asyncio.gather(*crowd)
        while load.answered[200] < before + 50:
            await asyncio.sleep(0.01)
        over.set()
        await asyncio.gather(*readers)
        return killed_at, asking

    killed_at, asking = run(kill_under_load())
    asked = Counter(request.query["reqCodeNo1"] for request in japan_post.requests)
    twice = {number for number, times in asked.items() if times > 1}
    print(f"{load.answered[200]} pages, {len(load.lost)} lost, {len(twice)} parcels requested twice")
    assert [failure for began, failure in load.lost if began > killed_at] == []
    assert len(load.lost) <= READERS + 2 * COLD
    assert asked.keys() == {*warm, *cold}
    assert twice <= asking  # their first answer was lost with the killed machine
    assert max(asked.values()) <= 2
    site.replace(0)
    assert statuses(everybody(get, pages.values())) == {200: WARM + COLD}
    assert Counter(request.query["reqCodeNo1"] for request in japan_post.requests) == asked


def test_without_the_shared_cache_unready_machines_still_answer(machines: Machines) -> None:
    japan_post, balancer = machines.japan_post, machines.balancer
    known, new = some_numbers(2, start=63_000_000)
    for number in (known, new):
        japan_post.set_item(number, story(POSTED, IN_CUSTOMS, number=number))
    pages = [f"{machines.front}/track/{known}/", f"{machines.front}/"]
    everybody(until_answered, pages)

    def read_until_ready(count: int) -> None:
        while balancer.ready() != count:
            assert statuses(everybody(get, pages)) == {200: 2}

    read_until_ready(2)
    machines.cache.kill()
    try:
        read_until_ready(0)
        assert statuses(everybody(get, [f"{one}/readyz" for one in machines.site.addresses])) == {503: 2}
        assert statuses(everybody(get, [f"{machines.front}/track/{new}/", *pages * 5])) == {200: 11}
    finally:
        machines.cache.start()
    read_until_ready(2)
