"""Tests parts of tests/tools/mutants.py without a run: its table, its sample, the place of a line."""

from dataclasses import replace

import pytest

from tests.tools import mutants
from tests.tools.mutants import MODULES, Mutant, Places, sample

ONE = Mutant("k0", "operator_number", "tracking/fetching/gate.py", 1, "MOST = 5", "5", "6")


@pytest.mark.parametrize(
    "table",
    [
        (["tracking/away.py"], ["tests/fetching/test_gate.py"]),
        (["tracking/fetching/gate.py"], ["tests/away.py"]),
    ],
)
def test_a_missing_file_of_the_table_stops_the_run(monkeypatch, capsys, table):
    monkeypatch.setattr(mutants, "MODULES", {"gate": table})
    with pytest.raises(SystemExit):
        mutants.main(["gate"])
    error = capsys.readouterr().err
    assert "away.py does not exist, where tests/tools/mutants.py looks for gate: change MODULES" in error


def test_every_file_of_the_table_exists():
    assert mutants.missing() == []
    assert list(MODULES) == ["numbers", "parser", "journey", "silence", "gate", "lookup"]


def test_a_sample_is_nearly_the_same_after_an_edit():
    before = [replace(ONE, key=f"k{number}") for number in range(1000)]
    after = [*(replace(ONE, key=f"new {number}") for number in range(10)), *before[10:]]
    assert sample(before, 200, seed=1) == sample(before, 200, seed=1) != sample(before, 200, seed=2)
    assert len({*sample(before, 200, seed=1)} & {*sample(after, 200, seed=1)}) > 190


def test_a_line_has_its_statement_and_its_function():
    places = Places(
        "X = 1\n\n\nclass A:\n    def f(self, y=X):\n        if y:\n            g(\n                y,\n            )\n"
    )
    assert [places.function(line) for line in (1, 5)] == [None, None]
    assert places.function(6) == places.function(8) == (range(6, 10), "A.f")
    assert (places.statement(6), places.statement(8)) == (range(6, 7), range(7, 10))
