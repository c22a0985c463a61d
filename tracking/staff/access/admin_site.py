"""The staff's desk: Django's admin, with a start page and, if the settings require it, a second factor."""

from collections.abc import Callable
from math import ceil
from typing import Any
from urllib.parse import parse_qs, urlsplit

import segno
from django import forms
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import logout
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from tracking import VERSION
from tracking.journey.standing import BATCH, recompute_outdated
from tracking.staff.access import second_factor
from tracking.staff.start_page import tasks_for


class CodeForm(forms.Form):
    """A code from the phone, or a back-up code."""

    code = forms.CharField(
        label="Code",
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "off", "autofocus": True}
        ),
    )


class Desk(admin.AdminSite):
    """The admin site. A user who has shown only the password reaches only the page of the second factor."""

    site_header = site_title = "Parcels and words"
    index_title = "What waits for you"
    index_template = "admin/desk.html"

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The start page, with the tasks of this user."""
        if request.user.has_perm("tracking.view_shipment"):
            recompute_outdated(most=BATCH)
        tasks = tasks_for(request.user, now=timezone.now())
        return super().index(request, {"tasks": tasks} | (extra_context or {}))

    def has_permission(self, request: HttpRequest) -> bool:
        """True for active staff who have logged in, with the second factor if it is required."""
        return knows_password(request) and second_factor.is_satisfied(request)

    def get_urls(self) -> list[URLResolver | URLPattern]:
        """Django's addresses, and the page of the second factor."""
        return [path("second-factor/", self.second_factor, name="second_factor"), *super().get_urls()]

    def each_context(self, request: HttpRequest) -> dict[str, object]:
        """Django's context, the version, and whether a second factor is required."""
        ours = {"has_second_factor": second_factor.is_required(), "version": VERSION}
        return super().each_context(request) | ours

    @method_decorator([never_cache, sensitive_post_parameters("code")])
    def second_factor(self, request: HttpRequest) -> HttpResponse:
        """The page of the second factor.

        Without a phone: connect one. With a phone: enter a code. After the code: the phone and the back-up codes,
        and the buttons that replace them.
        """
        user = request.user
        if not knows_password(request) or not isinstance(user, User):
            return HttpResponseRedirect(reverse("admin:login"))
        if request.method == "POST" and "log_out" in request.POST:
            logout(request)
            return HttpResponseRedirect(reverse("admin:login"))
        if not second_factor.is_required():
            return HttpResponseRedirect(reverse("admin:index"))
        if second_factor.is_satisfied(request):
            return self._mine(request, user)
        return self._ask(request, user) if second_factor.phone_of(user) else self._enrol(request, user)

    def _ask(self, request: HttpRequest, user: User) -> HttpResponse:
        form = CodeForm(request.POST or None)
        if form.is_valid() and self._accepts(
            form, lambda code: second_factor.check_code(request, user, code)
        ):
            return HttpResponseRedirect(_next(request))
        return self._page(request, "ask", "The code from your phone", {"form": form})

    def _enrol(self, request: HttpRequest, user: User) -> HttpResponse:
        form, codes = CodeForm(request.POST or None), []
        if form.is_valid():
            self._accepts(form, lambda code: codes.extend(second_factor.enrol(request, user, code)))
        if codes:
            self._log(user, "Set up a second factor.")
            return self._codes(request, codes)
        phone = second_factor.new_phone(request, user)
        context = {"form": form, "picture": _picture(phone.config_url), "secret": _secret(phone.config_url)}
        return self._page(request, "enrol", "Connect your phone", context)

    def _mine(self, request: HttpRequest, user: User) -> HttpResponse:
        if request.method == "POST" and "new_codes" in request.POST:
            self._log(user, "Made new back-up codes.")
            return self._codes(request, second_factor.new_codes(user))
        if request.method == "POST" and "new_phone" in request.POST:
            second_factor.remove(user)
            self._log(user, "Takes another phone.")
            return HttpResponseRedirect(reverse("admin:second_factor"))
        context = {"phone": second_factor.phone_of(user), "codes_left": second_factor.codes_left(user)}
        return self._page(request, "mine", "Second factor", context)

    def _accepts(self, form: CodeForm, use: Callable[[str], object]) -> bool:
        """Pass the code to `use`. Return True if it was right; otherwise add an error to the form."""
        try:
            use(form.cleaned_data["code"])
        except second_factor.CodeRefusedError:
            form.add_error(
                "code", "This code is not right, or it was used before. Take the one that is shown now."
            )
        except second_factor.TooManyTriesError as tries:
            seconds = max(ceil((tries.until - timezone.now()).total_seconds()), 1)
            wait = f"{seconds} seconds" if seconds < 120 else f"{ceil(seconds / 60)} minutes"
            form.add_error("code", f"Too many wrong codes: please wait {wait}. Until then none is looked at.")
        return form.is_valid()

    def _codes(self, request: HttpRequest, codes: list[str]) -> HttpResponse:
        return self._page(request, "codes", "Your back-up codes", {"codes": codes})

    def _page(self, request: HttpRequest, name: str, title: str, more: dict[str, object]) -> HttpResponse:
        context = {**self.each_context(request), "title": title, "next": _next(request), **more}
        return render(request, f"admin/second_factor/{name}.html", context)

    def _log(self, user: User, what: str) -> None:
        LogEntry.objects.log_actions(str(user.pk), [user], CHANGE, what)


def knows_password(request: HttpRequest) -> bool:
    """Return True if active staff has logged in, with or without the second factor."""
    return bool(request.user.is_active and getattr(request.user, "is_staff", False))


def _next(request: HttpRequest) -> str:
    """The address in `next`; the start page if it is missing or on another site."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if is_ours else reverse("admin:index")


def _picture(url: str) -> str:
    """The QR code as SVG without inline style or script, which the CSP forbids."""
    return mark_safe(segno.make(url).svg_inline(scale=5, light="#fff", svgclass="qr", lineclass=None))


def _secret(url: str) -> str:
    """The secret in the QR code, for phones without a camera: in groups of four letters."""
    secret = parse_qs(urlsplit(url).query)["secret"][0]
    return " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))
