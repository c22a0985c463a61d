"""The staff's desk, written for a person who edits at night. One module per model module."""

from tracking.admin import (
    alarms,
    gate,
    messages,
    people,
    phrases,
    places,
    shipments,
    shop,
    translation,
    waits,
    words,
)

__all__ = [
    "alarms",
    "gate",
    "messages",
    "people",
    "phrases",
    "places",
    "shipments",
    "shop",
    "translation",
    "waits",
    "words",
]
