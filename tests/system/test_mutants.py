"""Tests `make mutants` with a tiny module in place of the site's modules."""

import json
import shutil
import sys

from tests.support import processes
from tests.tools import mutants

TINY = """\
LIMIT = 3
KIND = "seat"


def is_free(taken):
    return taken < LIMIT


def count(seats):
    while seats:
        seats -= 1


def nowhere():
    return 1
"""
TESTS = """\
import pytest
import tiny
from django.db import connection


@pytest.mark.django_db
def test_the_database_is_a_copy():
    name = str(connection.settings_dict["NAME"])
    assert "mutants-" in name, name


def test_a_free_place():
    assert tiny.is_free(2)
    assert not tiny.is_free(5)


@pytest.mark.parametrize("kind", [tiny.KIND])
def test_a_kind_that_names_its_test(kind):
    assert kind == "seat"


def test_counting_ends():
    tiny.count(2)
"""


def run(folder, *arguments):
    """The finished command, run with the tiny module in place of the site's modules."""
    code = (
        "import sys; from pathlib import Path; from tests.tools import mutants; "
        f"mutants.PROJECT = Path({str(folder)!r}); mutants.SECONDS_OF_WORK = 0.5; "
        "mutants.MODULES = {'tiny': (['tiny.py'], ['test_tiny.py'])}; sys.exit(mutants.main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, *arguments]
    return processes.run(command, cwd=mutants.PROJECT, capture_output=True, text=True)


def test_each_mutant_of_a_tiny_module_has_the_expected_verdict(tmp_path):
    (tmp_path / "tiny.py").write_text(TINY)
    (tmp_path / "test_tiny.py").write_text(TESTS)
    shutil.copy(mutants.PROJECT / "pyproject.toml", tmp_path)
    before = tmp_path / "before.json"
    done = run(tmp_path, "--sample", "0", "--show", "--json", str(before))
    assert done.returncode == 0, done.stderr
    assert "LEFT OUT" not in done.stdout
    found = json.loads(before.read_text())["modules"]["tiny"]["mutants"]
    verdicts = {(one["code"], one["becomes"]): one["verdict"] for one in found}
    assert verdicts == {
        ("LIMIT = 3", "LIMIT = None"): "killed",  # takes effect at import
        ("LIMIT = 3", "4"): "survived",
        ('KIND = "seat"', "KIND = None"): "killed",
        ('KIND = "seat"', '"XXseatXX"'): "killed",
        ('KIND = "seat"', '"SEAT"'): "killed",
        ("return taken < LIMIT", "<= LIMIT"): "survived",
        ("seats -= 1", "seats = 1"): "timeout",
        ("seats -= 1", "seats += 1"): "timeout",
        ("seats -= 1", "2"): "survived",
        ("return 1", "2"): "survived",  # no test executes it
    }
    assert "tiny.py:6: < LIMIT -> <= LIMIT" in done.stdout

    (tmp_path / "tiny.py").write_text("# moved down\n" + TINY)
    (tmp_path / "test_tiny.py").write_text(TESTS.replace("tiny.count(2)", "tiny.count(0)"))
    done = run(tmp_path, "--compare", str(before))
    assert done.returncode == 1, done.stderr
    assert "10 of the 10 mutants of the earlier run are found: killed then 6, now 4" in done.stdout
    assert "NOW SURVIVES: tiny.py:12: seats -= 1 -> seats += 1" in done.stdout
