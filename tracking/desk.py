"""The desk itself: its start page says what waits, before the list of everything."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone

from tracking.renewal import RENEWED_AT_ONCE, renew_outdated
from tracking.waiting import lines_for


class Desk(admin.AdminSite):
    site_header = site_title = "Parcels and words"
    index_title = "What waits for you"
    index_template = "admin/desk.html"

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        if request.user.has_perm("tracking.view_shipment"):
            renew_outdated(most=RENEWED_AT_ONCE)
        lines = lines_for(request.user, now=timezone.now())
        return super().index(request, {"lines": lines} | (extra_context or {}))
