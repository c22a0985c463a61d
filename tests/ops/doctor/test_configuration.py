"""What the doctor says about the settings, and that it no longer says it after the repair."""

import pytest

from tests.support.findings import text_of


def test_debug_is_reported(settings) -> None:
    settings.DEBUG = True
    assert "shows our code" in text_of("W001")
    settings.DEBUG = False
    assert not text_of("W001")


@pytest.mark.parametrize(
    "key", ["short", "x" * 60, "django-insecure-9-Jx2_kQ8vLw0rTz5yB7nMc3dFg6hPs1aEi4uOoKjHl"]
)
def test_a_guessable_secret_key_is_reported(production, settings, key: str) -> None:
    assert not text_of("W002")
    settings.SECRET_KEY = key
    assert "can be guessed" in text_of("W002")


def test_wrong_allowed_hosts_are_reported(production, settings) -> None:
    assert not text_of("W003") and not text_of("W004")
    settings.ALLOWED_HOSTS = ["*"]
    assert "every host" in text_of("W003")
    settings.ALLOWED_HOSTS = ["other.example"]
    assert "track.shop.jp, which ALLOWED_HOSTS does not have" in text_of("W004")
    settings.ALLOWED_HOSTS = [".shop.jp"]
    assert not text_of("W004")


def test_a_missing_or_insecure_site_url_is_reported(production, settings) -> None:
    assert not text_of("W005") and not text_of("W006")
    settings.SITE_URL = ""
    assert "is missing" in text_of("W005")
    settings.SITE_URL = "http://track.shop.jp"
    assert "staff cannot log in" in text_of("W006")


def test_missing_mail_settings_are_reported(settings) -> None:
    settings.EMAIL_IS_SET_UP = False
    assert "no alarm reaches staff" in text_of("W007")
    settings.EMAIL_IS_SET_UP = True
    assert "webmaster@localhost" in text_of("W008")
    settings.DEFAULT_FROM_EMAIL = "parcels@shop.jp"
    assert not text_of("W007") and not text_of("W008")


def test_https_without_a_proxy_is_a_note(production, settings) -> None:
    assert not text_of("I009")
    settings.TRUSTED_PROXIES = 0
    assert "count as one" in text_of("I009")
