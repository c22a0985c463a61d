"""The staff's inbox of phrases without a meaning: facts about each phrase, and how it gets a meaning."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from tracking.models import Phrase, Status
from tracking.staff.words.phrase_usage import PhraseUsage, usage_of
from tracking.staff.words.suggestions import Suggestion, suggest


class MeaningChangedError(Exception):
    """Other staff have just given the phrase, or another spelling of it, a meaning. Nothing was changed.

    The argument is the phrase that has the meaning.
    """


@dataclass(frozen=True)
class Item:
    """One phrase, with facts that help staff to decide what it means."""

    phrase: Phrase
    usage: PhraseUsage
    suggestions: list[Suggestion]


def items_of(phrases: Iterable[Phrase]) -> list[Item]:
    """Return the items of these phrases. The number of queries does not depend on the number of phrases."""
    wanted = list(phrases)
    usage = usage_of(wanted)
    known = list(Phrase.objects.exclude(status=None).select_related("status")) if wanted else []
    return [Item(phrase, usage[phrase.pk], suggest(phrase.text, known)) for phrase in wanted]


def give_meaning(key: int, status: Status | None) -> Phrase:
    """Give a phrase of the inbox this status; None: it has two meanings. Raises MeaningChangedError."""
    return _change(key, before=(None, False), after=(status, status is None))


def take_back(key: int, status: Status | None) -> Phrase:
    """Undo `give_meaning`: put the phrase back into the inbox. Raises MeaningChangedError."""
    return _change(key, before=(status, status is None), after=(None, False))


@transaction.atomic
def _change(key: int, *, before: tuple[Status | None, bool], after: tuple[Status | None, bool]) -> Phrase:
    phrase = Phrase.objects.select_for_update(of=("self",)).select_related("status").get(pk=key)
    if (phrase.status, phrase.ambiguous) != before:
        raise MeaningChangedError(phrase)
    phrase.status, phrase.ambiguous = after
    if contradictions := phrase.contradictions():
        raise MeaningChangedError(contradictions[0])
    phrase.save(update_fields=["status", "ambiguous"])
    return phrase
