"""Asks Japan Post. The only module that opens a connection: a tracking number in, a page of HTML out.

The promise to the caller is a *total* deadline. Time-outs of sockets do not give one: they start again with every
byte that arrives, do not cover name resolution, and a server that drips can hold a request for hours. So a helper
thread does the asking while the caller waits at most `timeout`; then the caller leaves and cuts the line, which
ends the helper as well.
"""

import logging
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urljoin, urlsplit

import certifi
import requests
from requests.adapters import HTTPAdapter
from requests.utils import select_proxy
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import PoolManager, ProxyManager

from .errors import JapanPostError, Unavailable, UnexpectedPage

logger = logging.getLogger(__name__)

SEARCH_PATH = "/services/srv/search/direct"
MAX_BYTES = 2 * 1024 * 1024  # after decompression; a real page has about 20 kB
MAX_REDIRECTS = 3
MAX_RETRY_AFTER = 30 * 24 * 3600  # seconds; whoever asks for more does not mean it

_CHUNK_BYTES = 64 * 1024
_NAP = 0.5  # seconds
_REDIRECTS = {301, 302, 303, 307, 308}
_READABLE_ENCODINGS = {"", "identity", "gzip", "x-gzip", "deflate"}


@dataclass(frozen=True, slots=True)
class Page:
    """What they sent; `size` is in bytes after decompression."""

    html: str
    size: int


_Answer = Page | JapanPostError | None  # None: the request has gone


def fetch_page(
    number: str,
    *,
    base_url: str,
    user_agent: str,
    timeout: float,
    connect_timeout: float = 3.0,
    on_sent: Callable[[], None] = lambda: None,
) -> Page:
    """Ask for the tracking page of one number. `base_url` is scheme and host; times are in seconds.

    `on_sent` is called, in the caller's thread, when the request has gone: connecting may have taken a while.
    Answers or fails within `timeout`, whatever the other side does. Raises nothing but `Unavailable`
    (no answer) and `UnexpectedPage` (an answer that cannot be such a page).
    """
    deadline = time.monotonic() + timeout
    answers = queue.SimpleQueue[_Answer]()
    line = _Line(on_sent=lambda: answers.put(None))

    def ask() -> None:
        _helper.line = line
        try:
            # Silence is for the deadline to notice: the socket's own time-out comes second.
            answers.put(_ask(number, base_url, user_agent, (connect_timeout, timeout + 1.0)))
        except JapanPostError as failure:
            answers.put(failure)
        except (requests.RequestException, OSError) as error:
            answers.put(Unavailable(f"no connection: {_root_cause(error)}"))
        except Exception as error:  # a fault of ours, or of a library: the customer still gets an answer
            logger.exception("asking Japan Post failed in a way nobody thought of")
            answers.put(Unavailable(f"asking failed: {_root_cause(error)}"))

    try:
        # In the caller's context: what it logs belongs to the same request.
        threading.Thread(target=copy_context().run, args=(ask,), name="japanpost", daemon=True).start()
        while (answer := _next(answers, deadline)) is None:
            on_sent()
    except queue.Empty:
        raise Unavailable(f"no answer within {timeout:.1f} s") from None
    except RuntimeError:  # the machine has no thread left
        raise Unavailable("cannot start asking: no thread left") from None
    finally:
        line.cut()
    if isinstance(answer, JapanPostError):
        raise answer
    return answer


def _next(answers: queue.SimpleQueue[_Answer], deadline: float) -> _Answer:
    """What comes next until then; raises queue.Empty. Waits in naps: a signal that comes just before a wait does not wake
    the waiter, and its handler would have to wait too.
    """
    while True:
        left = max(0.0, deadline - time.monotonic())
        try:
            return answers.get(timeout=min(left, _NAP))
        except queue.Empty:
            if left <= _NAP:
                raise


def try_connection(base_url: str, *, timeout: float) -> None:
    """Connect, TLS included, and hang up: nothing is asked. To the operator's proxy where one is set. Raises Unavailable."""
    how = _session.merge_environment_settings(
        base_url, {}, None, None, None
    )  # what the operator's variables say
    proxy = select_proxy(base_url, how["proxies"])
    scheme, host, port = _origin(proxy or base_url)
    try:
        with socket.create_connection((host or "", port or 443), timeout) as sock:
            if scheme == "https":
                bundle = how["verify"] if isinstance(how["verify"], str) else certifi.where()
                context = ssl.create_default_context(cafile=bundle)
                context.wrap_socket(sock, server_hostname=host).close()
    except OSError as error:
        raise Unavailable(f"no connection: {_root_cause(error)}") from error


def _ask(number: str, base_url: str, user_agent: str, timeouts: tuple[float, float]) -> Page:
    url = base_url.rstrip("/") + SEARCH_PATH
    params: dict[str, str] | None = {"reqCodeNo1": number, "searchKind": "S004", "locale": "en"}
    headers = {"User-Agent": user_agent, "Accept": "text/html", "Accept-Encoding": "gzip"}
    for _ in range(1 + MAX_REDIRECTS):
        with _open(url, params=params, headers=headers, timeout=timeouts, stream=True) as response:
            location = response.headers.get("Location")
            if response.status_code in _REDIRECTS and location is not None:
                url, params = _next_address(response.url, location), None
                continue
            _check_status(response.status_code, response.headers)
            body = _read_body(response)
        try:
            # By force: the header has been known to be missing, and guessing gives mojibake.
            return Page(html=body.decode("utf-8-sig"), size=len(body))
        except UnicodeDecodeError:
            raise UnexpectedPage(f"not UTF-8: {body[:40]!r}") from None
    raise Unavailable(f"more than {MAX_REDIRECTS} redirects")


def _open(url: str, **how: Any) -> requests.Response:
    """Send the request and read the head of the answer. Tells "hung up before the first byte" from the rest."""
    try:
        return _session.get(url, **how)
    except requests.ConnectionError as error:
        if isinstance(
            _innermost(error), ConnectionResetError | BrokenPipeError
        ):  # RemoteDisconnected is the first
            raise Unavailable(f"hung up: {_root_cause(error)}", hung_up=True) from error
        raise


def _check_status(status: int, headers: Mapping[str, str]) -> None:
    """Tell "they do not want to answer now" (they say when) from "they no longer answer here"."""
    if status in (403, 408, 429) or status >= 500:
        raise Unavailable(f"HTTP {status}", retry_after=_retry_after(headers.get("Retry-After", "")))
    if status != 200:
        raise UnexpectedPage(f"HTTP {status}")


def _read_body(response: requests.Response) -> bytes:
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in _READABLE_ENCODINGS:
        raise UnexpectedPage(f"content encoding {encoding[:40]!r}")
    body = bytearray()
    try:
        # urllib3 inflates no more than the chunk asked for at a time, so a small bomb stays small.
        for chunk in response.iter_content(_CHUNK_BYTES):
            body += chunk
            if len(body) > MAX_BYTES:
                raise UnexpectedPage(f"more than {MAX_BYTES} bytes")
    except requests.exceptions.ContentDecodingError:
        raise UnexpectedPage(f"content encoding {encoding!r} that is none") from None
    if not body.strip():
        raise Unavailable("empty answer")
    return bytes(body)


def _next_address(url: str, location: str) -> str:
    """The address a redirect leads to. Raises Unavailable when that is another host, port or protocol."""
    try:
        target = urljoin(url, location)
        here, there = _origin(url), _origin(target)
    except ValueError:
        raise Unavailable(f"redirected to nowhere: {location[:80]!r}") from None
    upgraded = here[0] == "http" and there == ("https", here[1], 443)
    if there != here and not upgraded:
        raise Unavailable(f"redirected elsewhere: {location[:80]!r}")
    return target


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _retry_after(value: str) -> float | None:
    """Seconds from a Retry-After header, which has seconds or a date (RFC 9110, 10.2.3); None for nonsense."""
    value = value.strip()
    if re.fullmatch(r"[0-9]{1,10}", value):
        seconds = float(value)
    else:
        try:
            when = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        seconds = max(0.0, (when - datetime.now(UTC)).total_seconds())
    return seconds if seconds <= MAX_RETRY_AFTER else None


def _root_cause(error: BaseException) -> str:
    """The innermost error in words: cut, without control characters."""
    return repr(_innermost(error))[:160]


def _innermost(error: BaseException) -> BaseException:
    """requests and urllib3 wrap errors around each other."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error


class _Line:
    """The connection that one asking uses at this moment, so that its caller can cut it from another thread.

    It holds a duplicate of the TCP socket: wrapping a socket in TLS detaches the original, and shutting the
    duplicate down shuts down the connection behind both.
    """

    def __init__(self, on_sent: Callable[[], None] = lambda: None) -> None:
        self.on_sent = on_sent
        self._lock = threading.Lock()
        self._is_cut = False
        self._socket: socket.socket | None = None

    def hold(self, sock: Any) -> None:
        """Take this socket as the one to cut. Closes it and raises Unavailable if the caller has left already."""
        with self._lock:
            self._forget()
            if self._is_cut:
                sock.close()
                raise Unavailable("too late: nobody waits for this answer any more")
            # The family does not matter: this duplicate is only ever shut down.
            self._socket = socket.fromfd(sock.fileno(), socket.AF_INET, socket.SOCK_STREAM)

    def let_go(self) -> None:
        """The connection goes back to the pool, and may be somebody else's the next moment."""
        with self._lock:
            self._forget()

    def cut(self) -> None:
        """End whatever is still going on, now and later."""
        with self._lock:
            self._is_cut = True
            self._forget(shut_down=True)

    def _forget(self, *, shut_down: bool = False) -> None:
        if self._socket is None:
            return
        try:
            if shut_down:
                self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # they hung up first
        finally:
            self._socket.close()
            self._socket = None


class _Helper(threading.local):
    """What a helper thread is working on; urllib3 offers no way to hand this down to the connection."""

    line: _Line | None = None


_helper = _Helper()


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()  # resolves the name: may have taken for ever
        if _helper.line is not None:
            _helper.line.hold(sock)
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:
        super().request(*args, **kwargs)
        if _helper.line is not None:
            _helper.line.on_sent()


class _TLSConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection

    def _get_conn(self, timeout: float | None = None) -> Any:
        conn: Any = super()._get_conn(timeout)
        if _helper.line is not None and conn.sock is not None:  # one kept alive
            _helper.line.hold(conn.sock)
        return conn

    def _put_conn(self, conn: Any) -> None:
        if _helper.line is not None:
            _helper.line.let_go()
        super()._put_conn(conn)


class _TLSPool(_Pool, HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


def _use_our_pools(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _use_our_pools(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> ProxyManager:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if isinstance(manager, ProxyManager):  # SOCKS has connections of its own kind
            _use_our_pools(manager)
        return manager


class _Session(requests.Session):
    """One session for all askings: connections are kept alive, cookies are not kept.

    The operator's proxy variables count. Nobody's ~/.netrc does: `auth` is set, to something that adds nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.auth = lambda request: request
        self.mount("http://", _Adapter())
        self.mount("https://", _Adapter())

    def get_redirect_target(self, resp: requests.Response) -> None:
        """No redirect for requests to follow: it would read the whole body first, however long. See _ask."""


_session = _Session()
