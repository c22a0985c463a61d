"""python -m tests.standin.demo [--port 8000]: the whole site beside the stand-in, so it can be tried without a network.

The demonstration keeps its own database (`demo.sqlite3` in the project's folder). Ctrl-C ends both.
"""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from tracking.examples import all_examples

from . import FAULT_NUMBERS, StandIn

PROJECT = Path(__file__).resolve().parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(description="The site and a stand-in for Japan Post, side by side.")
    parser.add_argument("--port", type=int, default=8000)
    port = parser.parse_args().port
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)  # also where the shell started us in the background
    try:
        with StandIn() as standin:
            return _run_site(port, standin.url)
    except KeyboardInterrupt:
        return 0


def _run_site(port: int, japanpost_url: str) -> int:
    environment = os.environ | {
        "DEBUG": "True",
        "JAPANPOST_URL": japanpost_url,
        "DATABASE_URL": f"sqlite:///{PROJECT / 'demo.sqlite3'}",
    }
    manage = [sys.executable, str(PROJECT / "manage.py")]
    migrated = subprocess.run([*manage, "migrate", "--verbosity", "0"], cwd=PROJECT, env=environment)
    if migrated.returncode != 0:
        return migrated.returncode
    _print_addresses(f"http://127.0.0.1:{port}")
    # A session of its own: Ctrl-C reaches us alone, and we end the site.
    site = subprocess.Popen(
        [*manage, "runserver", f"127.0.0.1:{port}", "--noreload"],
        cwd=PROJECT,
        env=environment,
        start_new_session=True,
    )
    try:
        return site.wait()
    finally:
        site.terminate()
        site.wait()


def _print_addresses(site: str) -> None:
    print(f"The site with every situation to try: {site}/\n")
    for example in all_examples():
        print(f"  {site}/track/{example.number}/  {example.title}")
    print("\nJapan Post on its bad days:\n")
    for fault, number in FAULT_NUMBERS.items():
        print(f"  {site}/track/{number}/  {fault}")
    print(
        "\nAfter five bad days in a row nobody is asked for a minute: that is meant, see “Japan Post's health” in the admin."
    )
    print("\nCtrl-C ends it.\n", flush=True)


def _stop(signal_number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
