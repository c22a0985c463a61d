"""Settings from the environment, read strictly: a misspelt value stops the start and says which one."""

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
_LINE = re.compile(r"#|(export )?[A-Za-z_0-9]+=")  # what environ understands
# A cache server that is away, slow or starting: what it holds counts as missing. Seconds are for each word with it.
_CACHE_MAY_FAIL = {"IGNORE_EXCEPTIONS": True, "SOCKET_CONNECT_TIMEOUT": 0.2, "SOCKET_TIMEOUT": 0.2}
# Seconds to connect; milliseconds until a server that vanished in the middle of an answer is given up.
_POSTGRESQL_ENDS_WAITING = {"connect_timeout": 5, "tcp_user_timeout": 10_000}


def settings_file(folder: Path) -> Path:
    """`.env` in this folder, or what SETTINGS_FILE names."""
    return Path(os.environ.get("SETTINGS_FILE") or folder / ".env")


def read_settings_file(file: Path) -> None:
    """Put what is written there into the environment, which comes first. No file: nothing.

    Raises ImproperlyConfigured where it, or a line of it, cannot be read; environ would go on without it.
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
        if line and not _LINE.match(line):  # environ would log it whole and go on, and it may hold a password
            raise ImproperlyConfigured(
                f"Line {number} of {file} is not NAME=value. A comment begins with #; no space before the name or the =."
            )
    environ.Env.read_env(io.StringIO(content))


class Environment(environ.Env):
    """django-environ, less forgiving: `DEBUG=ture` is an error here and not False."""

    def strict_bool(self, name: str, *, default: bool) -> bool:
        value = self.str(name, default=str(default)).strip().lower()
        if value in _TRUE | _FALSE:
            return value in _TRUE
        raise ImproperlyConfigured(f"{name} is {value!r}: write True or False.")

    def number(self, name: str, *, default: int, least: int, most: int) -> int:
        """A whole number within limits, both included."""
        value = self.str(name, default=str(default)).strip()
        if value.isascii() and value.isdigit() and least <= int(value) <= most:
            return int(value)
        raise ImproperlyConfigured(f"{name} is {value!r}: write a whole number from {least} to {most}.")

    def token(self, name: str, *, least: int) -> str:
        """Letters, digits and signs without a gap, as a header can carry them, and too long to guess. Empty by default."""
        value = self.str(name, default="").strip()
        if value and not re.fullmatch(rf"[!-~]{{{least},500}}", value):
            raise ImproperlyConfigured(
                f"{name} is too short or has a sign that cannot be: write {least} letters and digits or more, by chance."
            )
        return value

    def choice(self, name: str, *, default: str, among: Iterable[str]) -> str:
        """One of a few words, in small letters."""
        value = self.str(name, default=default).strip().lower()
        if value in among:
            return value
        raise ImproperlyConfigured(f"{name} is {value!r}: write {' or '.join(among)}.")

    def origin(self, name: str, *, default: str = "") -> str:
        """Scheme and host (and port), nothing behind it; a final slash is forgiven. Empty only by default."""
        value = self.str(name, default=default).strip().rstrip("/")
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
        """A path with a slash at its end only, however it was written; its first part is none of `taken`."""
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
        """Django's database, SQLite or PostgreSQL, from an address. Its own options come before ours."""
        found = self._from_address(self.db_url_config, name, default)
        match found.get("ENGINE"):
            case "django.db.backends.postgresql":
                return found | {"OPTIONS": _POSTGRESQL_ENDS_WAITING | found.get("OPTIONS", {})}
            case "django.db.backends.sqlite3":
                return found
        raise ImproperlyConfigured(f"{name} names neither sqlite:////path nor postgres://user@host/name.")

    def cache(self, name: str, *, default: str) -> dict[str, Any]:
        """Django's cache from an address. Valkey speaks Redis' protocol; no trouble of either reaches a page."""

        def read(address: str) -> dict[str, Any]:
            return self.cache_url_config(re.sub(r"^valkey(s?)://", r"redis\1://", address))

        found = self._from_address(read, name, default)
        if found.get("BACKEND") == "django_redis.cache.RedisCache":
            return found | {"OPTIONS": _CACHE_MAY_FAIL | found.get("OPTIONS", {})}
        return found

    def _from_address(self, read: Callable[[str], dict[str, Any]], name: str, default: str) -> dict[str, Any]:
        try:
            return read(self.str(name, default="") or default)
        except (KeyError, ValueError, ImproperlyConfigured):  # whose words may hold a password
            raise ImproperlyConfigured(f"{name} cannot be read: write an address as README shows.") from None
