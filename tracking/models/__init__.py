"""The database: Japan Post's answers (shipments) and the shop's words about them (words, destinations, shop)."""

from tracking.models.alarms import Alarm, KeptPage
from tracking.models.allowances import Allowance, Purpose
from tracking.models.destinations import Destination, Notice
from tracking.models.gate import Gate, VisitorMinute
from tracking.models.people import Edit, FailedLogIn
from tracking.models.shipments import AskedBy, Event, Fetch, Shipment
from tracking.models.shop import Logo, Message, Shop
from tracking.models.standings import Standing
from tracking.models.waits import UsualWait
from tracking.models.words import Phrase, Stage, Status, Tone, Wording

__all__ = [
    "Alarm",
    "Allowance",
    "AskedBy",
    "Destination",
    "Edit",
    "Event",
    "FailedLogIn",
    "Fetch",
    "Gate",
    "KeptPage",
    "Logo",
    "Message",
    "Notice",
    "Phrase",
    "Purpose",
    "Shipment",
    "Shop",
    "Stage",
    "Standing",
    "Status",
    "Tone",
    "UsualWait",
    "VisitorMinute",
    "Wording",
]
