"""The guide: every status in plain words, the main ones in staff's order, the less common ones after them."""

from dataclasses import dataclass

from tracking.japanpost.examples import has_example
from tracking.models import Shop, Status
from tracking.words.glossary import Glossary, fill


@dataclass(frozen=True)
class GuideEntry:
    status: Status
    title: str
    meaning: str
    what_to_do: str
    example: str  # slug of an example parcel, empty where there is none


@dataclass(frozen=True)
class Guide:
    shop: Shop
    main: tuple[GuideEntry, ...]
    less_common: tuple[GuideEntry, ...]


def read_guide(glossary: Glossary, language: str) -> Guide:
    """The guide in one language. Statuses that are hidden, or that nobody has found words for, are left out."""
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
