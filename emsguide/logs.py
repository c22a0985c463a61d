"""What the log leaves out: answers that are no fault, tracking numbers, secrets."""

import logging
import re

from django.views.debug import SafeExceptionReporterFilter

from tracking.numbers import shortened


class OnlyWhatIsBroken(logging.Filter):
    """A 404, a 429 or a 503 is an answer, not a fault: Django's lines about those carry no exception."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.name != "django.request" or bool(record.exc_info)


class ShortNumbers(logging.Formatter):
    """No line has a whole tracking number: neither ours nor Django's, with their addresses and tracebacks."""

    def format(self, record: logging.LogRecord) -> str:
        return shortened(super().format(record))


class HidesSecrets(SafeExceptionReporterFilter):
    """The page about an error while DEBUG is on: addresses of database, cache and mail have passwords in them."""

    hidden_settings = re.compile(
        SafeExceptionReporterFilter.hidden_settings.pattern + "|_URL$|LOCATION", re.IGNORECASE
    )
