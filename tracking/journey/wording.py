"""Whose words a row of the journey gets, with its places filled in: staff's, or Japan Post's own."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from tracking.journey.route import Place
from tracking.models import Stage, Tone
from tracking.values import numbers
from tracking.values.numbers import TrackingNumber
from tracking.values.spelling import normalise
from tracking.words.glossary import Glossary, fill


@dataclass(frozen=True)
class Words:
    """What is said about one row of the journey."""

    title: str
    meaning: str
    what_to_do: str
    who_has_it: str
    are_ours: bool = True  # else Japan Post's own
    for_this_country: bool = False  # staff wrote them for this destination alone


class Speaker:
    """Staff's words with the places of this journey filled in."""

    def __init__(
        self,
        glossary: Glossary,
        language: str,
        number: TrackingNumber,
        origin: str,
        destination: str | None,
    ) -> None:
        self.glossary, self.language, self.number = glossary, language, number
        self.origin, self.destination = origin, destination

    def name_of(self, code: str | None) -> str:
        """A country's name as a part of a sentence, by its ISO code; empty where unknown."""
        found = self.glossary.destinations.get(code or "")
        return found.spoken_name if found else ""

    @property
    def origin_name(self) -> str:
        return self.name_of(self.origin) or _("the country of origin")

    def words(self, place: Place) -> Words:
        """Ours, in this language and for this destination; else Japan Post's own."""
        wording = place.words and self.glossary.words_for(
            place.words, language=self.language, destination=self.destination
        )
        if not wording:
            return self._their_words(place)
        texts = (wording.title, wording.meaning, wording.what_to_do, wording.who_has_it)
        written_for_it = wording.destination_id is not None
        title, meaning, what_to_do, who_has_it = (self._fill(text, place) for text in texts)
        return Words(title, meaning, what_to_do, who_has_it, for_this_country=written_for_it)

    def _their_words(self, place: Place) -> Words:
        """Japan Post's phrase as it is."""
        if normalise(place.event.phrase) in self.glossary.ambiguous:
            meaning = _("Japan Post uses these words both for leaving a country and for arriving in one.")
        elif place.status is not None and place.words is None:
            meaning = _(
                "Japan Post uses these words for leaving a country, and this scan is not from %(origin)s. "
                "The parcel may travel on to another country, or come back."
            ) % {"origin": self.origin_name}
        else:
            meaning = _("We do not have our own words for this yet.")
        title = _("Japan Post says: “%(phrase)s”") % {"phrase": place.event.phrase}
        return Words(title, meaning, _advice(place), who_has_it="", are_ours=False)

    def _fill(self, text: str, place: Place) -> str:
        """{country} is the row's own country where it is abroad or an import step, else the destination."""
        at_import = place.status is not None and (place.status.stage or 0) >= Stage.CUSTOMS_AND_ARRIVAL
        code = (
            place.country
            if place.country and (place.country != self.origin or at_import)
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


def _advice(place: Place) -> str:
    """What to do where staff have published no words: by the row's meaning, else by what went before it."""
    if place.going_back:
        return _("Your parcel was on its way back. Write to us, so that we can agree on what comes next.")
    if place.may_be_delivered or place.tone == Tone.DONE:
        return _("If you do not have it, write to us.")
    is_known = place.words is not None
    match place.tone:
        case Tone.PROBLEM if is_known:
            return _("Write to us, so that we can act.")
        case Tone.PROBLEM:
            return _("There was a problem before this. Write to us, so that we can act.")
        case Tone.ACT if is_known and place.asks_customer:
            return _("Ask the local post what they need from you.")
        case Tone.ACT if not is_known:
            return _("Before this, something was asked of you. Ask the local post whether it still is.")
    return _("Nothing for now. Look again tomorrow, or write to us.")
