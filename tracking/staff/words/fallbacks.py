"""Which wording customers get for each country and language, and how many parcels show a status now."""

from collections import Counter
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count
from django.db.models.functions import Right

from tracking.models import Event, Shipment, Status, Wording
from tracking.models.words import language_name
from tracking.words.glossary import Glossary

ENGLISH = "en"


@dataclass(frozen=True)
class FallbackRow:
    """One destination: what its customers get in each language, in the order of `Fallbacks.languages`."""

    destination: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Fallbacks:
    """The table of a status: languages across, destinations down."""

    languages: tuple[str, ...]  # their names; English first
    rows: tuple[FallbackRow, ...]  # any destination first


def fallbacks(status: Status, glossary: Glossary) -> Fallbacks:
    """Return what customers get for each destination and language, by the look-up that their pages use."""
    codes = languages_of(glossary)
    rows = []
    for code in (None, *_destinations(glossary)):
        sources = tuple(source(glossary, status, language, code) for language in codes)
        name = glossary.destinations[code].name if code else "Any destination"
        rows.append(FallbackRow(name, sources))
    return Fallbacks(tuple(language_name(code) for code in codes), tuple(rows))


def source(glossary: Glossary, status: Status, language: str, destination: str | None) -> str:
    """Return “its own words”, “inherits from …” or “nothing written; customers get …”.

    `destination`: ISO code; None: any destination.
    """
    words = glossary.words_for(status, language=language, destination=destination)
    if words is None:
        return "nothing written; customers get Japan Post's own words"
    if (words.language, words.destination_id) == (language, destination):
        return "its own words"
    place = glossary.destinations[words.destination_id].name if words.destination_id else ""
    if words.language == language:
        return f"inherits from {Wording.name_of(words.language, place)}"
    written = language_name(words.language)
    return (
        f"nothing written; customers get {written} for {place}"
        if place
        else f"nothing written; customers get {written}"
    )


def parcels_by_status(glossary: Glossary) -> Counter[int]:
    """Count the parcels at each status, by its primary key: those whose newest scan has a phrase of it. One query.

    Steps inside the country of origin and deliveries back there are counted too, although their pages use other words.
    """
    counts: Counter[int] = Counter()
    newest = Event.objects.newest().order_by().values_list("phrase")
    for phrase, parcels in newest.annotate(parcels=Count("pk")):
        if status := glossary.status_of(phrase):
            counts[status.pk] += parcels
    return counts


def languages_of(glossary: Glossary) -> list[str]:
    """Return the codes of the languages of the site and of all wording; English first."""
    used = {code for code, _ in settings.LANGUAGES} | {language for language, _ in glossary.written_for}
    return [ENGLISH, *sorted(used - {ENGLISH}, key=language_name)]


def _destinations(glossary: Glossary) -> list[str]:
    """The destinations of wording and of parcels, by name."""
    written = {destination for _, destination in glossary.written_for if destination}
    given = set(Shipment.objects.exclude(destination=None).values_list("destination", flat=True).distinct())
    found = written | given | _scanned(glossary)
    return sorted(found & glossary.destinations.keys(), key=lambda code: glossary.destinations[code].name)


def _scanned(glossary: Glossary) -> set[str]:
    """The countries in which parcels were scanned, except their countries of origin."""
    rows = Event.objects.current().order_by().annotate(origin=Right("shipment__number", 2))
    found = {
        (origin, glossary.country_of(region))
        for origin, region in rows.values_list("origin", "region").distinct()
    }
    return {country for origin, country in found if country and country != origin}
