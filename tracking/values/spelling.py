"""When two texts are the same phrase of Japan Post's."""


def normalise(phrase: str) -> str:
    """Trimmed, white space collapsed, one final full stop dropped; case kept: two phrases differ in case alone."""
    return " ".join(phrase.split()).removesuffix(".").rstrip()


def spellings(phrase: str) -> set[str]:
    """What may stand in a row and is this phrase after `normalise`: rows have single spaces."""
    plain = normalise(phrase)
    return {phrase, plain, f"{plain}.", f"{plain} ."}
