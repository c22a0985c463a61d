"""Which status a new phrase may mean: the known phrases that read most like it. Only ever proposed, never applied."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from rapidfuzz import fuzz, utils

from tracking.models import Phrase, Status

MOST = 3
LEAST_SCORE = 60  # of 100; below it two phrases share letters, not a meaning
_SUBSET_WEIGHT = 0.85  # "Customs clearance" is part of many a longer phrase, which then says more than it

# Words that turn a phrase round, however alike the rest: both must name the same side or one of them none.
_SIDES = (
    (r"\binward\b", r"\boutward\b", r"\btransit\b"),
    (r"\bimport\b", r"\bexport\b"),
    (r"\barriv", r"\b(depart|dispatch)"),
    (r"\b(not|no|never|un\w+)\b", r"^(?!.*\b(not|no|never|un\w+)\b)"),
)


@dataclass(frozen=True)
class Suggestion:
    """A status, because a known phrase that means it reads like the new one."""

    status: Status
    phrase: str  # the known one
    score: float  # up to 100, which is the same but for case, white space and punctuation

    @property
    def closeness(self) -> str:
        """The score in words."""
        if self.score >= 90:
            return "very similar"
        return "similar" if self.score >= 75 else "a little similar"


def suggest(text: str, known: Iterable[Phrase]) -> list[Suggestion]:
    """At most three statuses for a phrase, the likeliest first, each with the known phrase that reads most like it.

    `known` are phrases with a status. Nothing is suggested below `LEAST_SCORE`, nor what says the opposite.
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
    # Of equals the one whose letters are more the same: two of Japan Post's phrases differ in case alone.
    found.sort(key=lambda one: (-one[0], -one[1], one[2].phrase))
    best: dict[int, Suggestion] = {}
    for _, _, suggestion in found:
        best.setdefault(suggestion.status.pk, suggestion)
    return list(best.values())[:MOST]


def _plain(text: str) -> str:
    """Letters and digits of any script, in one case; all else is a space."""
    return " ".join(utils.default_process(unicodedata.normalize("NFKC", text).casefold()).split())


def _score(one: str, other: str) -> float:
    """Alike in any order of the words; somewhat less where one has all the words of the other and more."""
    return max(fuzz.token_sort_ratio(one, other), _SUBSET_WEIGHT * fuzz.token_set_ratio(one, other))


def _contradict(one: str, other: str) -> bool:
    for sides in _SIDES:
        here, there = ({side for side in sides if re.search(side, text)} for text in (one, other))
        if here and there and here != there:
            return True
    return False
