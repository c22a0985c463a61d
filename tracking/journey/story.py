"""A parcel's story as the store has it: what Japan Post last said, and when."""

from dataclasses import dataclass
from datetime import datetime

from tracking.japanpost.records import TrackedEvent
from tracking.values.numbers import TrackingNumber


@dataclass(frozen=True)
class Lookup:
    """A story, from whenever it is. Instants are aware; the events' times are wall clocks."""

    number: TrackingNumber
    events: tuple[TrackedEvent, ...]  # oldest first, at least one
    history_missing: bool
    checked_at: datetime  # when Japan Post last gave an answer we could read
    stale: bool = False  # the last ask failed, ours or everybody's: the story is older than it should be
    gone: bool = False  # Japan Post had it and has it no more: the story is ours alone
    destination: str | None = None  # ISO code, where staff gave it
    told_less_at: datetime | None = None  # their newest answer told less than this story, which is as of then
    changed_at: datetime | None = None  # when the events last changed
