"""The views of tracking pages and examples. They read the request, decide and render; other modules do the rest."""

from urllib.parse import unquote_plus

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from tracking.japanpost.examples import all_examples, get_example
from tracking.public import page_cache
from tracking.public.addresses import (
    hinted_destination,
    redirect_to_list,
    redirect_to_shipment,
    typed_numbers,
)
from tracking.public.answers import (
    Answer,
    Visit,
    answer_of,
    as_json,
    example_answer,
    find,
    find_several,
    find_stored,
    note_story,
    refusal,
)
from tracking.public.rendering import (
    answer_json,
    answer_page,
    language_of_request,
    list_page,
    plain_page,
    read_only,
    revalidated_private,
    unindexed,
    unreferred,
)
from tracking.public.visitors import visitor_keys
from tracking.values import numbers
from tracking.values.numbers import Problem, TrackingNumber
from tracking.words.glossary import Glossary


@read_only
@revalidated_private
def track(request: HttpRequest) -> HttpResponse:
    """`/track/`: the target of the look-up form. Redirects one number to its page; shows several as a list."""
    typed = typed_numbers(request)
    if typed is None:
        return plain_page(request, "public/track.html", {})
    found = numbers.find_numbers(typed)
    is_list = 1 < len(found) <= numbers.MOST_AT_ONCE
    if is_list and request.GET.get("number") == ",".join(found):
        return _list(request, found)
    return _typed(request, typed)


@read_only
@revalidated_private
def shipment(request: HttpRequest, number: TrackingNumber) -> HttpResponse:
    """`/track/EM123456785JP/`: the page of one parcel."""
    return unreferred(_parcel(request, number))


@read_only
@revalidated_private
def shipment_json(request: HttpRequest, number: TrackingNumber) -> HttpResponse:
    """`/track/EM123456785JP.json`: the facts of the page for programs. `?stored=1`: without asking Japan Post."""
    return unreferred(_parcel(request, number, wants_json=True))


@read_only
@revalidated_private
def pasted(request: HttpRequest, text: str) -> HttpResponse:
    """`/track/<text>` that is not a canonical number: redirects to the number in it, or says what is wrong."""
    plain = text.rstrip("/")
    wants_json = plain.lower().endswith(".json")
    plain = plain[: -len(".json")] if wants_json else plain
    typed = unquote_plus(f"{plain}?{request.META.get('QUERY_STRING', '')}").rstrip("?")
    found = numbers.find_numbers(plain) or numbers.find_numbers(typed)
    if len(found) == 1:
        return redirect_to_shipment(request, found[0], permanent=True, as_json=wants_json)
    if 1 < len(found) <= numbers.MOST_AT_ONCE:
        return redirect_to_list(request, found)
    refused = _refusal_of_path(plain.strip("/ "), found)
    if wants_json:
        return unreferred(unindexed(JsonResponse(as_json(refused), status=refused.http_status)))
    return answer_page(request, refused, Glossary.current())


@read_only
@revalidated_private
def japan_post_address(request: HttpRequest) -> HttpResponse:
    """`/services/srv/search/direct`, Japan Post's path: a shop need only change the host in its e-mails."""
    return _typed(request, " ".join((typed_numbers(request) or "").split()))


@read_only
def examples(request: HttpRequest) -> HttpResponse:
    """`/examples/`: the list of example parcels, one for each situation."""
    return unindexed(plain_page(request, "public/examples.html", {"examples": all_examples()}))


@read_only
def example(request: HttpRequest, slug: str) -> HttpResponse:
    """`/examples/<slug>/`: an example parcel, with the same words and page as a real one, without the network."""
    try:
        found = get_example(slug)
    except KeyError:
        raise Http404(slug) from None
    glossary = Glossary.current()
    shown = example_answer(found, glossary, now=timezone.now(), language=language_of_request())
    return answer_page(request, shown, glossary, example=found)


def _typed(request: HttpRequest, typed: str) -> HttpResponse:
    """A redirect to the page or the list of the numbers in a text, or the page that says what is wrong with it."""
    problem, found = numbers.diagnose(typed), numbers.find_numbers(typed)
    if len(found) == 1:
        return redirect_to_shipment(request, found[0], permanent=False)
    if problem:
        return answer_page(request, refusal(typed, problem), Glossary.current())
    return redirect_to_list(request, found)


def _refusal_of_path(text: str, found: list[TrackingNumber]) -> Answer:
    """The answer for a path that is not one number. `found`: the numbers in it, none or too many."""
    if found:
        return refusal(" ".join(found), Problem.TOO_MANY)
    domestic = numbers.diagnose(text) == Problem.DOMESTIC
    return refusal(text[:100], Problem.DOMESTIC if domestic else Problem.WRONG_SHAPE)


def _parcel(request: HttpRequest, number: TrackingNumber, *, wants_json: bool = False) -> HttpResponse:
    """One parcel, as a page or as JSON; from the page cache if it would read the same."""
    from_store = wants_json and request.GET.get("stored") == "1"
    state = page_cache.read_state(number, now=timezone.now())
    glossary = Glossary.of_version(state.words_version)
    visit = _visit(request, glossary)
    found = None
    if state.story and (state.is_fresh or from_store):  # no look-up is due: a cached page may do
        if not from_store:
            note_story(is_stale=state.is_stale)
        facts: tuple[object, ...] = (state.story, glossary.version, visit.language)
    else:
        found = find_stored(number, glossary, visit) if from_store else find(number, glossary, visit)
        if isinstance(found, Answer):
            return _render(request, found, glossary, wants_json=wants_json)
        facts = found.cache_key()
    for_any_hint = page_cache.cache_key(request, (*facts, "any"))
    for_this_hint = page_cache.cache_key(request, (*facts, "hint", visit.hint))
    if page := page_cache.get(request, for_any_hint, for_this_hint):
        return page
    answer = answer_of(found or find_stored(number, glossary, visit))
    page = _render(request, answer, glossary, wants_json=wants_json)
    # Another destination than the hint is from a scan or staff: then each hint leads to the same page.
    is_hint_unused = answer.progress and answer.progress.destination != visit.hint
    key = for_any_hint if is_hint_unused else for_this_hint
    return page_cache.put(request, key, page, until=answer.valid_until)


def _list(request: HttpRequest, asked: list[TrackingNumber]) -> HttpResponse:
    """The list of several parcels. It is not cached: each order of its numbers would be another page."""
    glossary = Glossary.current()
    visit = _visit(request, glossary)
    rows = [answer_of(one) for one in find_several(asked, glossary, visit)]
    return unreferred(page_cache.tag(request, list_page(request, rows, glossary, visit.hint)))


def _render(request: HttpRequest, answer: Answer, glossary: Glossary, *, wants_json: bool) -> HttpResponse:
    return answer_json(answer) if wants_json else answer_page(request, answer, glossary)


def _visit(request: HttpRequest, glossary: Glossary) -> Visit:
    return Visit(
        timezone.now(),
        language_of_request(),
        hinted_destination(request, glossary),
        visitor=visitor_keys(request),
        anyway=request.GET.get("anyway") == "1",
    )
