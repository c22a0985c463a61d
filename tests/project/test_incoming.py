"""What the site checks of a request before a view sees it, asked through the WSGI application that gunicorn calls."""

import codecs
import encodings.punycode
import gzip
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from emsguide.incoming import MOST_OF_COOKIES, Application, guard
from emsguide.wsgi import application
from tests.project.test_headers import POLICY
from tests.support.stories import NUMBER, POSTED, story
from tracking.models import Message

FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=line"
MADE_UP = "made-up-codec"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str


def ask(
    path: str, query: str = "", *, body: bytes = b"", site: Application = application, **environ: Any
) -> Answer:
    """The answer to one request, a POST if it has a body. `None` removes a variable of the environ."""
    variables: dict[str, Any] = {
        "REQUEST_METHOD": "POST" if body else "GET",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "testserver",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
    }
    sent: list[Any] = []
    variables = {name: value for name, value in (variables | environ).items() if value is not None}
    response = site(variables, lambda status, headers: sent.extend((status, headers)))
    content = b"".join(response)
    if hasattr(response, "close"):
        response.close()
    headers = dict(sent[1])
    text = gzip.decompress(content) if "Content-Encoding" in headers else content
    return Answer(int(sent[0].split()[0]), headers, text.decode())


def part(*headers: str, content: bytes = b"x") -> bytes:
    """A multipart body with one part, as a browser sends it, and a CSRF token that is not right."""
    lines = "\r\n".join(headers).encode()
    token = b'--line\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n' + b"b" * 32
    return token + b"\r\n--line\r\n" + lines + b"\r\n\r\n" + content + b"\r\n--line--\r\n"


@pytest.fixture(autouse=True)
def _connection_stays_open() -> Iterator[None]:
    """Keep the connection of the test: a server's thread would close an old one, as Django's test client knows."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def looked_up() -> Iterator[list[str]]:
    """The names of codecs that Python was asked for, without those that it already knew."""
    names: list[str] = []
    codecs.register(names.append)
    yield names
    codecs.unregister(names.append)


# The character set


def assert_refused(answer: Answer) -> None:
    """The answer is our page for a bad request, and has the policy and an id as each answer has."""
    assert answer.status == 400
    assert set(answer.headers["Content-Security-Policy"].split("; ")) == POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert len(answer.headers["X-Request-ID"]) == 39
    assert "<h1>" in answer.text


@pytest.mark.parametrize(
    "parameters",
    [
        "charset=hex",
        "charset=undefined",
        "charset=utf-16",
        "CHARSET = utf-7",
        f"charset={MADE_UP}",
        'charset="latin-1"',
        "charset=utf-8; charset=hex",
        'charset="utf-8"; charset=hex',
        "charset=hex; charset=utf-8",
        'charset="utf-8;charset=hex',
        "charset=",
        "charset=a\0b",
        "charset*=hex''utf-8",
        "charset*=utf-8''utf-8",
        f"x*={MADE_UP}''a",
        "x*=undefined''a",
        "charset*0=he; charset*1=x",
        f"charset*0*={MADE_UP}''; charset*1=x",
        'x="\\"; charset=hex',
        "charset",
        "=hex",
        "é=1",
    ],
)
def test_a_charset_that_is_not_utf_8_is_refused(parameters, looked_up):
    answer = ask("/healthz", "x", CONTENT_TYPE=f"text/plain; {parameters}")
    assert_refused(answer)
    assert "UTF-8" in answer.text
    assert looked_up == []


@pytest.mark.parametrize("address", ["/contact/", "/admin/login/", "/track/", "/nothing/"])
@pytest.mark.parametrize("kind", [FORM, PARTS, "text/plain"])
def test_no_byte_of_a_body_is_decoded_as_punycode(address, kind, monkeypatch):
    decoded = []
    monkeypatch.setattr(encodings.punycode, "punycode_decode", lambda *given: decoded.append(given) or "")
    body = part('Content-Disposition: form-data; name="text"', content=b"a" * 200_000)
    answer = ask(
        address, body=body, CONTENT_TYPE=f"{kind}; charset=punycode", HTTP_COOKIE=f"csrftoken={'a' * 32}"
    )
    assert_refused(answer)
    assert decoded == []


@pytest.mark.parametrize("query", ["number=%2B2AA-", "number=%2B2AA-&to=CA"])
def test_half_a_surrogate_cannot_be_sent_as_utf_7(query):
    assert_refused(ask("/track/", query, CONTENT_TYPE="text/plain; charset=utf-7"))


def test_a_message_in_another_charset_is_refused(db):
    body = b"name=Ann&email=ann%40example.com&text=%2B2AA-"
    assert_refused(ask("/contact/", body=body, CONTENT_TYPE=f"{FORM}; charset=utf-7"))
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        FORM,
        f"{FORM};",
        f"{FORM}; charset=UTF-8",
        f"{FORM};charset=utf8",
        f'{FORM}; charset="Utf-8" ; x=y',
        f"{FORM}; charset=utf-8; charset=utf-8",
        f"{FORM}; boundary=---x:y/(z)",
        "nonsense",
    ],
)
def test_utf_8_in_any_spelling_is_read(content_type, db):
    assert ask("/healthz", "x=%C3%A9", CONTENT_TYPE=content_type).status == 200
    sent = ask("/contact/", body=b"text=%C3%A9", CONTENT_TYPE=content_type, HTTP_ORIGIN="http://testserver")
    assert sent.status == 403  # without the token of the form
    assert ("é</textarea>" in sent.text) is content_type.startswith(FORM)


# The headers of the parts of a form


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (["Content-Disposition: form-data; name*=punycode''text"], 400),
        ([f"Content-Disposition: form-data; name*={MADE_UP}''text"], 400),
        ([f"Content-Disposition: form-data; name*0*={MADE_UP}''te; name*1=xt"], 400),
        (["Content-Disposition: form-data; name=file; filename*=hex''x"], 400),
        (["Content-Disposition: form-data; name=file; filename *= undefined''x"], 400),
        (["Content-Disposition: form-data; name=text", f"Content-Type: text/plain; a*={MADE_UP}''x"], 400),
        (['Content-Disposition: form-data; name="file"; filename="a*b.csv"'], 403),
        (
            ["Content-Disposition: form-data; name=f; filename=a", f"Content-Type: a/b; charset={MADE_UP}"],
            403,
        ),
        (["Content-Disposition: form-data; name=text", "Content-Transfer-Encoding: base64"], 403),
        (["Content-Disposition: form-data; name=f; filename=a", "Content-Transfer-Encoding: base64"], 400),
        (["Content-Disposition"], 403),
        (["Content-Disposition: form-data; name*0=te; name*1=xt"], 400),
    ],
)
def test_no_part_of_a_form_chooses_a_codec(headers, status, looked_up, monkeypatch, db):
    monkeypatch.setattr(encodings.punycode, "punycode_decode", None)
    cookie = f"csrftoken={'a' * 32}"
    answer = ask("/contact/", body=part(*headers), CONTENT_TYPE=PARTS, HTTP_COOKIE=cookie)
    assert answer.status == status and "<h1>" in answer.text
    assert looked_up == []


# The host


@pytest.mark.parametrize(
    "host",
    ["testserver:0", "testserver:65536", "testserver:" + "8" * 8000, "testserver:", "testserver:x", "", None],
)
def test_a_missing_host_or_an_impossible_port_is_refused(host):
    assert_refused(ask("/robots.txt", HTTP_HOST=host))


@pytest.mark.parametrize("host", ["testserver", "testserver:80", "testserver:65535"])
def test_a_host_with_a_possible_port_is_answered(host):
    assert ask("/robots.txt", HTTP_HOST=host).status == 200


def test_http_1_0_needs_no_host():
    assert ask("/robots.txt", HTTP_HOST=None, SERVER_PROTOCOL="HTTP/1.0").status == 200


@pytest.mark.parametrize(
    ("changed", "status"),
    [({"HTTP_HOST": "evil.example"}, 400), ({}, 301), ({"CONTENT_TYPE": "text/plain; charset=hex"}, 301)],
)
def test_a_redirection_to_https_has_the_policy_too(settings, changed, status):
    settings.SECURE_SSL_REDIRECT = True
    answer = ask("/robots.txt", site=guard(WSGIHandler()), **changed)
    assert answer.status == status
    assert set(answer.headers["Content-Security-Policy"].split("; ")) == POLICY
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Request-ID"]


# Cookies


@pytest.mark.parametrize(
    "cookie",
    [
        "csrftoken=zzz",
        f"csrftoken={'é' * 32}",
        f"csrftoken={'a' * 33}",
        "csrftoken=",
        f"csrftoken={'a' * 31}-; sessionid=x; messages=x; django_language=xx; csrftoken",
    ],
)
def test_no_cookie_makes_a_page_set_one(cookie, db):
    for address in ("/accent-0b6e4f.css", "/robots.txt", "/", "/track/", "/nothing/", "/healthz"):
        answer = ask(address, HTTP_COOKIE=cookie.encode().decode("latin-1"))
        assert "Set-Cookie" not in answer.headers
        assert "Cookie" not in answer.headers.get("Vary", "")


@pytest.mark.parametrize("cookie", [None, "csrftoken=zzz"])
def test_a_page_with_a_form_sets_a_right_cookie(cookie, db):
    assert re.search("csrftoken=[A-Za-z0-9]{32};", ask("/contact/", HTTP_COOKIE=cookie).headers["Set-Cookie"])


def test_a_form_with_a_malformed_cookie_is_refused(db):
    body = f"csrfmiddlewaretoken={'a' * 32}&text=Hello".encode()
    answer = ask("/contact/", body=body, CONTENT_TYPE=FORM, HTTP_COOKIE="csrftoken=zzz")
    assert answer.status == 403 and "Hello</textarea>" in answer.text


@pytest.mark.parametrize("cookie", ['a="' + "\\1" * 4_000 + '"', 'a="\\000"; sessionid="\\000aaaa"'])
def test_no_escape_in_a_cookie_is_decoded(cookie, db, monkeypatch):
    """Some releases of Python need a time for it that grows with the square of the length."""
    decoded = list[str]()
    monkeypatch.setattr("http.cookies._unquote", lambda value: decoded.append(value) or value)
    for address in ("/", "/healthz", "/admin/login/"):
        assert ask(address, HTTP_COOKIE=f"{cookie}; b=c").status == 200
    assert set(decoded) == {"c"}


def test_cookies_of_more_than_16_kb_are_ignored(db):
    ours = f"csrftoken={'a' * 32}"
    for more, is_read in ((0, True), (1, False)):
        cookie = f"{ours};b={'c' * (MOST_OF_COOKIES - len(ours) - 3 + more)}"
        assert (ours in ask("/contact/", HTTP_COOKIE=cookie).headers["Set-Cookie"]) is is_read


# Compression


ACCEPTS_GZIP = [
    "gzip",
    "GZip",
    "gzip, deflate, br, zstd",
    "br;q=1.0, gzip;q=0.8, *;q=0.1",
    "gzip ; q=0.001",
    "a,gzip",
]
REFUSES_GZIP = [
    "",
    "identity",
    "gzip;q=0",
    "gzip; q=0.000",
    "GZIP;Q=0",
    "br, gzip ;q=0 , deflate",
    "*;q=0",
    "*",
    "xgzip",
    "gzip-x",
    "br;gzip",
    "gzip;q=x",
    "gzip;q=0, gzip",
    None,
]


@pytest.mark.parametrize(
    ("accepted", "is_packed"),
    [(one, True) for one in ACCEPTS_GZIP] + [(one, False) for one in REFUSES_GZIP],
)
def test_only_a_client_that_accepts_gzip_gets_it(accepted, is_packed, db):
    for address in ("/", "/", "/contact/"):  # rendered, from the page cache, and packed by Django
        answer = ask(address, HTTP_ACCEPT_ENCODING=accepted)
        assert (answer.headers.get("Content-Encoding") == "gzip") is is_packed
        assert "Accept-Encoding" in answer.headers["Vary"]
        assert "<h1" in answer.text


def test_gzip_is_refused_behind_a_proxy_too(settings, standin, db):
    settings.TRUSTED_PROXIES = 1  # then the id of the request is read first, from a copy of the headers
    standin.set_item(NUMBER, story(POSTED))
    for address in ("/", f"/track/{NUMBER}/"):
        for _ in range(2):  # rendered, from the page cache
            answer = ask(address, HTTP_ACCEPT_ENCODING="gzip;q=0", HTTP_X_FORWARDED_FOR="192.0.2.1")
            assert "Content-Encoding" not in answer.headers and "<h1" in answer.text


# What a client does not wait for


@pytest.mark.parametrize("address", ["/", "/nothing/", "/healthz", "/contact/", "/track/"])
def test_the_answer_to_head_has_no_body(address, db):
    """gunicorn writes a line into the log for each answer to HEAD that has one."""
    got, asked = ask(address), ask(address, REQUEST_METHOD="HEAD")
    assert (asked.status, asked.text) == (got.status, "")
    assert asked.headers.keys() == got.headers.keys()


class HungUp(BytesIO):
    """A body whose client hangs up before its end."""

    def read(self, *_: object) -> bytes:
        raise ConnectionResetError("on purpose")


@pytest.mark.parametrize("content_type", [FORM, PARTS])
@pytest.mark.parametrize("address", ["/admin/login/", "/contact/", "/track/", "/admin/"])
def test_a_client_that_hangs_up_is_no_fault(address, content_type, db, caplog):
    answer = ask(
        address,
        body=b"x" * 100,
        CONTENT_TYPE=content_type,
        HTTP_COOKIE=f"csrftoken={'a' * 32}",
        **{"wsgi.input": HungUp()},
    )
    assert answer.status in (400, 403, 405)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
