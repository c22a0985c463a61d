"""How the log looks, and what it leaves out."""

import logging

from pythonjsonlogger.core import RESERVED_ATTRS

PLAIN = {
    "()": "logging.Formatter",
    "fmt": "{asctime} {levelname} {name} {request_id}: {message}",
    "style": "{",
    "defaults": {"request_id": "-"},
}
# One object a line. Django hangs the request itself on some lines: its text has the whole address.
JSON = {
    "()": "pythonjsonlogger.json.JsonFormatter",
    "fmt": "{levelname}{name}{message}",
    "style": "{",
    "rename_fields": {"levelname": "level", "name": "logger"},
    "timestamp": "time",
    "reserved_attrs": [*RESERVED_ATTRS, "request"],
}
FORMATS = {"plain": PLAIN, "json": JSON}


class OnlyWhatIsBroken(logging.Filter):
    """A 404, a 429 or a 503 is an answer, not a fault: Django's lines about those carry no exception."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.name != "django.request" or bool(record.exc_info)
