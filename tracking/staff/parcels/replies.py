"""A mail to a customer, begun: a mailto link with the facts about the parcel filled in. Staff write the rest."""

from collections.abc import Iterator
from urllib.parse import quote

from tracking.journey.progress import Progress

MOST_CHARACTERS = 1900  # of the whole link; some mail programs cut at 2,000


def mailto(email: str, *, number: str, progress: Progress | None, page_url: str, shop_name: str) -> str:
    """`number` is a tracking number or empty, never what somebody typed; of the customer's words only `email` is used.

    Everything is percent-encoded, so that nothing can add a header. Our words are shortened where the link would
    be too long, never the address of the page.
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
    """Mail programs want both signs of a line's end, and no plus for a space."""
    return quote(text.replace("\n", "\r\n"), safe=safe)


def _shortened(text: str, room: int) -> str:
    """As much as fits into `room` encoded characters, with an ellipsis where something is missing."""
    if len(_encoded(text)) <= room:
        return text
    room -= len(_encoded("…"))
    for end, sign in enumerate(text):
        room -= len(_encoded(sign))
        if room < 0:
            return f"{text[:end]}…" if end else ""
    return text
