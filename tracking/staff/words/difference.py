"""The difference between two texts, word by word."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

# Of texts that differ everywhere. Two texts of 2,000 characters in plain English need half of it.
_MOST_WORK = 1_000_000


@dataclass(frozen=True)
class Piece:
    """A run of words: `kept`, `removed` or `added`."""

    kind: str
    text: str


def word_difference(old: str, new: str) -> tuple[Piece, ...]:
    """Return the pieces of both texts, in order. White space belongs to the word before it.

    Texts that would take too long to compare, because they are long and repeat their words, are two pieces.
    """
    before, after = _words(old), _words(new)
    pieces = []
    for kind, i, j, k, m in _steps(before, after):
        if kind == "equal":
            pieces.append(Piece("kept", "".join(before[i:j])))
            continue
        if i < j:
            pieces.append(Piece("removed", "".join(before[i:j])))
        if k < m:
            pieces.append(Piece("added", "".join(after[k:m])))
    return tuple(pieces)


def _steps(before: Sequence[str], after: Sequence[str]) -> Iterable[tuple[str, int, int, int, int]]:
    """What to do with which words, in the form of `SequenceMatcher.get_opcodes`."""
    occurs = Counter(after)
    equal_pairs = sum(
        occurs[word] for word in before
    )  # SequenceMatcher reads them again for each run it finds
    if before != after and equal_pairs * min(len(before), len(after)) > _MOST_WORK:
        return [("replace", 0, len(before), 0, len(after))]
    return SequenceMatcher(None, before, after, autojunk=False).get_opcodes()


def _words(text: str) -> list[str]:
    return re.findall(r"\S+\s*|\s+", text)
