"""Tests that each proxy with its file of deploy/ keeps slow clients away from the site, and passes uploads on whole."""

import hashlib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest

from tests.support.proxies import SERVERS, visitor
from tests.support.served import Balancer, Site

SLOW = 80  # clients at once; the site has 16 threads
HEALTH_CHECKS = 12
LONGEST = 20  # seconds for one answer; a site that slow clients occupy gives none


@dataclass(frozen=True)
class Front:
    """A running proxy, as its visitors see it."""

    address: str
    certificate: Path | None = None  # of a proxy with https

    @property
    def netloc(self) -> str:
        return urlsplit(self.address).netloc

    def connect(self) -> socket.socket:
        """Open a connection. The caller closes it."""
        parts = urlsplit(self.address)
        connection = socket.create_connection((parts.hostname, parts.port), LONGEST)
        if self.certificate is None:
            return connection
        trusting = ssl.create_default_context(cafile=self.certificate)
        return trusting.wrap_socket(connection, server_hostname=parts.hostname)

    def status(self, method: str, path: str, body: bytes | Iterator[bytes] | None = None) -> int:
        """Return the status of the answer to one request."""
        return self.answer(method, path, body)[0]

    def answer(self, method: str, path: str, body: bytes | Iterator[bytes] | None = None) -> tuple[int, str]:
        """Send a request on a new connection. Return the status and the text of the answer."""
        with visitor() as session:
            session.verify = str(self.certificate or True)
            got = session.request(method, f"{self.address}{path}", data=body, timeout=LONGEST)
            return got.status_code, got.text


@contextmanager
def front(name: str, machines: list[str], folder: Path) -> Iterator[Front]:
    """Run the proxy in front of the two machines while the block lasts; Caddy and nginx use only the first."""
    if name == "haproxy":
        with Balancer(folder, machines) as balancer:
            yield Front(balancer.address)
    else:
        with SERVERS[name](machines[0], folder) as (address, certificate):
            ready = Front(address, certificate)
            ready.status("GET", "/healthz")  # tries again until the proxy listens
            yield ready


NAMES = [
    *(pytest.param(name, marks=pytest.mark.proxies) for name in SERVERS),
    pytest.param("haproxy", marks=pytest.mark.haproxy),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    settings = {"ALLOWED_HOSTS": "localhost,127.0.0.1", "TRUSTED_PROXIES": 1}
    with Site(folder, f"sqlite:///{folder}/db.sqlite3", gunicorns=2, **settings) as site:
        yield site


@pytest.fixture(scope="module", params=NAMES)
def proxy(
    request: pytest.FixtureRequest, site: Site, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Front]:
    with front(request.param, site.addresses, tmp_path_factory.mktemp(request.param)) as running:
        yield running


def form(front: Front, *headers: str) -> str:
    """The head of a form that Django reads before it answers."""
    lines = "POST /contact/ HTTP/1.1", f"Host: {front.netloc}", f"Origin: https://{front.netloc}"
    kind = "Content-Type: application/x-www-form-urlencoded", f"Cookie: csrftoken={'a' * 32}"
    return "\r\n".join([*lines, *kind, *headers, "", ""])


SENDERS: dict[str, Callable[[Front], str]] = {
    "a form": lambda front: form(front, "Content-Length: 20000") + "t",
    "a form in chunks": lambda front: form(front, "Transfer-Encoding: chunked") + "1\r\nt\r\n",
    "a large form": lambda front: form(front, "Content-Length: 2000000") + "t" * 100_000,
    "a large form in chunks": lambda front: (
        form(front, "Transfer-Encoding: chunked") + f"{100_000:x}\r\n{'t' * 100_000}\r\n"
    ),
    "headers": lambda front: f"GET /contact/ HTTP/1.1\r\nHost: {front.netloc}\r\nX-Slow: ",
    "nothing": lambda front: "",
}


@pytest.mark.parametrize("sends", SENDERS)
def test_slow_senders_do_not_keep_others_from_the_site(proxy: Front, sends: str) -> None:
    """Each sender begins to send and then stops, as one that sends a byte from time to time."""
    with ExitStack() as connections:
        for _ in range(SLOW):
            connections.enter_context(proxy.connect()).sendall(SENDERS[sends](proxy).encode())
        assert [proxy.status("GET", "/healthz") for _ in range(HEALTH_CHECKS)] == [200] * HEALTH_CHECKS


def test_slow_readers_do_not_keep_others_from_the_site(proxy: Front) -> None:
    request = f"GET / HTTP/1.1\r\nHost: {proxy.netloc}\r\n\r\n" * 20  # more than the connection holds
    with ExitStack() as connections:
        for _ in range(SLOW):
            connections.enter_context(proxy.connect()).sendall(request.encode())
        assert [proxy.status("GET", "/healthz") for _ in range(HEALTH_CHECKS)] == [200] * HEALTH_CHECKS


def test_a_large_body_gets_the_answer_of_the_site(proxy: Front) -> None:
    """The site refuses each of these bodies without a look at it, while the proxy still sends it."""
    refused = {
        1_000_000: (403, "cookie"),
        4_000_000: (403, "cookie"),
        4_500_000: (413, "larger than the 4.0"),
    }
    for size, (status, words) in refused.items():
        for _ in range(4):
            got, text = proxy.answer("POST", "/contact/", b"t" * size)
            assert (size, got, words in text) == (size, status, True)


class Digesting(BaseHTTPRequestHandler):
    """A server that answers a body with its digest."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.respond(b"")

    def do_POST(self) -> None:
        if self.headers["Transfer-Encoding"] == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        self.respond(hashlib.sha256(body).hexdigest().encode())

    def respond(self, text: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("name", NAMES)
def test_an_upload_reaches_the_site_whole(name: str, tmp_path: Path) -> None:
    bodies = [bytes(range(256)) * size for size in (40, 250, 8_000, 16_000)]  # 10 kB to 4 MB
    with ThreadingHTTPServer(("127.0.0.1", 0), Digesting) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            with front(name, [f"http://127.0.0.1:{server.server_port}"] * 2, tmp_path) as proxy:
                for body in bodies:
                    expected = 200, hashlib.sha256(body).hexdigest()
                    halves = body[: len(body) // 2], body[len(body) // 2 :]
                    assert proxy.answer("POST", "/", body) == expected
                    assert proxy.answer("POST", "/", iter(halves)) == expected  # in chunks
        finally:
            server.shutdown()
