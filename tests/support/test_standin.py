"""The stand-in for Japan Post: its pages have the structure of the real ones, and its server answers like theirs."""

import http.client
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from lxml import html

from tests import PROJECT
from tests.support import processes
from tests.support.served import free_port, until_connected
from tests.support.standin import FAULT_NUMBERS, StandIn
from tests.support.standin.pages import DIGITS, NOT_FOUND, render_detail, render_list
from tests.support.standin.server import SEARCH_PATH
from tracking.japanpost.examples import Example, all_examples, get_example
from tracking.japanpost.records import TrackedEvent, TrackedItem

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
ITEM = TrackedItem(
    "EM123456785JP",
    "EMS",
    (
        TrackedEvent(
            date(2026, 11, 3), time(20, 37), "Posting/Collection", "", "SHIBUYA", "TOKYO", "150-8799"
        ),
        TrackedEvent(date(2026, 11, 5), time(9, 5), "Retention", "<b> & more", "FRANKFURT", "GERMANY"),
        TrackedEvent(date(2026, 11, 6), None, "Final delivery", region="GERMANY"),
    ),
)


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with StandIn(now=NOW) as standin:
        yield standin


def get(standin: StandIn, **query: str) -> tuple[http.client.HTTPResponse, str]:
    connection = http.client.HTTPConnection(urlsplit(standin.url).netloc, timeout=60)
    connection.request("GET", f"{SEARCH_PATH}?{urlencode(query)}")
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response, body


def ask(standin: StandIn, *numbers: str) -> str:
    return get(standin, **{f"reqCodeNo{i}": n for i, n in enumerate(numbers, 1)}, locale="en")[1]


def tables(page: str) -> dict[str, html.HtmlElement]:
    document = html.document_fromstring(page)
    return {table.get("summary"): table for table in document.xpath("//table")}


def rows(table: html.HtmlElement) -> list[list[str]]:
    """Return the texts of the cells of each row, with white space collapsed."""
    return [
        [" ".join(cell.text_content().split()) for cell in row.xpath("td")] for row in table.xpath("tr[td]")
    ]


# Pages


def test_a_detail_page_has_the_three_tables() -> None:
    assert list(tables(render_detail(ITEM))) == ["配達状況詳細", "履歴情報", "窓口店"]


def test_a_detail_page_from_abroad_has_no_office_to_call() -> None:
    assert list(tables(render_detail(replace(ITEM, events=ITEM.events[1:])))) == ["配達状況詳細", "履歴情報"]


def test_the_number_is_spaced_and_the_class_has_trailing_spaces() -> None:
    page = render_detail(ITEM)
    assert rows(tables(page)["配達状況詳細"]) == [["EM 123 456 785 JP", "EMS", ""]]
    assert ">EMS   </td>" in page


def test_each_event_has_two_rows_of_five_cells_and_one() -> None:
    assert rows(tables(render_detail(ITEM))["履歴情報"]) == [
        ["11/03/2026 20:37", "Posting/Collection", "", "SHIBUYA", "TOKYO"],
        ["150-8799"],
        ["11/05/2026 09:05", "Retention", "<b> & more", "FRANKFURT", "GERMANY"],
        [""],
        ["11/06/2026", "Final delivery", "", "", "GERMANY"],
        [""],
    ]


def test_all_cells_of_an_event_but_the_office_span_its_two_rows() -> None:
    first = tables(render_detail(ITEM))["履歴情報"].xpath("tr[td]")[0]
    assert [cell.get("rowspan") for cell in first.xpath("td")] == ["2", "2", "2", None, "2"]


def test_the_history_has_two_header_rows() -> None:
    headers = tables(render_detail(ITEM))["履歴情報"].xpath("tr[th]")
    assert [[" ".join(th.text_content().split()) for th in row.xpath("th")] for row in headers] == [
        [
            "State occurrence date（In local time if occurred overseas）",
            "Shipping track record",
            "Details",
            "Office",
            "Prefecture / Country",
        ],
        ["ZIP code（Postal code number）"],
    ]


@pytest.mark.parametrize("locale", ["en", "ja"])
@pytest.mark.parametrize("kind", ["detail", "list"])
def test_every_page_has_the_traits_of_the_real_ones(kind: str, locale: str) -> None:
    page = render_detail(ITEM, locale=locale) if kind == "detail" else render_list([ITEM], locale=locale)
    assert page.startswith("\r\n") and page.rstrip().endswith("</html>")
    assert "\n" not in page.replace("\r\n", "")
    assert "<tbody" not in page
    assert re.search(r"\r\n +\r\n", page)
    document = html.document_fromstring(page)
    assert document.get("lang") == "ja"
    assert document.xpath("//meta[@name='robots']/@content") == ["noindex,nofollow,noarchive"]
    assert len(document.xpath("//form[@name='srv_searchActionForm']/div[@class='indent']")) == 1
    assert document.xpath("//form[@name='srv_searchActionForm']//input[@name='locale']/@value") == [locale]
    assert {th.get("scope") for th in document.xpath("//th")} == {"row"}


def test_titles_and_headings_differ_between_the_two_kinds() -> None:
    detail = html.document_fromstring(render_detail(ITEM))
    assert detail.findtext(".//title") == "Detailed Search Results - Japan Post"
    assert (
        " ".join(detail.xpath("//h1")[0].text_content().split()) == "Details of search result [International]"
    )
    listed = html.document_fromstring(render_list([ITEM]))
    assert listed.findtext(".//title") == "Individual Search Results - Japan Post"
    assert listed.xpath("//h1")[0].text_content().strip() == "Individual number search results"
    assert listed.xpath("//p[@class='bold']")[0].text_content() == "Reference results for 1 postal items"


def test_japanese_pages_have_japanese_dates() -> None:
    assert '<td rowspan="2" class="w_120">2026/11/03 20:37</td>' in render_detail(ITEM, locale="ja")
    assert "2026/11/06" in render_list([ITEM], locale="ja")


def test_a_list_has_two_rows_for_an_item_and_one_for_a_problem() -> None:
    page = render_list([ITEM, ("EM000000000JP", NOT_FOUND), ("<em 12", DIGITS), ITEM])
    found = [
        ["EM 123 456 785 JP", "EMS", "11/06/2026", "Final delivery", "", "GERMANY"],
        [""],
    ]
    assert list(tables(page)) == ["照会結果"]
    assert rows(tables(page)["照会結果"]) == [
        *found,
        [
            "EM000000000JP",
            "** Your item was not found. Confirm your item number and ask at your local office.",
        ],
        [
            "<em 12",
            "** There is a mistake in the number of digits for the item number. "
            "The number should be 11-13 digits.",
        ],
        *found,
    ]
    assert page.count('<td colspan="5" class="txt_l"><font color="ff0000">') == 2


def test_problems_are_printed_in_japanese_too() -> None:
    assert "＊＊ お問い合わせ番号が見つかりません。" in render_list([("X", NOT_FOUND)], locale="ja")
    assert "＊＊ お問い合わせ番号の入力桁数に誤りがあります。" in render_list([("X", DIGITS)], locale="ja")


# Answers


@pytest.mark.parametrize("example", all_examples(), ids=lambda example: example.slug)
def test_every_example_is_answered(standin: StandIn, example: Example) -> None:
    page = ask(standin, example.number)
    match example.kind:
        case "detail":
            assert page == render_detail(example.item(NOW))
            assert len(rows(tables(page)["履歴情報"])) == 2 * len(example.events)
        case "list":
            assert page == render_list([example.item(NOW)])
        case "not-found":
            assert page == render_list([(example.number, NOT_FOUND)])
        case "rejected":
            assert page == render_list([(example.number, DIGITS)])


def test_the_answer_has_the_headers_of_the_real_site(standin: StandIn) -> None:
    response, _ = get(standin, reqCodeNo1=ITEM.number)
    assert response.status == 200
    assert response.headers["Content-Type"] == "text/html; charset=UTF-8"
    assert response.headers["Content-Language"] == "ja-JP"
    assert response.headers["Transfer-Encoding"] == "chunked"
    cookies = response.headers.get_all("Set-Cookie") or []
    assert [cookie.split("=")[0] for cookie in cookies] == ["JSESSIONID", "trackings", "TS00000000"]


def test_an_unknown_number_is_not_found(standin: StandIn) -> None:
    assert ask(standin, "EM123456785JP") == render_list([("EM123456785JP", NOT_FOUND)])


@pytest.mark.parametrize("typed", ["", "EM12345678", "hello", "EM1234567856JP"])
def test_a_malformed_number_is_a_problem_of_digits(standin: StandIn, typed: str) -> None:
    page = get(standin, reqCodeNo1=typed, locale="en")[1]
    assert page == render_list([(typed, DIGITS)])


def test_several_numbers_give_a_list(standin: StandIn) -> None:
    delivered = get_example("delivered")
    page = ask(standin, "EM123456785JP", delivered.number, "nonsense")
    assert page == render_list([("EM123456785JP", NOT_FOUND), delivered.item(NOW), ("nonsense", DIGITS)])


def test_the_language_is_japanese_unless_asked_for_english(standin: StandIn) -> None:
    number = get_example("delivered").number
    assert 'name="locale" value="ja"' in get(standin, reqCodeNo1=number)[1]
    assert 'name="locale" value="en"' in get(standin, reqCodeNo1=number, locale="en")[1]


def test_another_address_is_404(standin: StandIn) -> None:
    connection = http.client.HTTPConnection(urlsplit(standin.url).netloc, timeout=60)
    connection.request("GET", "/")
    assert connection.getresponse().status == 404
    connection.close()


def test_a_test_may_set_an_item_or_a_page_and_clear_them(standin: StandIn) -> None:
    standin.set_item(ITEM.number, ITEM)
    assert ask(standin, ITEM.number) == render_detail(ITEM)
    standin.set_page(ITEM.number, "anything")
    assert ask(standin, ITEM.number) == "anything"
    standin.clear()
    assert ask(standin, ITEM.number) == render_list([(ITEM.number, NOT_FOUND)])


def test_requests_are_recorded(standin: StandIn) -> None:
    ask(standin, "EM123456785JP")
    [request] = standin.requests
    assert request.path == SEARCH_PATH
    assert request.query == {"reqCodeNo1": "EM123456785JP", "locale": "en"}
    assert "Host" in request.headers
    assert request.at > 0


def test_it_counts_the_requests_in_flight_at_the_same_time(standin: StandIn) -> None:
    standin.set_fault(None, "hang")
    threads = [threading.Thread(target=ask, args=(standin, ITEM.number)) for _ in range(3)]
    for thread in threads:
        thread.start()
    standin.wait_for_requests(3)
    peak = standin.concurrent_peak
    standin.clear()
    for thread in threads:
        thread.join(timeout=10)
    assert peak == 3


def test_every_fault_has_its_own_number() -> None:
    numbers = list(FAULT_NUMBERS.values()) + [example.number for example in all_examples()]
    assert len(set(numbers)) == len(numbers)


def test_an_unknown_fault_is_refused(standin: StandIn) -> None:
    with pytest.raises(ValueError):
        standin.set_fault(None, "no-such-fault")


@pytest.mark.parametrize("fault", ["hang", "slow-first-byte", "dripping-headers", "dripping-body"])
def test_it_closes_at_once_in_the_middle_of_a_fault(fault: str) -> None:
    with StandIn() as standin:
        connection = http.client.HTTPConnection(urlsplit(standin.url).netloc, timeout=60)
        connection.request("GET", f"{SEARCH_PATH}?reqCodeNo1={FAULT_NUMBERS[fault]}")
        standin.wait_for_requests(1)
    connection.close()
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join(timeout=60)
            assert not thread.is_alive()


@pytest.mark.parametrize("shell", [(), processes.IN_BACKGROUND], ids=["foreground", "background"])
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_the_program_lists_every_situation_and_ends_on_a_signal(
    shell: tuple[str, ...], stop: signal.Signals
) -> None:
    command = [*shell, sys.executable, "-m", "tests.support.standin", "--port", "0"]
    with processes.running(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as program:
        text = processes.read_until(program, "Ctrl-C")
        program.send_signal(stop)
        assert program.wait(timeout=60) == 0
    assert all(example.number in text for example in all_examples())
    assert all(number in text for number in FAULT_NUMBERS.values())


def test_a_signal_that_comes_early_ends_the_program() -> None:
    """The signal comes before the last line is printed. The shell ignores SIGINT, so only blocking keeps the signal."""
    program = (
        "import os, signal, sys; from tests.support.standin import __main__ as it\n"
        "it.all_examples = lambda: os.kill(os.getpid(), signal.SIGINT) or []\n"
        "sys.argv = ['standin', '--port', '0']; it.main()"
    )
    command = [*processes.IN_BACKGROUND, sys.executable, "-c", program]
    assert processes.run(command, cwd=PROJECT, timeout=60).returncode == 0


def test_the_demonstration_ends_its_site_on_a_signal(tmp_path: Path) -> None:
    port = free_port()
    options = ["--port", str(port), "--database", str(tmp_path / "demo.sqlite3")]
    command = [*processes.IN_BACKGROUND, sys.executable, "-m", "tests.support.standin.demo", *options]
    with processes.running(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as program:
        processes.read_until(program, "Ctrl-C")
        until_connected(port)
        program.send_signal(signal.SIGINT)
        assert program.wait(timeout=60) == 0
    socket.create_server(("127.0.0.1", port)).close()


def test_a_request_that_its_caller_gave_up_is_no_longer_in_flight():
    with StandIn() as japan_post:
        japan_post.set_fault(None, "hang")
        for count in (1, 2):
            connection = http.client.HTTPConnection(urlsplit(japan_post.url).netloc, timeout=60)
            connection.request("GET", SEARCH_PATH)
            japan_post.wait_for_requests(count)
            connection.close()
            japan_post.wait_until_idle()
        assert len(japan_post.requests) == 2
        assert japan_post.concurrent_peak == 1
