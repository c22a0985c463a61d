"""python -m tests.support.standin.demo [--port 8000]: runs the site and the stand-in, to try them without a network.

The demonstration keeps its own database (`demo.sqlite3` in the project's folder). Ctrl-C ends both.
"""

import argparse
import os
import signal
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from tests import PROJECT
from tests.support.processes import running
from tracking.japanpost.examples import all_examples

from . import FAULT_NUMBERS, StandIn

STOPS = {signal.SIGINT, signal.SIGTERM}


def main() -> int:
    parser = argparse.ArgumentParser(description="Runs the site and a stand-in for Japan Post.")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--database", type=Path, default=PROJECT / "demo.sqlite3")
    options = parser.parse_args()
    # A signal that is blocked before any thread starts is kept until we wait for it. That includes SIGINT where the
    # shell ignores it.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    standin = StandIn()
    environment = os.environ | {
        "DEBUG": "True",
        "SETTINGS_FILE": os.environ.get("SETTINGS_FILE", str(PROJECT / ".env")),
        "JAPANPOST_URL": standin.url,
        "DATABASE_URL": f"sqlite:///{options.database.absolute()}",
    }
    with _manage(environment, "migrate", "--verbosity", "0") as migration:
        if not _has_ended(migration):
            return 0
    if migration.returncode != 0:
        return migration.returncode
    # The stand-in's thread starts after the last child: see `_unblock_signals`.
    with _manage(environment, "runserver", f"127.0.0.1:{options.port}", "--noreload") as site, standin:
        _print_addresses(f"http://127.0.0.1:{options.port}")
        return site.returncode if _has_ended(site) else 0


def _manage(environment: dict[str, str], *arguments: str) -> AbstractContextManager["subprocess.Popen[Any]"]:
    """Run manage.py in its own process group: Ctrl-C reaches only this program, which then ends it."""
    command = [sys.executable, str(PROJECT / "manage.py"), *arguments]
    return running(command, cwd=PROJECT, env=environment, preexec_fn=_unblock_signals)


def _unblock_signals() -> None:
    """Run in the child, which inherits the blocked signals.

    Code between fork and exec is safe while the parent has only one thread.
    """
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)


def _has_ended(process: "subprocess.Popen[Any]") -> bool:
    """Wait until the process ends. Returns False where a signal to this program came first."""
    while process.poll() is None:
        if signal.sigtimedwait(STOPS, 0.5):
            return False
    return True


def _print_addresses(site: str) -> None:
    print(f"The site with every situation to try: {site}/\n")
    for example in all_examples():
        print(f"  {site}/track/{example.number}/  {example.title}")
    print("\nFailures of Japan Post to try:\n")
    for fault, number in FAULT_NUMBERS.items():
        print(f"  {site}/track/{number}/  {fault}")
    print(
        "\nAfter five failures in a row the site sends Japan Post no request for a minute. "
        "This is intended: see “Japan Post's health” in the admin."
    )
    print("\nCtrl-C ends it.\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
