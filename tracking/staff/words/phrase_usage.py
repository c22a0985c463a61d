"""When Japan Post says a phrase, and where it stands in the stored stories: how many parcels, which countries and offices."""

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
    """What the stories as they stand have of one phrase; superseded rows are left out."""

    parcels: int = 0
    shown_now: int = 0  # parcels whose newest row it is
    example: str = ""  # number of a parcel that has it, one that shows it now where there is one
    countries: Counter[str] = field(default_factory=Counter)  # name -> rows
    offices: Counter[str] = field(default_factory=Counter)

    @property
    def top_countries(self) -> list[tuple[str, int]]:
        return _top(self.countries)

    @property
    def more_countries(self) -> int:
        return max(0, len(self.countries) - MOST_NAMED)

    @property
    def top_offices(self) -> list[tuple[str, int]]:
        return _top(self.offices)

    @property
    def more_offices(self) -> int:
        return max(0, len(self.offices) - MOST_NAMED)


def _top(counted: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counted.items(), key=lambda one: (-one[1], one[0]))[:MOST_NAMED]


def usage_of(phrases: Iterable[Phrase]) -> dict[int, PhraseUsage]:
    """For each phrase, by its key. Two queries about the rows, however many phrases."""
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
    """A parcel that has two spellings of one phrase counts once."""
    whose = Case(
        *(When(phrase__in=spelt, then=Value(key)) for key, spelt in texts.items()),
        output_field=IntegerField(),
    )
    later = Event.objects.current().filter(shipment=OuterRef("shipment"), position__gt=OuterRef("position"))
    rows = _rows(texts).annotate(of=whose, is_newest=~Exists(later)).values("of")
    return rows.annotate(
        parcels=Count("shipment", distinct=True),
        shown_now=Count("pk", filter=Q(is_newest=True)),
        example=Coalesce(Max("shipment__number", filter=Q(is_newest=True)), Max("shipment__number")),
    )


def _places(texts: Mapping[int, set[str]]) -> Iterable[tuple[str, str, str, int]]:
    return _rows(texts).values_list("phrase", "region", "office").annotate(count=Count("pk"))


def _rows(texts: Mapping[int, set[str]]) -> QuerySet[Any]:
    """Rows of the stories as they stand with any of these texts."""
    return Event.objects.current().filter(phrase__in=set().union(*texts.values())).order_by()


def _country_name(glossary: Glossary, region: str) -> str:
    """The country's name, or what Japan Post printed where we do not know it."""
    known = glossary.destinations.get(glossary.country_of(region) or "")
    return known.name if known else region
