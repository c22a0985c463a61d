"""One query that says whether a page printed before still stands: the words' version and the parcel's row.

Plain SQL and not the ORM: building the two queries and their objects takes longer than everything else a page costs
that need not be printed again.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from tracking.models.shipments import FAILURES
from tracking.values.numbers import TrackingNumber
from tracking.words.version import row_with_version

# All that the row of a parcel tells a page. Events change together with `changed_at`.
_STORY = (
    "last_outcome, last_answer, answered_at, story_at, changed_at, history_missing, parcel.destination_id"
)
_GLANCE = f"""
    SELECT words_version, ask_again_at > %s, {_STORY} FROM tracking_shop
    LEFT JOIN tracking_shipment AS parcel ON number = %s AND story_at IS NOT NULL
"""


@dataclass(frozen=True)
class Glance:
    words_version: UUID
    story: str  # another one whenever the stored story is another; empty: there is none
    is_fresh: bool  # nobody need be asked
    is_stale: bool  # the last ask failed


def glance(number: TrackingNumber, *, now: datetime) -> Glance:
    """What a page about this parcel depends on. Costs one query, and Japan Post nothing."""
    at = connection.ops.adapt_datetimefield_value(now)
    version, is_fresh, last_outcome, *times = row_with_version(_GLANCE, at, number)
    if last_outcome is None:
        return Glance(version, "", is_fresh=False, is_stale=False)
    is_stale = last_outcome in FAILURES
    return Glance(version, repr((last_outcome, *times)), bool(is_fresh), is_stale)
