"""Tracking numbers by UPU standard S10: finds them in pasted text, checks and corrects them.

Two letters (the service), eight digits, a check digit, two letters (the country of origin): EM123456785JP.
"""

import re
import string
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import NewType
from urllib.parse import unquote

TrackingNumber = NewType("TrackingNumber", str)  # canonical shape: [A-Z]{2}[0-9]{9}[A-Z]{2}

MOST_AT_ONCE = 10
_MOST_CHARACTERS = 2_000  # a limit on the work for one text; real texts have their numbers before it

_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)
_MINUS = "\u2212"
_LONG_VOWEL_MARK = "\u30fc"  # a Japanese keyboard types it for "-"
_INVISIBLE_MARKS = "\u034f\ufe0e\ufe0f"  # joiner and variation selectors: invisible, but not of category Cf

_UPPER = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)
_LOOKALIKES = str.maketrans("OIL", "011")
_PUNCTUATION = " -.,;:!?'\"()[]<>"
GAP = "[ -]{0,3}"  # a pattern: what may be between two characters of a number
_COMPACT = re.compile(r"[A-Z]{2}[0-9]{9}[A-Z]{2}")
SHAPE = f"[A-Za-z]{{2}}{GAP}[0-9](?:{GAP}[0-9]){{8}}{GAP}[A-Za-z]{{2}}"
# Look-aheads, because a false match may overlap the right one.
_CANDIDATE = re.compile(rf"(?<![A-Za-z0-9])(?=({SHAPE})(?![A-Za-z0-9]))")
_MISTYPED = re.compile(r"[A-Z]{2}([0-9OIL]+)[A-Z]{2}")
_DOMESTIC = re.compile(r"[0-9]{11,13}")


class Problem(StrEnum):
    """Why a text is not a number that we can look up."""

    EMPTY = "empty"
    WRONG_SHAPE = "wrong-shape"
    CHECK_DIGIT = "check-digit"
    UNTRACKED = "untracked"  # service U*: letters without tracking
    DOMESTIC = "domestic"  # 11 to 13 digits: a number for mail within Japan
    TOO_MANY = "too-many"


@dataclass(frozen=True)
class Shape:
    """What is wrong with a text that nearly has the shape of a number."""

    digits: int | None  # the count of digits between the letters where it is not nine; else None
    repaired: TrackingNumber | None  # with 0 for O and 1 for I or L; None where its check digit is wrong


def clean(text: str) -> str:
    """The text in a comparable form: plain upper-case letters, digits, "-" for every dash, single spaces.

    Reads only the first 2,000 characters. Letters other than A-Z stay.
    """
    return _plain(text).translate(_UPPER)


def find_numbers(text: str) -> list[TrackingNumber]:
    """All numbers in a pasted text, URL or list, in order and without repeats; empty where there are none.

    Their check digits may be wrong. A number without gaps always counts. One with gaps may be a false match ("order no
    123456789 in the shop"), so it must be likely: see `_is_meant`.
    """
    plain = _plain(unquote(unquote(text[:_MOST_CHARACTERS])).replace("+", " "))
    candidates = [_Candidate(match.start(1), match[1]) for match in _CANDIDATE.finditer(plain)]
    best_first = sorted(candidates, key=lambda one: (not one.is_compact, not one.is_valid, one.start))
    kept: list[_Candidate] = []
    for candidate in best_first:
        if _is_meant(candidate, plain, kept) and not any(candidate.overlaps(other) for other in kept):
            kept.append(candidate)
    return list(dict.fromkeys(one.number for one in sorted(kept, key=lambda one: one.start)))


def is_ems(number: TrackingNumber) -> bool:
    """True for a number of an EMS item: the service indicators EA to EZ of UPU S10.

    Check it before a page shows a fact that holds for EMS only.
    """
    return number.startswith("E")


def check_digit(serial: str) -> int:
    """The check digit of eight digits (UPU S10). Raises ValueError for another count or for non-digits."""
    total = sum(int(digit) * weight for digit, weight in zip(serial, _WEIGHTS, strict=True))
    match 11 - total % 11:
        case 10:
            return 0
        case 11:
            return 5
        case digit:
            return digit


def has_valid_check_digit(number: TrackingNumber) -> bool:
    """False: the number is most likely mistyped. True does not prove it correct.

    A few typing errors keep the check digit valid: two remainders give the digit 5, and an error may turn one into the
    other.
    """
    return int(number[10]) == check_digit(number[2:10])


def suggestions(number: TrackingNumber) -> list[TrackingNumber]:
    """At most three numbers that a number with a wrong check digit may stand for; empty for a valid one.

    First the number with the right check digit, then numbers with two neighbouring digits exchanged.
    """
    if has_valid_check_digit(number):
        return []
    swaps = [number[:i] + number[i + 1] + number[i] + number[i + 2 :] for i in range(2, 10)]
    candidates = [f"{number[:10]}{check_digit(number[2:10])}{number[11:]}", *swaps]
    valid = [TrackingNumber(one) for one in candidates if has_valid_check_digit(TrackingNumber(one))]
    return list(dict.fromkeys(valid))[:3]


def country(number: TrackingNumber) -> str:
    """The country of origin from the end of the number: an ISO 3166 code unless mistyped. UK is an old form of GB."""
    return "GB" if number.endswith("UK") else number[-2:]


def spaced(number: TrackingNumber) -> str:
    """`EM 123 456 785 JP`, as Japan Post prints it."""
    return " ".join((number[:2], number[2:5], number[5:8], number[8:11], number[11:]))


def diagnose(text: str) -> Problem | None:
    """Why this text is not a number that we can look up; None where it is one, or a list of two to ten."""
    numbers = find_numbers(text)
    if len(numbers) > MOST_AT_ONCE:
        return Problem.TOO_MANY
    if len(numbers) > 1:
        return None
    if numbers:
        return _diagnose_number(numbers[0])
    cleaned = clean(text)
    if not cleaned:
        return Problem.EMPTY
    if _DOMESTIC.fullmatch(re.sub("[ -]", "", cleaned)):
        return Problem.DOMESTIC
    return Problem.WRONG_SHAPE


def explain_shape(text: str) -> Shape:
    """What is wrong with a text whose problem is WRONG_SHAPE."""
    squeezed = re.sub("[^A-Z0-9]", "", clean(text))
    match = _MISTYPED.fullmatch(squeezed)
    digits = sum(character.isdigit() for character in match[1]) if match else 0
    if not match or digits in (0, 9):
        return Shape(digits=None, repaired=None)
    repaired = squeezed[:2] + match[1].translate(_LOOKALIKES) + squeezed[-2:]
    fits = _COMPACT.fullmatch(repaired) and has_valid_check_digit(TrackingNumber(repaired))
    return Shape(digits=digits, repaired=TrackingNumber(repaired) if fits else None)


def _diagnose_number(number: TrackingNumber) -> Problem | None:
    if number.startswith("U"):
        return Problem.UNTRACKED
    return None if has_valid_check_digit(number) else Problem.CHECK_DIGIT


@dataclass(frozen=True)
class _Candidate:
    """A part of a text that has the shape of a number; gaps and small letters are allowed."""

    start: int
    written: str

    @cached_property
    def number(self) -> TrackingNumber:
        return TrackingNumber(re.sub("[ -]", "", self.written).translate(_UPPER))

    @property
    def is_compact(self) -> bool:
        return len(self.written) == 13

    @cached_property
    def is_valid(self) -> bool:
        return has_valid_check_digit(self.number)

    def overlaps(self, other: "_Candidate") -> bool:
        return self.start < other.start + len(other.written) and other.start < self.start + len(self.written)


def _is_meant(candidate: _Candidate, text: str, kept: list[_Candidate]) -> bool:
    """True where this is a number, not words that happen to surround nine digits. `kept`: the better candidates.

    Evidence for a number: a right check digit, capital letters, and the same country as a likelier number.
    """
    if candidate.is_compact:
        return True
    in_capitals = candidate.written.isupper()
    likelier = [one for one in kept if one.is_compact or one.is_valid]
    same_country = country(candidate.number) in {country(one.number) for one in likelier}
    if candidate.is_valid:
        return in_capitals or same_country or not any(one.is_compact for one in kept)
    if candidate.written == text.strip(_PUNCTUATION):
        return True
    return in_capitals and (same_country or not likelier)


def _plain(text: str) -> str:
    visible = "".join(map(plain_character, text[:_MOST_CHARACTERS]))
    composed = unicodedata.normalize("NFKC", visible)
    return " ".join("".join(map(plain_character, composed)).split())


def plain_character(character: str) -> str:
    """The meaning of a character in a number: a plain character, a space or a hyphen; empty where it is invisible."""
    if character.isspace():
        return " "
    category = unicodedata.category(character)
    if category in ("Cc", "Cf") or character in _INVISIBLE_MARKS:
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "Pd" or character in (_MINUS, _LONG_VOWEL_MARK):
        return "-"
    return character
