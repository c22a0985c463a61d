"""Tests the moments of `make dates`, and that a moved clock reaches each program and runs on."""

import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.support import processes
from tests.tools.dates import MOMENTS, PROJECT, Result, environment_at, main, run_tests

IN_A_MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("name", "zone", "hours"),
    [
        ("before summer time in Europe", "Europe/Berlin", 1),
        ("before winter time in Europe", "Europe/Berlin", -1),
        ("before summer time in America", "America/New_York", 1),
        ("before winter time in America", "America/New_York", -1),
    ],
)
def test_the_clocks_change_within_the_first_minute(name, zone, hours):
    before, after = (
        moment.astimezone(ZoneInfo(zone)) for moment in (MOMENTS[name], MOMENTS[name] + IN_A_MINUTE)
    )
    assert after.utcoffset() - before.utcoffset() == timedelta(hours=hours)


def test_a_new_year_begins_in_japan_within_the_first_minute():
    end, start = (
        MOMENTS[name].astimezone(ZoneInfo("Asia/Tokyo"))
        for name in ("31 December, 23:59 in Japan", "1 January, 00:01 in Japan")
    )
    assert (end.year, (end + IN_A_MINUTE).year, start.year) == (2026, 2027, 2027)


def test_a_moved_clock_reaches_other_programs_and_runs_on():
    moment = datetime(2031, 5, 6, 7, 59, 59, tzinfo=UTC)
    code = (
        "import time; from datetime import UTC, date, datetime\n"
        "print(datetime.now(UTC).isoformat(), date.today()); time.sleep(1.1); print(int(time.time()))"
    )
    done = processes.run(
        [sys.executable, "-c", code], env=environment_at(moment), capture_output=True, text=True, check=True
    )
    first, today, later = done.stdout.split()
    assert timedelta() <= datetime.fromisoformat(first) - moment < timedelta(minutes=2)
    assert today == "2031-05-06"
    assert int(later) > datetime.fromisoformat(first).timestamp()


def test_each_moment_has_a_line_and_one_failure_fails_the_run(monkeypatch, capsys):
    results = iter([*[(5, 0, True)] * 3, (4, 1, False), *[(5, 0, True)] * 5])

    def pretend(moment, arguments):
        passed, failed, is_good = next(results)
        return Result(passed, failed, 61.4, "the output of pytest", is_good)

    monkeypatch.setattr("tests.tools.dates.run_tests", pretend)
    assert main([]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10 and lines.count("the output of pytest") == 1
    assert (
        lines[0] == "2028-02-29 12:00 UTC  29 February, there and in Japan     5 passed    0 failed     61 s"
    )


def test_a_run_counts_its_tests():
    result = run_tests(MOMENTS["8 November 2027"], ["-n", "0", "tests/values/test_numbers.py"])
    assert result.is_good and result.passed > 10 and result.failed == 0
    assert not run_tests(
        MOMENTS["8 November 2027"], ["-n", "0", "tests/values/test_numbers.py", "-k", "no-such"]
    ).is_good


CLOCK_TEST = """
import sys
from datetime import UTC, datetime
from tests.support import processes

def test_the_year():
    program = [sys.executable, "-c", "import datetime; print(datetime.datetime.now().year)"]
    assert processes.run(program, capture_output=True, text=True).stdout == "2027\\n"
    assert datetime.now(UTC).year == 2027
"""


def test_a_worker_of_a_run_and_its_programs_have_the_moved_clock(tmp_path):
    file = tmp_path / "test_clock.py"
    file.write_text(CLOCK_TEST)
    here = ["--rootdir", str(PROJECT), "-c", str(PROJECT / "pyproject.toml")]
    result = run_tests(MOMENTS["8 November 2027"], ["-n", "1", *here, str(file)])
    assert result.is_good, result.output
