"""Tests the site as in production: gunicorn with threads, production settings, hashed and compressed files."""

import gzip
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.project.test_headers import POLICY
from tests.support import processes
from tests.support.served import PROJECT, Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running site, started as in production from a folder with its own database and static files."""
    folder = tmp_path_factory.mktemp("production")
    for name in ("emsguide", "tracking", "templates", "static", "manage.py", "gunicorn.conf.py"):
        (folder / name).symlink_to(PROJECT / name)
    listener = socket.create_server(("127.0.0.1", 0))
    environment = {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": "production " * 6,
        "ALLOWED_HOSTS": "127.0.0.1",
        "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
        "STATIC_ROOT": str(folder / "staticfiles"),
    }
    for command in ("migrate", "collectstatic"):
        manage = [sys.executable, "manage.py", command, "--no-input", "-v0"]
        processes.run(manage, cwd=folder, env=environment, check=True)
    command = [sys.executable, "-m", "gunicorn", "emsguide.wsgi", "--bind", f"fd://{listener.fileno()}"]
    with listener, processes.running(command, cwd=folder, env=environment, pass_fds=[listener.fileno()]):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def get(address: str, **headers: str) -> requests.Response:
    """The response to one request. It follows no redirection and uses no proxy of the environment."""
    session = requests.Session()
    session.trust_env = False
    return session.get(address, headers=headers, timeout=30, allow_redirects=False)


def test_static_files_are_hashed_compressed_and_immutable(site: str) -> None:
    page = get(f"{site}/").text
    (css,) = re.findall(r'href="(/static/css/site\.[0-9a-f]+\.css)"', page)
    response = get(f"{site}{css}", **{"Accept-Encoding": "gzip"})
    assert response.status_code == 200
    assert response.headers["Content-Encoding"] == "gzip"
    assert "immutable" in response.headers["Cache-Control"]
    for refusal in ("gzip;q=0", "identity"):
        assert "Content-Encoding" not in get(f"{site}{css}", **{"Accept-Encoding": refusal}).headers


def test_pages_are_compressed_and_have_the_security_headers(site: str) -> None:
    with requests.get(f"{site}/examples/in-customs/", stream=True, timeout=30) as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert b"with customs" in gzip.decompress(response.raw.read())
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert set(response.headers["Content-Security-Policy"].split("; ")) == POLICY


def test_a_static_file_has_the_policy_and_is_for_our_pages_only(site: str) -> None:
    headers = get(f"{site}/static/img/favicon.svg").headers
    assert set(headers["Content-Security-Policy"].split("; ")) == POLICY
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers


def test_an_error_page_has_our_text_and_no_traceback(site: str) -> None:
    response = get(f"{site}/nothing/")
    assert response.status_code == 404
    assert "There is no such page" in response.text
    assert "Traceback" not in response.text


def test_only_our_host_is_answered(site: str) -> None:
    assert get(f"{site}/", Host="evil.example").status_code == 400


def test_the_contact_form_works_and_sets_the_only_cookie(site: str) -> None:
    assert not get(f"{site}/track/").cookies
    assert "csrftoken" in get(f"{site}/contact/").headers["Set-Cookie"]


def test_a_clients_claims_about_https_and_host_change_nothing(site: str) -> None:
    plain = get(f"{site}/sitemap.xml")
    claims = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Ssl": "on",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-For": "203.0.113.9",
        "Forwarded": "proto=https;host=evil.example",
        "Script_Name": "/evil",
        "Path_Info": "/evil",
    }
    claimed = get(f"{site}/sitemap.xml", **claims)
    assert claimed.status_code == 200 and claimed.text == plain.text
    assert f"<loc>{site}/</loc>" in plain.text
    assert "Strict-Transport-Security" not in claimed.headers


def test_the_headers_of_a_trusted_proxy_count(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/db.sqlite3"
    with Site(tmp_path, database, TRUSTED_PROXIES=1, SECURE_SSL_REDIRECT=True) as behind:
        address = behind.addresses[0]
        assert get(f"{address}/sitemap.xml").headers["Location"].startswith("https://")
        # The proxy need not set this header, so a visitor can.
        claim = {"X-Forwarded-Host": "evil.example"}
        answer = get(f"{address}/sitemap.xml", **claim, **{"X-Forwarded-Proto": "https"})
    assert f"<loc>{address.replace('http', 'https')}/</loc>" in answer.text
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_a_too_long_request_line_or_header_is_refused(site: str) -> None:
    assert get(f"{site}/track/?number={'x' * 7000}").status_code == 404
    assert get(f"{site}/track/?number={'x' * 9000}").status_code == 414
    assert get(f"{site}/robots.txt", **{"X-Long": "x" * 9000}).status_code == 431
    assert get(f"{site}/robots.txt", **{f"X-{i}": "x" for i in range(60)}).status_code == 431


def test_a_too_large_body_is_refused_before_it_is_read(site: str) -> None:
    host, port = urlsplit(site).netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        head = f"POST /contact/ HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5000000000\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("charset", ["hex", "punycode", "utf-7"])
def test_another_charset_than_utf_8_is_refused_with_the_policy(site: str, charset: str) -> None:
    answer = get(f"{site}/healthz?x", **{"Content-Type": f"text/plain; charset={charset}"})
    assert answer.status_code == 400 and "UTF-8" in answer.text
    assert set(answer.headers["Content-Security-Policy"].split("; ")) == POLICY
    assert answer.headers["X-Request-ID"]


@pytest.mark.parametrize("lines", ["", "Host: 127.0.0.1:65536\r\n", f"Host: 127.0.0.1:{'8' * 8000}\r\n"])
def test_a_request_without_a_possible_host_is_refused(site: str, lines: str) -> None:
    host, port = urlsplit(site).netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(f"GET /robots.txt HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


def test_gunicorns_own_log_lines_are_json_and_written_once(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "LOG_FORMAT": "json", "BIND": f"unix:{tmp_path}/socket"}
    missing = [sys.executable, "-m", "gunicorn", "emsguide.no_such_module", "--no-control-socket"]
    done = processes.run(
        missing,
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    lines = [json.loads(line)["message"] for line in done.stdout.splitlines() if line.startswith("{")]
    assert len([line for line in lines if line.startswith("Starting gunicorn")]) == 1
