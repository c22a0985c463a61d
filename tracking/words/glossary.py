"""What do we say about this phrase, here, in this language? Read once, shared, renewed by any edit of words."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from hashlib import sha256
from threading import Lock
from uuid import UUID

from django.utils.translation import gettext as _

from tracking.models import Destination, Logo, Notice, Phrase, Shop, Status, UsualWait, Wording
from tracking.values.places import comparable, country_index
from tracking.values.spelling import normalise
from tracking.words.version import words_version

FINAL_DELIVERY = "final-delivery"
STANDING_RULES = 2  # one more whenever `tracking.journey.standing` works something out otherwise than before


@dataclass(frozen=True)
class Glossary:
    """All words at one moment. Lookups cost no query."""

    shop: Shop
    logo: Logo | None  # without its data
    statuses: tuple[Status, ...]  # in the guide's order, the less common ones last
    destinations: Mapping[str, Destination]  # by ISO code
    countries: Mapping[str, str]  # printed name -> ISO code; prefectures of Japan too
    notices: tuple[Notice, ...]
    ambiguous: frozenset[str]  # phrases with two meanings, normalised
    _phrases: Mapping[str, Status | None]  # exact text, normalised -> status
    _caseless: Mapping[str, Status | None]  # only where that is unambiguous
    _wordings: Mapping[tuple[int, str, str | None], Wording]  # (status, language, ISO code or None)
    _usual_waits: Mapping[tuple[int, str | None], UsualWait]  # (status, ISO code or None)

    @classmethod
    def current(cls) -> "Glossary":
        """The words as they stand now: one query when nothing was edited since this process last read them."""
        return cls.of_version(words_version())

    @classmethod
    def of_version(cls, version: UUID) -> "Glossary":
        """The words of this version, which was read just now; or of a newer one."""
        global _newest
        if (known := _newest) is not None and known.version == version:
            return known
        with _reading:  # one thread reads; the others of this process wait for it
            if _newest is None or _newest.version != version:
                _newest = cls._read(Shop.objects.get())
            return _newest

    @classmethod
    def _read(cls, shop: Shop) -> "Glossary":
        statuses = tuple(Status.objects.all())
        by_id = {status.pk: status for status in statuses}
        # Of two spellings that came at the same moment, the one with a meaning is read last and stands.
        rows = sorted(Phrase.objects.all(), key=lambda phrase: phrase.status_id is not None)
        phrases = {normalise(phrase.text): by_id.get(phrase.status_id or 0) for phrase in rows}
        destinations = {destination.code: destination for destination in Destination.objects.all()}
        return cls(
            shop=shop,
            logo=Logo.objects.without_data().first(),
            statuses=statuses,
            destinations=destinations,
            countries=country_index((d.code, d.printed_names) for d in destinations.values()),
            notices=tuple(Notice.objects.select_related("destination")),
            ambiguous=frozenset(normalise(phrase.text) for phrase in rows if phrase.ambiguous),
            _phrases=phrases,
            _caseless=_without_case(phrases),
            _wordings={
                (wording.status_id, wording.language, wording.destination_id): wording
                for wording in Wording.objects.filter(hidden=False)
            },
            _usual_waits={
                (wait.status_id, wait.destination_id): wait for wait in UsualWait.objects.order_by()
            },
        )

    @property
    def version(self) -> UUID:
        """Another one after each edit of any words."""
        return self.shop.words_version

    def status_of(self, phrase: str) -> Status | None:
        """What a phrase means; None for a phrase nobody has given a meaning.

        Exact after trimming, collapsing white space and dropping a final full stop. Without regard to case
        only where all known phrases that differ in case alone mean the same. Never a part of a phrase, but for
        one: "Final delivery - Collected at counter" says how a delivery went, whatever stands behind the dash,
        unless staff have that very phrase, with another meaning or with none.
        """
        text = normalise(phrase)
        if text in self._phrases:
            return self._phrases[text]
        beginning = self._phrases.get(text.partition(" - ")[0])
        if beginning and beginning.slug == FINAL_DELIVERY:
            return beginning
        return self._caseless.get(text.casefold())

    def status_named(self, slug: str) -> Status | None:
        """The status with this slug; None where staff have deleted it."""
        return next((status for status in self.statuses if status.slug == slug), None)

    def words_for(self, status: Status, *, language: str, destination: str | None) -> Wording | None:
        """(destination, language) -> (any, language) -> (destination, English) -> (any, English) -> None."""
        for tongue in dict.fromkeys((language, language.partition("-")[0], "en")):
            for place in dict.fromkeys((destination, None)):
                if wording := self._wordings.get((status.pk, tongue, place)):
                    return wording
        return None

    def guide_words(self, status: Status, language: str) -> Wording | None:
        """What the guide says about it; None where it is hidden there, or nobody has found words for it."""
        return None if status.hidden else self.words_for(status, language=language, destination=None)

    def usual_wait(self, status: Status, destination: str | None) -> UsualWait | None:
        """What parcels teach about this status: to this destination, else to all; None: nothing yet."""
        return self._usual_waits.get((status.pk, destination)) or self._usual_waits.get((status.pk, None))

    @cached_property
    def meaning(self) -> str:
        """A short digest of all but the texts: while it is the same, each parcel stands where it stood."""
        facts = (
            STANDING_RULES,
            sorted((text, one.pk) for text, one in self._phrases.items() if one),
            # Of phrases without a meaning only what they take away from others: see `status_of`.
            sorted((text, one.pk) for text, one in self._caseless.items() if one),
            sorted(text for text, one in self._phrases.items() if not one and " - " in text),
            [
                (one.pk, one.slug, one.stage, one.tone, one.usual_days, one.worry_days)
                for one in self.statuses
            ],
            sorted(self.countries.items()),
            sorted(
                (one.code, one.exchanges_scans, one.holding_days, one.enquiry_months)
                for one in self.destinations.values()
            ),
            sorted(
                (status, place or "", one.nine_in_ten_days)
                for (status, place), one in self._usual_waits.items()
            ),
        )
        return sha256(repr(facts).encode()).hexdigest()[:16]

    @property
    def written_for(self) -> frozenset[tuple[str, str | None]]:
        """Each (language, ISO code or None) that some status has words for."""
        return frozenset((language, destination) for _, language, destination in self._wordings)

    def with_words(self, wordings: Iterable[Wording]) -> "Glossary":
        """A copy in which these stand in place of those of the same status, language and destination."""
        changed = {(one.status_id, one.language, one.destination_id): one for one in wordings}
        shown = {key: one for key, one in (dict(self._wordings) | changed).items() if not one.hidden}
        return replace(self, _wordings=shown)

    def with_meaning(self, phrase: str, status: Status) -> "Glossary":
        """A copy in which a phrase means this status."""
        return replace(self, _phrases=dict(self._phrases) | {normalise(phrase): status})

    def knows(self, phrase: str) -> bool:
        """True for a phrase in the store, even one that waits for its meaning or has two."""
        return normalise(phrase) in self._phrases

    def country_of(self, region: str) -> str | None:
        """ISO code of the country that a row's region names; a prefecture means Japan; None: unknown."""
        return self.countries.get(comparable(region))

    def all_notices(self, today: date) -> tuple[Notice, ...]:
        """Notices that are up today, those for everybody first."""
        current = [notice for notice in self.notices if notice.is_current(today)]
        return tuple(sorted(current, key=lambda notice: notice.destination_id is not None))

    def notices_for(self, destinations: Collection[str | None], today: date) -> tuple[Notice, ...]:
        """Notices that are up today for everybody, or for one of these destinations; each once."""
        return tuple(
            notice
            for notice in self.notices
            if notice.is_current(today) and notice.destination_id in {None, *destinations}
        )


_newest: Glossary | None = None
_reading = Lock()


def fill(text: str, *, country: str = "", operator: str = "", origin: str = "", number: str = "") -> str:
    """Staff's words with {country}, {operator}, {origin} and {number} filled in; any other brace stays as it is."""
    values = {
        "{country}": country or _("the destination country"),
        "{operator}": operator or _("the local post"),
        "{origin}": origin or _("the country of origin"),
        "{number}": number or _("the tracking number"),
    }
    for placeholder, value in values.items():
        for stop in (". ", "! ", "? "):
            text = text.replace(stop + placeholder, stop + value[:1].upper() + value[1:])
        text = text.replace(placeholder, value)
    return text[:1].upper() + text[1:]


def _without_case(phrases: Mapping[str, Status | None]) -> dict[str, Status | None]:
    meanings: dict[str, set[Status | None]] = {}
    for text, status in phrases.items():
        meanings.setdefault(text.casefold(), set()).add(status)
    return {text: found.pop() for text, found in meanings.items() if len(found) == 1}
