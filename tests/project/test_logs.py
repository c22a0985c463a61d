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
from django.conf import settings as installed
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from emsguide.logs import FORMATS
from emsguide.urls import handler400, handler403, handler404, handler500
from emsguide.urls import urlpatterns as site
from tests.support.crowd import join
from tests.support.standin import StandIn
from tests.support.stories import AT_EXCHANGE, NUMBER, POSTED, some_numbers, story
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


urlpatterns = [path("says", log_a_line), path(f"breaks/{NUMBER}", fail), *site]

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
    in_threads = [line for line in lines if "mailed" in line["message"] or "exc_info" in line]
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
