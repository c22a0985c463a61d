"""The client against a real server: which answers it returns, which errors it raises, and its deadline."""

import gc
import os
import re
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.standin import FAULT_NUMBERS, StandIn
from tracking.japanpost import client, deadline
from tracking.japanpost.client import MAX_BYTES, SEARCH_PATH, Page, fetch_page
from tracking.japanpost.errors import NotSent, Unavailable, UnexpectedPage

NUMBER = "EM123456785JP"
OTHER_NUMBER = "EN123456785JP"
TIMEOUT = 0.5  # seconds, for requests that must exceed it
LONG_TIMEOUT = 60.0  # seconds, for all other requests: a busy machine must not make a test fail


@pytest.fixture
def standin(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.setenv("no_proxy", "*")  # the stand-in is on this machine
    with StandIn() as standin:
        yield standin


def fetch(base_url: str, number: str = NUMBER, timeout: float = LONG_TIMEOUT) -> Page:
    """The page that the client gets from this address."""
    return fetch_page(number, base_url=base_url, user_agent="emsguide-tests/1", timeout=timeout)


@contextmanager
def gives_up_at_the_deadline() -> Iterator[None]:
    """The answer never comes, and the client gives up after TIMEOUT.

    On a busy machine it may do so late, so no upper limit is checked.
    """
    begin = time.monotonic()
    with pytest.raises(Unavailable, match=r"no answer within 0\.5 s"):
        yield
    assert time.monotonic() - begin >= TIMEOUT


@contextmanager
def gives_up_once(has_happened: Callable[[], bool], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The client's clock reaches the deadline when `has_happened` is true, independent of the machine's clock."""

    class Clock:
        def monotonic(self) -> float:
            return 1000.0 if has_happened() else 0.0

    with monkeypatch.context() as patch, pytest.raises(Unavailable, match=r"no answer within 60\.0 s"):
        patch.setattr(deadline, "time", Clock())
        yield
    assert has_happened()


def helpers() -> list[threading.Thread]:
    """The running threads of the client."""
    return [thread for thread in threading.enumerate() if thread.name == "japanpost"]


def wait_for_helpers() -> None:
    """Wait until all threads of the client have ended."""
    for thread in helpers():
        thread.join(timeout=LONG_TIMEOUT)
    assert not helpers()


def open_files() -> int:
    """The number of open files, without those of earlier tests that only the garbage collector closes."""
    gc.collect()
    return len(os.listdir("/dev/fd"))


# An answer


def test_it_requests_the_number_in_english(standin: StandIn) -> None:
    fetch(standin.url)
    [request] = standin.requests
    assert request.path == SEARCH_PATH
    assert request.query == {"reqCodeNo1": NUMBER, "searchKind": "S004", "locale": "en"}


def test_it_sends_its_user_agent(standin: StandIn) -> None:
    fetch(standin.url)
    assert standin.requests[0].headers["User-Agent"] == "emsguide-tests/1"


def test_it_returns_the_page_unchanged(standin: StandIn) -> None:
    html = "<html>\r\n  TŌKYŌ 東京 &nbsp;\r\n</html>"
    standin.set_page(NUMBER, html)
    assert fetch(standin.url) == Page(html=html, size=len(html.encode()))


def test_a_byte_order_mark_is_no_part_of_the_page(standin: StandIn) -> None:
    standin.set_page(NUMBER, b"\xef\xbb\xbf<html></html>")
    assert fetch(standin.url).html == "<html></html>"


def test_a_base_address_may_end_in_a_slash(standin: StandIn) -> None:
    fetch(standin.url + "/")
    assert standin.requests[0].path == SEARCH_PATH


def test_it_never_sends_cookies_back(standin: StandIn) -> None:
    fetch(standin.url)
    fetch(standin.url)
    assert all("Cookie" not in request.headers for request in standin.requests)


def test_it_sends_no_password_from_a_netrc_file(
    standin: StandIn, tmp_path: os.PathLike[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = os.path.join(tmp_path, "netrc")
    with open(netrc, "w") as file:
        file.write("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", netrc)
    fetch(standin.url)
    assert "Authorization" not in standin.requests[0].headers


def test_the_second_request_uses_the_same_connection(standin: StandIn) -> None:
    fetch(standin.url)
    fetch(standin.url)
    assert standin.connections_made == 1


# The deadline


def test_it_gives_up_at_the_deadline(standin: StandIn) -> None:
    with gives_up_at_the_deadline():
        fetch(standin.url, FAULT_NUMBERS["hang"], TIMEOUT)


@pytest.mark.parametrize("fault", ["hang", "slow-first-byte", "dripping-headers", "dripping-body"])
def test_it_gives_up_in_the_middle_of_a_fault(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    with gives_up_once(lambda: standin.faults_met == 1, monkeypatch):
        fetch(standin.url, FAULT_NUMBERS[fault])
    wait_for_helpers()  # the client cut the connection, so its thread reads no further


def test_it_gives_up_on_a_slow_page_behind_a_redirect(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    standin.set_fault(NUMBER, "redirect-elsewhere", location=f"?reqCodeNo1={FAULT_NUMBERS['hang']}")
    with gives_up_once(lambda: standin.faults_met == 2, monkeypatch):
        fetch(standin.url)


def test_it_gives_up_on_a_connection_kept_alive(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch(standin.url)
    with gives_up_once(lambda: standin.faults_met == 1, monkeypatch):
        fetch(standin.url, FAULT_NUMBERS["dripping-body"])
    wait_for_helpers()
    assert standin.connections_made == 1


@contextmanager
def stuck_server(serve: Callable[[socket.socket, threading.Event], None]) -> Iterator[str]:
    """A server that calls `serve` with its first connection and an event that is set at the end. Yields host:port."""
    over = threading.Event()
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def accept() -> None:
            connection, _ = server.accept()
            with connection:
                serve(connection, over)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            over.set()
        thread.join(timeout=LONG_TIMEOUT)
        assert not thread.is_alive()


def test_it_gives_up_on_a_slow_tls_handshake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    has_begun = threading.Event()

    def drip(connection: socket.socket, over: threading.Event) -> None:
        try:
            connection.sendall(b"\x16\x03\x03\x40\x00")  # a handshake record of 16 kB, sent byte by byte
            while not over.wait(0.05):
                connection.sendall(b"\x02")
                has_begun.set()
        except OSError:
            pass  # the client cut the connection, as it should

    with stuck_server(drip) as address:
        with gives_up_once(has_begun.is_set, monkeypatch):
            fetch_page(
                NUMBER,
                base_url=f"https://{address}",
                user_agent="x",
                timeout=LONG_TIMEOUT,
                connect_timeout=60,
            )
        wait_for_helpers()


def test_it_gives_up_while_the_name_does_not_resolve(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, resolved = threading.Event(), threading.Event()
    original = socket.getaddrinfo

    def getaddrinfo(*args: object, **kwargs: object) -> object:
        started.set()
        resolved.wait(LONG_TIMEOUT)
        return original(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with gives_up_once(started.is_set, monkeypatch):
        fetch(standin.url)
    resolved.set()
    wait_for_helpers()
    standin.wait_until_idle()
    assert standin.requests == []  # after the deadline no request is sent: its answer would be lost


def test_a_request_cut_at_the_deadline_leaves_nothing_open(standin: StandIn) -> None:
    def descriptors() -> int:
        wait_for_helpers()
        standin.wait_until_idle()
        return open_files()

    def cut(fault: str) -> None:
        with pytest.raises(Unavailable):
            fetch(standin.url, FAULT_NUMBERS[fault], 0.05)

    cut("hang")
    standin.clear()  # ends the hanging answer
    before = descriptors()
    for _ in range(25):
        cut("dripping-headers")
        cut("dripping-body")
    assert descriptors() <= before


def test_an_answered_request_leaves_nothing_open(standin: StandIn) -> None:
    fetch(standin.url)
    wait_for_helpers()
    before = open_files()
    for _ in range(20):
        fetch(standin.url)
    wait_for_helpers()
    assert open_files() <= before


def test_the_caller_is_notified_when_the_request_is_sent(standin: StandIn) -> None:
    """The notification comes before the answer: the stand-in answers only after `on_sent` was called."""
    standin.set_fault(NUMBER, "hang")
    called_in: list[int] = []

    def on_sent() -> None:
        called_in.append(threading.get_ident())
        standin.set_fault(NUMBER, "slow-first-byte", seconds=0)

    fetch_page(
        NUMBER, base_url=standin.url, user_agent="emsguide-tests/1", timeout=LONG_TIMEOUT, on_sent=on_sent
    )
    assert called_in == [threading.get_ident()]


@pytest.mark.parametrize(
    ("fault", "hung_up"), [("connection-reset", True), ("truncated", False), ("500", False)]
)
def test_a_connection_closed_before_the_first_byte_is_marked(
    standin: StandIn, fault: str, hung_up: bool
) -> None:
    with pytest.raises(Unavailable) as failure:
        standin.set_fault(NUMBER, fault)
        fetch(standin.url)
    assert failure.value.hung_up == hung_up


def test_a_refused_connection_is_not_marked_as_hung_up() -> None:
    with pytest.raises(Unavailable) as failure:
        fetch("http://127.0.0.1:9")
    assert not failure.value.hung_up


def test_the_last_user_does_not_shut_down_a_returned_connection(standin: StandIn) -> None:
    """Another request may use the connection by the time the first caller ends."""
    current = client._CurrentSocket()
    client._helper.current_socket = current
    try:
        client._ask(NUMBER, standin.url, "emsguide-tests/1", (LONG_TIMEOUT, LONG_TIMEOUT))
        current.shut_down()
        client._helper.current_socket = client._CurrentSocket()
        client._ask(NUMBER, standin.url, "emsguide-tests/1", (LONG_TIMEOUT, LONG_TIMEOUT))
        assert standin.connections_made == 1
    finally:
        client._helper.current_socket = None


# No answer


@pytest.mark.parametrize(
    "fault", ["403", "500", "connection-reset", "truncated", "cut-mid-row", "empty-body"]
)
def test_no_answer_is_unavailable(standin: StandIn, fault: str) -> None:
    with pytest.raises(Unavailable) as failure:
        fetch(standin.url, FAULT_NUMBERS[fault])
    assert failure.value.retry_after is None


@pytest.mark.parametrize("code", [403, 408, 429, 500, 502, 503, 504, 599])
def test_a_refusal_is_unavailable(standin: StandIn, code: int) -> None:
    standin.set_fault(None, "status", code=code)
    with pytest.raises(Unavailable, match=f"HTTP {code}"):
        fetch(standin.url)


@pytest.mark.parametrize(("fault", "seconds"), [("429", 120), ("maintenance", 600)])
def test_a_refusal_carries_its_retry_after(standin: StandIn, fault: str, seconds: float) -> None:
    with pytest.raises(Unavailable) as failure:
        fetch(standin.url, FAULT_NUMBERS[fault])
    assert failure.value.retry_after == seconds


def test_retry_after_may_be_a_date() -> None:
    in_an_hour = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    seconds = client._retry_after(format_datetime(in_an_hour, usegmt=True))
    assert seconds is not None and seconds <= 3600
    assert datetime.now(UTC) + timedelta(seconds=seconds) >= in_an_hour


def test_retry_after_in_the_past_is_now() -> None:
    assert client._retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0


@pytest.mark.parametrize(
    "value", ["", "soon", "-5", "1.5", "²", "9999999999", "9" * 5000, "Wed, 99 Oct 2015"]
)
def test_a_nonsensical_retry_after_is_none(value: str) -> None:
    assert client._retry_after(value) is None


@given(st.text(max_size=60) | st.from_regex(r"\w{3}, \d+ \w{3} \d+ \d+:\d+(:\d+)? [-+\w]+", fullmatch=True))
def test_retry_after_never_fails_and_is_never_negative(value: str) -> None:
    seconds = client._retry_after(value)
    assert seconds is None or 0 <= seconds <= client.MAX_RETRY_AFTER


def test_a_refused_connection_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    with pytest.raises(Unavailable, match="ConnectionRefusedError"):
        fetch(f"http://127.0.0.1:{port}")


def test_an_unknown_host_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")

    def getaddrinfo(*args: object, **kwargs: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(Unavailable, match="gaierror"):
        fetch("http://japanpost.invalid")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 twohundred OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:99999999/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n \r\n",
    ],
)
def test_a_broken_answer_is_unavailable(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")

    def serve(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        with suppress(OSError):  # the client may have hung up at once
            connection.sendall(answer)
            connection.shutdown(socket.SHUT_WR)

    with stuck_server(serve) as address, pytest.raises(Unavailable):
        fetch(f"http://{address}")


@pytest.mark.parametrize("base_url", ["", "nonsense", "ftp://127.0.0.1", "http://", "http://[", "http://a b"])
def test_an_invalid_base_address_is_unavailable(base_url: str) -> None:
    with pytest.raises(Unavailable):
        fetch(base_url)


def test_an_internal_error_is_unavailable_and_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object) -> Page:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(client, "_ask", fail)
    with pytest.raises(Unavailable, match="ZeroDivisionError"):
        fetch("http://127.0.0.1")
    assert "an unexpected error" in caplog.text


def test_no_thread_left_is_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(NotSent, match="no thread"):
        fetch("http://127.0.0.1")


@pytest.mark.parametrize("timeout", [0.0, -0.5, -4.37])
def test_without_time_left_no_request_is_sent(standin: StandIn, timeout: float) -> None:
    with pytest.raises(NotSent, match="no time left"):
        fetch(standin.url, timeout=timeout)
    assert not standin.requests and not helpers()


# Redirects


def test_it_follows_a_redirect_on_the_same_host(standin: StandIn) -> None:
    standin.set_page(NUMBER, "moved here")
    standin.set_fault(OTHER_NUMBER, "redirect-elsewhere", location=f"{SEARCH_PATH}?reqCodeNo1={NUMBER}")
    assert fetch(standin.url, OTHER_NUMBER).html == "moved here"


def test_it_does_not_follow_redirects_for_ever(standin: StandIn) -> None:
    standin.set_fault(None, "redirect-elsewhere", location=SEARCH_PATH)
    with pytest.raises(Unavailable, match="redirects"):
        fetch(standin.url)
    assert len(standin.requests) == 4


def test_a_redirect_to_another_host_is_not_followed(standin: StandIn) -> None:
    with StandIn() as other:
        standin.set_fault(None, "redirect-elsewhere", location=other.url + SEARCH_PATH)
        with pytest.raises(Unavailable, match="redirected elsewhere"):
            fetch(standin.url)
        assert other.requests == []


@pytest.mark.parametrize(
    ("location", "allowed"),
    [
        ("/other", True),
        ("http://example.org/other", True),
        ("http://EXAMPLE.org:80/other", True),
        ("https://example.org/other", True),
        ("https://example.org:8443/other", False),
        ("http://example.org:8080/other", False),
        ("http://www.example.org/other", False),
        ("http://example.org.evil.invalid/", False),
        ("http://example.org@evil.invalid/", False),
        ("//evil.invalid/", False),
        ("ftp://example.org/", False),
        ("file:///etc/passwd", False),
    ],
)
def test_a_redirect_may_lead_only_to_the_same_host(location: str, allowed: bool) -> None:
    if allowed:
        assert re.match(
            r"https?://example.org(:80)?/other", client._next_address("http://example.org/", location), re.I
        )
    else:
        with pytest.raises(Unavailable):
            client._next_address("http://example.org/", location)


def test_a_redirect_never_leads_from_https_to_http() -> None:
    with pytest.raises(Unavailable):
        client._next_address("https://example.org/", "http://example.org/")


def test_the_body_of_a_redirect_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be endless, and the target is in the header."""
    monkeypatch.setenv("no_proxy", "*")

    def serve(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(
            b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.invalid/\r\nContent-Length: 9\r\n\r\n"
        )
        over.wait(LONG_TIMEOUT)

    with stuck_server(serve) as address, pytest.raises(Unavailable, match="elsewhere"):
        fetch(f"http://{address}", timeout=LONG_TIMEOUT / 2)


# An answer that is no page of Japan Post


@pytest.mark.parametrize("fault", ["wrong-encoding", "big-body", "gzip-bomb"])
def test_an_answer_that_cannot_be_read_is_unexpected(standin: StandIn, fault: str) -> None:
    with pytest.raises(UnexpectedPage):
        fetch(standin.url, FAULT_NUMBERS[fault])


@pytest.mark.parametrize("code", [201, 204, 206, 301, 304, 400, 401, 404, 410])
def test_any_other_http_status_is_unexpected(standin: StandIn, code: int) -> None:
    standin.set_fault(None, "status", code=code)
    with pytest.raises(UnexpectedPage, match=f"HTTP {code}"):
        fetch(standin.url)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip", "deflate", "gzip, gzip", "klingon"])
def test_an_undecodable_content_encoding_is_unexpected(standin: StandIn, encoding: str) -> None:
    standin.set_fault(NUMBER, "encoding", name=encoding)  # around a page that is not encoded at all
    with pytest.raises(UnexpectedPage, match="content encoding"):
        fetch(standin.url)


def test_a_page_is_read_up_to_the_size_limit(standin: StandIn) -> None:
    standin.set_page(NUMBER, b"x" * MAX_BYTES)
    assert fetch(standin.url).size == MAX_BYTES
    standin.set_page(NUMBER, b"x" * (MAX_BYTES + 1))
    with pytest.raises(UnexpectedPage, match="more than"):
        fetch(standin.url)


def test_a_gzip_bomb_is_never_whole_in_memory(standin: StandIn) -> None:
    with pytest.raises(UnexpectedPage):  # the stand-in makes the bomb
        fetch(standin.url, FAULT_NUMBERS["gzip-bomb"])
    tracemalloc.start()
    try:
        with pytest.raises(UnexpectedPage, match="more than"):
            fetch(standin.url, FAULT_NUMBERS["gzip-bomb"])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * 1024 * 1024


def test_an_error_message_is_short_and_printable(standin: StandIn) -> None:
    standin.set_page(NUMBER, b"\xff\x1b[31m\r\nforged log line" + b"x" * 1000)
    with pytest.raises(UnexpectedPage) as failure:
        fetch(standin.url)
    assert str(failure.value).isprintable()
    assert len(str(failure.value)) < 250


# An answer whose faults only the parser can see


@pytest.mark.parametrize("fault", ["cut-between-events", "doubled-table", "wrong-number"])
def test_a_complete_answer_is_returned_whatever_it_says(standin: StandIn, fault: str) -> None:
    assert "配達状況詳細" in fetch(standin.url, FAULT_NUMBERS[fault]).html


def test_a_page_cut_between_two_events_looks_complete_to_http(standin: StandIn) -> None:
    html = fetch(standin.url, FAULT_NUMBERS["cut-between-events"]).html
    assert html.rstrip().endswith("</tr>")
    assert html.count("<tr>") == html.count("</tr>")
