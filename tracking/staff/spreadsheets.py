"""Cells of a CSV that a spreadsheet must take for text, whoever wrote them."""

import re

# What makes a spreadsheet take a cell for a formula, full-width signs in Japan too; our mark may stand before it.
_FORMULA = re.compile(r"'*\s*[=+\-@＝＋－＠]")
_MARK = "'"


def harmless(text: str) -> str:
    """The cell for a text: with an apostrophe in front where it would be taken for a formula."""
    return _MARK + text if _FORMULA.match(text) else text


def as_meant(cell: str) -> str:
    """The text of a cell: without the mark of `harmless`."""
    return cell[len(_MARK) :] if cell.startswith(_MARK) and _FORMULA.match(cell) else cell
