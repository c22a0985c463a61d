"""Tests the log-in of staff with several processes of gunicorn."""

import re
from pathlib import Path

import requests

from tests.staff.access.test_log_in import PAGE, PASSWORD
from tests.support.served import Site


def test_processes_count_failures_together_and_set_secure_cookies(tmp_path: Path):
    people = f"""for name in ('ann', 'bob'): User.objects.create_superuser(name, password='{PASSWORD}')"""
    with Site(tmp_path, f"sqlite:///{tmp_path}/db.sqlite3", gunicorns=2) as site:
        site.python(f"from django.contrib.auth.models import User\n{people}")

        def post(turn: int, name: str, password: str) -> requests.Response:
            address = site.addresses[turn % 2] + PAGE
            page = requests.get(address, timeout=30)
            (token,) = re.findall('csrfmiddlewaretoken" value="([^"]+)', page.text)
            form = {"username": name, "password": password, "csrfmiddlewaretoken": token, "next": "/admin/"}
            # By hand, for clients do not send a secure cookie over http.
            headers = {"Cookie": page.headers["Set-Cookie"].partition(";")[0]}
            return requests.post(address, form, headers=headers, allow_redirects=False, timeout=30)

        assert [post(turn, "ann", "wrong").status_code for turn in range(5)] == [200, 200, 200, 200, 429]
        assert [post(turn, "ann", PASSWORD).status_code for turn in range(4)] == [429] * 4
        cookies = re.split(", (?=[a-z]+=)", post(0, "bob", PASSWORD).headers["Set-Cookie"])
    assert sorted(cookie.partition("=")[0] for cookie in cookies) == ["csrftoken", "sessionid"]
    for cookie in cookies:
        assert {"HttpOnly", "SameSite=Lax", "Secure"} <= set(cookie.split("; "))
