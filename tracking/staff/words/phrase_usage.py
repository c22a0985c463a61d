"""Counts how the stored stories use a phrase: parcels, countries and offices."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Case, Count, Exists, IntegerField, Max, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce

from tracking.models import Event, Phrase
from tracking.values.spelling import spellings
from tracking.words.glossary import Glossary

MOST_NAMED = 3  # countries, and offices


@dataclass
class PhraseUsage:
    """The use of one phrase in the current stories. Superseded events are not counted."""

    parcels: int = 0
    shown_now: int = 0  # parcels whose newest event has the phrase
    example: str = ""  # number of a parcel with the phrase, preferably shown now; empty: none
    countries: Counter[str] = field(default_factory=Counter)  # name -> events
    offices: Counter[str] = field(default_factory=Counter)

    @property
    def top_countries(self) -> list[tuple[str, int]]:
        """The MOST_NAMED countries with the most events."""
        return _top(self.countries)

    @property
    def more_countries(self) -> int:
        """The number of countries that `top_countries` leaves out."""
        return max(0, len(self.countries) - MOST_NAMED)

    @property
    def top_offices(self) -> list[tuple[str, int]]:
        """The MOST_NAMED offices with the most events."""
        return _top(self.offices)

    @property
    def more_offices(self) -> int:
        """The number of offices that `top_offices` leaves out."""
        return max(0, len(self.offices) - MOST_NAMED)


def _top(counted: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counted.items(), key=lambda one: (-one[1], one[0]))[:MOST_NAMED]


def usage_of(phrases: Iterable[Phrase]) -> dict[int, PhraseUsage]:
    """Return the usage of each phrase, by its primary key. Two queries of events, however many phrases."""
    texts = {phrase.pk: spellings(phrase.text) for phrase in phrases}
    found = {key: PhraseUsage() for key in texts}
    if not found:
        return found
    for row in _counts(texts):
        key = row.pop("of")
        found[key] = PhraseUsage(**row)
    glossary = Glossary.current()
    for phrase, region, office, count in _places(texts):
        one = found[next(key for key, spelt in texts.items() if phrase in spelt)]
        if region:
            one.countries[_country_name(glossary, region)] += count
        if office:
            one.offices[office] += count
    return found


def _counts(texts: Mapping[int, set[str]]) -> Iterable[dict[str, Any]]:
    """Counts and an example for each phrase. A parcel with two spellings of a phrase counts once."""
    whose = Case(
        *(When(phrase__in=spelt, then=Value(key)) for key, spelt in texts.items()),
        output_field=IntegerField(),
    )
    later = Event.objects.current().filter(shipment=OuterRef("shipment"), position__gt=OuterRef("position"))
    rows = _rows(texts).annotate(of=whose, is_newest=~Exists(later)).values("of")
    counts: Iterable[dict[str, Any]] = rows.annotate(
        parcels=Count("shipment", distinct=True),
        shown_now=Count("pk", filter=Q(is_newest=True)),
        example=Coalesce(Max("shipment__number", filter=Q(is_newest=True)), Max("shipment__number")),
    )
    return counts


def _places(texts: Mapping[int, set[str]]) -> Iterable[tuple[str, str, str, int]]:
    places: Iterable[tuple[str, str, str, int]] = (
        _rows(texts).values_list("phrase", "region", "office").annotate(count=Count("pk"))
    )
    return places


def _rows(texts: Mapping[int, set[str]]) -> QuerySet[Any]:
    """Current events with any of these texts."""
    return Event.objects.current().filter(phrase__in=set().union(*texts.values())).order_by()


def _country_name(glossary: Glossary, region: str) -> str:
    """The country's name, or Japan Post's text if we do not know the country."""
    known = glossary.destinations.get(glossary.country_of(region) or "")
    return known.name if known else region
