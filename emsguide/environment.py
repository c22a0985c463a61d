"""Reads settings from the environment, strictly: a misspelt value stops the start with a message that names it."""

import io
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0"}
_LINE = re.compile(r"#|(export )?[A-Za-z_0-9]+=")  # a line that environ can read
# If the cache server is down, slow or starting, its entries count as missing. Seconds, for each exchange with it.
_CACHE_MAY_FAIL = {"IGNORE_EXCEPTIONS": True, "SOCKET_CONNECT_TIMEOUT": 0.2, "SOCKET_TIMEOUT": 0.2}
# Seconds to connect; milliseconds until a connection to a server that vanished during an answer is closed.
_POSTGRESQL_ENDS_WAITING = {"connect_timeout": 5, "tcp_user_timeout": 10_000}


def settings_file(folder: Path) -> Path:
    """Return the file that SETTINGS_FILE names, or `.env` in this folder."""
    return Path(os.environ.get("SETTINGS_FILE") or folder / ".env")


def read_settings_file(file: Path) -> None:
    """Add the values of a file to the environment, whose own values take precedence. Does nothing without the file.

    Raises ImproperlyConfigured if the file or a line of it cannot be read; environ would silently skip it.
    """
    if not os.path.lexists(file):
        return
    try:
        content = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ImproperlyConfigured(
            f"{file} cannot be read ({reason}). Let the user of the site read it, or take it away."
        ) from None
    for number, line in enumerate(content.splitlines(), start=1):
        if line and not _LINE.match(
            line
        ):  # environ would log the line, which may contain a password, and continue
            raise ImproperlyConfigured(
                f"Line {number} of {file} is not NAME=value. A comment begins with #; "
                "no space before the name or the =."
            )
    environ.Env.read_env(io.StringIO(content))


class Environment(environ.Env):
    """A stricter django-environ: `DEBUG=ture` is an error and not False. All methods raise ImproperlyConfigured."""

    def strict_bool(self, name: str, *, default: bool) -> bool:
        """Return a boolean: true, yes, on, 1 or false, no, off, 0 in any case."""
        value = self.str(name, default=str(default)).strip().lower()
        if value in _TRUE | _FALSE:
            return value in _TRUE
        raise ImproperlyConfigured(f"{name} is {value!r}: write True or False.")

    def number(self, name: str, *, default: int, least: int, most: int) -> int:
        """Return a whole number from `least` to `most`, both included."""
        value = self.str(name, default=str(default)).strip()
        if value.isascii() and value.isdigit() and least <= int(value) <= most:
            return int(value)
        raise ImproperlyConfigured(f"{name} is {value!r}: write a whole number from {least} to {most}.")

    def token(self, name: str, *, least: int) -> str:
        """Return a secret of `least` to 500 printable ASCII characters without spaces; empty if it is not set."""
        value: str = self.str(name, default="").strip()
        if value and not re.fullmatch(rf"[!-~]{{{least},500}}", value):
            raise ImproperlyConfigured(
                f"{name} is too short or has a sign that cannot be: "
                f"write {least} letters and digits or more, by chance."
            )
        return value

    def choice(self, name: str, *, default: str, among: Iterable[str]) -> str:
        """Return one of the words in `among`, in lower case."""
        value: str = self.str(name, default=default).strip().lower()
        if value in among:
            return value
        raise ImproperlyConfigured(f"{name} is {value!r}: write {' or '.join(among)}.")

    def origin(self, name: str, *, default: str = "") -> str:
        """Return scheme and host (and port) without a path; removes a final slash. Empty only if `default` is."""
        value: str = self.str(name, default=default).strip().rstrip("/")
        if not value and not default:
            return ""
        parts = urlsplit(value)
        if (
            parts.scheme in ("http", "https")
            and parts.hostname
            and value == f"{parts.scheme}://{parts.netloc}"
        ):
            return value
        raise ImproperlyConfigured(
            f"{name} is {value!r}: write scheme and host only, such as {default or 'https://track.example.com'}."
        )

    def path_prefix(self, name: str, *, default: str, taken: frozenset[str]) -> str:
        """Return a path with a slash at its end only. Its first part must not be in `taken`."""
        value = self.str(name, default=default)
        path = value.strip().strip("/")
        if not re.fullmatch(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*", path):
            raise ImproperlyConfigured(
                f"{name} is {value!r}: write letters, digits, - and _, such as {default} or staff/desk/."
            )
        if path.partition("/")[0].lower() in taken:
            raise ImproperlyConfigured(f"{name} is {value!r}: customers' pages are there. Choose another.")
        return f"{path}/"

    def database(self, name: str, *, default: str) -> dict[str, Any]:
        """Return Django's settings of the database, SQLite or PostgreSQL. Options in the address override ours."""
        found = self._from_address(self.db_url_config, name, default)
        match found.get("ENGINE"):
            case "django.db.backends.postgresql":
                return found | {"OPTIONS": _POSTGRESQL_ENDS_WAITING | found.get("OPTIONS", {})}
            case "django.db.backends.sqlite3":
                return found
        raise ImproperlyConfigured(f"{name} names neither sqlite:////path nor postgres://user@host/name.")

    def cache(self, name: str, *, default: str) -> dict[str, Any]:
        """Return Django's settings of the cache. Valkey uses the protocol of Redis; failures of either are ignored."""

        def read(address: str) -> dict[str, Any]:
            return dict(self.cache_url_config(re.sub(r"^valkey(s?)://", r"redis\1://", address)))

        found = self._from_address(read, name, default)
        if found.get("BACKEND") == "django_redis.cache.RedisCache":
            return found | {"OPTIONS": _CACHE_MAY_FAIL | found.get("OPTIONS", {})}
        return found

    def _from_address(self, read: Callable[[str], dict[str, Any]], name: str, default: str) -> dict[str, Any]:
        try:
            return read(self.str(name, default="") or default)
        except (KeyError, ValueError, ImproperlyConfigured):  # their messages may contain a password
            raise ImproperlyConfigured(
                f"{name} cannot be read: write an address as docs/settings.md shows."
            ) from None
