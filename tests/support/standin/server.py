"""The stand-in's server: answers like Japan Post's tracking site, and fails like it where a test sets a fault.

Faults (`set_fault`) and their options, with what a client gets:

    slow-first-byte       nothing for `seconds` (30), then the page
    hang                  nothing at all until `clear()` or `close()`, then the page
    dripping-headers      one byte of a header every `interval` (0.1 s), for ever
    dripping-body         one byte of the page every `interval` (0.1 s)
    cut-mid-row           hangs up in the middle of a row of the history
    cut-between-events    a complete answer whose page stops exactly between two events
    truncated             hangs up before all announced bytes are sent
    doubled-table         the history twice
    wrong-number          the page of another number
    wrong-encoding        Shift-JIS
    empty-body            200 and nothing
    big-body              50 MiB
    gzip-bomb             128 MiB of spaces in 130 kB
    encoding              Content-Encoding `name` ("br") around the plain page
    connection-reset      hangs up at once, with a TCP reset
    redirect-elsewhere    302 to `location` (another host)
    403, 429, 500, maintenance   refusals; `retry_after` sets that header (429: "120", maintenance: "600")
    status                refusal with HTTP status `code` (404)

Every fault takes `times`: the number of requests after which it is over.
"""

import gzip
import io
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import parse_qs, urlsplit

from tracking.japanpost.errors import NotFound, Rejected
from tracking.japanpost.examples import all_examples, get_example
from tracking.japanpost.records import TrackedItem

from .pages import DIGITS, NOT_FOUND, Problem, render_detail, render_list

SEARCH_PATH = "/services/srv/search/direct"
_MIB = 1024 * 1024

# One made-up number per fault, so that every fault can be tried in a browser.
FAULT_NUMBERS = {
    "slow-first-byte": "EM900100017JP",
    "hang": "EM900200029JP",
    "dripping-headers": "EM900300035JP",
    "dripping-body": "EM900400042JP",
    "cut-mid-row": "EM900500054JP",
    "cut-between-events": "EM900600066JP",
    "truncated": "EM900700078JP",
    "doubled-table": "EM900800080JP",
    "wrong-number": "EM900900091JP",
    "wrong-encoding": "EM901000103JP",
    "empty-body": "EM901100115JP",
    "big-body": "EM901200127JP",
    "gzip-bomb": "EM901300139JP",
    "connection-reset": "EM901400145JP",
    "redirect-elsewhere": "EM901500152JP",
    "403": "EM901600164JP",
    "429": "EM901700176JP",
    "500": "EM901800188JP",
    "maintenance": "EM901900190JP",
}


@dataclass(frozen=True)
class Request:
    """One request as it came in; `at` is a reading of time.monotonic()."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    at: float


class Fault:
    """One way to fail. Setting `over` ends every wait inside it. Raises ValueError for an unknown name."""

    def __init__(self, name: str, options: dict[str, Any]) -> None:
        if name not in _FAULTS:
            raise ValueError(f"no fault named {name!r}")
        self.name = name
        self.options = options
        self.over = threading.Event()
        self._times_left: int | None = options.get("times")

    def happens(self) -> bool:
        """Counts one request. Returns False where the fault has already happened `times` times."""
        if self._times_left is None:
            return True
        self._times_left -= 1
        return self._times_left >= 0

    def wait(self, seconds: float | None) -> None:
        """Wait for `seconds`; None: until the fault is over.

        Raises ConnectionAbortedError where the fault is over before the seconds are.
        """
        if self.over.wait(seconds) and seconds is not None:
            raise ConnectionAbortedError("the stand-in is done with this fault")


class StandIn:
    """A stand-in for Japan Post at `url` while the `with` block lasts.

    The dates of its examples are relative to `now` (by default the time of the start).
    """

    def __init__(self, *, port: int = 0, now: datetime | None = None) -> None:
        self.now = now or datetime.now(UTC)
        self.requests: list[Request] = []
        self.concurrent_peak = 0  # requests in flight at the same time
        self.connections_made = 0
        self.faults_met = 0  # requests that a fault has begun for
        self._concurrent = 0
        self._pages: dict[str, bytes] = {}
        self._items: dict[str, TrackedItem] = {}
        self._faults: dict[str | None, Fault] = {}
        self._connections: set[socket.socket] = set()
        self._changed = threading.Condition()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.standin = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.clear()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening, end every fault and close every connection. Waits until all of that has happened."""
        self._server.shutdown()
        self._server.server_close()
        with self._changed:
            for fault in self._faults.values():
                fault.over.set()
            for connection in self._connections:
                _hang_up(connection)
        self.wait_until(lambda: not self._connections)
        self._thread.join()

    # What to answer

    def set_page(self, number: str, page: str | bytes) -> None:
        """Answers with this page, byte for byte, when a client asks for this number alone."""
        self._pages[number] = page.encode() if isinstance(page, str) else page

    def set_item(self, number: str, item: TrackedItem) -> None:
        """Answers with the page of this item when a client asks for this number."""
        self._items[number] = item

    def set_fault(self, number: str | None, name: str, /, **options: Any) -> None:
        """Fail in this way when a client asks for this number; None means for any request."""
        if name == "gzip-bomb":
            _bomb()  # packed before a client waits for it
        with self._changed:
            if number in self._faults:
                self._faults[number].over.set()
            self._faults[number] = Fault(name, options)

    def clear(self) -> None:
        """Reset it: only the built-in pages, items and faults are left, and nothing is recorded."""
        with self._changed:
            for fault in self._faults.values():
                fault.over.set()
            self._faults = {number: Fault(name, {}) for name, number in FAULT_NUMBERS.items()}
            self._pages.clear()
            self._items.clear()
            self.requests = []
            self.concurrent_peak = 0
            self.faults_met = 0

    # What a test may wait for

    def wait_until(self, condition: Callable[[], bool], timeout: float = 60.0) -> None:
        """Wait until the condition is true, which may change with each request and connection.

        Raises TimeoutError after `timeout` seconds.
        """
        with self._changed:
            if not self._changed.wait_for(condition, timeout):
                raise TimeoutError(f"the condition is not true after {timeout} seconds")

    def wait_for_requests(self, count: int) -> None:
        """Wait until at least `count` requests have arrived."""
        self.wait_until(lambda: len(self.requests) >= count)

    def wait_until_idle(self) -> None:
        """Wait until no connection is open, kept-alive ones included."""
        self.wait_until(lambda: not self._connections)

    # Called by the handler, from one thread per connection

    def connected(self, connection: socket.socket) -> None:
        with self._changed:
            self._connections.add(connection)
            self.connections_made += 1
            self._changed.notify_all()

    def disconnected(self, connection: socket.socket) -> None:
        with self._changed:
            self._connections.discard(connection)
            self._changed.notify_all()

    def begin(self, request: Request) -> None:
        with self._changed:
            self.requests.append(request)
            self._concurrent += 1
            self.concurrent_peak = max(self.concurrent_peak, self._concurrent)
            self._changed.notify_all()

    def end(self) -> None:
        with self._changed:
            self._concurrent -= 1
            self._changed.notify_all()

    def fault_for(self, numbers: Iterable[str]) -> Fault | None:
        """Return the fault that this request gets, and count it; None where there is none."""
        with self._changed:
            for number in (*numbers, None):
                fault = self._faults.get(number)
                if fault is not None and fault.happens():
                    self.faults_met += 1
                    self._changed.notify_all()
                    return fault
        return None

    def page_for(self, typed: list[str], locale: str) -> bytes:
        if len(typed) == 1 and (page := self._pages.get(_clean(typed[0]))) is not None:
            return page
        entries = [self._entry_for(number) for number in typed]
        if len(entries) == 1 and isinstance(entries[0], TrackedItem) and not entries[0].history_missing:
            return render_detail(entries[0], locale=locale).encode()
        return render_list(entries, locale=locale).encode()

    def _entry_for(self, typed: str) -> TrackedItem | Problem:
        number = _clean(typed)
        if number in self._items:
            return self._items[number]
        if number in FAULT_NUMBERS.values():
            return self.item_for_faults(number)
        for example in all_examples():
            if example.number == number:
                try:
                    return example.item(self.now)
                except NotFound:
                    return typed, NOT_FOUND
                except Rejected:
                    return typed, DIGITS
        return typed, NOT_FOUND if re.fullmatch(r"[A-Z]{2}[0-9]{9}[A-Z]{2}", number) else DIGITS

    def item_for_faults(self, number: str) -> TrackedItem:
        """Return the parcel whose page a fault spoils."""
        return replace(get_example("with-local-post").item(self.now), number=number)


class _Server(ThreadingHTTPServer):
    standin: StandIn
    request_queue_size = 128

    def process_request(self, request: Any, client_address: Any) -> None:
        self.standin.connected(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.standin.disconnected(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: clients that hang up are expected here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        parts = urlsplit(self.requestline.split()[1])  # as it was sent; self.path is normalized
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        standin = cast(_Server, self.server).standin
        self.is_in_flight = True
        standin.begin(Request(parts.path, query, dict(self.headers.items()), time.monotonic()))
        try:
            if parts.path != SEARCH_PATH:
                self.send_page(b"<html><body>404</body></html>", status=404)
                return
            typed = [query[f"reqCodeNo{i}"] for i in range(1, 11) if f"reqCodeNo{i}" in query] or [""]
            locale = query.get("locale") if query.get("locale") in ("en", "ja") else "ja"
            page = standin.page_for(typed, cast(str, locale))
            fault = standin.fault_for(map(_clean, typed))
            if fault is None:
                self.send_page(page)
            else:
                _FAULTS[fault.name](self, fault, page)
        finally:
            self.end_request()

    def end_request(self) -> None:
        """Counts the request as no longer in flight, once."""
        if self.is_in_flight:
            self.is_in_flight = False
            cast(_Server, self.server).standin.end()

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: tests have their own output."""

    def send_head(self, status: int = 200, **headers: str) -> None:
        """Send status line and headers like the real site's, then `headers`, with _ for -."""
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=UTF-8")
        self.send_header("Content-Language", "ja-JP")
        self.send_header("Set-Cookie", "JSESSIONID=standin0000000000; Path=/services; HttpOnly")
        self.send_header("Set-Cookie", "trackings=standin; Path=/")
        self.send_header("Set-Cookie", "TS00000000=standin; Path=/")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def send_page(self, page: bytes, status: int = 200, **headers: str) -> None:
        self.send_head(status, Transfer_Encoding="chunked", **headers)
        for start in range(0, len(page), 8192):
            self.send_chunk(page[start : start + 8192])
        self.send_chunk(b"")

    def send_chunk(self, data: bytes) -> None:
        """Send one chunk. The last one is empty: its client may send the next request before this thread continues."""
        if not data:
            self.end_request()
        self.wfile.write(b"%X\r\n%b\r\n" % (len(data), data))

    def hang_up(self) -> None:
        self.close_connection = True


# Faults: (handler, fault, the page that would have been the answer)


def _slow_first_byte(handler: _Handler, fault: Fault, page: bytes) -> None:
    fault.wait(fault.options.get("seconds", 30.0))
    handler.send_page(page)


def _hang(handler: _Handler, fault: Fault, page: bytes) -> None:
    """Send nothing until the fault is over. Where the client hangs up before, the request is no longer in flight."""
    while not fault.over.wait(0.05):
        if _has_hung_up(handler.connection):
            handler.hang_up()
            return
    handler.send_page(page)


def _has_hung_up(connection: socket.socket) -> bool:
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def _dripping_headers(handler: _Handler, fault: Fault, page: bytes) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
    while True:
        handler.wfile.write(b"x")
        fault.wait(fault.options.get("interval", 0.1))


def _dripping_body(handler: _Handler, fault: Fault, page: bytes) -> None:
    handler.send_head(Transfer_Encoding="chunked")
    for start in range(len(page)):
        handler.send_chunk(page[start : start + 1])
        fault.wait(fault.options.get("interval", 0.1))
    handler.send_chunk(b"")


def _cut_mid_row(handler: _Handler, fault: Fault, page: bytes) -> None:
    handler.send_head(Transfer_Encoding="chunked")
    handler.send_chunk(page[: _after_event(page, 3) + 40])
    handler.hang_up()


def _cut_between_events(handler: _Handler, fault: Fault, page: bytes) -> None:
    handler.send_page(page[: _after_event(page, 3)])


def _truncated(handler: _Handler, fault: Fault, page: bytes) -> None:
    handler.send_head(Content_Length=str(len(page)))
    handler.wfile.write(page[: len(page) // 2])
    handler.hang_up()


def _doubled_table(handler: _Handler, fault: Fault, page: bytes) -> None:
    start = page.index('<table class="tableType01 txt_c m_b5" summary="履歴情報"'.encode())
    end = page.index(b"</table>", start) + len(b"</table>")
    handler.send_page(page[:end] + page[start:end] + page[end:])


def _wrong_number(handler: _Handler, fault: Fault, page: bytes) -> None:
    standin = cast(_Server, handler.server).standin
    handler.send_page(render_detail(standin.item_for_faults("EM999999995JP")).encode())


def _wrong_encoding(handler: _Handler, fault: Fault, page: bytes) -> None:
    handler.send_page(page.decode().encode("shift_jis", errors="replace"))


def _empty_body(handler: _Handler, fault: Fault, page: bytes) -> None:
    handler.send_page(b"")


def _big_body(handler: _Handler, fault: Fault, page: bytes) -> None:
    handler.send_head(Transfer_Encoding="chunked")
    for _ in range(50):
        handler.send_chunk(b" " * _MIB)
    handler.send_chunk(b"")


def _gzip_bomb(handler: _Handler, fault: Fault, page: bytes) -> None:
    bomb = _bomb()
    handler.send_head(Content_Encoding="gzip", Content_Length=str(len(bomb)))
    handler.wfile.write(bomb)


def _encoding(handler: _Handler, fault: Fault, page: bytes) -> None:
    handler.send_page(page, Content_Encoding=fault.options.get("name", "br"))


def _connection_reset(handler: _Handler, fault: Fault, page: bytes) -> None:
    # Closing a connection with its unsent data discarded sends a TCP reset.
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.hang_up()


def _redirect_elsewhere(handler: _Handler, fault: Fault, page: bytes) -> None:
    location = fault.options.get("location", "http://elsewhere.invalid/services/srv/search/direct")
    handler.send_page(b"<html><body>Moved</body></html>", status=302, Location=location)


def _refusal(status: int, retry_after: str | None = None) -> Callable[[_Handler, Fault, bytes], None]:
    def refuse(handler: _Handler, fault: Fault, page: bytes) -> None:
        seconds = fault.options.get("retry_after", retry_after)
        headers = {} if seconds is None else {"Retry_After": seconds}
        text = b"<html><body>Not now</body></html>"
        handler.send_page(text, status=fault.options.get("code", status), **headers)

    return refuse


_FAULTS: dict[str, Callable[[_Handler, Fault, bytes], None]] = {
    "slow-first-byte": _slow_first_byte,
    "hang": _hang,
    "dripping-headers": _dripping_headers,
    "dripping-body": _dripping_body,
    "cut-mid-row": _cut_mid_row,
    "cut-between-events": _cut_between_events,
    "truncated": _truncated,
    "doubled-table": _doubled_table,
    "wrong-number": _wrong_number,
    "wrong-encoding": _wrong_encoding,
    "empty-body": _empty_body,
    "big-body": _big_body,
    "gzip-bomb": _gzip_bomb,
    "encoding": _encoding,
    "connection-reset": _connection_reset,
    "redirect-elsewhere": _redirect_elsewhere,
    "403": _refusal(403),
    "429": _refusal(429, "120"),
    "500": _refusal(500),
    "maintenance": _refusal(503, "600"),
    "status": _refusal(404),
}


@cache
def _bomb() -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as bomb:
        for _ in range(128):
            bomb.write(b" " * _MIB)
    return packed.getvalue()


def _after_event(page: bytes, count: int) -> int:
    """Return the offset at which the page's `count`-th event ends; the half of the page where it has no event.

    The second row of an event is the page's only kind of row with a single cell.
    """
    ends = [match.end() for match in re.finditer(rb'<tr>\s*<td class="w_105">[^<]*</td>\s*</tr>\s*', page)]
    return ends[min(count, len(ends)) - 1] if ends else len(page) // 2


def _clean(typed: str) -> str:
    return re.sub(r"[\s-]", "", typed).upper()


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):  # the client did it first
        connection.shutdown(socket.SHUT_RDWR)
