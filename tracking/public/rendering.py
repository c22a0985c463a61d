"""Renders answers as pages or JSON, with their headers."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from tracking.japanpost.examples import Example
from tracking.journey.story import known_destinations
from tracking.models import Notice
from tracking.public.addresses import hinted_destination
from tracking.public.answers import Answer, as_json, next_try
from tracking.values.places import japans_day
from tracking.words.glossary import Glossary


def read_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Decorate a view to accept only GET and HEAD. Other methods get 405, not the page about the CSRF cookie."""
    return csrf_exempt(require_safe(view))


# A browser may keep the page but must revalidate it: it never shows old words after an edit, and a 304 is short.
revalidated = cache_control(no_cache=True)
revalidated_private = cache_control(private=True, no_cache=True)


def language_of_request() -> str:
    """Return the code of the active language."""
    return get_language() or settings.LANGUAGE_CODE


def plain_page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    status: int = 200,
    *,
    glossary: Glossary | None = None,
) -> HttpResponse:
    """Render a page, with the context that every page has: shop, logo, notices for all countries, its own address."""
    glossary = glossary or Glossary.current()
    shared = {
        "shop": glossary.shop,
        "logo": glossary.logo,
        "notices": glossary.notices_for([], japans_day()),
        "address": request.build_absolute_uri(request.path),
    }
    return render(request, template, shared | context, status=status)


def answer_page(
    request: HttpRequest,
    found: Answer,
    glossary: Glossary,
    *,
    example: Example | None = None,
    is_preview: bool = False,
) -> HttpResponse:
    """Return the page of an answer. With `is_preview` the page neither checks for news nor stores the number."""
    context = {
        "answer": found,
        "progress": found.progress,
        "example": example,
        "is_preview": is_preview,
        "typed": found.number,
        "next_try": next_try([found]),
        "remember": found.remembered_as,
    }
    if not found.progress:
        context |= _without_story(found, glossary, hinted_destination(request, glossary))
    template = "public/shipment.html" if found.progress else "public/answer.html"
    response = plain_page(request, template, context, found.http_status, glossary=glossary)
    return unreferred(unindexed(_with_retry(response, found)))


def answer_json(answer: Answer) -> HttpResponse:
    """Return the JSON of an answer, with the same HTTP status as the page."""
    return unindexed(_with_retry(JsonResponse(as_json(answer), status=answer.http_status), answer))


def list_page(request: HttpRequest, rows: list[Answer], glossary: Glossary, hint: str | None) -> HttpResponse:
    """Return the page of several answers. `hint`: ISO code of the destination in the link; None: it has none."""
    destinations = [row.progress.destination for row in rows if row.progress]
    without_story = [row.number for row in rows if not row.progress]
    context = {
        "rows": rows,
        "next_try": next_try(rows),
        "remember": " ".join(row.remembered_as for row in rows if row.remembered_as),
        "typed": " ".join(row.number for row in rows),
        "hinted": f"?{urlencode({'to': hint})}" if hint else "",
        "notices": _notices_on_the_way(
            glossary, hint if without_story else None, without_story, destinations
        ),
    }
    return unreferred(unindexed(plain_page(request, "public/parcels.html", context, glossary=glossary)))


def unreferred(response: HttpResponse) -> HttpResponse:
    """Set the header that keeps the tracking number from sites that this page links to."""
    response["Referrer-Policy"] = "no-referrer"
    return response


def unindexed(response: HttpResponse) -> HttpResponse:
    """Set the header that keeps the page out of search engines. Also adds Accept-Language to `Vary`."""
    response["X-Robots-Tag"] = "noindex"
    patch_vary_headers(response, ["Accept-Language"])
    return response


def _without_story(found: Answer, glossary: Glossary, hint: str | None) -> dict[str, Any]:
    """The context of a page without a story: notices for the destination, and the link to the contact form.

    A text that is not a number is never used in a query of the database.
    """
    return {
        "notices": _notices_on_the_way(glossary, hint, [found.number] if found.is_number else [], []),
        "contact_query": urlencode({"number": found.number} | ({"to": hint} if hint else {})),
    }


def _notices_on_the_way(
    glossary: Glossary, hint: str | None, without_story: list[str], destinations: list[str | None]
) -> tuple[Notice, ...]:
    """Notices for all countries and for the parcels' destinations. `without_story`: the numbers that have no story."""
    known = known_destinations(without_story) if without_story else []
    return glossary.notices_for([hint, *known, *destinations], japans_day())


def _with_retry(response: HttpResponse, found: Answer) -> HttpResponse:
    if found.retry_after:
        response["Retry-After"] = str(found.retry_after)
    return response
