"""The size of the rooms. import-linter checks which may import which."""

from tests import PROJECT

APP = PROJECT / "tracking"
MOST_LINES = 400
MOST_MODULES_OUTSIDE = 8


def test_no_module_is_too_long_to_read_at_once():
    lengths = {
        path.relative_to(APP): len(path.read_text().splitlines())
        for path in APP.rglob("*.py")
        if path.parent.name != "migrations"
    }
    assert len(lengths) > 100
    assert {path: lines for path, lines in lengths.items() if lines > MOST_LINES} == {}


def test_few_modules_are_outside_the_rooms():
    assert 0 < len(list(APP.glob("*.py"))) <= MOST_MODULES_OUTSIDE
