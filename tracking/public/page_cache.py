"""Rendered pages, kept while they would read the same: compressed once, and not sent to a browser that has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from gzip import compress, decompress
from hashlib import sha256
from uuid import UUID

from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.middleware.gzip import re_accepts_gzip
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_vary_headers

from tracking.models import Shipment, Shop
from tracking.models.shipments import FAILURES
from tracking.public.release import release_id
from tracking.values.numbers import TrackingNumber
from tracking.words.version import row_with_version

_KEPT_SECONDS = 900

# All that the row of a parcel tells a page. Events change together with `changed_at`.
_STORY = (
    "last_outcome, last_answer, answered_at, story_at, changed_at, history_missing, parcel.destination_id"
)
_STATE = f"""
    SELECT words_version, ask_again_at > %s, {_STORY} FROM {Shop._meta.db_table}
    LEFT JOIN {Shipment._meta.db_table} AS parcel ON number = %s AND story_at IS NOT NULL
"""


@dataclass(frozen=True)
class PageState:
    """What a page about one parcel depends on in the store."""

    words_version: UUID
    story: str  # another one whenever the stored story is another; empty: there is none
    is_fresh: bool  # Japan Post need not be asked
    is_stale: bool  # the last request failed


@dataclass(frozen=True)
class _CachedPage:
    packed: bytes
    headers: Mapping[str, str]
    valid_until: datetime


def read_state(number: TrackingNumber, *, now: datetime) -> PageState:
    """What a page about this parcel depends on at an aware `now`. Costs one query; Japan Post is not asked."""
    at = connection.ops.adapt_datetimefield_value(now)
    version, is_fresh, last_outcome, *times = row_with_version(_STATE, at, number)
    if last_outcome is None:
        return PageState(version, "", is_fresh=False, is_stale=False)
    story = repr((last_outcome, *times))
    return PageState(version, story, bool(is_fresh), is_stale=last_outcome in FAILURES)


def key_of(request: HttpRequest, facts: object) -> str:
    """The key of the page at the address of this request that depends on these facts.

    `facts` are all that the page depends on beside the time, our own files, and its own address, which it prints, so that
    the host belongs to them too. The page may hold nothing of a single visitor.
    """
    named = repr((release_id(), request.scheme, request.get_host(), request.path, facts))
    return f"page:{sha256(named.encode()).hexdigest()}"


def get(request: HttpRequest, key: str) -> HttpResponse | None:
    """The page of this key as a response to this request; None where there is none that still reads the same."""
    page: _CachedPage | None = cache.get(key)
    if page is None or page.valid_until <= timezone.now():
        return None
    return _respond(request, page)


def put(request: HttpRequest, key: str, response: HttpResponse, *, until: datetime) -> HttpResponse:
    """Keep a rendered page until it reads differently, and return it as a response to this request.

    A page that is not a 200 is returned as it is and not kept.
    """
    if response.status_code != 200:
        return response
    content = response.content
    patch_vary_headers(response, ["Accept-Encoding"])
    # Weak: the same for the page as it is and for its compressed form, which are not the same bytes.
    response["ETag"] = f'W/"{sha256(content).hexdigest()[:20]}"'
    page = _CachedPage(compress(content, 6), dict(response.items()), until)
    cache.set(key, page, _KEPT_SECONDS)
    return _respond(request, page)


def _respond(request: HttpRequest, page: _CachedPage) -> HttpResponse:
    """Compressed where the browser accepts that. A page with no secret in it may be the same bytes each time."""
    if short := get_conditional_response(request, etag=page.headers["ETag"]):
        short["ETag"], short["Vary"] = page.headers["ETag"], page.headers["Vary"]
        return short
    packed = re_accepts_gzip.search(request.META.get("HTTP_ACCEPT_ENCODING", ""))
    response = HttpResponse(page.packed if packed else decompress(page.packed), headers=page.headers)
    if packed:
        response["Content-Encoding"] = "gzip"
    return response
