"""The glossary: all words of one version, in memory. Each process reads it once per version. An edit makes another."""

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
STANDING_RULES = 2  # add one whenever `tracking.journey.standing` computes a standing differently


@dataclass(frozen=True)
class Glossary:
    """All words at one moment. Its methods cost no query, except `current` and `of_version`."""

    shop: Shop
    logo: Logo | None  # without its data; None: the shop has none
    statuses: tuple[Status, ...]  # in the guide's order, the less common ones last
    destinations: Mapping[str, Destination]  # by ISO code
    countries: Mapping[str, str]  # printed name -> ISO code; prefectures of Japan too
    notices: tuple[Notice, ...]
    ambiguous: frozenset[str]  # phrases with two meanings, normalised
    _phrases: Mapping[str, Status | None]  # exact text, normalised -> status; None: no meaning
    _caseless: Mapping[str, Status | None]  # the same by case-folded text, only where unambiguous
    _wordings: Mapping[tuple[int, str, str | None], Wording]  # (status, language, ISO code or None)
    _usual_waits: Mapping[tuple[int, str | None], UsualWait]  # (status, ISO code or None)

    @classmethod
    def current(cls) -> "Glossary":
        """The current words. Costs one query where staff edited nothing since this process last read them.

        Raises Shop.DoesNotExist where there is no shop.
        """
        return cls.of_version(words_version())

    @classmethod
    def of_version(cls, version: UUID) -> "Glossary":
        """The words of this version or of a newer one. Pass a version that was read just now."""
        global _newest
        if (known := _newest) is not None and known.version == version:
            return known
        with _reading_lock:  # one thread reads; the other threads of this process wait for it
            if _newest is None or _newest.version != version:
                _newest = cls._read(Shop.objects.get())
            return _newest

    @classmethod
    def _read(cls, shop: Shop) -> "Glossary":
        statuses = tuple(Status.objects.all())
        by_id = {status.pk: status for status in statuses}
        # Two requests at the same moment can store two spellings. The one with a meaning is read last and wins.
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
        """The version of these words. Each edit of any words makes a new one."""
        return self.shop.words_version

    def status_of(self, phrase: str) -> Status | None:
        """The meaning of a phrase; None for a phrase to which staff gave no meaning.

        Compares exactly, after trimming, collapsing white space and dropping a final full stop. Ignores case only where
        all known phrases that differ in case alone have the same meaning. Never matches a part of a phrase, with one
        exception: "Final delivery - Collected at counter" is a final delivery, whatever follows the dash, unless that
        exact phrase is stored, with another meaning or with none.
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
        """The words for a status; None where there are none. `destination`: ISO code; None: unknown.

        Tries (destination, language), (any, language), (destination, English), (any, English). A regional language such
        as pt-br also tries the language alone, before English.
        """
        for tongue in dict.fromkeys((language, language.partition("-")[0], "en")):
            for place in dict.fromkeys((destination, None)):
                if wording := self._wordings.get((status.pk, tongue, place)):
                    return wording
        return None

    def guide_words(self, status: Status, language: str) -> Wording | None:
        """The words of the guide for a status; None where staff hide it from the guide or there are no words."""
        return None if status.hidden else self.words_for(status, language=language, destination=None)

    def usual_wait(self, status: Status, destination: str | None) -> UsualWait | None:
        """The learnt wait at a status: for this destination, else for all; None where none is learnt yet."""
        return self._usual_waits.get((status.pk, destination)) or self._usual_waits.get((status.pk, None))

    @cached_property
    def meaning(self) -> str:
        """A short hash of everything except the texts. While it is the same, no standing needs to be recomputed."""
        facts = (
            STANDING_RULES,
            sorted((text, one.pk) for text, one in self._phrases.items() if one),
            # Phrases without a meaning count only where they keep others from matching: see `status_of`.
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
        """Each (language, ISO code or None for any destination) for which some status has words."""
        return frozenset((language, destination) for _, language, destination in self._wordings)

    def with_words(self, wordings: Iterable[Wording]) -> "Glossary":
        """A copy with these wordings, which replace those of the same status, language and destination."""
        changed = {(one.status_id, one.language, one.destination_id): one for one in wordings}
        shown = {key: one for key, one in (dict(self._wordings) | changed).items() if not one.hidden}
        return replace(self, _wordings=shown)

    def with_meaning(self, phrase: str, status: Status) -> "Glossary":
        """A copy in which this phrase means this status."""
        return replace(self, _phrases=dict(self._phrases) | {normalise(phrase): status})

    def knows(self, phrase: str) -> bool:
        """True for a stored phrase, even for one without a meaning or with two."""
        return normalise(phrase) in self._phrases

    def country_of(self, region: str) -> str | None:
        """The ISO code of the country that a row's region names; None where unknown. A prefecture means Japan."""
        return self.countries.get(comparable(region))

    def all_notices(self, today: date) -> tuple[Notice, ...]:
        """All notices shown today, those for all destinations first."""
        current = [notice for notice in self.notices if notice.is_current(today)]
        return tuple(sorted(current, key=lambda notice: notice.destination_id is not None))

    def notices_for(self, destinations: Collection[str | None], today: date) -> tuple[Notice, ...]:
        """The notices shown today for all destinations or for one of these, each once."""
        return tuple(
            notice
            for notice in self.notices
            if notice.is_current(today) and notice.destination_id in {None, *destinations}
        )


_newest: Glossary | None = None
_reading_lock = Lock()


def fill(text: str, *, country: str = "", operator: str = "", origin: str = "", number: str = "") -> str:
    """Staff's words with {country}, {operator}, {origin} and {number} filled in. Other braces stay.

    An empty value becomes a general expression, such as "the local post". Capitalises the start of each sentence.
    """
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
