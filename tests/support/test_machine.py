"""Tests see the same environment on every machine."""

import locale
import os
import sys
import tempfile
import time
from pathlib import Path

import pytest
from django.conf import settings

from tests import PROJECT
from tests.support import processes


@pytest.fixture
def umask() -> int:
    before = os.umask(0o022)
    os.umask(before)
    return before


def test_nothing_of_the_developers_machine_is_left(umask: int, tmp_path: Path) -> None:
    """Run by itself, and again below in a child process with the environment of another machine."""
    ours = {"DEBUG", "SETTINGS_FILE", "DJANGO_SETTINGS_MODULE", "HOME", "TMPDIR", "LC_ALL", "TZ"}
    assert ours < {*os.environ}
    assert not {"SECRET_KEY", "EMAIL_URL", "JAPANPOST_URL", "CACHE_URL", "http_proxy"} & {*os.environ}
    assert "development" in settings.SECRET_KEY and not settings.EMAIL_IS_SET_UP
    assert settings.ADMIN_PATH == "admin/"
    assert umask == 0o022
    assert time.tzname == ("UTC", "UTC")
    assert locale.getencoding() == "UTF-8"
    assert " " not in str(tmp_path) and tmp_path == tmp_path.resolve()
    assert os.access(os.environ["HOME"], os.W_OK)
    assert tempfile.gettempdir() == os.environ["TMPDIR"]


@pytest.mark.parametrize("language", ["C", "tr_TR.UTF-8", "de_DE.ISO-8859-1"])
def test_the_tests_see_the_same_on_every_machine(language: str, tmp_path: Path) -> None:
    folder, link = tmp_path / "with a space", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(folder)
    hostile = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "TMPDIR": str(link),
        "LC_ALL": language,
        "TZ": "Pacific/Kiritimati",
        "SECRET_KEY": "the developer's",
        "ADMIN_PATH": "desk/",
        "DEBUG": "False",
        "EMAIL_URL": "smtp://mail.invalid",
        "JAPANPOST_URL": "nonsense",
        "CACHE_URL": "redis://cache.invalid",
        "DATABASE_URL": "postgres://db.invalid/shop",
        "DJANGO_SETTINGS_MODULE": "no.such.settings",
        "http_proxy": "http://proxy.invalid",
        "SETTINGS_FILE": str(tmp_path / "nothing"),
    }
    test = f"{__file__}::{test_nothing_of_the_developers_machine_is_left.__name__}"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", test]
    done = processes.run(
        command, cwd=PROJECT, env=hostile, umask=0o077, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stdout + done.stderr
