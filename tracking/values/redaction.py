"""Tracking numbers in texts of any length and in any spelling: shortens them for logs, finds and removes them."""

import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote

from tracking.values.numbers import GAP, SHAPE, TrackingNumber, plain_character

# A log is better off with one text too many shortened than with a number missed, so letters may be next to it.
_LOGGED = re.compile(rf"(?=({SHAPE}))")


def _utf8(mark: str) -> str:
    """A pattern for one character as UTF-8, each byte as two hexadecimal digits after a mark; else for one byte."""
    following = f"(?:{mark}[89AB][0-9A-F])"
    return (
        f"{mark}F[0-7]{following}{{3}}|{mark}E[0-9A-F]{following}{{2}}|{mark}[CD][0-9A-F]{following}"
        f"|{mark}[0-9A-F]{{2}}"
    )


# Three ways to read a text, each as signs. One reading hides what another finds: `50%EA123456785JP`, `\rn123456785jp`.
_AS_WRITTEN = re.compile(".", re.DOTALL)
_QUOTED = re.compile(f"(?i:{_utf8('%(?:25)?')})|.", re.DOTALL)  # as in an address, once or twice
# Escaped in a `repr` or in JSON, once or more often: `\n`, `\u200b`, `\\n`, `\xc2\xa0`.
_BACKSLASHES = r"\\{1,8}"
_ESCAPED = re.compile(
    f"(?i:{_utf8(_BACKSLASHES + 'x')})"
    f"|{_BACKSLASHES}(?:[nrtfv]|u[0-9A-Fa-f]{{4}}|U000[0-9A-Fa-f]{{5}})|{_QUOTED.pattern}",
    re.DOTALL,
)


class _MappedText:
    """A text as written, split into signs, and the same text as `find_numbers` reads it, with a map between the two.

    A sign is one character, or several that mean one: percent-encoded as in a URL, or an escape with a backslash.
    """

    def __init__(self, text: str, reading: re.Pattern[str]) -> None:
        self.signs: list[str] = reading.findall(text)
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
    character = (
        _unescape(sign) if len(sign) > 1 and sign[0] == "\\" else unquote(unquote(sign)).replace("+", " ")
    )
    composed = unicodedata.normalize("NFKC", "".join(map(plain_character, character)))
    return "".join(map(plain_character, composed))


def _unescape(sign: str) -> str:
    """The character of an escape with a backslash."""
    code = sign.lstrip("\\")
    if code[0] not in "xX":
        return f"\\{code}".encode().decode("unicode_escape")
    written = bytes.fromhex(re.sub(r"[\\xX]", "", sign))
    try:
        return written.decode()
    except UnicodeDecodeError:
        return written.decode("latin-1")


def redact(text: str) -> str:
    """The text with each number, in any spelling or encoding, shortened to EM…6785JP: for logs.

    Staff can find the parcel by this end; a stranger cannot. A text that only looks like a number is shortened too.
    """
    for reading in _readings(text):
        text = _shorten(_MappedText(text, reading))
    return text


def _readings(text: str) -> list[re.Pattern[str]]:
    """The ways to read a text that may differ for it."""
    return [_AS_WRITTEN, *[_QUOTED] * ("%" in text), *[_ESCAPED] * ("\\" in text)]


def _shorten(mapped: _MappedText) -> str:
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
    pattern = _in_any_spelling(number)
    return any(pattern.search(_MappedText(text, reading).plain) for reading in _readings(text))


def remove_number(text: str, number: TrackingNumber, instead: str) -> str:
    """The text with `instead` in place of the number, in any spelling that `find_numbers` reads."""
    for reading in _readings(text):
        mapped = _MappedText(text, reading)
        for found in _in_any_spelling(number).finditer(mapped.plain):
            mapped.put(mapped.places[found.start()], mapped.places[found.end() - 1] + 1, instead)
        text = str(mapped)
    return text


def _in_any_spelling(number: TrackingNumber) -> re.Pattern[str]:
    return re.compile(GAP.join(number), re.IGNORECASE)
