"""The site as it runs in production, in its own processes, with the servers that it may use; and many visitors."""

import asyncio
import csv
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import count
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import psycopg
from redis import Redis

from tests import PROJECT
from tests.support import processes


def free_port() -> int:
    """Return a free port outside the range that the system assigns, so it is still free when its server (re)starts."""
    while True:
        port = random.randrange(20_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def production(**settings: object) -> dict[str, str]:
    """Return the environment of a site with these settings and with those that it requires."""
    least = {"PATH": os.environ["PATH"], "SECRET_KEY": "production " * 6, "ALLOWED_HOSTS": "127.0.0.1"}
    return least | {name: str(value) for name, value in settings.items()}


def manage(environment: dict[str, str], *arguments: str) -> str:
    """Run a command of `manage.py` and return what it prints."""
    command = [sys.executable, "manage.py", *arguments]
    done = processes.run(command, cwd=PROJECT, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()


class _Prepared:
    """A migrated SQLite file and the collected static files, made once for all sites of this process."""

    def __init__(self) -> None:
        # Removed when this process ends.
        self._folder = tempfile.TemporaryDirectory(prefix="emsguide-prepared-")

    @cached_property
    def static_files(self) -> Path:
        """The folder of the static files. Sites share it and only read it."""
        folder = Path(self._folder.name) / "static"
        manage(production(STATIC_ROOT=folder), "collectstatic", "--no-input", "-v0")
        return folder

    @cached_property
    def database(self) -> Path:
        """The migrated file, of which each site gets a copy."""
        file = Path(self._folder.name) / "migrated.sqlite3"
        manage(production(DATABASE_URL=f"sqlite:///{file}"), "migrate", "--no-input", "-v0")
        return file


_prepared = cache(_Prepared)


class Site:
    """One or several gunicorns with two workers each, in front of one database. Use it in a `with` block."""

    def __init__(self, folder: Path, database_url: str, *, gunicorns: int = 1, **settings: object) -> None:
        """A missing SQLite file is created; a PostgreSQL database has to be migrated already."""
        self.environment = production(
            DATABASE_URL=database_url, STATIC_ROOT=folder / "staticfiles", no_proxy="*"
        ) | {name: str(value) for name, value in settings.items()}
        ports = [free_port() for _ in range(gunicorns)]
        self._listeners = [socket.create_server(("127.0.0.1", port), backlog=2048) for port in ports]
        self.addresses = [f"http://127.0.0.1:{one.getsockname()[1]}" for one in self._listeners]
        self._log = (folder / "gunicorn.log").open("w")
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        with ExitStack() as on_failure:
            on_failure.callback(self.__exit__)
            self.environment["STATIC_ROOT"] = str(_prepared().static_files)
            self._make_database()
            self.start()
            on_failure.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        with ExitStack() as ends:
            ends.callback(self._log.close)
            for listener in self._listeners:
                ends.callback(listener.close)
            self.stop()

    def _make_database(self) -> None:
        url = self.environment["DATABASE_URL"]
        file = Path(url.removeprefix("sqlite:///"))
        if url.startswith("sqlite:") and not file.exists():
            shutil.copy(_prepared().database, file)

    def start(self) -> None:
        """Start the gunicorns and wait until each is ready."""
        for listener, address in zip(self._listeners, self.addresses, strict=True):
            self._processes.append(self._serve(listener))
            run(get(f"{address}/readyz"))

    @property
    def pids(self) -> list[int]:
        """The process ids of the gunicorns; the workers are their children."""
        return [process.pid for process in self._processes]

    def _serve(self, listener: socket.socket) -> "subprocess.Popen[bytes]":
        bind = ["--bind", f"fd://{listener.fileno()}", "--workers", "2", "--log-level", "warning"]
        return processes.start(
            [sys.executable, "-m", "gunicorn", "emsguide.wsgi", *bind],
            cwd=PROJECT,
            env=self.environment,
            pass_fds=[listener.fileno()],
            stdout=self._log,
            stderr=self._log,
        )

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End all gunicorns. With SIGKILL they cannot finish the work in progress."""
        with ExitStack() as ends:  # all of them, even if one does not end
            while self._processes:
                ends.callback(processes.end, self._processes.pop(), number)

    def lose(self, place: int) -> None:
        """Kill one of the gunicorns during its work and close its port, as when its machine fails."""
        processes.end(self._processes[place], signal.SIGKILL)
        self._listeners[place].close()

    def replace(self, place: int) -> None:
        """Start a new gunicorn at the address of a lost one, and wait until it is ready."""
        port = urlsplit(self.addresses[place]).port
        self._listeners[place] = socket.create_server(("127.0.0.1", port), backlog=2048)
        self._processes[place] = self._serve(self._listeners[place])
        run(get(f"{self.addresses[place]}/readyz"))

    @property
    def workers(self) -> list[int]:
        """The process ids of all gunicorns' workers."""
        tasks = [Path(f"/proc/{one.pid}/task/{one.pid}/children") for one in self._processes]
        return [int(pid) for task in tasks for pid in task.read_text().split()]

    def manage(self, *arguments: str) -> str:
        return manage(self.environment, *arguments)

    def python(self, code: str) -> str:
        """Run code with the models imported. Returns what it prints."""
        return self.manage("shell", "-v0", "-c", f"from tracking.models import *\n{code}")


def run(coroutine: Coroutine[Any, Any, Any], timeout: float = 300) -> Any:
    """`asyncio.run` in its own thread, because browser tests leave a loop running in ours.

    Returns the result. Raises TimeoutError after `timeout` seconds.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, asyncio.wait_for(coroutine, timeout)).result()


@dataclass(frozen=True)
class Seen:
    """One response, as a visitor sees it."""

    status: int
    headers: dict[str, str]
    body: str
    seconds: float
    visits: int = 1  # including this one, with `until_answered`


async def get(url: str, timeout: float = 60) -> Seen:
    """Sends one GET request on a new connection. Raises TimeoutError after `timeout` seconds."""
    parts, began = urlsplit(url), time.monotonic()
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            request = f"GET {parts.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
            writer.write(request.encode())
            answer = (await reader.read()).decode()
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
    head, _, body = answer.partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    return Seen(int(status.split()[1]), headers, body, time.monotonic() - began)


async def until_answered(url: str) -> Seen:
    """A patient visitor: repeats the request after 429 or 503 as Retry-After says. Returns the first other response."""
    began = time.monotonic()
    for visits in range(1, 100):
        seen = await get(url)
        if seen.status not in (429, 503):
            return Seen(seen.status, seen.headers, seen.body, time.monotonic() - began, visits)
        await asyncio.sleep(int(seen.headers["retry-after"]))
    raise TimeoutError(url)


def everybody(visit: Callable[[str], Awaitable[Seen]], urls: Iterable[str]) -> list[Seen]:
    """Visit all URLs at the same moment. Returns the responses in the order of the URLs."""

    async def visit_all() -> list[Seen]:
        return await asyncio.gather(*(visit(url) for url in urls))

    return run(visit_all())


def statuses(seen: Iterable[Seen]) -> dict[int, int]:
    """Return the number of responses by HTTP status."""
    return dict(Counter(one.status for one in seen))


LONGEST_STATEMENT = 120  # seconds; a statement that waits for a lock longer than that fails
POSTGRESQL = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


class Cluster:
    """A running PostgreSQL; `address` is that of the server, without a database."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._names = (f"site{number}" for number in count(1))

    def new(self, template: str = "template0") -> str:
        """Create an empty database, or a copy of the template. Returns its address."""
        name = next(self._names)
        with psycopg.connect(f"{self.address}/postgres", autocommit=True) as server:
            server.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return f"{self.address}/{name}"

    def migrated(self) -> str:
        """Create a migrated and seeded database. Returns its address."""
        return self.new(self._migrated)

    @cached_property
    def _migrated(self) -> str:
        url = self.new()
        manage(production(DATABASE_URL=url), "migrate", "--no-input", "-v0")
        return url.rpartition("/")[2]


@contextmanager
def postgresql() -> Iterator[Cluster]:
    """A new PostgreSQL from Debian's package, with its own data, while the block lasts."""
    assert POSTGRESQL is not None
    with ExitStack() as cleaning:
        folder = Path(tempfile.mkdtemp(prefix="emsguide-postgresql-"))
        cleaning.callback(shutil.rmtree, folder, ignore_errors=True)
        options: dict[str, Any] = {"cwd": folder, "stdout": subprocess.DEVNULL}
        if os.geteuid() == 0:  # it refuses to run as root
            shutil.chown(folder, "postgres", "postgres")
            options |= {"user": "postgres", "group": "postgres", "extra_groups": []}
        port = free_port()

        def run(program: str, *arguments: str, check: bool = True) -> int:
            command = [POSTGRESQL / program, *arguments]
            return processes.run(command, check=check, **options).returncode

        run("initdb", "-D", "data", "-U", "shop", "--auth=trust", "-E", "UTF8", "--no-sync")
        settings = ["listen_addresses=127.0.0.1", "fsync=off", f"statement_timeout={LONGEST_STATEMENT}s"]
        server = [POSTGRESQL / "postgres", "-D", "data", "-p", str(port), "-k", folder]
        server += [f"--{setting}" for setting in settings]
        log = cleaning.enter_context((folder / "log").open("w"))
        # SIGQUIT ends it at once: its data is not needed again.
        postgres = processes.running(server, ends_on=signal.SIGQUIT, **options | {"stderr": log})
        process = cleaning.enter_context(postgres)
        until = time.monotonic() + 60
        while run("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port), check=False) != 0:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL did not start: {(folder / 'log').read_text()}")
            time.sleep(0.05)
        yield Cluster(f"postgres://shop@127.0.0.1:{port}")


HAPROXY = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")


class Balancer:
    """HAProxy in front of two machines, as deploy/haproxy.cfg sets it up. Use it in a `with` block."""

    def __init__(self, folder: Path, machines: list[str]) -> None:
        self._port = free_port()
        self.address = f"http://127.0.0.1:{self._port}"
        self._socket_path, self._file = folder / "haproxy.socket", folder / "haproxy.cfg"
        ours = (PROJECT / "deploy" / "haproxy.cfg").read_text(encoding="utf-8")
        ours = re.sub(r"^( +bind) .*", rf"\1 127.0.0.1:{self._port}", ours, flags=re.MULTILINE)
        ours = ours.replace("track.example.com", "127.0.0.1")
        for written, machine in zip(("10.0.0.11:8000", "10.0.0.12:8000"), machines, strict=True):
            assert written in ours
            ours = ours.replace(written, urlsplit(machine).netloc)
        self._file.write_text(ours.replace("global\n", f"global\n    stats socket {self._socket_path}\n", 1))

    def __enter__(self) -> Self:
        assert HAPROXY is not None
        self._process = processes.start([HAPROXY, "-db", "-q", "-f", str(self._file)])
        with ExitStack() as on_failure:
            on_failure.callback(self.__exit__)
            until_connected(self._port)
            on_failure.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        processes.end(self._process, signal.SIGKILL)

    def ready(self) -> int:
        """Return how many machines HAProxy considers ready."""
        with socket.socket(socket.AF_UNIX) as stats:
            stats.settimeout(20)
            stats.connect(str(self._socket_path))
            stats.sendall(b"show stat\n")
            lines = stats.makefile(encoding="ascii").read().removeprefix("# ").splitlines()
        servers = csv.DictReader(line for line in lines if line)
        return sum(one["check_status"] != "" and one["status"].startswith("UP") for one in servers)


CACHE_SERVER = shutil.which("valkey-server") or shutil.which("redis-server")


class CacheServer:
    """A new Valkey or Redis that stores nothing on disk. Use it in a `with` block."""

    def __init__(self) -> None:
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        assert CACHE_SERVER is not None
        options = f"--port {self._port} --bind 127.0.0.1 --appendonly no --loglevel warning --save".split()
        self._process = processes.start([CACHE_SERVER, *options, ""], stdout=subprocess.DEVNULL)
        with ExitStack() as on_failure:
            on_failure.callback(self.kill)
            until_connected(self._port)
            on_failure.pop_all()

    def kill(self) -> None:
        """End it without a shutdown, as when the machine loses its power."""
        processes.end(self._process, signal.SIGKILL)

    def freeze(self) -> None:
        """Until `thaw` it accepts connections and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def count(self) -> int:
        """Return the number of its keys, pages included."""
        with Redis.from_url(self.url, socket_timeout=20) as server:
            return server.dbsize()


def until_connected(port: int, timeout: float = 60) -> None:
    """Wait until a server listens at the port. Raises OSError after `timeout` seconds."""
    until = time.monotonic() + timeout
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
