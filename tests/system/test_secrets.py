"""Tests that gunicorn's logs contain no whole tracking number and no secret."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.served import Site, get, run
from tests.support.stories import NUMBER


def test_gunicorns_logs_have_no_whole_number_and_no_secret(tmp_path: Path):
    secret = {
        "SECRET_KEY": "SECRET-OF-THE-SITE " * 3,
        "EMAIL_URL": "smtp+tls://user:SECRET-OF-MAIL@127.0.0.1:9",
        "JAPANPOST_URL": "http://127.0.0.1:9",
        "GUNICORN_CMD_ARGS": f"--access-logfile {tmp_path}/access.log",
    }
    with Site(tmp_path, f"sqlite:///{tmp_path}/db.sqlite3", **secret) as site:
        assert run(get(f"{site.addresses[0]}/track/{NUMBER}/")).status == 503
        address = urlsplit(site.addresses[0])
        with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
            connection.sendall(b"This is no HTTP\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
        rename = "connection.cursor().execute('ALTER TABLE tracking_shop RENAME TO gone')"
        site.python(f"from django.db import connection\n{rename}")
        assert run(get(f"{site.addresses[0]}/track/{NUMBER}/")).status == 500
    access = (tmp_path / "access.log").read_text(encoding="utf-8")
    written = (tmp_path / "gunicorn.log").read_text(encoding="utf-8")
    assert access.count("GET /track/EM…6785JP/ HTTP/1.1") == 2
    assert "Invalid request" not in written and "This is no HTTP" not in written
    assert "no such table" in written and "Internal Server Error" in written
    for text in (access, written):
        assert NUMBER not in text and "SECRET" not in text
