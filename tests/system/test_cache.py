"""Tests Valkey or Redis as the shared cache: with it pages are reused, without it each page is rendered again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.served import CacheServer, Site, everybody, get, statuses
from tests.support.standin import StandIn
from tests.support.stories import IN_CUSTOMS, POSTED, some_numbers, story

pytestmark = pytest.mark.cacheserver


@pytest.fixture
def cache() -> Iterator[CacheServer]:
    with CacheServer() as server:
        yield server


def test_pages_are_answered_while_the_cache_hangs_or_is_down(cache: CacheServer, tmp_path: Path) -> None:
    numbers = some_numbers(4)
    with StandIn() as japan_post:
        for number in numbers:
            japan_post.set_item(number, story(POSTED, IN_CUSTOMS, number=number))
        settings = {"CACHE_URL": cache.url, "JAPANPOST_URL": japan_post.url, "JAPANPOST_SPACING_MS": 0}
        with Site(tmp_path, f"sqlite:///{tmp_path}/db.sqlite3", **settings) as site:
            calm, frozen, dead, back = (f"{site.addresses[0]}/track/{number}/" for number in numbers)

            def read(page: str) -> None:
                """Open a page once, then four times at the same moment. The first visit makes the look-up."""
                assert statuses(everybody(get, [page])) == {200: 1}
                seen = everybody(get, [page] * 4)
                assert statuses(seen) == {200: 4}
                assert all("Your parcel is with customs" in one.body for one in seen)

            read(calm)
            held = cache.count()
            assert held
            cache.freeze()
            # The cache stays frozen during these visits. How long they take is not measured here.
            read(frozen)
            cache.thaw()
            cache.kill()
            read(dead)
            cache.start()
            assert not cache.count()
            read(back)
            assert cache.count()  # the site uses the cache again without a restart
