"""Settings: what can be seen without a look at the machine, the network or the database."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.http.request import validate_host

_NEW_KEY = 'python -c "import secrets; print(secrets.token_urlsafe(64))"'


def check_settings(**kwargs: Any) -> Iterable[checks.CheckMessage]:
    """Return what is wrong with the settings."""
    return chain(_debug(), _secret_key(), _hosts(), _site_url(), _mail(), _proxies())


def _debug() -> Iterator[checks.CheckMessage]:
    if settings.DEBUG:
        yield checks.Warning(
            "DEBUG is on: an error page shows our code and settings to every visitor.",
            hint="Take DEBUG out, or set DEBUG=False, unless this is your own machine.",
            id="emsguide.W001",
        )


def _secret_key() -> Iterator[checks.CheckMessage]:
    key = settings.SECRET_KEY
    if len(key) < 50 or len(set(key)) < 5 or key.startswith("django-insecure-"):
        yield checks.Warning(
            "SECRET_KEY can be guessed: an attacker who has it can forge a log-in.",
            hint=f"Set it to what this prints: {_NEW_KEY}. Staff have to log in again.",
            id="emsguide.W002",
        )


def _hosts() -> Iterator[checks.CheckMessage]:
    if "*" in settings.ALLOWED_HOSTS:
        yield checks.Warning(
            "ALLOWED_HOSTS allows every host: a forged one gets into links.",
            hint="Set it to your host names, such as track.example.com.",
            id="emsguide.W003",
        )
    host = urlsplit(settings.SITE_URL).hostname
    if host and not validate_host(host, settings.ALLOWED_HOSTS):
        yield checks.Warning(
            f"SITE_URL is at {host}, which ALLOWED_HOSTS does not have: links in mails lead to an error.",
            hint=f"Add {host} to ALLOWED_HOSTS.",
            id="emsguide.W004",
        )


def _site_url() -> Iterator[checks.CheckMessage]:
    if not settings.SITE_URL:
        yield checks.Warning(
            "SITE_URL is missing: mails to staff cannot link to the desk.",
            hint="Set it to where the site is, such as https://track.example.com.",
            id="emsguide.W005",
        )
    elif settings.SITE_URL.startswith("http:") and not settings.DEBUG:
        yield checks.Warning(
            "SITE_URL begins with http: but browsers send the desk's cookies over https alone, so staff cannot log in.",
            hint="Put a proxy with a certificate in front, and let SITE_URL begin with https.",
            id="emsguide.W006",
        )


def _mail() -> Iterator[checks.CheckMessage]:
    if not settings.EMAIL_IS_SET_UP:
        yield checks.Warning(
            "EMAIL_URL is missing: the site keeps customers' messages and mails none, and no alarm reaches staff.",
            hint="Set it, such as smtp+tls://user:password@host:587, and try it with: "
            "python manage.py sendtestemail you@example.com",
            id="emsguide.W007",
        )
    elif settings.DEFAULT_FROM_EMAIL == "webmaster@localhost":
        yield checks.Warning(
            "Mails come from webmaster@localhost, which mail servers refuse.",
            hint="Set DEFAULT_FROM_EMAIL to an address of yours.",
            id="emsguide.W008",
        )


def _proxies() -> Iterator[checks.CheckMessage]:
    if settings.SITE_URL.startswith("https:") and not settings.TRUSTED_PROXIES:
        yield checks.Info(
            "The site is at https and TRUSTED_PROXIES is 0. With a proxy in front, all visitors count as one.",
            hint="Set TRUSTED_PROXIES to the number of your proxies in front, mostly 1. Leave it where there is none.",
            id="emsguide.I009",
        )
