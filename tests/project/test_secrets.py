"""No log has a whole tracking number or a secret."""

import logging
import logging.config
import sys
from collections.abc import Callable, Iterator
from io import StringIO

import pytest
from django.conf import settings
from django.test import RequestFactory
from django.utils import timezone
from django.views.debug import ExceptionReporter

from emsguide import safety
from emsguide.logs import FORMATS
from tests.project.test_settings import PRODUCTION, start
from tests.support.stories import NUMBER
from tracking.fetching import alarms
from tracking.models import KeptPage, Shipment
from tracking.values.redaction import redact


@pytest.mark.parametrize(
    ("text", "short"),
    [
        (NUMBER, "EM…6785JP"),
        (f"GET /track/{NUMBER}.json?to=DE", "GET /track/EM…6785JP.json?to=DE"),
        ("?number=em+123456785+jp&n=1", "?number=em…6785jp&n=1"),
        ("/track/EM%20123%20456%20785%20JP/", "/track/EM…6785JP/"),
        ("EM123456785JP,EN123456785JP", "EM…6785JP,EN…6785JP"),
        ("?number=EM123456785JP%2CEN123456785JP", "?number=EM…6785JP%2CEN…6785JP"),
        ("?number=EM123456785JP%0D%0AEN123456785JP", "?number=EM…6785JP%0D%0AEN…6785JP"),
        ("?number=x%3FreqCodeNo1%3DEM123456785JP", "?number=x%3FreqCodeNo1%3DEM…6785JP"),
        ("?next=%252Ftrack%252FEM123456785JP%252F", "?next=%252Ftrack%252FEM…6785JP%252F"),
        ("?number=EM++123456785JP", "?number=EM…6785JP"),
        ("?number=EM%C2%A0123%C2%A0456%C2%A0785%C2%A0JP", "?number=EM…6785JP"),
        ("?number=EM%2D123%2D456%E2%80%91785%2DJP", "?number=EM…6785JP"),
        ("?number=EM%EF%BC%91%EF%BC%923456785JP", "?number=EM…6785JP"),
        ("/track/EM\u200b123\u2011456\u00ad785JP/", "/track/EM…6785JP/"),
        ("from ab 123456789 EM123456785JP", "from ab…6789EM…6785JP"),
        ("50%EM123456785JP, 100%", "50%EM…6785JP, 100%"),
        ("50%EA123456785JP and %2EM123456785JP", "50%EA…6785JP and %2EM…6785JP"),
        ("watch: 12 asked, 123456789 bytes", "watch: 12 asked, 123456789 bytes"),
        ("ABEM123456785JP and xEM 123 456 785 JP", "ABEM…6785JP and xEM…6785JP"),
        ("EM123456785JPx EM123456785JPA", "EM…6785JPx EM…6785JPA"),
        ("?number=EM123456785JP%E2%80%8BX", "?number=EM…6785JP%E2%80%8BX"),
        (r"the page ends in '\nEM 123 456 785 JP'", r"the page ends in '\nEM…6785JP'"),
        (r"\r\nEM123456785JP\tEN123456785JP", r"\r\nEM…6785JP\tEN…6785JP"),
        (r"EM\u200b123\t456\xa0785JP", "EM…6785JP"),
        (r"b'EM\xc2\xa0123456785\xe3\x80\x80JP'", "b'EM…6785JP'"),
        (r'"{\"number\": \"EM\\u3000123456785JP\"}"', r'"{\"number\": \"EM…6785JP\"}"'),
        (r"C:\RN123456785JP.pdf \rn123456785jp", r"C:\RN…6785JP.pdf \rn…6785jp"),
        ("%5CnEM%20123456785JP", "%5CnEM…6785JP"),
        (f"request {'1' * 39}", f"request {'1' * 39}"),
        (r"C:\new\table\123456789", r"C:\new\table\123456789"),
    ],
)
def test_redact_shortens_every_spelling_of_a_number(text, short):
    assert redact(text) == short


@pytest.fixture(params=FORMATS)
def log(request, monkeypatch) -> Iterator[Callable[[], str]]:
    """A function that returns what the console of production has written so far, in either format."""
    written = StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    root = logging.getLogger()
    handlers = root.handlers[:]
    logging.config.dictConfig(settings.LOGGING | {"formatters": {"chosen": FORMATS[request.param]}})
    yield lambda: written.getvalue().replace("\\u2026", "…")
    root.handlers[:] = handlers


@pytest.mark.django_db
def test_our_log_lines_have_no_whole_number(log):
    drift = alarms.Drift("cut", f"the page is about {NUMBER}")
    alarms.raise_alarm(drift, number=NUMBER, html="<html>", now=timezone.now())
    assert KeptPage.objects.get().number == NUMBER
    assert "EM…6785JP: cut: the page is about EM…6785JP" in log()
    assert NUMBER not in log()


@pytest.mark.django_db
def test_djangos_lines_about_an_error_have_no_whole_number(log, client, monkeypatch):
    def fail(*_args, **_more):
        raise RuntimeError(f"no idea what this is:\n{NUMBER}")

    monkeypatch.setattr(Shipment.objects.__class__, "filter", fail)
    client.raise_request_exception = False
    assert client.get(f"/track/{NUMBER}/").status_code == 500
    assert "Internal Server Error: /track/EM…6785JP/" in log()
    assert "RuntimeError: no idea what this is:" in log()
    assert NUMBER not in log()


@pytest.mark.parametrize(
    "environment",
    [
        {"DATABASE_URL": "postgress://shop:TOP-SECRET@db/site"},
        {"DATABASE_URL": "postgres://shop:TOP-SECRET@db:port/site"},
        {"EMAIL_URL": "smtp+tsl://shop:TOP-SECRET@mail:587"},
        {"EMAIL_URL": "smtp+tls://shop:TOP-SECRET@mail:port"},
        {"CACHE_URL": "rediss-cluster://:TOP-SECRET@cache:6379/0"},
    ],
)
def test_a_misspelt_address_stops_the_start_and_hides_its_password(environment):
    stopped = start(
        "import django; django.setup()",
        DJANGO_SETTINGS_MODULE="emsguide.settings",
        **PRODUCTION | environment,
    )
    assert stopped.returncode != 0
    assert "TOP-SECRET" not in stopped.stdout + stopped.stderr


def test_the_error_report_hides_addresses_with_passwords(settings):
    settings.CACHES = {"default": {"BACKEND": "x", "LOCATION": "redis://:TOP-SECRET@cache:6379"}}
    settings.EMAIL_HOST_PASSWORD = settings.SECRET_KEY = "TOP-SECRET"
    request = RequestFactory().get(
        "/", DATABASE_URL="postgres://shop:TOP-SECRET@db/site", EMAIL_URL="smtp://shop:TOP-SECRET@mail"
    )
    assert f"{safety.__name__}.HidesSecrets" == settings.DEFAULT_EXCEPTION_REPORTER_FILTER
    text = ExceptionReporter(request, None, None, None).get_traceback_text()
    assert "DATABASE_URL" in text and "CACHES" in text
    assert "TOP-SECRET" not in text
