"""Settings from the environment, read strictly: a misspelt value stops the start and says which one."""

import re
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0"}


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

    def choice(self, name: str, *, default: str, choices: tuple[str, ...]) -> str:
        value = self.str(name, default=default).strip().lower()
        if value in choices:
            return value
        raise ImproperlyConfigured(f"{name} is {value!r}: write {' or '.join(choices)}.")

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
