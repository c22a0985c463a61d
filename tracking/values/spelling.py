"""Decides whether two texts are the same phrase of Japan Post's."""


def normalise(phrase: str) -> str:
    """The phrase trimmed, with single spaces, without one final full stop.

    Keeps case: two phrases differ only in it.
    """
    return " ".join(phrase.split()).removesuffix(".").rstrip()


def spellings(phrase: str) -> set[str]:
    """All texts that a row can have and that are this phrase after `normalise`. Rows have single spaces."""
    plain = normalise(phrase)
    return {phrase, plain, f"{plain}.", f"{plain} ."}
