"""No view is longer than a page of a small notebook: get, decide, render."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MOST_LINES = 20
MODULES = sorted(path for folder in ("tracking", "emsguide") for path in (ROOT / folder).rglob("*.py"))


def views_of(path: Path) -> Iterator[ast.FunctionDef]:
    """Whatever takes a request and gives a response: the helpers of views and the methods of the desk too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.returns is not None:
            takes_request = any(argument.arg == "request" for argument in node.args.args)
            if takes_request and "Response" in ast.unparse(node.returns):
                yield node


def lines_of(view: ast.FunctionDef) -> int:
    """From its first sentence to its end."""
    return (view.end_lineno or 0) - view.body[0].lineno + 1


VIEWS = {f"{path.relative_to(ROOT)}::{view.name}": view for path in MODULES for view in views_of(path)}


def test_customers_and_staffs_views_are_among_those_that_are_measured():
    assert {
        "tracking/views.py::shipment",
        "tracking/machine_views.py::readyz",
        "tracking/log_in.py::log_in",
    } <= set(VIEWS)
    assert {"tracking/admin/parcel.py::ask", "tracking/desk.py::second_factor"} <= set(VIEWS)


@pytest.mark.parametrize("name", VIEWS)
def test_no_view_has_more_than_twenty_lines(name):
    assert lines_of(VIEWS[name]) <= MOST_LINES
