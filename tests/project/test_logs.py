"""Each log line of a request has the id that the answer has, as plain text and as JSON."""

import json
import logging
import logging.config
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import StringIO

import pytest
import time_machine
from django.conf import settings as installed
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.test import Client
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from gunicorn.config import Config

from emsguide.gunicorn_log import GunicornLogger
from emsguide.log_limits import LINES_OF_ALL, LINES_OF_ONE
from emsguide.logs import FORMATS, LONGEST_LINE, LONGEST_MESSAGE
from emsguide.urls import handler400, handler403, handler404, handler500
from emsguide.urls import urlpatterns as site
from tests.support.crowd import join
from tests.support.standin import StandIn
from tests.support.stories import AT_EXCHANGE, NUMBER, POSTED, some_numbers, story
from tests.support.trouble import unreadable
from tracking.fetching.lookup import look_up
from tracking.models import Shipment
from tracking.ops.watch import Watch

__all__ = ["handler400", "handler403", "handler404", "handler500"]

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MADE_ID = re.compile("[0-9]{39}")
SENT_ID = "0f2a-proxy.made_this"


def log_a_line(request: HttpRequest) -> HttpResponse:
    logging.getLogger("tracking.test").warning("said %s\nwith a second line", request.path)
    return HttpResponse()


def fail(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError("on purpose")


def fail_at_length(request: HttpRequest) -> HttpResponse:
    raise ValueError("long" * 500_000)


def say_much(request: HttpRequest) -> HttpResponse:
    logging.getLogger("tracking.test").warning("said %s", request.GET["much"] * 1000)
    return HttpResponse()


def break_in_sql(request: HttpRequest) -> HttpResponse:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM no_such_table")
    return HttpResponse()


def reading(request: HttpRequest) -> HttpResponse:
    return HttpResponse(len(request.FILES) + len(request.POST))


def hang_up(request: HttpRequest) -> HttpResponse:
    raise UnreadablePostError("the client has gone")


urlpatterns = [
    path("says", log_a_line),
    path(f"breaks/{NUMBER}", fail),
    path("breaks-at-length", fail_at_length),
    path("says-much", say_much),
    path("breaks-in-sql", break_in_sql),
    path("reads", csrf_exempt(reading)),
    path("hangs-up", hang_up),
    *site,
]

Lines = Callable[[], list[str]]


@pytest.fixture
def log(request: pytest.FixtureRequest, settings, monkeypatch) -> Iterator[Lines]:
    """A function that returns the lines that the handler of the settings wrote, in the format of the parameter."""
    settings.ROOT_URLCONF = __name__
    written = StringIO()
    monkeypatch.setattr("sys.stderr", written)
    chosen = {"formatters": {"chosen": FORMATS[request.param]}, "disable_existing_loggers": False}
    logging.config.dictConfig(installed.LOGGING | chosen)
    yield lambda: written.getvalue().splitlines()
    logging.config.dictConfig(installed.LOGGING)


plain = pytest.mark.parametrize("log", ["plain"], indirect=True)
as_json = pytest.mark.parametrize("log", ["json"], indirect=True)
in_both_formats = pytest.mark.parametrize("log", ["plain", "json"], indirect=True)


# The id


def test_every_answer_has_its_own_id_even_an_error(client: Client, db) -> None:
    ids = [
        client.get(address)["X-Request-ID"] for address in ("/healthz", "/nowhere/", "/admin/", "/contact/")
    ]
    assert all(MADE_ID.fullmatch(one) for one in ids) and len(set(ids)) == 4


def test_a_cached_page_has_the_id_of_its_request(client: Client, db) -> None:
    first, second = client.get("/"), client.get("/")
    assert first.content == second.content
    assert first["X-Request-ID"] != second["X-Request-ID"]


def test_the_id_of_a_trusted_proxy_is_used(client: Client, settings) -> None:
    settings.TRUSTED_PROXIES = 1
    assert client.get("/healthz", headers={"x-request-id": SENT_ID})["X-Request-ID"] == SENT_ID


def test_without_a_proxy_a_sent_id_is_ignored(client: Client) -> None:
    assert MADE_ID.fullmatch(client.get("/healthz", headers={"x-request-id": SENT_ID})["X-Request-ID"])


@pytest.mark.parametrize(
    "given",
    [
        "",
        "short",
        "x" * 65,
        "two words here",
        "line\nbreak",
        "日本日本日本日本",
        "a,b;c=d{e}f",
        "110fa750406942da90",  # the log would redact it
    ],
)
def test_an_invalid_id_is_replaced(client: Client, settings, given: str) -> None:
    settings.TRUSTED_PROXIES = 1
    assert MADE_ID.fullmatch(client.get("/healthz", headers={"x-request-id": given})["X-Request-ID"])


# Plain


@plain
def test_a_plain_line_has_the_id(client: Client, log: Lines) -> None:
    response = client.get("/says")
    assert f"WARNING tracking.test {response['X-Request-ID']}: said /says" in log()[0]


@plain
def test_a_line_outside_a_request_has_a_dash(client: Client, log: Lines) -> None:
    client.get("/says")
    logging.getLogger("tracking.test").warning("no request")
    assert log()[-1].endswith("WARNING tracking.test -: no request")


# JSON


@as_json
def test_a_json_line_is_one_object(client: Client, log: Lines) -> None:
    response = client.get("/says")
    (line,) = map(json.loads, log())
    assert datetime.fromisoformat(line.pop("time")).utcoffset() is not None
    assert line == {
        "level": "WARNING",
        "logger": "tracking.test",
        "message": "said /says\nwith a second line",
        "request_id": response["X-Request-ID"],
    }


@as_json
def test_an_error_has_its_traceback_and_id_but_no_request(client: Client, log: Lines) -> None:
    client.raise_request_exception = False
    response = client.get(f"/breaks/{NUMBER}")
    (line,) = map(json.loads, log())
    assert response.status_code == 500
    assert line["request_id"] == response["X-Request-ID"]
    assert "ZeroDivisionError: on purpose" in line["exc_info"] and line["status_code"] == 500
    assert "request" not in line


@as_json
@pytest.mark.django_db(transaction=True)
def test_lines_of_helper_threads_have_the_id_of_the_request(
    client: Client, standin: StandIn, log: Lines, monkeypatch, settings, shop
) -> None:
    settings.EMAIL_IS_SET_UP, settings.EMAIL_BACKEND = True, "no.such.backend"
    shop.email = "shop@shop.example"
    shop.save()
    standin.set_item(NUMBER, story(POSTED))
    standin.set_fault(NUMBER, "doubled-table")
    unreadable = client.get(f"/track/{NUMBER}/")["X-Request-ID"]
    join(thread for thread in threading.enumerate() if thread.name == "alarm")
    monkeypatch.setattr("tracking.japanpost.client._ask", lambda *_: 1 / 0)
    (other,) = some_numbers(1)
    broken = client.get(f"/track/{other}/")["X-Request-ID"]
    lines = [json.loads(line) for line in log()]
    in_threads = [
        line for line in lines if "mailed" in line["message"] or "unexpected error" in line["message"]
    ]
    assert [(line["logger"], line["request_id"]) for line in in_threads] == [
        ("tracking.values.mail", unreadable),
        ("tracking.japanpost.client", broken),
    ]


@as_json
@pytest.mark.django_db(transaction=True)
def test_lines_of_the_watch_have_no_id(standin: StandIn, log: Lines) -> None:
    standin.set_item(NUMBER, story(POSTED, AT_EXCHANGE))
    look_up(NUMBER, now=NOW)
    Shipment.objects.update(watch_at=NOW, ask_again_at=None)
    Watch(clock=lambda: NOW).run_once()
    (line,) = map(json.loads, log())
    assert line["logger"] == "tracking.ops.watch" and "request_id" not in line


# Lines that any client can cause


def forged(client: Client) -> HttpResponse:
    return Client(enforce_csrf_checks=True).post("/contact/", {}, headers={"origin": "A" * 8000})


def a_hundred_and_one_files(client: Client) -> HttpResponse:
    return client.post("/reads", {f"file{i}": SimpleUploadedFile("a", b"a") for i in range(101)})


def too_many_fields(client: Client) -> HttpResponse:
    return client.get("/track/?" + "a=&" * 1001)


def broken_parts(client: Client) -> HttpResponse:
    return client.post("/reads", b"x", content_type="multipart/form-data; boundary=")


def broken_base64(client: Client) -> HttpResponse:
    head = "Content-Disposition: form-data; name=a; filename=a\r\nContent-Transfer-Encoding: base64"
    body = f"--line\r\n{head}\r\n\r\na\r\n--line--\r\n"
    return client.post("/reads", body.encode(), content_type="multipart/form-data; boundary=line")


def other_charset(client: Client) -> HttpResponse:
    return client.post("/reads", b"a=b", content_type="application/x-www-form-urlencoded; charset=utf-16")


def other_host(client: Client) -> HttpResponse:
    return client.get("/", headers={"host": "evil.example"})


def not_allowed_at_the_desk(client: Client) -> HttpResponse:
    client.force_login(User.objects.create_user("ann", is_staff=True))
    return client.get("/admin/tracking/status/add/")


def nowhere(client: Client) -> HttpResponse:
    return client.get("/nowhere/" + "x" * 8000)


def wrong_method(client: Client) -> HttpResponse:
    return client.put("/robots.txt")


def too_large(client: Client) -> HttpResponse:
    return client.post("/reads", CONTENT_LENGTH=str(10**9), data={})


@in_both_formats
@pytest.mark.parametrize(
    ("ask", "status"),
    [
        (forged, 403),
        (a_hundred_and_one_files, 400),
        (too_many_fields, 400),
        (broken_parts, 400),
        (broken_base64, 400),
        (other_charset, 400),
        (other_host, 400),
        (not_allowed_at_the_desk, 403),
        (nowhere, 404),
        (wrong_method, 405),
        (too_large, 413),
    ],
)
def test_a_refused_request_writes_no_line(client: Client, log: Lines, db, ask, status: int) -> None:
    assert ask(client).status_code == status
    assert log() == []


@in_both_formats
def test_lines_of_one_address_are_bounded(client: Client, log: Lines) -> None:
    with time_machine.travel(NOW, tick=False):
        for _ in range(100):
            client.get("/says")
        of_one = len([line for line in log() if "said /says" in line])
        client.get("/says", REMOTE_ADDR="192.0.2.7")
        of_two = len([line for line in log() if "said /says" in line])
    assert (of_one, of_two) == (LINES_OF_ONE, LINES_OF_ONE + 1)


@as_json
def test_the_next_minute_says_how_many_were_left_out(client: Client, log: Lines) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(LINES_OF_ONE + 7):
            client.get("/says")
        clock.shift(60)
        client.get("/says")
        client.get("/says")
    *_, closing, first, second = map(json.loads, log())
    assert closing["message"].startswith("7 more lines about visitors of one minute were left out")
    assert "127.0.0.1" not in closing["message"] and "request_id" not in closing
    assert first["message"] == second["message"] == "said /says\nwith a second line"


@plain
def test_many_addresses_share_a_bound_too(client: Client, log: Lines) -> None:
    with time_machine.travel(NOW, tick=False):
        for number in range(LINES_OF_ALL + 50):
            client.get("/says", REMOTE_ADDR=f"10.0.{number // 250}.{number % 250}")
        logging.getLogger("tracking.test").warning("no visitor")
    assert len([line for line in log() if "said /says" in line]) == LINES_OF_ALL
    assert "no visitor" in log()[-1]


@plain
def test_behind_a_proxy_each_visitor_has_a_bound(client: Client, log: Lines, settings) -> None:
    settings.TRUSTED_PROXIES = 1
    with time_machine.travel(NOW, tick=False):
        for visitor in ("192.0.2.7", "192.0.2.8"):
            for _ in range(LINES_OF_ONE + 5):
                client.get("/says", headers={"x-forwarded-for": visitor})
    assert len([line for line in log() if "said /says" in line]) == 2 * LINES_OF_ONE


@in_both_formats
def test_a_new_fault_is_logged_in_spite_of_the_bound(client: Client, log: Lines) -> None:
    client.raise_request_exception = False
    with time_machine.travel(NOW, tick=False):
        for _ in range(LINES_OF_ONE + 5):
            client.get("/says")
        for _ in range(3):
            assert client.get(f"/breaks/{NUMBER}").status_code == 500
            assert client.get("/hangs-up").status_code == 500
    written = "\n".join(log())
    assert written.count("ZeroDivisionError: on purpose") == 1
    assert written.count("UnreadablePostError: the client has gone") == 1


# The length of a line


@in_both_formats
@pytest.mark.parametrize("much", ["long", "日本", f"{NUMBER} ", "%45M123456785JP "])
def test_a_message_is_cut(client: Client, log: Lines, much: str) -> None:
    client.get("/says-much", {"much": much})
    (line,) = log()
    message = json.loads(line)["message"] if line.startswith("{") else line
    assert len(message) < LONGEST_MESSAGE + 200
    assert re.search(r"… \([0-9]+ more characters\)$", message)
    assert "EM1" not in line


@in_both_formats
def test_a_traceback_is_cut_and_names_its_error(client: Client, log: Lines) -> None:
    client.raise_request_exception = False
    assert client.get("/breaks-at-length").status_code == 500
    written = "\n".join(log())
    assert "fail_at_length" in written and "ValueError: longlong" in written
    assert len(written) < LONGEST_LINE + LONGEST_MESSAGE + 500


# gunicorn's error log, whose lines are outside requests


@pytest.fixture
def gunicorn(monkeypatch) -> Iterator[tuple[GunicornLogger, Lines]]:
    """gunicorn's logger as at its start, and a function that returns the lines that it wrote."""
    written = StringIO()
    monkeypatch.setattr("sys.stderr", written)
    logger = GunicornLogger(Config())
    yield logger, lambda: written.getvalue().splitlines()
    logger.error_log.handlers.clear()
    logger.error_log.propagate = True


def test_gunicorn_logs_no_request_that_is_no_http(gunicorn) -> None:
    logger, lines = gunicorn
    logger.warning("Invalid request from ip=192.0.2.7: " + "x" * 8000)
    logger.warning("No keepalived connections can be handled.")
    (line,) = lines()
    assert line.endswith("No keepalived connections can be handled.")


def test_gunicorns_lines_are_bounded_and_cut(gunicorn) -> None:
    logger, lines = gunicorn
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(LINES_OF_ALL + 5):
            logger.error("Error handling request GET /%s", "x" * 8000)
        assert len(lines()) == LINES_OF_ALL
        clock.shift(60)
        logger.error("Error handling request GET /")
    assert lines()[-1].endswith("Error handling request GET /")
    assert max(map(len, lines())) < LONGEST_MESSAGE + 200


# A store that cannot be used


@in_both_formats
@pytest.mark.django_db(transaction=True)
@pytest.mark.sqlite
def test_a_store_that_is_down_is_one_line_for_a_visit(log: Lines) -> None:
    client = Client(raise_request_exception=False)
    with unreadable():
        for _ in range(LINES_OF_ONE + 5):
            assert client.get(f"/track/{NUMBER}/").status_code == 503
    lines = log()
    assert len(lines) == LINES_OF_ONE
    for line in lines:
        assert "the store cannot be used: OperationalError: unable to open database file" in line
        assert "Traceback" not in line and NUMBER not in line and len(line) < 300


@plain
@pytest.mark.django_db
def test_a_faulty_statement_has_its_traceback(log: Lines) -> None:
    assert Client(raise_request_exception=False).get("/breaks-in-sql").status_code == 500
    assert "Traceback" in "".join(log())
