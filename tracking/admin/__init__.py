"""The staff's desk, written for a person who edits at night. One module per model module."""

from django.contrib import admin

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

admin.site.site_header = "Parcels and words"
admin.site.site_title = "Parcels and words"
admin.site.index_title = "What do you want to look after?"
