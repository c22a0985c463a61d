"""An edit at the desk is on the customer's page at the next request, whichever of several processes answers."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.served import Site, everybody, get, statuses, until_answered
from tests.standin import StandIn
from tests.stories import IN_CUSTOMS, NUMBER, POSTED, story


@pytest.fixture(scope="module", params=["own-cache", "shared-cache"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Two gunicorns of two workers each; with the default cache, and with one that all of them share."""
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


class Desk:
    """A person's browser at the desk, without a browser: it sends cookies that are meant for https."""

    def __init__(self, address: str) -> None:
        self.address, self.session = address, requests.Session()
        self.session.trust_env = False
        self.post("/admin/login/", username="ann", password="a long password", next="/admin/")

    def post(self, path: str, **typed: str) -> None:
        """Fill in the form of a page and send it; the site leads on, so it was taken."""
        page = self._ask("GET", path).text
        data = dict(re.findall(r'<input type="(?:hidden|text|number)" name="([^"]+)" value="([^"]*)"', page))
        for name, options in re.findall(r'<select name="([^"]+)".*?>(.*?)</select>', page, re.S):
            if chosen := re.search(r'<option value="([^"]*)" selected', options):
                data[name] = chosen[1]
        for name, text in re.findall(r'<textarea name="([^"]+)"[^>]*>\s?(.*?)</textarea>', page, re.S):
            data[name] = html.unescape(text)
        answered = self._ask("POST", path, data=data | typed)
        assert answered.status_code == 302, answered.text

    def _ask(self, method: str, path: str, data: dict[str, str] | None = None) -> requests.Response:
        cookies = "; ".join(f"{one.name}={one.value}" for one in self.session.cookies)
        return self.session.request(
            method,
            f"{self.address}{path}",
            data=data,
            headers={"Cookie": cookies},
            allow_redirects=False,
            timeout=30,
        )


def test_every_worker_shows_the_edit_at_the_next_request(site: Site) -> None:
    pages = [f"{address}{path}" for address in site.addresses for path in ("/", f"/track/{NUMBER}/")]
    everybody(until_answered, pages[1::2])
    seen = everybody(get, pages * 10)  # every worker has read the words and kept the pages
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
