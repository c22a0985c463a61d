#!/usr/bin/env python
"""Django's command line for emsguide."""

import os
import sys

from django.core.management import execute_from_command_line
from django.db import OperationalError, ProgrammingError

_UNDEFINED_TABLE = "42P01"  # of PostgreSQL; SQLite reports a missing table as an OperationalError


def main(arguments: list[str]) -> None:
    """Run a command. Exits with a sentence for arguments that are no text, and for a database that does not work."""
    for argument in arguments:
        if "\0" in argument or not _is_utf8(argument):
            sys.exit(f"{argument[:100]!r} is not a text in UTF-8, so no command can use it.")
    try:
        execute_from_command_line(arguments)
    except (OperationalError, ProgrammingError) as error:
        is_ours = isinstance(error, ProgrammingError) and _state(error) != _UNDEFINED_TABLE
        if is_ours or "--traceback" in arguments:
            raise
        sys.exit(
            f"The database does not work: {str(error).strip()}. Is DATABASE_URL right, may this user read and write "
            "it, and has `migrate` run? `doctor` says more."
        )


def _is_utf8(argument: str) -> bool:
    """Whether the bytes of an argument were UTF-8; Python turns other bytes into surrogates."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True


def _state(error: ProgrammingError) -> str | None:
    """The SQLSTATE of PostgreSQL's error."""
    return getattr(error.__cause__, "sqlstate", None)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "emsguide.settings")
    main(sys.argv)
