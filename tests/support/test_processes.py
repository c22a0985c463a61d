"""No child process outlives its test."""

import ast
import asyncio
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests import PROJECT
from tests.support import crowd, processes
from tests.support.served import run

TESTS = PROJECT / "tests"
PROJECT = TESTS.parent

IGNORES_SIGNALS = 'trap "" TERM INT; sleep 1000 & echo $!; wait; wait'


def is_alive(pid: int) -> bool:
    """Return False also for a dead process that its new parent has not collected yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_dead(pid: int) -> None:
    until = time.monotonic() + 20
    while is_alive(pid):
        assert time.monotonic() < until, f"process {pid} is alive"
        time.sleep(0.01)


def test_a_block_that_fails_ends_its_process() -> None:
    with pytest.raises(ZeroDivisionError), processes.running(["sleep", "1000"]) as process:
        raise ZeroDivisionError
    assert process.returncode == -signal.SIGTERM


def test_a_process_that_ignores_sigterm_is_killed_with_its_children() -> None:
    with (
        pytest.raises(subprocess.TimeoutExpired),
        processes.running(
            ["sh", "-c", IGNORES_SIGNALS], within=0.2, stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        child = int(process.stdout.readline())
    assert process.returncode == -signal.SIGKILL
    wait_until_dead(child)


def test_a_frozen_process_is_killed() -> None:
    with processes.running(["sleep", "1000"], ends_on=signal.SIGKILL) as process:
        process.send_signal(signal.SIGSTOP)
    assert process.returncode == -signal.SIGKILL


def test_a_command_ends_in_time_while_a_child_holds_its_output() -> None:
    began = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        processes.run(["sh", "-c", IGNORES_SIGNALS], timeout=0.5, capture_output=True)
    assert time.monotonic() - began < 30


def test_the_children_that_a_command_leaves_are_killed() -> None:
    done = processes.run(["sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!"], capture_output=True, text=True)
    wait_until_dead(int(done.stdout))


def test_a_command_that_fails_is_an_error_when_asked() -> None:
    assert processes.run(["false"]).returncode == 1
    with pytest.raises(subprocess.CalledProcessError):
        processes.run(["false"], check=True)


def test_a_command_reads_its_input() -> None:
    assert processes.run(["cat"], input="text", capture_output=True, text=True).stdout == "text"


def test_waiting_for_a_crowd_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "LONGEST", 0.1)
    over = threading.Event()
    visitors = crowd.let_in([over.wait])
    with pytest.raises(TimeoutError, match="1 of 1"):
        crowd.wait_for(visitors)
    with pytest.raises(TimeoutError):
        crowd.join([visitors[0].thread], within=0.1)
    assert visitors[0].thread.daemon
    over.set()
    crowd.join([visitors[0].thread])


def test_visits_end_in_time() -> None:
    with pytest.raises(TimeoutError):
        run(asyncio.sleep(1000), timeout=0.1)


SLEEPS = """
import time
from tests.support import processes

def test_that_is_interrupted():
    with processes.running(["sleep", "1000"]) as process:
        print(process.pid, "sleeps", flush=True)
        time.sleep(60)
"""


def test_a_session_that_gets_sigterm_ends_its_processes(tmp_path: Path) -> None:
    (tmp_path / "test_sleeps.py").write_text(SLEEPS)
    options = ["-s", "-p", "no:cacheprovider", "--rootdir", tmp_path, "-c", PROJECT / "pyproject.toml"]
    command = [sys.executable, "-m", "pytest", *options, tmp_path / "test_sleeps.py"]
    with processes.running(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as session:
        child = int(processes.read_until(session, "sleeps").split()[-2])
        session.send_signal(signal.SIGTERM)
        session.wait(30)
    wait_until_dead(child)


def test_reading_from_a_silent_process_ends_in_time() -> None:
    with (
        processes.running(["sleep", "1000"], stdout=subprocess.PIPE, text=True) as process,
        pytest.raises(AssertionError, match="without printing"),
    ):
        processes.read_until(process, "ready", timeout=0.2)


STARTERS = {"Popen", "run", "call", "check_call", "check_output", "getoutput", "getstatusoutput"}


def test_only_one_module_starts_processes() -> None:
    found = []
    for file in TESTS.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name("subprocess"), attr=name)) if (
                    name in STARTERS
                ):
                    found.append(f"{file.relative_to(TESTS)}:{node.lineno}: subprocess.{name}")
    assert [one for one in found if not one.startswith("support/processes.py:")] == []
