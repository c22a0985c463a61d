"""Puts load on a server for benchmarks: as many requests as it answers in a few seconds, with times and costs.

`wrk` sends the requests where it is installed, as it needs little processor time itself. Otherwise threads of Python
send them.
"""

import http.client
import os
import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.support import processes
from tests.support.crowd import join, start_threads

WRK = shutil.which("wrk")
HEADERS = {"Accept-Encoding": "gzip", "Accept-Language": "de, en;q=0.8"}
_TICKS = os.sysconf("SC_CLK_TCK")
_SCRIPT = """
local paths, turn = {}, 0
for line in io.lines("%s") do paths[#paths + 1] = line end
function request() turn = turn + 1; return wrk.format("GET", paths[(turn - 1) %% #paths + 1]) end
"""


@dataclass(frozen=True)
class Server:
    """A running gunicorn."""

    port: int
    pid: int

    @property
    def workers(self) -> list[int]:
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    @property
    def processor_seconds(self) -> float:
        """Seconds of processor time that its workers have used since they started."""
        ticks = 0
        for pid in self.workers:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / _TICKS


@dataclass(frozen=True)
class Load:
    """The result of one series of requests, or of several together."""

    requests: int
    seconds: float
    server_seconds: float  # of processor time
    client_seconds: float  # of processor time
    p50: float  # seconds until an answer
    p99: float
    refused: int = 0  # answers with 4xx or 5xx, and connections that broke

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    @property
    def server_microseconds(self) -> float:
        """Microseconds of processor time for one request."""
        return self.server_seconds / self.requests * 1e6

    @property
    def client_share(self) -> float:
        return self.client_seconds / self.seconds


@dataclass
class Kind:
    """One kind of request to a server, with its results so far."""

    server: Server
    paths: Sequence[str]
    headers: dict[str, str] = field(default_factory=dict)
    loads: list[Load] = field(default_factory=list)

    @property
    def load(self) -> Load:
        loads = self.loads
        return Load(
            sum(one.requests for one in loads),
            sum(one.seconds for one in loads),
            sum(one.server_seconds for one in loads),
            sum(one.client_seconds for one in loads),
            statistics.median(one.p50 for one in loads),
            statistics.median(one.p99 for one in loads),
            sum(one.refused for one in loads),
        )


def take_turns(kinds: Sequence[Kind], *, rounds: int = 5, seconds: float = 1, connections: int = 16) -> None:
    """Put load on each kind in turn, `rounds` times, so that other load on the machine affects all kinds alike.

    A first round, which does not count, fills the caches.
    """
    for kind in kinds:
        requests = 0
        while requests < 20 * len(kind.paths):  # so that each worker has answered each path
            requests += put_load(kind, seconds, connections).requests
    for _ in range(rounds):
        for kind in kinds:
            kind.loads.append(put_load(kind, seconds, connections))


def put_load(kind: Kind, seconds: float, connections: int) -> Load:
    """The result of one series of requests."""
    send = _with_wrk if WRK else _with_threads
    before = kind.server.processor_seconds
    load = send(kind, seconds, connections)
    return Load(**load.__dict__ | {"server_seconds": kind.server.processor_seconds - before})


def _with_wrk(kind: Kind, seconds: float, connections: int) -> Load:
    with tempfile.TemporaryDirectory() as folder:
        paths, script = Path(folder, "paths"), Path(folder, "script.lua")
        paths.write_text("\n".join(kind.paths))
        script.write_text(_SCRIPT % paths)
        headers = [f"-H{name}: {value}" for name, value in (HEADERS | kind.headers).items()]
        address = f"http://127.0.0.1:{kind.server.port}/"
        length = [f"-d{max(1, round(seconds))}s", "--latency", "--timeout", "30s"]
        began = os.times()
        done = processes.run(
            [WRK or "wrk", "-t1", f"-c{connections}", *length, "-s", str(script), *headers, address],
            check=True,
            capture_output=True,
            text=True,
            timeout=seconds + 120,
        )
        ended = os.times()
    said = done.stdout
    count, took = re.findall(r"(\d+) requests in ([\d.]+\w+)", said)[0]
    refused = [int(number) for number in re.findall(r"Non-2xx or 3xx responses: (\d+)", said)]
    broken = re.findall(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    refused += [int(number) for numbers in broken for number in numbers]
    client = ended.children_user + ended.children_system - began.children_user - began.children_system
    p50, p99 = (_seconds(re.findall(rf"{percent}%\s+([\d.]+\w+)", said)[0]) for percent in (50, 99))
    return Load(int(count), _seconds(took), 0, client, p50, p99, sum(refused))


def _seconds(text: str) -> float:
    """The seconds in a text of wrk such as "1.20ms"."""
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60}[unit]


def _with_threads(kind: Kind, seconds: float, connections: int) -> Load:
    times: list[float] = []
    refused: list[object] = []
    until = time.monotonic() + seconds

    def send(first: int) -> None:
        turn, connection = first, http.client.HTTPConnection("127.0.0.1", kind.server.port, timeout=30)
        while time.monotonic() < until:
            try:
                path = kind.paths[turn % len(kind.paths)]
                status, spent = timed(lambda path=path: _status(connection, path, kind.headers))
            except (OSError, http.client.HTTPException) as failure:
                refused.append(failure)
                connection.close()
                continue
            times.append(spent)
            refused.extend([status] if status >= 400 else [])
            turn += connections
        connection.close()

    began, processor = time.perf_counter(), time.process_time()
    join(start_threads(partial(send, first) for first in range(connections)), within=seconds + 120)
    took, client = time.perf_counter() - began, time.process_time() - processor
    percents = statistics.quantiles(times, n=100)
    return Load(len(times), took, 0, client, percents[49], percents[98], len(refused))


def _status(connection: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> int:
    connection.request("GET", path, headers=HEADERS | headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What `work` returns, and the seconds that it took."""
    began = time.perf_counter()
    result = work()
    return result, time.perf_counter() - began


def show(what: str, aim: str, result: float, unit: str = "") -> None:
    """Print a result next to its aim."""
    print(f"{what:52} {aim:>10} {f'{result:.2f}{unit}':>10}", flush=True)


def note(text: str) -> None:
    """Print a detail below a result."""
    print(f"    {text}", flush=True)
