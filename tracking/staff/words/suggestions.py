"""Suggests the status of a new phrase from similar known phrases. Staff decide; nothing is applied by itself."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from rapidfuzz import fuzz, utils

from tracking.models import Phrase, Status

MOST = 3
LEAST_SCORE = 60  # of 100; phrases below it share letters and not a meaning
_SUBSET_WEIGHT = 0.85  # "Customs clearance" is part of many longer phrases that say more

# Words that reverse a meaning. Two phrases contradict each other if they use different sides of a row.
_SIDES = (
    (r"\binward\b", r"\boutward\b", r"\btransit\b"),
    (r"\bimport\b", r"\bexport\b"),
    (r"\barriv", r"\b(depart|dispatch)"),
    (r"\b(not|no|never|un\w+)\b", r"^(?!.*\b(not|no|never|un\w+)\b)"),
)


@dataclass(frozen=True)
class Suggestion:
    """A status that the new phrase may mean, because a known phrase of it is similar."""

    status: Status
    phrase: str  # the known phrase
    score: float  # up to 100: equal except for case, white space and punctuation

    @property
    def closeness(self) -> str:
        """The score in words."""
        if self.score >= 90:
            return "very similar"
        return "similar" if self.score >= 75 else "a little similar"


def suggest(text: str, known: Iterable[Phrase]) -> list[Suggestion]:
    """Return at most three suggestions for a phrase, the most similar first, one for each status.

    `known` are phrases with a status. Those with a score below LEAST_SCORE or the opposite meaning are left out.
    """
    plain = _plain(text)
    found = []
    for phrase in known:
        other = _plain(phrase.text)
        score = _score(plain, other)
        if phrase.status is not None and score >= LEAST_SCORE and not _contradict(plain, other):
            found.append(
                (score, fuzz.ratio(text, phrase.text), Suggestion(phrase.status, phrase.text, score))
            )
    # Equal scores are ordered by exact letters: two of Japan Post's phrases differ in case alone.
    found.sort(key=lambda one: (-one[0], -one[1], one[2].phrase))
    best: dict[int, Suggestion] = {}
    for _, _, suggestion in found:
        best.setdefault(suggestion.status.pk, suggestion)
    return list(best.values())[:MOST]


def _plain(text: str) -> str:
    """Letters and digits of any script, case-folded; every other character becomes a space."""
    return " ".join(utils.default_process(unicodedata.normalize("NFKC", text).casefold()).split())


def _score(one: str, other: str) -> float:
    """Similarity in any order of words; weighted less if one has all words of the other and more."""
    return max(fuzz.token_sort_ratio(one, other), _SUBSET_WEIGHT * fuzz.token_set_ratio(one, other))


def _contradict(one: str, other: str) -> bool:
    for sides in _SIDES:
        here, there = ({side for side in sides if re.search(side, text)} for text in (one, other))
        if here and there and here != there:
            return True
    return False
