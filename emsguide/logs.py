"""What the log leaves out."""

import logging


class OnlyWhatIsBroken(logging.Filter):
    """A 404, a 429 or a 503 is an answer, not a fault: Django's lines about those carry no exception."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.name != "django.request" or bool(record.exc_info)
