"""Tracking numbers in texts of any length and in any spelling: shortens them for logs, finds and removes them."""

import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote

from tracking.values.numbers import GAP, SHAPE, TrackingNumber, plain_character

_LOGGED = re.compile(rf"(?<![A-Za-z])(?=({SHAPE})(?![A-Za-z]))")
_BYTE, _NEXT = (
    "%(?:25)?[0-9A-F]{2}",
    "(?:%(?:25)?[89AB][0-9A-F])",
)  # of UTF-8 in an address, quoted once or twice
_SIGN = re.compile(
    rf"%(?:25)?F[0-7]{_NEXT}{{3}}|%(?:25)?E[0-9A-F]{_NEXT}{{2}}|%(?:25)?[CD][0-9A-F]{_NEXT}|{_BYTE}|.",
    re.IGNORECASE | re.DOTALL,
)


class _MappedText:
    """A text as written, split into signs, and the same text as `find_numbers` reads it, with a map between the two.

    A sign is one character or one that is percent-encoded as in a URL.
    """

    def __init__(self, text: str) -> None:
        self.signs: list[str] = _SIGN.findall(text)
        self.places = list[int]()  # for each character of `plain`, the index of its sign
        read = list[str]()
        for place, sign in enumerate(self.signs):
            for character in _read_sign(sign):
                if character != " " or read[-1:] != [" "]:
                    read.append(character)
                    self.places.append(place)
        self.plain = "".join(read)

    def put(self, first: int, end: int, instead: str) -> None:
        """Write `instead` in place of the signs from `first` to before `end`."""
        self.signs[first:end] = [instead, *[""] * (end - first - 1)]

    def __str__(self) -> str:
        return "".join(self.signs)


@lru_cache(10_000)
def _read_sign(sign: str) -> str:
    """A sign as `find_numbers` reads it: mostly one character; empty where it is invisible."""
    character = unquote(unquote(sign)).replace("+", " ")
    composed = unicodedata.normalize("NFKC", "".join(map(plain_character, character)))
    return "".join(map(plain_character, composed))


def redact(text: str) -> str:
    """The text with each number, in any spelling or encoding, shortened to EM…6785JP: for logs.

    Staff can find the parcel by this end; a stranger cannot.
    """
    mapped = _MappedText(text)
    for found in _LOGGED.finditer(mapped.plain):
        number = re.sub("[ -]", "", found[1])
        first, end = (
            mapped.places[found.start(1) + 1] + 1,
            mapped.places[found.end(1) - 2],
        )  # between the letters
        mapped.put(first, end, f"…{number[7:11]}")
    return str(mapped)


def mentions(text: str, number: TrackingNumber) -> bool:
    """True where a text of any length contains the number, in any spelling that `find_numbers` reads."""
    if text.isascii() and sum(map(str.isdigit, text)) + text.count("%") < 9:
        return False  # a quick answer for most texts: reading one sign by sign is slow
    return bool(_in_any_spelling(number).search(_MappedText(text).plain))


def remove_number(text: str, number: TrackingNumber, instead: str) -> str:
    """The text with `instead` in place of the number, in any spelling that `find_numbers` reads."""
    mapped = _MappedText(text)
    for found in _in_any_spelling(number).finditer(mapped.plain):
        mapped.put(mapped.places[found.start()], mapped.places[found.end() - 1] + 1, instead)
    return str(mapped)


def _in_any_spelling(number: TrackingNumber) -> re.Pattern[str]:
    return re.compile(GAP.join(number), re.IGNORECASE)
