"""The staff's desk of a site in another process, used over HTTP without a browser."""

import html
import re

import requests


class Desk:
    """A session of one member of staff. It also sends the cookies that are meant for https only."""

    def __init__(self, address: str) -> None:
        self.address, self.session = address, requests.Session()
        self.session.trust_env = False
        self.post("/admin/login/", username="ann", password="a long password", next="/admin/")

    def post(self, path: str, **typed: str) -> None:
        """Fill in the form of a page and send it. Raises AssertionError unless the site accepts it and redirects."""
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
