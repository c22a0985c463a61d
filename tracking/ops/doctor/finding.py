"""One finding of the doctor's."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """`what` is the matter and what to do, each in a sentence or two. Not `is_wrong`: fine as it is, but good to know."""

    what: str
    remedy: str
    is_wrong: bool = True
