"""How the log looks, and what it leaves out."""

import logging

from pythonjsonlogger.core import RESERVED_ATTRS, LogData
from pythonjsonlogger.json import JsonFormatter

from tracking.values.redaction import redact


class ShortNumbers(logging.Formatter):
    """No line has a whole tracking number: neither ours nor Django's, with their addresses and tracebacks."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class ShortNumbersInJson(JsonFormatter):
    """The same, one object a line."""

    def process_log_record(self, log_data: LogData) -> LogData:
        return {name: redact(value) if isinstance(value, str) else value for name, value in log_data.items()}


PLAIN = {
    "()": "emsguide.logs.ShortNumbers",
    "fmt": "{asctime} {levelname} {name} {request_id}: {message}",
    "style": "{",
    "defaults": {"request_id": "-"},
}
# One object a line. Django hangs the request itself on some lines: its text has the whole address.
JSON = {
    "()": "emsguide.logs.ShortNumbersInJson",
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
