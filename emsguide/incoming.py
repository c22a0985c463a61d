"""What is checked of a request, and put in order, before Django or a view reads it.

Django decodes the address and the body in the character set that the client names, before any middleware runs. Python
has character sets that cost minutes for a large form, so every text of a client is UTF-8 here.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, multipartparser
from django.shortcuts import render
from django.utils.http import parse_header_parameters
from django.utils.translation import gettext_lazy as _

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
GetResponse = Callable[[HttpRequest], HttpResponse]

_REFUSED = "emsguide.refused"  # of the environ, where no client can write: its headers are HTTP_…
_REASONS = {
    "charset": _("What you sent is not marked as UTF-8, so we have not read it. Please send it as UTF-8."),
    "host": _("The request did not name this site, or it named a port that cannot exist."),
}

# The names have no *, with which RFC 2231 marks a value in a character set of its own.
_PARAMETER = re.compile(
    r""";[ \t]*(?:([!#$%&'+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*([!#-:<-~]+|"[ !#-\[\]-~]*")[ \t]*)?"""
)
_WITH_PARAMETERS = re.compile(rf'[^;"]*(?:{_PARAMETER.pattern})*')
_UTF_8 = ("utf-8", "utf8")
_EXTENDED = re.compile(r"\*[0-9]*\*?\s*=")
_PORT = re.compile(r":([0-9]+)$")

# The first gzip of the header, with its quality; one that cannot be read does not match.
_GZIP = re.compile(
    r"(?:^|,)[ \t]*gzip[ \t]*(?:;[ \t]*q=([01](?:\.[0-9]{0,3})?)[ \t]*)?(?:,|$)", re.IGNORECASE
)
_ZERO = re.compile(r"0\.?0*")
_CSRF_COOKIE = re.compile("[A-Za-z0-9]{32}|[A-Za-z0-9]{64}")
MOST_OF_COOKIES = 16_384  # bytes; gunicorn joins several headers of one name, 50 of 8 kB


def guard(application: Application) -> Application:
    """Wrap a WSGI application: mark requests that must not be read, and put in order what Django reads of the others.

    `refuse_marked` answers the marked ones: there the answer gets the headers and the id of every answer.
    """

    def guarded(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if ";" in (content_type := environ.get("CONTENT_TYPE", "")):
            if _is_utf_8(content_type):
                environ["CONTENT_TYPE"] = _PARAMETER.sub(_without_charset, content_type)
            else:
                environ["CONTENT_TYPE"], environ[_REFUSED] = "", "charset"
        if not _is_host_possible(environ):
            environ[_REFUSED] = "host"
        environ["HTTP_ACCEPT_ENCODING"] = _accepted(environ.get("HTTP_ACCEPT_ENCODING", ""))
        if cookies := environ.pop("HTTP_COOKIE", ""):
            environ["HTTP_COOKIE"] = _harmless(cookies)
        answer = application(environ, start_response)
        return _without_body(answer) if environ.get("REQUEST_METHOD") == "HEAD" else answer

    return guarded


def refuse_marked(get_response: GetResponse) -> GetResponse:
    """Middleware: 400 with a sentence that helps, for a request that `guard` marked. Nothing of it is decoded."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if reason := request.META.get(_REFUSED):
            return render(request, "400.html", {"reason": _REASONS[reason]}, status=400)
        return get_response(request)

    return middleware


def refuse_codecs_in_parts() -> None:
    """Let Django answer 400 to a form of which the header of a part names a character set. To call once at the start.

    Django has no setting for it: the parser of forms calls this function by its name. No browser sends such a header:
    RFC 7578 forbids it.
    """
    multipartparser.parse_header_parameters = _part_header  # type: ignore[attr-defined]  # the name has no type


def _part_header(line: str) -> tuple[str, dict[str, str]]:
    """Django's value and parameters of a header. Raises MultiPartParserError for a parameter in a set of its own."""
    if _EXTENDED.search(line):
        raise multipartparser.MultiPartParserError("A parameter of a part names its character set.")
    return parse_header_parameters(line)


def _is_utf_8(content_type: str) -> bool:
    """True for a Content-Type that is well formed and names no other character set."""
    return _WITH_PARAMETERS.fullmatch(content_type) is not None and all(
        value.strip('"').lower() in _UTF_8
        for name, value in _PARAMETER.findall(content_type)
        if name.lower() == "charset"
    )


def _without_charset(parameter: re.Match[str]) -> str:
    """The parameter; empty for a charset, which Django compares with one spelling only."""
    return "" if (parameter[1] or "").lower() == "charset" else parameter[0]


def _accepted(encodings: str) -> str:
    """`gzip` or empty. The three that compress, WhiteNoise, Django and our page cache, read `gzip;q=0` as consent."""
    accepted = _GZIP.search(encodings)
    return "gzip" if accepted and not _ZERO.fullmatch(accepted[1] or "1") else ""


def _harmless(cookies: str) -> str:
    """The cookies without those that harm; none of them where all are longer than any browser sends.

    A backslash begins an escape. To decode many takes Python 3.11.9 and 3.12.5 a time that grows with the square of
    their number, and a NUL is an error of PostgreSQL. No cookie of ours has one. For a malformed CSRF token, Django
    would set a new cookie on each page, also on one without a form.
    """
    if len(cookies) > MOST_OF_COOKIES:
        return ""
    return ";".join(pair for pair in cookies.split(";") if "\\" not in pair and not _is_malformed_token(pair))


def _is_malformed_token(pair: str) -> bool:
    name, _, value = pair.partition("=")
    return name.strip() == settings.CSRF_COOKIE_NAME and not _CSRF_COOKIE.fullmatch(value.strip())


def _without_body(answer: Iterable[bytes]) -> Iterable[bytes]:
    """The answer to HEAD: nothing after the headers. gunicorn would write a line into the log for each body."""
    if close := getattr(answer, "close", None):
        close()
    return []


def _is_host_possible(environ: Environ) -> bool:
    """False where HTTP/1.1 requires a Host and there is none, and for a port that cannot exist."""
    host = environ.get("HTTP_HOST")
    if host is None:
        return environ.get("SERVER_PROTOCOL") != "HTTP/1.1"
    port = _PORT.search(host)
    return port is None or (len(port[1]) <= 5 and 0 < int(port[1]) <= 65_535)
