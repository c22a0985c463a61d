"""The fuzzer without its packages: the pages it begins with are read, and it notices and keeps a fault."""

import random
import sys
from functools import partial

import pytest

from tests.tools import fuzz
from tests.tools.fuzz import (
    PAGES,
    SNIPPETS,
    TEXTS,
    WrongStoryError,
    cells_of,
    changed,
    compare,
    read,
    search,
    try_stories,
)
from tracking.japanpost.parser import parse_page

STORY = PAGES["detail-in-customs"]
ROWS = [
    row
    for event in parse_page(STORY, fuzz.NUMBER).events
    for row in (cells_of(event)[0][:5], [event.postal_code])
]


def as_read(rows):
    """What html5lib would return for these rows."""
    return lambda html: (rows, " ".join(cell for row in rows for cell in row))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Where the fuzzer keeps what it finds."""
    monkeypatch.setattr(fuzz, "FOUND", tmp_path)
    return tmp_path


def test_what_it_begins_with_shows_no_fault():
    for text in [*TEXTS, *SNIPPETS, *PAGES.values()]:
        read(text)
        search(text)


def test_its_changes_depend_on_the_seed_alone():
    one, same, other = (changed(STORY, random.Random(seed)) for seed in (1, 1, 2))
    assert one == same != other


def test_a_planted_error_of_the_parser_is_found_and_kept(folder, monkeypatch):
    def planted(html, number):
        if html != STORY:
            raise ValueError("planted")
        return parse_page(html, number)

    monkeypatch.setattr(fuzz, "parse_page", planted)
    with pytest.raises(ValueError, match="planted"):
        try_stories(60, seed=1, step=read)
    (kept,) = folder.iterdir()
    with pytest.raises(ValueError, match="planted"):
        read(kept.read_text(encoding="utf-8"))


@pytest.mark.parametrize("cell", [0, 1, 3, 4])
def test_a_story_with_words_that_its_page_lacks_is_found(cell):
    other = [[*ROWS[0][:cell], "other", *ROWS[0][cell + 1 :]], *ROWS[1:]]
    assert compare(STORY, as_read(ROWS)) is True
    assert compare("<html>", as_read(ROWS)) is None
    with pytest.raises(WrongStoryError, match="does not read"):
        compare(STORY, as_read(other))


@pytest.mark.parametrize(
    "rows",
    [[*ROWS, ["11/09/2026 12:00", "Final delivery", "", "", ""]], [[cell] for row in ROWS for cell in row]],
)
def test_the_same_words_in_other_rows_are_only_counted(rows):
    assert compare(STORY, as_read(rows)) is False
    counts = try_stories(0, seed=1, step=partial(compare, read_page=as_read(rows)))
    assert counts.total() == 1


@pytest.mark.parametrize("text", ["EM123456785JP", "x EM 123456785 JP"])
def test_a_number_that_redact_leaves_is_found(text, monkeypatch):
    monkeypatch.setattr(fuzz, "redact", lambda text: text.replace(" ", ""))
    with pytest.raises(AssertionError):
        search(text)


def test_a_missing_package_is_named_with_what_to_do(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "atheris", None)
    assert fuzz.main(["1"]) == 2
    assert "atheris is not installed" in capsys.readouterr().err
