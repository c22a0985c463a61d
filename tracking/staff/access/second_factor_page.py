"""The page of the second factor: connect a phone, enter a code, read and replace the back-up codes."""

from collections.abc import Callable
from math import ceil
from urllib.parse import parse_qs, urlsplit

import segno
from django import forms
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import logout
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from tracking.staff.access import second_factor
from tracking.staff.access.trouble import with_short_waits


class CodeForm(forms.Form):
    """A code from the phone, or a back-up code."""

    code = forms.CharField(
        label="Code",
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "off", "autofocus": True}
        ),
    )


@never_cache
@with_short_waits
@sensitive_post_parameters("code")
def second_factor_page(request: HttpRequest) -> HttpResponse:
    """The page of the second factor.

    Without a phone: connect one. With a phone: enter a code. After the code: the phone and the back-up codes, and the
    buttons that replace them.
    """
    user = request.user
    if not second_factor.knows_password(request) or not isinstance(user, User):
        return HttpResponseRedirect(reverse("admin:login"))
    if request.method == "POST" and "log_out" in request.POST:
        logout(request)
        return HttpResponseRedirect(reverse("admin:login"))
    if not second_factor.is_required():
        return HttpResponseRedirect(reverse("admin:index"))
    if second_factor.is_satisfied(request):
        return _mine(request, user)
    return _ask(request, user) if second_factor.phone_of(user) else _enrol(request, user)


def _ask(request: HttpRequest, user: User) -> HttpResponse:
    form = CodeForm(request.POST or None)
    if form.is_valid() and _accepts(form, lambda code: second_factor.check_code(request, user, code)):
        return HttpResponseRedirect(_next(request))
    return _page(request, "ask", "The code from your phone", {"form": form})


def _enrol(request: HttpRequest, user: User) -> HttpResponse:
    form, codes = CodeForm(request.POST or None), []
    if form.is_valid():
        _accepts(form, lambda code: codes.extend(second_factor.enrol(request, user, code)))
    if codes:
        _log(user, "Set up a second factor.")
        return _codes(request, codes)
    phone = second_factor.new_phone(request, user)
    context = {"form": form, "picture": _picture(phone.config_url), "secret": _secret(phone.config_url)}
    return _page(request, "enrol", "Connect your phone", context)


def _mine(request: HttpRequest, user: User) -> HttpResponse:
    if request.method == "POST" and "new_codes" in request.POST:
        _log(user, "Made new back-up codes.")
        return _codes(request, second_factor.new_codes(user))
    if request.method == "POST" and "new_phone" in request.POST:
        second_factor.remove(user)
        _log(user, "Takes another phone.")
        return HttpResponseRedirect(reverse("admin:second_factor"))
    context = {"phone": second_factor.phone_of(user), "codes_left": second_factor.codes_left(user)}
    return _page(request, "mine", "Second factor", context)


def _accepts(form: CodeForm, use: Callable[[str], object]) -> bool:
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


def _codes(request: HttpRequest, codes: list[str]) -> HttpResponse:
    return _page(request, "codes", "Your back-up codes", {"codes": codes})


def _page(request: HttpRequest, name: str, title: str, more: dict[str, object]) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": title, "next": _next(request), **more}
    return render(request, f"admin/second_factor/{name}.html", context)


def _log(user: User, what: str) -> None:
    LogEntry.objects.log_actions(str(user.pk), [user], CHANGE, what)


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
