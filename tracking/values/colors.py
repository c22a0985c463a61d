"""The shop's accent color: whether text in it is readable, and its stylesheet."""

import re

# The backgrounds of colored text; the same values as in static/css/site.css.
LIGHT_PAPERS = ("#f7f5f1", "#fffefc")
DARK_PAPERS = ("#14171b", "#1d2228")
ON_LIGHT, ON_DARK = "#ffffff", "#0c1a28"  # text on a button of the accent's color
_LEAST = 4.5  # WCAG 2.2, 1.4.3: contrast of text
_TINT = 0.1  # the share of the accent in the background of a box


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colors "#rrggbb" by WCAG 2.2: from 1 (the same) to 21 (black on white)."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def mix(color: str, other: str, share: float) -> str:
    """The mixed color: `share` (0 to 1) of `color`, the rest of `other`."""
    pairs = zip(_channels(color), _channels(other), strict=True)
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02x}" for a, b in pairs)


def can_be_read(accent: str) -> bool:
    """True where text in this color is readable on every light background, and a button's white text on this color."""
    return _is_clear(accent, LIGHT_PAPERS, ON_LIGHT)


def darkened(accent: str) -> str:
    """The nearest color towards black that is readable on the light backgrounds."""
    return _towards("#000000", accent, LIGHT_PAPERS, ON_LIGHT)


def lightened(accent: str) -> str:
    """The nearest color towards white that is readable on the dark backgrounds."""
    return _towards("#ffffff", accent, DARK_PAPERS, ON_DARK)


def stylesheet(accent: str) -> str:
    """The CSS custom properties of a readable accent, for light, dark and print."""
    light, dark = _properties(accent, LIGHT_PAPERS[1]), _properties(lightened(accent), DARK_PAPERS[1])
    return f":root{{{light}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"


def is_color(text: str) -> bool:
    """True for # and six hexadecimal digits."""
    return re.fullmatch("#[0-9a-fA-F]{6}", text) is not None


def _properties(accent: str, card: str) -> str:
    return f"--accent:{accent};--wait-paper:{mix(accent, card, _TINT)}"


def _towards(end: str, accent: str, papers: tuple[str, ...], on_accent: str) -> str:
    steps = (mix(end, accent, share / 50) for share in range(51))
    return next(color for color in steps if _is_clear(color, papers, on_accent))


def _is_clear(accent: str, papers: tuple[str, ...], on_accent: str) -> bool:
    tints = [mix(accent, paper, _TINT) for paper in papers]
    return all(contrast(accent, ground) >= _LEAST for ground in (*papers, *tints, on_accent))


def _channels(color: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(color[1:]))


def _luminance(color: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    """sRGB to linear light, as WCAG 2.2 defines relative luminance."""
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
