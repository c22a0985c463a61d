"""A cache of rendered pages. A page is used again until a fact that it depends on changes, for 15 minutes at most.

Pages are compressed once. A browser that has the page already gets a 304. A cache that fails, such as one in files on a
full disk, is an empty cache.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from gzip import compress, decompress
from hashlib import sha256
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.middleware.gzip import re_accepts_gzip
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_vary_headers

from tracking.models import Shipment, Shop
from tracking.models.shipments import FAILURES
from tracking.public.release import release_id
from tracking.values.clocks import CLOCKS_DIFFER, FURTHEST_AHEAD
from tracking.values.numbers import TrackingNumber
from tracking.words.version import row_with_version

logger = logging.getLogger(__name__)

_KEPT_SECONDS = 900  # at most: a page that would read differently earlier ends earlier

# All columns of a shipment that a page depends on. Events change only together with `changed_at`.
_STORY = (
    "last_outcome, last_answer, answered_at, story_at, changed_at, history_missing, parcel.destination_id"
)
_STATE = f"""
    SELECT words_version, ask_again_at > %s AND ask_again_at < %s AND (asked_at IS NULL OR asked_at <= %s), {_STORY}
    FROM {Shop._meta.db_table}
    LEFT JOIN {Shipment._meta.db_table} AS parcel ON number = %s AND story_at IS NOT NULL
"""


@dataclass(frozen=True)
class PageState:
    """The stored facts that a page about one parcel depends on."""

    words_version: UUID
    story: str  # changes whenever the stored story changes; empty: there is no story
    is_fresh: bool  # no request to Japan Post is due
    is_stale: bool  # the last request failed


@dataclass(frozen=True)
class _CachedPage:
    packed: bytes
    headers: Mapping[str, str]
    rendered_at: datetime
    valid_until: datetime


def read_state(number: TrackingNumber, *, now: datetime) -> PageState:
    """Return what a page about this parcel depends on at an aware `now`. One query; Japan Post is not asked."""
    moments = (now, now + FURTHEST_AHEAD, now + CLOCKS_DIFFER)  # as in `Shipment.is_due`
    limits = map(connection.ops.adapt_datetimefield_value, moments)
    version, is_fresh, last_outcome, *times = row_with_version(_STATE, *limits, number)
    if last_outcome is None:
        return PageState(version, "", is_fresh=False, is_stale=False)
    story = repr((last_outcome, *times))
    return PageState(version, story, bool(is_fresh), is_stale=last_outcome in FAILURES)


def cache_key(request: HttpRequest, facts: object) -> str:
    """Return the cache key of the page at this request's address.

    `facts` must hold everything else that the page depends on, except the time and the files of this release. The host
    is part of the key, because the page prints its own address. The page must not contain data of a single visitor.
    """
    named = repr((release_id(), request.scheme, request.get_host(), request.path, facts))
    return f"page:{sha256(named.encode()).hexdigest()}"


def get(request: HttpRequest, *keys: str) -> HttpResponse | None:
    """Return the page with one of these keys as a response to this request; None if none of them is still valid."""
    try:
        found: dict[str, _CachedPage] = cache.get_many(keys)
    except Exception as error:  # caches and their libraries raise many kinds
        logger.warning("the cache cannot be read: %s", type(error).__name__)
        return None
    # After a jump of the clock, the cache may keep a page of the future for long.
    now = timezone.now()
    valid = (page for page in found.values() if page.rendered_at <= now < page.valid_until)
    page = next(valid, None)
    return _respond(request, page) if page else None


def put(request: HttpRequest, key: str, response: HttpResponse, *, until: datetime) -> HttpResponse:
    """Cache a rendered page until the aware moment `until`, and return it as a response to this request.

    A response with another status than 200 is returned unchanged and not cached. Under a host that the settings do not
    name, the page is returned and not cached.
    """
    if response.status_code != 200:
        return response
    page = _packed(response, until)
    if _is_host_ours(request):
        _store(key, page)
    return _respond(request, page)


def tag(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Return a rendered page as a response to this request, as `put` does, and do not cache it."""
    return _respond(request, _packed(response, until=timezone.now()))


def _packed(response: HttpResponse, until: datetime) -> _CachedPage:
    content = response.content
    patch_vary_headers(response, ["Accept-Encoding"])
    # Weak, because the plain and the compressed form share it and differ in bytes.
    response["ETag"] = f'W/"{sha256(content).hexdigest()[:20]}"'
    return _CachedPage(compress(content, 6), dict(response.items()), timezone.now(), until)


def _store(key: str, page: _CachedPage) -> None:
    try:
        cache.set(key, page, _KEPT_SECONDS)
    except Exception as error:  # as in `get`
        logger.warning("a page was not cached: %s", type(error).__name__)


def _is_host_ours(request: HttpRequest) -> bool:
    """True under a host that ALLOWED_HOSTS names exactly or SITE_URL has, without a port or with a port of ours.

    A visitor can make up ports, upper-case letters and the subdomains of a wildcard, so that each page would be cached
    again for each of them.
    """
    site = urlsplit(settings.SITE_URL)
    exact = (name.lower() for name in settings.ALLOWED_HOSTS if not name.startswith((".", "*")))
    names = {site.netloc.removesuffix(f":{site.port}"), *exact}
    # On a Unix socket, where a client has no address, gunicorn takes the port from the client's own header.
    ports = {site.port, request.get_port() if request.META.get("REMOTE_ADDR") else None}
    return request.get_host() in names | {f"{name}:{port}" for name in names for port in ports}


def _respond(request: HttpRequest, page: _CachedPage) -> HttpResponse:
    """Return the page, compressed if the browser accepts that, or a 304.

    Pages contain no secret, so the compressed bytes need no random padding against the BREACH attack.
    """
    if short := get_conditional_response(request, etag=page.headers["ETag"]):
        short["ETag"], short["Vary"] = page.headers["ETag"], page.headers["Vary"]
        return short
    packed = re_accepts_gzip.search(request.headers.get("Accept-Encoding", ""))
    response = HttpResponse(page.packed if packed else decompress(page.packed), headers=page.headers)
    if packed:
        response["Content-Encoding"] = "gzip"
    return response
