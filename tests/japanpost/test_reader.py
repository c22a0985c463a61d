"""A page is read in bounded time, and an error of ours is a page that we cannot read."""

import re
import threading
import traceback
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.japanpost.test_parser import DETAIL, LIST, NUMBER, page
from tests.support.clock import Clock
from tracking.japanpost import deadline, reader
from tracking.japanpost.errors import LONGEST_REASON, NotFound, Rejected, Unavailable, UnexpectedPage
from tracking.japanpost.parser import parse_page
from tracking.japanpost.reader import MOST_READING_HERE, read_page
from tracking.japanpost.records import TrackedItem

LONG_TIMEOUT = 60.0  # seconds


def test_a_page_is_read_as_the_parser_reads_it() -> None:
    assert read_page(DETAIL, NUMBER, timeout=LONG_TIMEOUT) == parse_page(DETAIL, NUMBER)


@pytest.mark.parametrize(
    ("html", "number", "failure"),
    [
        (page("no-events"), NUMBER, NotFound),
        (LIST, "EM1234", Rejected),
        (" ", NUMBER, Unavailable),
        ("maintenance", NUMBER, UnexpectedPage),
    ],
)
def test_the_failures_of_the_parser_arrive(html: str, number: str, failure: type[Exception]) -> None:
    with pytest.raises(failure):
        read_page(html, number, timeout=LONG_TIMEOUT)


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "japanpost-reader"]


def end_readers(over: threading.Event) -> None:
    over.set()
    for thread in readers():
        thread.join(LONG_TIMEOUT)


@pytest.mark.parametrize("html", ["maintenance", "\ud800</html>", DETAIL.replace("11/", "13/")])
def test_a_failure_keeps_no_tree(html: str) -> None:
    with pytest.raises(UnexpectedPage) as in_parser:
        parse_page(html, NUMBER)
    with pytest.raises(UnexpectedPage, match=re.escape(str(in_parser.value))) as failure:
        read_page(html, NUMBER, timeout=LONG_TIMEOUT)
    places = traceback.extract_tb(failure.value.__traceback__)
    assert "parse_page" not in {place.name for place in places}
    assert failure.value.__context__ is failure.value.__cause__ is None


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The parser ends when the test does or sets the event, and the time is over once it has begun."""
    begun, over, clock = threading.Event(), threading.Event(), Clock()

    def parse(html: str, number: str) -> TrackedItem:
        begun.set()
        over.wait(LONG_TIMEOUT)
        return parse_page(html, number)

    clock.jump = lambda: 1000.0 * begun.is_set()
    monkeypatch.setattr(reader, "parse_page", parse)
    monkeypatch.setattr(deadline, "time", clock)
    monkeypatch.setattr(deadline, "_POLL", 0.01)
    yield over
    end_readers(over)


def test_a_page_that_is_not_read_in_time_is_unexpected(endless: threading.Event) -> None:
    with pytest.raises(UnexpectedPage, match=r"not read within 4\.0 s"):
        read_page(DETAIL, NUMBER, timeout=4)
    assert readers()  # still reading


def test_a_reader_counts_until_it_ends(endless: threading.Event) -> None:
    for _ in range(MOST_READING_HERE):
        with pytest.raises(UnexpectedPage, match="not read within"):
            read_page(DETAIL, NUMBER, timeout=0)
    for _ in range(2):
        with pytest.raises(UnexpectedPage, match="too many pages are being read"):
            read_page(DETAIL, NUMBER, timeout=0)
    assert len(readers()) == MOST_READING_HERE
    end_readers(endless)
    assert read_page(DETAIL, NUMBER, timeout=LONG_TIMEOUT).events


@pytest.mark.parametrize("html", [DETAIL, "maintenance"], ids=["a story", "a failure"])
def test_a_reader_is_not_counted_once_its_answer_is_there(html: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MOST_READING_HERE", 1)
    for _ in range(20):
        with suppress(UnexpectedPage):
            assert read_page(html, NUMBER, timeout=LONG_TIMEOUT).events
    assert read_page(DETAIL, NUMBER, timeout=LONG_TIMEOUT).events


@pytest.mark.parametrize(
    "error", [ValueError("x" * 100_000 + "\nforged line"), RecursionError(), MemoryError("a")]
)
def test_any_other_error_is_an_unexpected_page(
    error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(html: str, number: str) -> TrackedItem:
        raise error

    monkeypatch.setattr(reader, "parse_page", fail)
    with pytest.raises(UnexpectedPage, match=f"reading failed: {type(error).__name__}") as failure:
        read_page(DETAIL, NUMBER, timeout=LONG_TIMEOUT)
    assert len(str(failure.value)) <= LONGEST_REASON
    (line,) = [record.getMessage() for record in caplog.records if record.name == reader.logger.name]
    assert "in fail" in line and type(error).__name__ in line
    assert len(line) < 5_000 and "\nforged line" not in line


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), MemoryError()])
def test_without_a_thread_the_page_is_read_all_the_same(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(thread: threading.Thread) -> None:
        raise error

    monkeypatch.setattr(threading.Thread, "start", start)
    for _ in range(MOST_READING_HERE + 1):
        assert read_page(DETAIL, NUMBER, timeout=LONG_TIMEOUT).events
