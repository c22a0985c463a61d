"""Settings from the environment: production starts with two, and a misspelt value stops the start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
PRODUCTION = {"SECRET_KEY": "x" * 60, "ALLOWED_HOSTS": "track.example.com"}


def start(**environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "HOME")}
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "from emsguide import settings as s; print(s.DEBUG, s.ADMIN_PATH, s.DATABASES['default']['ENGINE'])",
        ],
        cwd=PROJECT,
        env=kept | environment,
        capture_output=True,
        text=True,
    )


def test_production_starts_with_a_key_and_a_host():
    assert start(**PRODUCTION).stdout.split() == ["False", "admin/", "django.db.backends.sqlite3"]


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, "SECRET_KEY is missing"),
        ({"SECRET_KEY": "x"}, "ALLOWED_HOSTS is missing"),
        (PRODUCTION | {"DEBUG": "ture"}, "DEBUG is 'ture'"),
        (PRODUCTION | {"FRESH_MINUTES": "a quarter"}, "FRESH_MINUTES is 'a quarter'"),
        (PRODUCTION | {"JAPANPOST_TIMEOUT": "0"}, "whole number from 1 to 60"),
        (PRODUCTION | {"JAPANPOST_URL": "https://example.com/path"}, "scheme and host only"),
        (PRODUCTION | {"SITE_URL": "track.example.com"}, "such as https://track.example.com"),
        (PRODUCTION | {"ADMIN_PATH": "/desk"}, "ADMIN_PATH is '/desk'"),
        (PRODUCTION | {"SECURE_SSL_REDIRECT": "maybe"}, "SECURE_SSL_REDIRECT is 'maybe'"),
    ],
)
def test_a_missing_or_misspelt_value_stops_the_start_with_its_name(environment, words):
    result = start(**environment)
    assert result.returncode != 0
    assert words in result.stderr
