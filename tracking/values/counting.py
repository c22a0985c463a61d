"""Numbers with their nouns, in the English sentences for staff. Sentences for customers use Django's ngettext."""


def noun_for(number: int, singular: str, plural: str = "") -> str:
    """Return the form of a noun that fits the number. `plural` is needed unless it is the singular and an s."""
    return singular if number == 1 else plural or f"{singular}s"


def count_of(number: int, singular: str, plural: str = "") -> str:
    """Return the number and its noun: "1 parcel", "0 parcels", "1200 parcels". For `plural` see `noun_for`."""
    return f"{number} {noun_for(number, singular, plural)}"
