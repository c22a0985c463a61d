"""A page is read in bounded time, and an error of ours is a page that we cannot read."""

import threading
from collections.abc import Iterator

import pytest

from tests.japanpost.test_parser import DETAIL, LIST, NUMBER, page
from tests.support.clock import Clock
from tracking.japanpost import deadline, reader
from tracking.japanpost.errors import LONGEST_REASON, NotFound, Rejected, Unavailable, UnexpectedPage
from tracking.japanpost.parser import parse_page
from tracking.japanpost.reader import read_page
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


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The parser does not end before the test does, and the time is over once it has begun."""
    begun, over, clock = threading.Event(), threading.Event(), Clock()

    def parse(html: str, number: str) -> TrackedItem:
        begun.set()
        over.wait(LONG_TIMEOUT)
        return parse_page(html, number)

    clock.jump = lambda: 1000.0 * begun.is_set()
    monkeypatch.setattr(reader, "parse_page", parse)
    monkeypatch.setattr(deadline, "time", clock)
    monkeypatch.setattr(deadline, "_POLL", 0.01)
    yield
    over.set()
    for thread in threading.enumerate():
        if thread.name == "japanpost-reader":
            thread.join(LONG_TIMEOUT)


def test_a_page_that_is_not_read_in_time_is_unexpected(endless: None) -> None:
    with pytest.raises(UnexpectedPage, match=r"not read within 4\.0 s"):
        read_page(DETAIL, NUMBER, timeout=4)
    assert "japanpost-reader" in [thread.name for thread in threading.enumerate()]  # still reading


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
    (line,) = caplog.messages
    assert "in fail" in line and type(error).__name__ in line
    assert len(line) < 5_000 and "\nforged line" not in line


def test_without_a_thread_the_page_is_read_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    assert read_page(DETAIL, NUMBER, timeout=LONG_TIMEOUT).events
