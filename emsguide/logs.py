"""The formats of the log, and its filters."""

import logging

from pythonjsonlogger.core import RESERVED_ATTRS, LogData
from pythonjsonlogger.json import JsonFormatter

from tracking.values.redaction import redact


class RedactingFormatter(logging.Formatter):
    """Redacts tracking numbers in every line, including addresses and tracebacks of Django's lines."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the formatted line, redacted."""
        return redact(super().format(record))


class RedactingJsonFormatter(JsonFormatter):
    """The same as JSON, one object per line."""

    def process_log_record(self, log_data: LogData) -> LogData:
        """Return the fields of the line, with their texts redacted."""
        return {name: redact(value) if isinstance(value, str) else value for name, value in log_data.items()}


PLAIN = {
    "()": "emsguide.logs.RedactingFormatter",
    "fmt": "{asctime} {levelname} {name} {request_id}: {message}",
    "style": "{",
    "defaults": {"request_id": "-"},
}
# One object per line. Without `request`, which Django adds to some records: its text has the whole address.
JSON = {
    "()": "emsguide.logs.RedactingJsonFormatter",
    "fmt": "{levelname}{name}{message}",
    "style": "{",
    "rename_fields": {"levelname": "level", "name": "logger"},
    "timestamp": "time",
    "reserved_attrs": [*RESERVED_ATTRS, "request"],
}
FORMATS = {"plain": PLAIN, "json": JSON}


class DropHandledResponses(logging.Filter):
    """Drops Django's lines about responses such as 404, 429 or 503, which are no faults: they have no exception."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return False for a line of Django about a response without an exception."""
        return record.name != "django.request" or bool(record.exc_info)
