"""Kinds of arguments that several commands take."""

from argparse import ArgumentTypeError
from pathlib import Path


def path(text: str) -> Path:
    """Return the path. Raises ArgumentTypeError for an empty text, which Path reads as the current folder."""
    if not text.strip():
        raise ArgumentTypeError("The path is empty: was a variable of the shell not set?")
    return Path(text)
