"""The pages a visitor can see. A view gets, decides and renders; words and states are computed elsewhere."""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus, urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from tracking.japanpost.examples import Example, all_examples, get_example
from tracking.journey.story import known_destinations
from tracking.journey.times import next_midnight
from tracking.models import Notice
from tracking.models.shipments import Outcome
from tracking.public.answers import (
    STALE,
    Answer,
    answer,
    answer_several,
    answered,
    as_json,
    example_answer,
    next_try,
    refusal,
    stored_answer,
)
from tracking.public.glance import glance
from tracking.public.guide import read_guide
from tracking.public.page_cache import Printed, reused
from tracking.public.visitors import visitor_key
from tracking.values import numbers
from tracking.values.numbers import MOST_AT_ONCE, Problem, TrackingNumber
from tracking.values.places import JAPAN_TIME, japans_day
from tracking.words.glossary import Glossary

NUMBER_PARAMETERS = ("number", "tracking_number", "trackingNumber", "nums", "n")
_JAPAN_POST_PARAMETERS = tuple(
    f"{name}{i}" for name in ("reqCodeNo", "requestNo") for i in range(1, MOST_AT_ONCE + 1)
)
_KEPT = ("to", "anyway", "stored")  # parameters that outlive a redirection


def read_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """GET and HEAD; 405 for the others, rather than a word about a missing cookie."""
    return csrf_exempt(require_safe(view))


# A browser may keep it and asks each time whether it still stands: no old word after an edit, and a short answer.
revalidated = cache_control(no_cache=True)
revalidated_private = cache_control(private=True, no_cache=True)


@read_only
@revalidated
def guide(request: HttpRequest) -> HttpResponse:
    """`/`: what the statuses mean, with the look-up form on top."""
    glossary, now = Glossary.current(), timezone.now()
    facts = ("guide", glossary.version, _language(), japans_day(now))
    until = next_midnight(now, JAPAN_TIME)
    return reused(request, facts, lambda: Printed(guide_page(request, glossary), until))


@read_only
@revalidated_private
def track(request: HttpRequest) -> HttpResponse:
    """`/track/`: where the form leads. One number goes to its page, several stay here as a list."""
    typed = _typed(request)
    if typed is None:
        return plain_page(request, "public/track.html", {})
    problem, found = numbers.diagnose(typed), numbers.find_numbers(typed)
    if len(found) == 1:
        return _to_shipment(request, found[0], permanent=False)
    if problem:
        return answer_page(request, refusal(typed, problem))
    if request.GET.get("number") != ",".join(found):
        return _to_list(request, ",".join(found))
    return _list_page(request, found)


@read_only
@revalidated_private
def shipment(request: HttpRequest, number: TrackingNumber) -> HttpResponse:
    """`/track/EM123456785JP/`: where the parcel is, in one final response."""
    return _unreferred(_told(request, number, answer_page))


@read_only
@revalidated_private
def shipment_json(request: HttpRequest, number: TrackingNumber) -> HttpResponse:
    """`/track/EM123456785JP.json`: the same facts for programs. `?stored=1`: from our store alone."""
    return _unreferred(_told(request, number, _json_page, stored=request.GET.get("stored") == "1"))


@read_only
@revalidated_private
def pasted(request: HttpRequest, text: str) -> HttpResponse:
    """`/track/` and anything that is not a number in its canonical form: redirected, or told what is wrong."""
    plain = text.rstrip("/")
    wants_json = plain.lower().endswith(".json")
    plain = plain[: -len(".json")] if wants_json else plain
    typed = unquote_plus(f"{plain}?{request.META.get('QUERY_STRING', '')}").rstrip("?")
    found = numbers.find_numbers(plain) or numbers.find_numbers(typed)
    if len(found) == 1:
        return _to_shipment(request, found[0], permanent=True, as_json=wants_json)
    if found:
        return _to_list(request, ",".join(found))
    shown = plain.strip("/ ")
    domestic = numbers.diagnose(shown) == Problem.DOMESTIC
    refused = refusal(shown[:100], Problem.DOMESTIC if domestic else Problem.WRONG_SHAPE)
    if wants_json:
        return _unreferred(unindexed(JsonResponse(as_json(refused), status=refused.http_status)))
    return answer_page(request, refused)


@read_only
def japan_post_address(request: HttpRequest) -> HttpResponse:
    """Japan Post's own path, so that a shop need only change the host in its e-mails."""
    typed = _typed(request) or ""
    found = numbers.find_numbers(typed)
    if len(found) == 1:
        return _to_shipment(request, found[0], permanent=False)
    return _to_list(request, " ".join(typed.split()))


@read_only
def examples(request: HttpRequest) -> HttpResponse:
    """`/examples/`: one parcel for each situation."""
    return unindexed(plain_page(request, "public/examples.html", {"examples": all_examples()}))


@read_only
def example(request: HttpRequest, slug: str) -> HttpResponse:
    """`/examples/<slug>/`: an example through the same words and page, without any network."""
    try:
        found = get_example(slug)
    except KeyError:
        raise Http404(slug) from None
    glossary = Glossary.current()
    shown = example_answer(found, glossary, now=timezone.now(), language=_language())
    return answer_page(request, shown, glossary, example=found)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "403.html", status=403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return plain_page(request, "404.html", {}, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """No database, no context: whatever failed, this must not."""
    return render(None, "500.html", status=500)


def plain_page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    status: int = 200,
    *,
    glossary: Glossary | None = None,
) -> HttpResponse:
    """A page with what each has: the shop, the notices for everybody, its own address."""
    glossary = glossary or Glossary.current()
    shared = {
        "shop": glossary.shop,
        "logo": glossary.logo,
        "notices": glossary.notices_for([], japans_day()),
        "address": request.build_absolute_uri(request.path),
    }
    return render(request, template, shared | context, status=status)


def _list_page(request: HttpRequest, found: list[TrackingNumber]) -> HttpResponse:
    glossary = Glossary.current()
    hint = hinted_destination(request, glossary)
    rows = answer_several(
        found,
        glossary,
        now=timezone.now(),
        language=_language(),
        hint=hint,
        visitor=visitor_key(request),
    )
    if not all(row.telling for row in rows):
        return _rows_page(request, rows, glossary, hint)
    facts = [row.telling.facts() for row in rows if row.telling]

    def print_them() -> Printed:
        return Printed(_rows_page(request, rows, glossary, hint), until=min(row.stands_until for row in rows))

    return _unreferred(reused(request, facts, print_them))


def _rows_page(
    request: HttpRequest, rows: list[Answer], glossary: Glossary, hint: str | None
) -> HttpResponse:
    destinations = [row.progress.destination for row in rows if row.progress]
    untold = [row.number for row in rows if not row.progress]
    context = {
        "rows": rows,
        "next_try": next_try(rows),
        "remember": " ".join(row.remembered_as for row in rows if row.remembered_as),
        "typed": " ".join(row.number for row in rows),
        "hinted": f"?{urlencode({'to': hint})}" if hint else "",
        "notices": _notices_on_the_way(glossary, hint if untold else None, untold, destinations),
    }
    return _unreferred(unindexed(plain_page(request, "public/parcels.html", context, glossary=glossary)))


def guide_page(request: HttpRequest, glossary: Glossary, *, is_preview: bool = False) -> HttpResponse:
    """The guide in these words."""
    context = {
        "guide": read_guide(glossary, _language()),
        "is_preview": is_preview,
        "notices": glossary.all_notices(japans_day()),
    }
    return plain_page(request, "public/guide.html", context, glossary=glossary)


def _told(
    request: HttpRequest,
    number: TrackingNumber,
    print_answer: Callable[[HttpRequest, Answer, Glossary], HttpResponse],
    *,
    stored: bool = False,
) -> HttpResponse:
    """The answer, printed anew only where the same was not printed before. `stored`: nobody is asked."""
    seen = glance(number, now=timezone.now())
    glossary = Glossary.of_version(seen.words_version)

    def print_it(found: Answer) -> Printed:
        return Printed(print_answer(request, found, glossary), found.stands_until)

    if seen.story and (seen.is_fresh or stored):
        if not stored:
            answered.send(None, outcome=STALE if seen.is_stale else Outcome.TRACKED.value)
        facts = (seen.story, glossary.version, _language(), hinted_destination(request, glossary))
        return reused(request, facts, lambda: print_it(_answer(request, number, glossary, stored=True)))
    found = _answer(request, number, glossary, stored=stored)
    if found.telling is None:
        return print_answer(request, found, glossary)
    return reused(request, found.telling.facts(), lambda: print_it(found))


def _notices_on_the_way(
    glossary: Glossary, hint: str | None, untold: list[str], destinations: list[str | None]
) -> tuple[Notice, ...]:
    """For everybody, and for the countries where parcels go: `untold` are the numbers that have no story."""
    known = known_destinations(untold) if untold else []
    return glossary.notices_for([hint, *known, *destinations], japans_day())


def _language() -> str:
    return get_language() or settings.LANGUAGE_CODE


def _typed(request: HttpRequest) -> str | None:
    """All that was typed into any of the parameters that name numbers; None where there is none of them."""
    given = [
        value for name in (*NUMBER_PARAMETERS, *_JAPAN_POST_PARAMETERS) for value in request.GET.getlist(name)
    ]
    return "\n".join(given) if given else None


def _to_list(request: HttpRequest, typed: str) -> HttpResponse:
    return HttpResponseRedirect(
        f"{reverse('track')}?{urlencode({'number': typed} | _kept(request), safe=',')}"
    )


def _kept(request: HttpRequest) -> dict[str, str]:
    """What a redirection takes along."""
    return {name: request.GET[name] for name in _KEPT if name in request.GET}


def hinted_destination(request: HttpRequest, glossary: Glossary) -> str | None:
    """The destination that the link in the e-mail names, as an ISO code; None where it names none."""
    code = request.GET.get("to", "").strip().upper()
    return code if code in glossary.destinations else None


def _to_shipment(
    request: HttpRequest, number: TrackingNumber, *, permanent: bool, as_json: bool = False
) -> HttpResponse:
    kept = _kept(request)
    address = reverse("shipment_json" if as_json else "shipment", args=[number])
    location = f"{address}?{urlencode(kept)}" if kept else address
    return HttpResponseRedirect(location, status=301 if permanent else 302)


def _answer(
    request: HttpRequest, number: TrackingNumber, glossary: Glossary, *, stored: bool = False
) -> Answer:
    now, language, hint = timezone.now(), _language(), hinted_destination(request, glossary)
    if stored:
        return stored_answer(number, glossary, now=now, language=language, hint=hint)
    return answer(
        number,
        glossary,
        now=now,
        language=language,
        hint=hint,
        anyway=request.GET.get("anyway") == "1",
        visitor=visitor_key(request),
    )


def _json_page(request: HttpRequest, found: Answer, glossary: Glossary) -> HttpResponse:
    return unindexed(_with_retry(JsonResponse(as_json(found), status=found.http_status), found))


def answer_page(
    request: HttpRequest,
    found: Answer,
    glossary: Glossary | None = None,
    *,
    example: Example | None = None,
    is_preview: bool = False,
) -> HttpResponse:
    """The page that tells this answer. A preview looks for no news and remembers nothing: it is staff's own look."""
    glossary = glossary or Glossary.current()
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
    return _unreferred(unindexed(_with_retry(response, found)))


def _without_story(found: Answer, glossary: Glossary, hint: str | None) -> dict[str, Any]:
    """What the page knows all the same: where the parcel goes. A text that is no number never reaches the database."""
    return {
        "notices": _notices_on_the_way(glossary, hint, [found.number] if found.is_number else [], []),
        "contact_query": urlencode({"number": found.number} | ({"to": hint} if hint else {})),
    }


def _with_retry(response: HttpResponse, found: Answer) -> HttpResponse:
    if found.retry_after:
        response["Retry-After"] = str(found.retry_after)
    return response


def _unreferred(response: HttpResponse) -> HttpResponse:
    """Whoever a link of this page leads to does not learn the tracking number from us."""
    response["Referrer-Policy"] = "no-referrer"
    return response


def unindexed(response: HttpResponse) -> HttpResponse:
    """No search engine keeps it."""
    response["X-Robots-Tag"] = "noindex"
    patch_vary_headers(response, ["Accept-Language"])
    return response
