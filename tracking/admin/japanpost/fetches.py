"""Requests to Japan Post, one row each. Read-only."""

from django.contrib import admin

from tracking.admin.base import ReadOnlyAdmin
from tracking.models import Fetch


@admin.register(Fetch)
class FetchAdmin(ReadOnlyAdmin):
    """One request to Japan Post and its outcome."""

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_display = ["started_at", "shipment", "asked_by", "outcome", "milliseconds", "size", "note"]
    list_filter = ["outcome", "asked_by", "started_at"]
    list_select_related = ["shipment"]
    search_fields = ["shipment__number"]
