"""Tests that every process of gunicorn shows an edit of the desk at the next request."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.remote_desk import Desk
from tests.support.served import Site, everybody, get, statuses, until_answered
from tests.support.standin import StandIn
from tests.support.stories import IN_CUSTOMS, NUMBER, POSTED, story


@pytest.fixture(scope="module", params=["own-cache", "shared-cache"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Two gunicorns of two workers each, first with the default cache, then with a cache that all of them share."""
    folder: Path = tmp_path_factory.mktemp("site")
    settings = {"CACHE_URL": f"filecache://{folder}/cache"} if request.param == "shared-cache" else {}
    with StandIn() as japan_post:
        japan_post.set_item(NUMBER, story(POSTED, IN_CUSTOMS))
        url = f"sqlite:///{folder}/db.sqlite3"
        with Site(folder, url, gunicorns=2, JAPANPOST_URL=japan_post.url, **settings) as site:
            site.python(
                "from django.contrib.auth.models import User\n"
                "User.objects.create_superuser('ann', password='a long password')"
            )
            yield site


def test_every_worker_shows_the_edit_at_the_next_request(site: Site) -> None:
    pages = [f"{address}{path}" for address in site.addresses for path in ("/", f"/track/{NUMBER}/")]
    everybody(until_answered, pages[1::2])
    seen = everybody(get, pages * 10)  # every worker has read the words and has the pages in its cache
    assert statuses(seen) == {200: 40}
    assert all("Your parcel is with customs" in one.body for one in seen)
    desk = Desk(site.addresses[0])
    customs = site.python("print(Status.objects.get(slug='customs-clearance').pk)")
    status = f"/admin/tracking/status/{customs}/change/"
    for number in range(3):
        title = f"Edited for the {number}th time"
        desk.post(status, **{"wordings-0-title": title, "_draft": "1"})
        assert not any("Edited for" in one.body and title in one.body for one in everybody(get, pages * 5))
        desk.post(status, **{"wordings-0-title": title, "_publish": "1"})
        assert all(title in one.body for one in everybody(get, pages * 10))
