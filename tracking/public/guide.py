"""`/`: the guide. Explains every status; the main ones first, in the order that staff chose, then the less common."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from tracking.japanpost.examples import has_example
from tracking.journey.times import next_midnight
from tracking.models import Shop, Status
from tracking.public import page_cache
from tracking.public.rendering import language_of_request, plain_page, read_only, revalidated
from tracking.values.places import JAPAN_TIME, japans_day
from tracking.words.glossary import Glossary, fill


@read_only
@revalidated
def guide(request: HttpRequest) -> HttpResponse:
    """`/`: the look-up form, and what each status means."""
    glossary, now = Glossary.current(), timezone.now()
    key = page_cache.cache_key(request, ("guide", glossary.version, language_of_request(), japans_day(now)))
    if page := page_cache.get(request, key):
        return page
    page = guide_page(request, glossary)
    return page_cache.put(request, key, page, until=next_midnight(now, JAPAN_TIME))


def guide_page(request: HttpRequest, glossary: Glossary, *, is_preview: bool = False) -> HttpResponse:
    """Return the guide's page with the words of this glossary. `is_preview`: staff view it before they publish."""
    context = {
        "guide": read_guide(glossary, language_of_request()),
        "is_preview": is_preview,
        "notices": glossary.all_notices(japans_day()),
    }
    return plain_page(request, "public/guide.html", context, glossary=glossary)


@dataclass(frozen=True)
class GuideEntry:
    """One status, with its words in one language."""

    status: Status
    title: str
    meaning: str
    what_to_do: str
    example: str  # slug of an example parcel; empty: there is none


@dataclass(frozen=True)
class Guide:
    """The guide in one language."""

    shop: Shop
    main: tuple[GuideEntry, ...]  # in the order that staff chose
    less_common: tuple[GuideEntry, ...]  # statuses without a place in that order


def read_guide(glossary: Glossary, language: str) -> Guide:
    """Return the guide in one language, without statuses that are hidden or have no words."""
    shown = [entry for status in glossary.statuses if (entry := _entry(glossary, status, language))]
    return Guide(
        shop=glossary.shop,
        main=tuple(entry for entry in shown if entry.status.guide_order is not None),
        less_common=tuple(entry for entry in shown if entry.status.guide_order is None),
    )


def _entry(glossary: Glossary, status: Status, language: str) -> GuideEntry | None:
    words = glossary.guide_words(status, language)
    if words is None:
        return None
    origin = glossary.destinations["JP"].spoken_name
    title, meaning, what_to_do = (
        fill(text, origin=origin) for text in (words.title, words.meaning, words.what_to_do)
    )
    example = status.example if has_example(status.example) else ""
    return GuideEntry(status, title, meaning, what_to_do, example)
