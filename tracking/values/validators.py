"""Checks of the words that staff write for customers. Each error message says what to do."""

import re
import unicodedata

from django.core.exceptions import ValidationError

PLACEHOLDERS = ("{country}", "{operator}", "{origin}", "{number}")
# Invisible but needed: they join letters and emoji, or set the direction of one word without affecting other text.
_USEFUL = set("\u200c\u200d\u200e\u200f\u061c\u00ad")
_LINES = set("\n\r\t")
_OVERRIDES = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def check_characters(text: str) -> None:
    """Raise ValidationError for invisible signs that can break a page, and for a text that has only such signs.

    Emoji, Arabic and Hebrew pass.
    """
    bad = dict.fromkeys(sign for sign in text if _is_bad(sign))
    if not bad:
        if text and not any(map(_is_visible, text)):
            raise ValidationError("There is nothing to see in it: please write words.", code="invisible")
        return
    named = ", ".join(_name(sign) for sign in bad)
    if bad.keys() & _OVERRIDES:
        words = "It has signs in it that turn the direction of the text around them (%s). "
    else:
        words = "It has invisible signs in it that do not belong into a text (%s). "
    raise ValidationError(
        words % named + "They often come along when text is pasted: please type these words again."
    )


def has_control_characters(text: str) -> bool:
    """True for a text with a line end or another control character, which a field of one line must not have."""
    return any(unicodedata.category(sign) in ("Cc", "Zl", "Zp") for sign in text)


def check_placeholders(text: str) -> None:
    """Raise ValidationError for a brace outside the known placeholders."""
    rest = re.sub("|".join(map(re.escape, PLACEHOLDERS)), " ", text)
    wrong = re.findall(r"\{[^{}]*\}|[{}]", rest)
    if wrong:
        named = ", ".join(f"“{one[:30]}”" for one in dict.fromkeys(wrong))
        known = " ".join(PLACEHOLDERS)
        raise ValidationError(
            f"We cannot fill in {named}. Braces may be in these four only, spelt exactly so: {known}."
        )


def _is_bad(sign: str) -> bool:
    category = unicodedata.category(sign)
    if category == "Cf":
        is_flag = "\U000e0020" <= sign <= "\U000e007f"  # the flags of England, Scotland and Wales
        return sign not in _USEFUL and not is_flag
    return category in ("Cc", "Cs", "Zl", "Zp") and sign not in _LINES


def _is_visible(sign: str) -> bool:
    return unicodedata.category(sign)[0] not in "CZM" and sign not in "\u115f\u1160\u2800\u3164\uffa0"


def _name(sign: str) -> str:
    return unicodedata.name(sign, f"sign {ord(sign):04X}").lower()
