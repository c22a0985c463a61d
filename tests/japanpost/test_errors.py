"""A failure quotes Japan Post's page in a short line, whatever the page has."""

import pytest

from tests.japanpost.test_parser import DETAIL, HELD, HISTORY_TABLE, NUMBER, ROWS, changed
from tracking.japanpost.errors import LONGEST_REASON, JapanPostError, Unavailable, UnexpectedPage
from tracking.japanpost.parser import parse_page

LONG = {
    "header cells": changed(DETAIL, ROWS[0], "<tr>" + "<th>&lt;" * 1_100 + "</tr>"),
    "cells of an event": changed(DETAIL, ROWS[4], "<tr>" + "<td>x" * 5_000 + ROWS[4]),
    "the name of a tag": changed(DETAIL, HELD, f"<{'a<' * 10_000}>"),
    "different tags in a row": changed(
        DETAIL, ROWS[4], "".join(f"<a{place}></a{place}>" for place in range(999)) + ROWS[4]
    ),
    "an unreadable text": changed(DETAIL, HELD, "x" * 100_000),
    "a swallowed tag": changed(
        DETAIL, HISTORY_TABLE, HISTORY_TABLE.replace("<tr>", f"<tr a='<{'x' * 9_999}'>")
    ),
    "control characters in the name of a tag": changed(DETAIL, HELD, "<\x1b[31m\nforged line\r\u202e>"),
    "an office where no event is": changed(changed(DETAIL, HELD, ""), "<title>", "<title>" + "x" * 100_000),
}


@pytest.mark.parametrize("html", LONG.values(), ids=LONG.keys())
def test_a_long_page_gives_a_short_reason(html: str) -> None:
    with pytest.raises(UnexpectedPage) as failure:
        parse_page(html, NUMBER)
    assert 0 < len(str(failure.value)) <= LONGEST_REASON
    assert str(failure.value).isprintable()


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("x" * 500, "x" * 500),
        ("x" * 501, "x" * 499 + "…"),
        ("\n" * 300, r"\n" * 249 + "\\…"),
        ("a\r\nforged line\x1b[0m", r"a\r\nforged line\x1b[0m"),
        ("half a pair: \ud83d", r"half a pair: \ud83d"),
        ("two tables 履歴情報", "two tables 履歴情報"),
    ],
)
def test_a_reason_is_one_short_line(reason: str, shown: str) -> None:
    assert str(JapanPostError(reason)) == str(Unavailable(reason, retry_after=1)) == shown
