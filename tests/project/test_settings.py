"""Settings from the environment: two are enough to start production, and a misspelt value stops the start."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from emsguide.environment import Environment
from tests import PROJECT
from tests.support import processes
from tracking import urls

PRODUCTION = {"SECRET_KEY": "x" * 60, "ALLOWED_HOSTS": "track.example.com"}

SHIPPED, STRONG = PROJECT / "deploy" / "emsguide.env", "".join(map(chr, range(40, 110)))

SHOWN = "from emsguide import settings as s; print(s.DEBUG, s.ADMIN_PATH, s.DATABASES['default']['ENGINE'])"


def start(code: str = SHOWN, *, cwd: Path = PROJECT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the code in a process with these settings. It inherits only PATH, LANG and HOME."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "HOME")}
    return processes.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env=kept | environment,
        capture_output=True,
        text=True,
    )


def test_production_starts_with_a_key_and_a_host():
    assert start(**PRODUCTION).stdout.split() == ["False", "admin/", "django.db.backends.sqlite3"]


@pytest.mark.parametrize(
    ("weakness", "words"),
    [
        ({}, ""),
        ({"SECRET_KEY": "x" * 60}, "security.W009"),
        ({"SECURE_HSTS_SECONDS": "0"}, "security.W004"),
        ({"SECURE_SSL_REDIRECT": "False"}, "security.W008"),
        ({"EMAIL_URL": ""}, "emsguide.W007"),
        ({"SITE_URL": "https://other.example"}, "emsguide.W004"),
    ],
)
def test_djangos_check_finds_each_weakened_shipped_setting(weakness, words):
    """The check is that of `make lint` and of step 6 in the guide to a server."""
    shipped = dict(re.findall(r"^([A-Z_]+)=(.*)$", SHIPPED.read_text(), re.MULTILINE))
    code = (
        "from django.core.management import execute_from_command_line as run; "
        "run('x check --deploy --fail-level WARNING'.split())"
    )
    environment = (
        {"DJANGO_SETTINGS_MODULE": "emsguide.settings", "EMAIL_URL": "smtp+tls://ann:pw@mail.example.com:587"}
        | shipped
        | {"SECRET_KEY": STRONG}
        | weakness
    )
    done = start(code, **environment)
    assert (done.returncode, words in done.stderr) == (1 if words else 0, True)
    assert "manage.py check --deploy --fail-level WARNING" in (PROJECT / "Makefile").read_text()


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, "SECRET_KEY is missing"),
        ({"SECRET_KEY": "x"}, "ALLOWED_HOSTS is missing"),
        (PRODUCTION | {"DEBUG": "ture"}, "DEBUG is 'ture'"),
        (PRODUCTION | {"FRESH_MINUTES": "a quarter"}, "FRESH_MINUTES is 'a quarter'"),
        (PRODUCTION | {"JAPANPOST_TIMEOUT": "0"}, "whole number from 1 to 25"),
        (PRODUCTION | {"JAPANPOST_URL": "https://example.com/path"}, "scheme and host only"),
        (PRODUCTION | {"SITE_URL": "track.example.com"}, "such as https://track.example.com"),
        (PRODUCTION | {"ADMIN_PATH": ""}, "ADMIN_PATH is ''"),
        (PRODUCTION | {"ADMIN_PATH": "/"}, "ADMIN_PATH is '/'"),
        (PRODUCTION | {"ADMIN_PATH": "staff desk/"}, "write letters, digits"),
        (PRODUCTION | {"ADMIN_PATH": "<slug:any>/"}, "write letters, digits"),
        (PRODUCTION | {"ADMIN_PATH": "/Track/desk/"}, "customers' pages are there"),
        (PRODUCTION | {"METRICS_TOKEN": "too short"}, "METRICS_TOKEN is too short"),
        (PRODUCTION | {"LOG_FORMAT": "xml"}, "LOG_FORMAT is 'xml': write plain or json"),
        (PRODUCTION | {"SECURE_SSL_REDIRECT": "maybe"}, "SECURE_SSL_REDIRECT is 'maybe'"),
        (PRODUCTION | {"DATABASE_URL": "postgres://shop:pw@host:port/site"}, "DATABASE_URL cannot be read"),
        (PRODUCTION | {"DATABASE_URL": "postgrs://shop:pw@host/site"}, "DATABASE_URL names neither"),
        (PRODUCTION | {"DATABASE_URL": "db.sqlite3"}, "DATABASE_URL names neither"),
        (PRODUCTION | {"CACHE_URL": "radis://:pw@host/0"}, "CACHE_URL cannot be read"),
    ],
)
def test_a_missing_or_misspelt_value_stops_the_start_and_is_named(environment, words):
    result = start(**environment)
    assert result.returncode != 0
    assert words in result.stderr
    assert "pw@" not in result.stderr


@pytest.fixture
def program_folder(tmp_path: Path) -> Path:
    """A copy of the program in a folder where a test may write a file `.env`."""
    # Other tests may compile modules, and so change these folders, during the copy.
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROJECT / "emsguide", tmp_path / "emsguide", ignore=ignored)
    (tmp_path / "tracking").symlink_to(PROJECT / "tracking")
    shutil.copy(PROJECT / "gunicorn.conf.py", tmp_path)
    return tmp_path


def test_the_environment_overrides_the_file_env(program_folder: Path) -> None:
    assert start(cwd=program_folder, **PRODUCTION).returncode == 0
    (program_folder / ".env").write_text(
        "SECRET_KEY=é\nALLOWED_HOSTS=a.example\nADMIN_PATH=desk/\n", encoding="utf-8"
    )
    assert start(cwd=program_folder).stdout.split()[:2] == ["False", "desk/"]
    assert start(cwd=program_folder, ADMIN_PATH="other/").stdout.split()[:2] == ["False", "other/"]


def test_the_environment_may_name_another_file(program_folder: Path) -> None:
    (program_folder / ".env").write_text("ADMIN_PATH=desk/\n")
    (program_folder / "other").write_text("ADMIN_PATH=other/\n")
    for named, path in (("other", "other/"), ("", "desk/"), (os.devnull, "admin/")):
        assert start(cwd=program_folder, SETTINGS_FILE=named, **PRODUCTION).stdout.split()[1] == path


@pytest.mark.parametrize(
    "reader", ["import emsguide.settings", "import runpy; runpy.run_path('gunicorn.conf.py')"]
)
@pytest.mark.parametrize("kind", ["a folder", "a link to nothing", "not UTF-8"])
def test_an_unreadable_file_env_stops_the_start_and_is_named(
    program_folder: Path, kind: str, reader: str
) -> None:
    file = program_folder / ".env"
    match kind:
        case "a folder":  # Docker makes one where the file that it should mount is missing
            file.mkdir()
        case "a link to nothing":
            file.symlink_to(program_folder / "gone.env")
        case _:
            file.write_bytes(b"SECRET_KEY=caf\xe9\n")
    result = start(reader, cwd=program_folder, **PRODUCTION)
    assert result.returncode != 0
    assert f"{file} cannot be read" in result.stderr and "caf" not in result.stderr


@pytest.mark.parametrize("line", ["SECRET_KEY: s3cr3t", " SECRET_KEY=s3cr3t", "SECRET_KEY =s3cr3t", "s3cr3t"])
def test_an_invalid_line_stops_the_start_and_is_not_printed(program_folder: Path, line: str) -> None:
    (program_folder / ".env").write_text(f"# ours\n\nexport DEBUG=False\n{line}\n")
    result = start(cwd=program_folder, **PRODUCTION)
    assert result.returncode != 0
    assert f"Line 4 of {program_folder / '.env'} is not NAME=value" in result.stderr
    assert "s3cr3t" not in result.stderr + result.stdout


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("", "dummy|localhost|25|||False|False"),
        ("smtp+tls://ann:p%40ss@mail.example.com:587", "smtp|mail.example.com|587|ann|p@ss|True|False"),
        ("smtp+ssl://mail.example.com:465", "smtp|mail.example.com|465|None|None|False|True"),
        ("consolemail://", "console|None|None|None|None|False|False"),
    ],
)
def test_the_address_of_mail_becomes_djangos_settings(address: str, expected: str) -> None:
    code = (
        "from django.conf import settings as s; print(s.EMAIL_BACKEND.split('.')[-2], s.EMAIL_HOST, s.EMAIL_PORT,"
        "s.EMAIL_HOST_USER, s.EMAIL_HOST_PASSWORD, s.EMAIL_USE_TLS, s.EMAIL_USE_SSL, sep='|')"
    )
    result = start(code, **PRODUCTION, EMAIL_URL=address, DJANGO_SETTINGS_MODULE="emsguide.settings")
    assert result.stdout.strip() == expected, result.stderr


@pytest.mark.parametrize(
    ("address", "location"),
    [("redis://:pw@cache:6379/1", "redis://:pw@cache:6379/1"), ("valkeys://cache/0", "rediss://cache/0")],
)
def test_valkey_and_redis_are_the_same_cache_and_may_both_fail(monkeypatch, address, location):
    monkeypatch.setenv("CACHE_URL", address)
    cache = Environment().cache("CACHE_URL", default="")
    assert (cache["BACKEND"], cache["LOCATION"]) == ("django_redis.cache.RedisCache", location)
    assert cache["OPTIONS"] == {
        "IGNORE_EXCEPTIONS": True,
        "SOCKET_CONNECT_TIMEOUT": 0.2,
        "SOCKET_TIMEOUT": 0.2,
    }


def test_an_option_in_an_address_overrides_ours(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://shop@host/site?connect_timeout=2&sslmode=require")
    options = Environment().database("DATABASE_URL", default="")["OPTIONS"]
    assert options == {"connect_timeout": 2, "sslmode": "require", "tcp_user_timeout": 10_000}


@pytest.mark.parametrize(
    "written", ["back-office/desk", "/back-office/desk", "/back-office/desk/", " back-office/desk/ "]
)
def test_admin_path_works_with_and_without_slashes(written):
    code = "import django; django.setup(); from django.urls import reverse; print(reverse('admin:login'))"
    result = start(code, **PRODUCTION, ADMIN_PATH=written, DJANGO_SETTINGS_MODULE="emsguide.settings")
    assert result.stdout.strip() == "/back-office/desk/login/", result.stderr


def test_no_customers_address_can_become_the_staffs_desk(monkeypatch):
    addresses = [str(one.pattern).lstrip("^").replace("\\", "") for one in urls.urlpatterns]
    firsts = {re.split("[/?$]", address)[0] for address in addresses} - {""}
    assert {"track", "services", "contact", "readyz", "robots.txt"} <= firsts
    for first in firsts | {settings.STATIC_URL.strip("/")}:
        monkeypatch.setenv("ADMIN_PATH", f"{first}/")
        with pytest.raises(ImproperlyConfigured):
            Environment().path_prefix("ADMIN_PATH", default="admin/", taken=settings.CUSTOMERS_PATHS)
