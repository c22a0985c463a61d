"""The page of one draft: what it changes, and the button that discards it."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from tracking.admin.base import admin_of, page_context
from tracking.admin.edit_conflicts import changed_since_opened, version_token
from tracking.models import Status, Wording
from tracking.staff.words.difference import word_difference
from tracking.staff.words.history import changes_of


def discard_draft(request: HttpRequest, object_id: int, wording_id: int) -> HttpResponse:
    """GET: the draft compared with what customers see. POST: discards the draft; the history keeps it."""
    model_admin = admin_of(Status)
    may_discard = model_admin.has_change_permission(request)
    if not may_discard and (request.method == "POST" or not model_admin.has_view_permission(request)):
        raise PermissionDenied
    wording = Wording.objects.filter(pk=wording_id, status=object_id).exclude(draft=None).first()
    if wording is None:
        messages.warning(request, "These words have no draft any more.")
        return HttpResponseRedirect(reverse("admin:tracking_status_change", args=[object_id]))
    if request.method == "POST":
        return _discard(request, wording)
    drafted = wording.drafted_texts
    context = {
        **page_context(model_admin, request, "Draft and what customers see"),
        "object": wording.status,
        "wording": wording,
        "version_token": version_token(wording),
        "may_discard": may_discard,
        "fields": [
            (name.replace("_", " "), word_difference(text, drafted[name]))
            for name, text in wording.texts.items()
        ],
    }
    return TemplateResponse(request, "admin/tracking/status/discard.html", context)


def _discard(request: HttpRequest, wording: Wording) -> HttpResponse:
    """Discard the draft that the page showed. If it has changed since, shows the new one first."""
    with transaction.atomic():
        if changed_since_opened(request.POST, wording):
            who = changes_of(wording.history.all())[0].who
            words = (
                f"Nothing is discarded: {who} changed these words after you opened this page. "
                "This page shows them as they are now."
            )
            messages.warning(request, words)
            return HttpResponseRedirect(request.path)
        wording.discard_draft()
    admin_of(Status).log_change(request, wording.status, f"Discarded the draft of {wording}")
    messages.success(request, "The draft is discarded. The history still has it.")
    return HttpResponseRedirect(reverse("admin:tracking_status_change", args=[wording.status_id]))
