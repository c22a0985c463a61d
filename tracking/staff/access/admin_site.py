"""The staff's desk: Django's admin, with a start page and, if the settings require it, a second factor."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils import timezone

from tracking import VERSION
from tracking.journey.standing import BATCH, recompute_outdated
from tracking.staff.access import second_factor
from tracking.staff.access.log_in import address_of
from tracking.staff.access.passwords import LogInForm, PasswordForm
from tracking.staff.access.second_factor_page import second_factor_page
from tracking.staff.access.trouble import with_short_waits
from tracking.staff.start_page import tasks_for


class Desk(admin.AdminSite):
    """The admin site. A user who has shown only the password reaches only the page of the second factor."""

    site_header = site_title = "Parcels and words"
    index_title = "What waits for you"
    index_template = "admin/desk.html"
    login_form = LogInForm

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The start page, with the tasks of this user."""
        if request.user.has_perm("tracking.view_shipment"):
            recompute_outdated(most=BATCH)
        tasks = tasks_for(request.user, now=timezone.now())
        return super().index(request, {"tasks": tasks} | (extra_context or {}))

    def has_permission(self, request: HttpRequest) -> bool:
        """True for active staff who have logged in, with the second factor if it is required."""
        return second_factor.knows_password(request) and second_factor.is_satisfied(request)

    def get_urls(self) -> list[URLResolver | URLPattern]:
        """Django's addresses, and the page of the second factor."""
        return [path("second-factor/", second_factor_page, name="second_factor"), *super().get_urls()]

    def password_change(  # type: ignore[override]  # a redirection too
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """Django's page on which staff change their own password, with our form."""
        view = PasswordChangeView.as_view(
            form_class=partial(PasswordForm, address=address_of(request)),
            success_url=reverse("admin:password_change_done"),
            extra_context=self.each_context(request) | (extra_context or {}),
        )
        return with_short_waits(view)(request)

    def each_context(self, request: HttpRequest) -> dict[str, object]:
        """Django's context, the version, and whether a second factor is required."""
        ours = {"has_second_factor": second_factor.is_required(), "version": VERSION}
        return super().each_context(request) | ours
