"""Asks Japan Post: takes a tracking number, returns a page of HTML. No other module opens a connection to Japan Post.

It guarantees the caller a *total* deadline. Socket time-outs do not: they restart with every byte that arrives and do
not cover name resolution, so a slow server can hold a request for hours. Therefore a helper thread sends the request
while the caller waits at most `timeout`. Then the caller returns and shuts down the connection, which also ends the
helper.
"""

import logging
import queue
import re
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
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

from .deadline import Deadline, next_answer, start_helper
from .errors import JapanPostError, NotSent, Unavailable, UnexpectedPage, short_traceback

logger = logging.getLogger(__name__)

SEARCH_PATH = "/services/srv/search/direct"
MAX_BYTES = 2 * 1024 * 1024  # after decompression; a real page has about 20 kB
MAX_REDIRECTS = 3
MAX_RETRY_AFTER = 30 * 24 * 3600  # seconds; a larger value is taken for a mistake and ignored

_CHUNK_BYTES = 64 * 1024
_REDIRECTS = {301, 302, 303, 307, 308}
_READABLE_ENCODINGS = {"", "identity", "gzip", "x-gzip", "deflate"}


@dataclass(frozen=True, slots=True)
class Page:
    """What Japan Post sent. `size`: in bytes after decompression."""

    html: str
    size: int


_Answer = Page | JapanPostError | None  # None: the request has been sent


def fetch_page(
    number: str,
    *,
    base_url: str,
    user_agent: str,
    timeout: float,
    connect_timeout: float = 3.0,
    on_sent: Callable[[], None] = lambda: None,
) -> Page:
    """The tracking page of one number. `base_url`: scheme and host. Times are in seconds.

    Returns or raises within `timeout`, whatever the server does. Calls `on_sent` in the caller's thread once the
    request has been sent, because connecting may take a while. Raises only `Unavailable` (no answer), its subclass
    `NotSent` (no time or thread left to ask) and `UnexpectedPage` (an answer that cannot be a tracking page).
    """
    if timeout <= 0:
        raise NotSent("no time left to ask")
    deadline = Deadline(timeout)
    answers = queue.SimpleQueue[_Answer]()
    current_socket = _CurrentSocket(on_sent=lambda: answers.put(None))

    def ask() -> None:
        _helper.current_socket = current_socket
        # The socket's time-out is longer than the deadline, so that the deadline decides on silence.
        answers.put(_answer_of(number, base_url, user_agent, (connect_timeout, timeout + 1.0)))

    try:
        start_helper(ask, name="japanpost")
    except RuntimeError:
        raise NotSent("cannot start asking: no thread left") from None
    try:
        while (answer := next_answer(answers, deadline)) is None:
            on_sent()
    except queue.Empty:
        raise Unavailable(f"no answer within {timeout:.1f} s") from None
    finally:
        current_socket.shut_down()
    if isinstance(answer, JapanPostError):
        raise answer
    return answer


def try_connection(base_url: str, *, timeout: float) -> None:
    """Connect, including TLS, and disconnect without a request; to the operator's proxy where one is set.

    `timeout` is in seconds. Raises Unavailable where the connection fails.
    """
    # Reads the operator's environment variables.
    how = _session.merge_environment_settings(base_url, {}, None, None, None)
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


def _answer_of(
    number: str, base_url: str, user_agent: str, timeouts: tuple[float, float]
) -> Page | JapanPostError:
    """The page, or the failure of any kind."""
    try:
        return _ask(number, base_url, user_agent, timeouts)
    except JapanPostError as failure:
        return failure
    except (requests.RequestException, OSError) as error:
        return Unavailable(f"no connection: {_root_cause(error)}")
    except Exception as error:  # a bug of ours or of a library: the customer still gets an answer
        logger.error("asking Japan Post failed with an unexpected error\n%s", short_traceback(error))
        return Unavailable(f"asking failed: {_root_cause(error)}")


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
            # Always UTF-8: sometimes the header is missing, and a guess gives mojibake.
            return Page(html=body.decode("utf-8-sig"), size=len(body))
        except UnicodeDecodeError:
            raise UnexpectedPage(f"not UTF-8: {body[:40]!r}") from None
    raise Unavailable(f"more than {MAX_REDIRECTS} redirects")


def _open(url: str, **how: Any) -> requests.Response:
    """Send the request and read the head of the answer. A connection closed before the first byte is `hung_up`."""
    try:
        return _session.get(url, **how)
    except requests.ConnectionError as error:
        if isinstance(
            _innermost(error), ConnectionResetError | BrokenPipeError
        ):  # RemoteDisconnected is the first
            raise Unavailable(f"hung up: {_root_cause(error)}", hung_up=True) from error
        raise


def _check_status(status: int, headers: Mapping[str, str]) -> None:
    """Raise Unavailable where Japan Post does not answer now, UnexpectedPage for any other status except 200."""
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
        # urllib3 decompresses only one chunk at a time, so a decompression bomb stays small.
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
    """The target of a redirect. Raises Unavailable for another host, port or protocol, except from http to https."""
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
    """Seconds from a Retry-After header, which has seconds or a date (RFC 9110, 10.2.3); None where it is invalid."""
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
    """The innermost error as a text: truncated, without control characters."""
    return repr(_innermost(error))[:160]


def _innermost(error: BaseException) -> BaseException:
    """The error that requests and urllib3 wrapped in their own."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error


class _CurrentSocket:
    """The connection that one request currently uses, so that its caller can shut it down from another thread.

    Holds a duplicate of the TCP socket: TLS detaches the original, and shutting down the duplicate shuts down the
    connection of both.
    """

    def __init__(self, on_sent: Callable[[], None] = lambda: None) -> None:
        self.on_sent = on_sent
        self._lock = threading.Lock()
        self._is_shut_down = False
        self._socket: socket.socket | None = None

    def set(self, sock: Any) -> None:
        """Use this socket from now on. Closes it and raises Unavailable where the caller has already returned."""
        with self._lock:
            self._forget()
            if self._is_shut_down:
                sock.close()
                raise Unavailable("too late: the caller has returned")
            # The address family does not matter: the duplicate is only shut down, never read.
            self._socket = socket.fromfd(sock.fileno(), socket.AF_INET, socket.SOCK_STREAM)

    def clear(self) -> None:
        """Forget the socket: the connection returns to the pool, where another request may take it at once."""
        with self._lock:
            self._forget()

    def shut_down(self) -> None:
        """Shut down the connection, and any that this request opens later."""
        with self._lock:
            self._is_shut_down = True
            self._forget(shut_down=True)

    def _forget(self, *, shut_down: bool = False) -> None:
        if self._socket is None:
            return
        try:
            if shut_down:
                self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the server closed it first
        finally:
            self._socket.close()
            self._socket = None


class _Helper(threading.local):
    """The current socket of a helper thread. Thread-local, because urllib3 cannot pass it to the connection."""

    current_socket: _CurrentSocket | None = None


_helper = _Helper()


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()  # resolves the host name, which may take very long
        if _helper.current_socket is not None:
            _helper.current_socket.set(sock)
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:
        super().request(*args, **kwargs)
        if _helper.current_socket is not None:
            _helper.current_socket.on_sent()


class _TLSConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection

    def _get_conn(self, timeout: float | None = None) -> Any:
        conn: Any = super()._get_conn(timeout)
        if _helper.current_socket is not None and conn.sock is not None:  # a connection kept alive
            _helper.current_socket.set(conn.sock)
        return conn

    def _put_conn(self, conn: Any) -> None:
        if _helper.current_socket is not None:
            _helper.current_socket.clear()
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
        manager: ProxyManager = super().proxy_manager_for(proxy, **kwargs)
        if isinstance(manager, ProxyManager):  # not for SOCKS, which has its own connection classes
            _use_our_pools(manager)
        return manager


class _Session(requests.Session):
    """One session for all requests. Keeps connections alive, but stores no cookies.

    Uses the operator's proxy variables, but no ~/.netrc: requests reads that only where `auth` is not set, so `auth` is
    a function that adds nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.auth = lambda request: request
        self.mount("http://", _Adapter())
        self.mount("https://", _Adapter())

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None, so that requests follows no redirect: it would first read the whole body of any length. See `_ask`."""


_session = _Session()
