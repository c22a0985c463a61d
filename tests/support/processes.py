"""Child processes of the tests. Each has its own process group, which ends with the block that started it."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests import PROJECT

LONGEST = 120.0  # seconds that a command may take
TO_END = 30.0  # seconds that a process may take to end after a signal

# A prefix that starts a command as a shell starts its background jobs, with SIGINT ignored.
IN_BACKGROUND = ("sh", "-c", 'trap "" INT; exec "$@"', "sh")

Command = Sequence[str | Path]


def start(command: Command, **options: Any) -> "subprocess.Popen[Any]":
    """`subprocess.Popen` in its own process group. The caller passes the process to `end`, also after an error.

    A process in the project's folder does not read the developer's `.env`.
    """
    if options.get("cwd") in (None, PROJECT):
        options["env"] = {"SETTINGS_FILE": os.devnull} | dict(options.get("env") or os.environ)
    return subprocess.Popen(command, start_new_session=True, **options)


def end(
    process: "subprocess.Popen[Any]", number: signal.Signals = signal.SIGTERM, *, within: float = TO_END
) -> None:
    """Send the signal to the whole group, then kill what is left of it.

    Raises subprocess.TimeoutExpired if the process ignored the signal for `within` seconds; then it is killed too.
    """
    try:
        if process.poll() is None:
            os.killpg(process.pid, number)
            process.wait(within)
    finally:
        with suppress(ProcessLookupError):  # the usual case: the group has ended
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(TO_END)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                with suppress(BrokenPipeError):
                    pipe.close()


@contextmanager
def running(
    command: Command, *, ends_on: signal.Signals = signal.SIGTERM, within: float = TO_END, **options: Any
) -> Iterator["subprocess.Popen[Any]"]:
    """The process while the block lasts; `options` are those of `subprocess.Popen`."""
    process = start(command, **options)
    try:
        yield process
    finally:
        end(process, ends_on, within=within)


def run(
    command: Command,
    *,
    timeout: float = LONGEST,
    check: bool = False,
    capture_output: bool = False,
    input: Any = None,
    **options: Any,
) -> "subprocess.CompletedProcess[Any]":
    """`subprocess.run` that ends after `timeout` seconds, even if the command has left children that still run.

    `subprocess.run` kills the command alone and then waits for each child that still holds its output open.
    """
    if capture_output:
        options |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    if input is not None:
        options["stdin"] = subprocess.PIPE
    with running(command, ends_on=signal.SIGKILL, **options) as process:
        output, errors = process.communicate(input, timeout=timeout)
    done = subprocess.CompletedProcess(process.args, process.returncode, output, errors)
    if check:
        done.check_returncode()
    return done


def read_until(process: "subprocess.Popen[str]", text: str, *, timeout: float = LONGEST) -> str:
    """Return what the process prints, up to the line with the text.

    Kills the process after `timeout` seconds. Raises AssertionError where its output ends without the text.
    """
    assert process.stdout is not None
    lines, too_late = [], threading.Timer(timeout, process.kill)
    too_late.start()
    try:
        for line in process.stdout:
            lines.append(line)
            if text in line:
                return "".join(lines)
    finally:
        too_late.cancel()
    raise AssertionError(f"ended or was killed without printing {text!r}: {''.join(lines)}")
