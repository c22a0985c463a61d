"""The pages a visitor can see. A view gets, decides and renders; words and states are computed elsewhere."""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus, urlencode

from django.conf import settings
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from tracking import contact as contact_desk
from tracking import numbers
from tracking.answers import (
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
from tracking.examples import Example, all_examples, get_example
from tracking.forms import ContactForm
from tracking.glance import glance
from tracking.glossary import Glossary
from tracking.guide import read_guide
from tracking.lookup import known_destinations
from tracking.models import Message, Notice
from tracking.models.shipments import Outcome
from tracking.numbers import MOST_AT_ONCE, Problem, TrackingNumber
from tracking.places import JAPAN_TIME, japans_day
from tracking.reuse import Printed, reused
from tracking.times import next_midnight
from tracking.visitors import visitor_key

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
        return _page(request, "tracking/track.html", {})
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
        return _unreferred(_unindexed(JsonResponse(as_json(refused), status=refused.http_status)))
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
    return _unindexed(_page(request, "tracking/examples.html", {"examples": all_examples()}))


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


@require_http_methods(["GET", "HEAD", "POST"])
@cache_control(private=True, no_store=True)
def contact(request: HttpRequest) -> HttpResponse:
    """`/contact/`: the form, filled in with what we know about `?number=`, on its way `?to=`."""
    now = timezone.now()
    if request.method != "POST":
        typed = request.GET.get("number", "")[:40]
        hint = _hint(request, Glossary.current())
        progress = contact_desk.stored_progress(typed, now, hint=hint)
        form = ContactForm(initial={"number": typed, "to": hint, "text": contact_desk.first_lines(progress)})
        return _unindexed(
            _page(request, "tracking/contact.html", {"form": form, "receipt": _receipt(request)})
        )
    form = ContactForm(request.POST)
    if not form.is_valid():
        return _page(request, "tracking/contact.html", {"form": form}, 400)
    if contact_desk.wrote_too_often(visitor_key(request), now):
        response = _page(request, "tracking/contact.html", {"form": form, "too_often": True}, 429)
        response["Retry-After"] = "3600"
        return response
    message = contact_desk.keep_message(form.cleaned_data, sender_key=visitor_key(request), now=now)
    return HttpResponseRedirect(f"{reverse('contact')}?{urlencode({'receipt': signing.dumps(message.pk)})}")


def form_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW. What was written is shown, so that it is not lost."""
    return _page(request, "403_csrf.html", {"text": request.POST.get("text", "")}, 403)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "403.html", status=403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(request, "404.html", {}, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """No database, no context: whatever failed, this must not."""
    return render(None, "500.html", status=500)


def _page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    status: int = 200,
    *,
    glossary: Glossary | None = None,
) -> HttpResponse:
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
    hint = _hint(request, glossary)
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
        "notices": _notices_on_the_way(glossary, hint, untold, destinations),
    }
    return _unreferred(_unindexed(_page(request, "tracking/parcels.html", context, glossary=glossary)))


def guide_page(request: HttpRequest, glossary: Glossary, *, is_preview: bool = False) -> HttpResponse:
    """The guide in these words."""
    context = {
        "guide": read_guide(glossary, _language()),
        "is_preview": is_preview,
        "notices": glossary.all_notices(japans_day()),
    }
    return _page(request, "tracking/guide.html", context, glossary=glossary)


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
        facts = (seen.story, glossary.version, _language(), _hint(request, glossary))
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


def _hint(request: HttpRequest, glossary: Glossary) -> str | None:
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
    now, language, hint = timezone.now(), _language(), _hint(request, glossary)
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
    return _unindexed(_with_retry(JsonResponse(as_json(found), status=found.http_status), found))


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
        context |= _without_story(found.number, glossary, _hint(request, glossary))
    template = "tracking/shipment.html" if found.progress else "tracking/answer.html"
    response = _page(request, template, context, found.http_status, glossary=glossary)
    return _unreferred(_unindexed(_with_retry(response, found)))


def _without_story(number: str, glossary: Glossary, hint: str | None) -> dict[str, Any]:
    """What the page knows all the same: where the parcel goes."""
    return {
        "notices": _notices_on_the_way(glossary, hint, [number], []),
        "contact_query": urlencode({"number": number} | ({"to": hint} if hint else {})),
    }


def _receipt(request: HttpRequest) -> Message | None:
    """The message a customer has just written, by the signed receipt in the address."""
    if not (receipt := request.GET.get("receipt")):
        return None
    try:
        return get_object_or_404(Message, pk=signing.loads(receipt, max_age=86400))
    except signing.BadSignature:
        return None


def _with_retry(response: HttpResponse, found: Answer) -> HttpResponse:
    if found.retry_after:
        response["Retry-After"] = str(found.retry_after)
    return response


def _unreferred(response: HttpResponse) -> HttpResponse:
    """Whoever a link of this page leads to does not learn the tracking number from us."""
    response["Referrer-Policy"] = "no-referrer"
    return response


def _unindexed(response: HttpResponse) -> HttpResponse:
    response["X-Robots-Tag"] = "noindex"
    patch_vary_headers(response, ["Accept-Language"])
    return response
