"""The staff's desk: one module for each admin page. Importing this package registers them."""

from tracking.admin.access import people
from tracking.admin.japanpost import fetches, health, kept_pages, usual_waits
from tracking.admin.parcels import messages, shipments
from tracking.admin.words import destinations, notices, phrases, shop, statuses, translation

__all__ = [
    "destinations",
    "fetches",
    "health",
    "kept_pages",
    "messages",
    "notices",
    "people",
    "phrases",
    "shipments",
    "shop",
    "statuses",
    "translation",
    "usual_waits",
]
