"""Mailto links that start a reply to a customer with the facts about the parcel. Staff write the rest."""

from collections.abc import Iterator
from urllib.parse import quote

from tracking.journey.progress import Progress

MOST_CHARACTERS = 1900  # of the whole link; some mail programs cut at 2,000


def mailto(email: str, *, number: str, progress: Progress | None, page_url: str, shop_name: str) -> str:
    """Return the link. It has at most MOST_CHARACTERS: the facts are shortened, the address of the page is not.

    `number` is a canonical tracking number or empty, never a typed text. `email` is the only text of the customer.
    Everything is percent-encoded, so that no text can add a header.
    """
    start = f"mailto:{_encoded(email, safe='@')}?subject="
    start += _encoded(f"Your parcel {number}" if number else "Your message to us") + "&body="
    before, after = "Hello,\n\n\n\n", f"\n\n{shop_name}\n"
    if number:
        before += f"Your parcel: {number}\n"
        after = f"\nSee it here: {page_url}{after}"
    room = MOST_CHARACTERS - len(start) - len(_encoded(before)) - len(_encoded(after))
    facts = _shortened("\n".join(_facts(progress)) if progress and number else "", room)
    return start + _encoded(before + facts + after)


def _facts(progress: Progress) -> Iterator[str]:
    yield f"Now: {progress.headline}"
    yield from filter(None, [progress.step_text])
    yield f"Newest scan: {progress.last_scan.text}, local time there"
    yield progress.meaning


def _encoded(text: str, *, safe: str = "") -> str:
    """Percent-encoded as mail programs expect it: CRLF at line ends, %20 and not a plus for a space."""
    return quote(text.replace("\n", "\r\n"), safe=safe)


def _shortened(text: str, room: int) -> str:
    """As much of the text as fits into `room` encoded characters, with an ellipsis if it was cut."""
    if len(_encoded(text)) <= room:
        return text
    room -= len(_encoded("…"))
    for end, sign in enumerate(text):
        room -= len(_encoded(sign))
        if room < 0:
            return f"{text[:end]}…" if end else ""
    return text
