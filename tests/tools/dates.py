"""python -m tests.tools.dates [pytest arguments] (make dates): runs the tests without servers at nine special moments.

Each run starts at its moment and its clock runs on, so that 23:59 becomes the next day while the tests run. Monotonic
clocks, SQLite's own `now` and the times of files stay real.
"""

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from subprocess import PIPE, STDOUT
from xml.etree import ElementTree

from tests import PROJECT
from tests.support import processes

LONGEST = 3600.0  # seconds for the tests of one moment
MOMENTS = {
    "29 February, there and in Japan": datetime(2028, 2, 29, 12, 0, tzinfo=UTC),
    "31 December, 23:59 in Japan": datetime(2026, 12, 31, 14, 59, tzinfo=UTC),
    "1 January, 00:01 in Japan": datetime(2026, 12, 31, 15, 1, tzinfo=UTC),
    "before summer time in Europe": datetime(2027, 3, 28, 0, 59, tzinfo=UTC),
    "before winter time in Europe": datetime(2027, 10, 31, 0, 59, tzinfo=UTC),
    "before summer time in America": datetime(2027, 3, 14, 6, 59, tzinfo=UTC),
    "before winter time in America": datetime(2027, 11, 7, 5, 59, tzinfo=UTC),
    "8 November 2027": datetime(2027, 11, 8, 12, 0, tzinfo=UTC),
    "two digits in month and day": datetime(2026, 12, 11, 12, 0, tzinfo=UTC),
}

PYTEST = (sys.executable, "-m", "pytest", "-n", "2", "-m", "not browser and not system")


@dataclass(frozen=True)
class Result:
    """The result of one run of pytest."""

    passed: int
    failed: int
    seconds: float
    output: str
    is_good: bool  # pytest's exit code was 0; it is not 0 where no test was collected


def environment_at(moment: datetime) -> dict[str, str]:
    """The environment of a Python program whose clock starts at `moment`. Also works where our own clock is moved."""
    own = os.environ
    ahead = moment.timestamp() - time.time() + float(own.get("CLOCK_AHEAD", 0))
    folders = [str(PROJECT / "tests/support/moved_clock"), *filter(None, [own.get("PYTHONPATH")])]
    return {**own, "CLOCK_AHEAD": str(ahead), "PYTHONPATH": os.pathsep.join(folders), "TZ": "UTC"}


def run_tests(moment: datetime, arguments: Sequence[str]) -> Result:
    """The result of the tests, run with a clock that starts at `moment`."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        done = processes.run(
            [*PYTEST, f"--junit-xml={report}", *arguments],
            timeout=LONGEST,
            cwd=PROJECT,
            env=environment_at(moment),
            stdout=PIPE,
            stderr=STDOUT,
            text=True,
        )
        suite = ElementTree.parse(report).find("testsuite") if report.exists() else None
    counts = {} if suite is None else suite.attrib
    failed, total, skipped = (
        sum(int(counts.get(name, 0)) for name in names)
        for names in (("failures", "errors"), ("tests",), ("skipped",))
    )
    seconds = time.monotonic() - began
    return Result(total - failed - skipped, failed, seconds, done.stdout, done.returncode == 0)


def main(arguments: Sequence[str]) -> int:
    is_good = True
    for name, moment in MOMENTS.items():
        result = run_tests(moment, arguments)
        if not result.is_good:
            print(result.output)
        print(
            f"{moment:%Y-%m-%d %H:%M} UTC  {name:<31}{result.passed:>6} passed {result.failed:>4} failed"
            f" {result.seconds:>6.0f} s",
            flush=True,
        )
        is_good = is_good and result.is_good
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
