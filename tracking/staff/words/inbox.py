"""The staff's inbox: phrases without a meaning, what is known about each, and giving it one."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from tracking.models import Phrase, Status
from tracking.staff.words.phrase_usage import PhraseUsage, usage_of
from tracking.staff.words.suggestions import Suggestion, suggest


class MeaningChangedError(Exception):
    """Somebody else has given the phrase, or another spelling of it, a meaning meanwhile; nothing was changed."""


@dataclass(frozen=True)
class Item:
    """One phrase, and what helps to say what it means."""

    phrase: Phrase
    usage: PhraseUsage
    suggestions: list[Suggestion]


def items_of(phrases: Iterable[Phrase]) -> list[Item]:
    """The same few queries for one phrase and for a hundred."""
    asked = list(phrases)
    usage = usage_of(asked)
    known = list(Phrase.objects.exclude(status=None).select_related("status")) if asked else []
    return [Item(phrase, usage[phrase.pk], suggest(phrase.text, known)) for phrase in asked]


def give_meaning(key: int, status: Status | None) -> Phrase:
    """Let a phrase of the inbox mean this status; None: it has two meanings. Raises MeaningChangedError."""
    return _change(key, before=(None, False), after=(status, status is None))


def take_back(key: int, status: Status | None) -> Phrase:
    """Undo `give_meaning`: the phrase waits in the inbox again. Raises MeaningChangedError."""
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
