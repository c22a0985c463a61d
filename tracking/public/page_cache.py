"""Pages given out again while they would read the same, compressed once, and not at all to who has them already."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from gzip import compress, decompress
from hashlib import sha256

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.middleware.gzip import re_accepts_gzip
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_vary_headers

from tracking.public.release import release_id

_KEPT_SECONDS = 900


@dataclass(frozen=True)
class Printed:
    """A page, and until when it reads the same if nothing happens."""

    response: HttpResponse
    until: datetime


@dataclass(frozen=True)
class _Kept:
    packed: bytes
    headers: Mapping[str, str]
    until: datetime


def reused(request: HttpRequest, facts: object, print_page: Callable[[], Printed]) -> HttpResponse:
    """The page that was printed from the same facts before, else a new one.

    `facts` are all that the page depends on beside the time, our own files, and its own address, which it prints, so
    the host belongs to them too. Nothing of one visitor may be in the page.
    """
    named = repr((release_id(), request.scheme, request.get_host(), request.path, facts))
    key = f"page:{sha256(named.encode()).hexdigest()}"
    kept: _Kept | None = cache.get(key)
    if kept is None or kept.until <= timezone.now():
        printed = print_page()
        if printed.response.status_code != 200:
            return printed.response
        kept = _pack(printed)
        cache.set(key, kept, _KEPT_SECONDS)
    return _unpack(request, kept)


def _pack(printed: Printed) -> _Kept:
    content = printed.response.content
    patch_vary_headers(printed.response, ["Accept-Encoding"])
    # Weak: the same for the page as it is and for its compressed form, which are not the same bytes.
    printed.response["ETag"] = f'W/"{sha256(content).hexdigest()[:20]}"'
    return _Kept(compress(content, 6), dict(printed.response.items()), printed.until)


def _unpack(request: HttpRequest, kept: _Kept) -> HttpResponse:
    """Compressed for who reads that. A page with nothing secret in it may be compressed to the same bytes each time."""
    if short := get_conditional_response(request, etag=kept.headers["ETag"]):
        short["ETag"], short["Vary"] = kept.headers["ETag"], kept.headers["Vary"]
        return short
    packed = re_accepts_gzip.search(request.META.get("HTTP_ACCEPT_ENCODING", ""))
    response = HttpResponse(kept.packed if packed else decompress(kept.packed), headers=kept.headers)
    if packed:
        response["Content-Encoding"] = "gzip"
    return response
