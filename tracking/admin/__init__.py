"""The staff's desk, written for a person who edits at night. One module per model module."""

from tracking.admin.access import people
from tracking.admin.japanpost import health, kept_pages, usual_waits
from tracking.admin.parcels import messages, shipments
from tracking.admin.words import destinations, phrases, shop, statuses, translation

__all__ = [
    "destinations",
    "health",
    "kept_pages",
    "messages",
    "people",
    "phrases",
    "shipments",
    "shop",
    "statuses",
    "translation",
    "usual_waits",
]
