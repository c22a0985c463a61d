"""The formats of the log, and its filters."""

import logging

from pythonjsonlogger.core import RESERVED_ATTRS, LogData
from pythonjsonlogger.json import JsonFormatter

from tracking.values.redaction import redact
from tracking.values.store import in_one_line, is_state

# Characters. A client can make texts of megabytes, and Japan Post pages whose errors are as long.
LONGEST_MESSAGE = 2_000
LONGEST_LINE = 16_000  # with its traceback
_SEAM = 500  # longer than a tracking number in any encoding


class RedactingFormatter(logging.Formatter):
    """Redacts tracking numbers in every line and cuts it, including addresses and tracebacks of Django's lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the line without its traceback, with the message cut."""
        record.message = _cut(record.message, LONGEST_MESSAGE)
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        """Return the formatted line, redacted and cut."""
        return redact(_cut(super().format(record), LONGEST_LINE))


class RedactingJsonFormatter(JsonFormatter):
    """The same as JSON, one object per line."""

    def process_log_record(self, log_data: LogData) -> LogData:
        """Return the fields of the line, with their texts redacted and cut."""
        return {
            name: redact(_cut(value, LONGEST_LINE if name == "exc_info" else LONGEST_MESSAGE))
            if isinstance(value, str)
            else value
            for name, value in log_data.items()
        }


def _cut(text: str, most: int) -> str:
    """The text; of a longer one the beginning, redacted so that no part of a number is left at the end."""
    if len(text) <= most:
        return text
    return f"{redact(text[:most])[:-_SEAM]}… ({len(text) - most} more characters)"


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
    """Drops Django's lines about responses such as 400, 403, 404, 429 or 503, which are no faults of the site."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return False for a line of Django about a response that is no error 500 with its exception."""
        if record.name != "django.request":
            return True
        return bool(record.exc_info) and getattr(record, "status_code", 500) >= 500


class ShortenTroubles(logging.Filter):
    """Makes one line of Django's line about a request that failed because the store cannot be used."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True, without the traceback if the exception is a state of the store."""
        error = record.exc_info[1] if record.exc_info else None
        if record.name == "django.request" and is_state(error):
            record.msg = f"{record.getMessage()}: the store cannot be used: {in_one_line(error)}"
            record.args = record.exc_info = record.exc_text = None
        return True
