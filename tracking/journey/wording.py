"""The words for one row of a route, with countries filled in: those of staff, else Japan Post's phrase."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from tracking.journey.reading import Reading
from tracking.journey.route import Waypoint
from tracking.models import Stage
from tracking.values import numbers
from tracking.values.spelling import normalise
from tracking.words.glossary import fill


@dataclass(frozen=True)
class Words:
    """The words that explain one row of the journey."""

    title: str
    meaning: str
    what_to_do: str
    who_has_it: str
    are_ours: bool = True  # False: they quote Japan Post's phrase
    for_this_country: bool = False  # True: staff wrote them only for this destination


class WordingResolver:
    """Finds the words for the rows of one story, in one language."""

    def __init__(self, reading: Reading, language: str) -> None:
        self.glossary, self.language, self.number = reading.glossary, language, reading.story.number
        self.origin, self.destination = reading.origin, reading.destination

    def name_of(self, code: str | None) -> str:
        """A country's name as a part of a sentence, by its ISO code; empty where unknown."""
        found = self.glossary.destinations.get(code or "")
        return found.spoken_name if found else ""

    @property
    def origin_name(self) -> str:
        """The country whose post issued the number, as a part of a sentence."""
        return self.name_of(self.origin) or _("the country of origin")

    def resolve(self, waypoint: Waypoint) -> Words:
        """Staff's words for a row, for this language and destination; else words that quote Japan Post's phrase."""
        wording = waypoint.explained_as and self.glossary.words_for(
            waypoint.explained_as, language=self.language, destination=self.destination
        )
        if not wording:
            return self._their_words(waypoint)
        texts = (wording.title, wording.meaning, wording.what_to_do, wording.who_has_it)
        written_for_it = wording.destination_id is not None
        title, meaning, what_to_do, who_has_it = (self._fill(text, waypoint) for text in texts)
        return Words(title, meaning, what_to_do, who_has_it, for_this_country=written_for_it)

    def _their_words(self, waypoint: Waypoint) -> Words:
        """Words that quote Japan Post's phrase. `what_to_do` is empty: `advice.advise` decides it."""
        if normalise(waypoint.event.phrase) in self.glossary.ambiguous:
            meaning = _("Japan Post uses these words both for leaving a country and for arriving in one.")
        elif waypoint.status is not None and waypoint.explained_as is None:
            meaning = _(
                "Japan Post uses these words for leaving a country, and this scan is not from %(origin)s. "
                "The parcel may travel on to another country, or come back."
            ) % {"origin": self.origin_name}
        else:
            meaning = _("We do not have our own words for this yet.")
        title = _("Japan Post says: “%(phrase)s”") % {"phrase": waypoint.event.phrase}
        return Words(title, meaning, what_to_do="", who_has_it="", are_ours=False)

    def _fill(self, text: str, waypoint: Waypoint) -> str:
        """Fill the placeholders. {country} is the row's own country where it is abroad or an import step, else the
        destination.
        """
        at_import = waypoint.status is not None and (waypoint.status.stage or 0) >= Stage.CUSTOMS_AND_ARRIVAL
        code = (
            waypoint.country
            if waypoint.country and (waypoint.country != self.origin or at_import)
            else self.destination
        )
        there = self.glossary.destinations.get(code or "")
        return fill(
            text,
            country=there.spoken_name if there else "",
            operator=there.operator if there and numbers.is_ems(self.number) else "",
            origin=self.origin_name,
            number=self.number,
        )
