"""Fixtures for all tests of the doctor."""

import pytest
from django.utils import timezone

from tests.support.findings import NOW


@pytest.fixture(autouse=True)
def at_now(monkeypatch) -> None:
    """The clock of the site shows NOW."""
    monkeypatch.setattr(timezone, "now", lambda: NOW)


@pytest.fixture
def production(settings, monkeypatch) -> None:
    """The settings of a production site behind one proxy."""
    # Browser tests in the same process set this variable, and a check of Django reports it.
    monkeypatch.delenv("DJANGO_ALLOW_ASYNC_UNSAFE", raising=False)
    settings.DEBUG = False
    settings.SECRET_KEY = "9-Jx2_kQ8vLw0rTz5yB7nMc3dFg6hPs1aEi4uOoKjHlVbCXZqWt"
    settings.ALLOWED_HOSTS = ["track.shop.jp"]
    settings.SITE_URL = "https://track.shop.jp"
    settings.TRUSTED_PROXIES = 1
