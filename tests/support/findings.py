"""Runs one check of the doctor and returns the finding with a number."""

from datetime import UTC, datetime

from django.core.checks import CheckMessage

from tracking.ops.doctor import configuration, machine, store

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # what the clock shows in these tests
CHECK_OF_DIGIT = {"0": configuration.check_settings, "1": machine.check_machine, "2": store.check_store}


def found(number: str) -> CheckMessage | None:
    """The finding with this number; None where all is well. The first digit of the number names the check."""
    messages = {one.id: one for one in CHECK_OF_DIGIT[number[1]](databases=["default"])}
    assert all(one.hint for one in messages.values())
    return messages.get(f"emsguide.{number}")


def text_of(number: str) -> str:
    """The text of the finding; empty where all is well."""
    message = found(number)
    return message.msg if message else ""
