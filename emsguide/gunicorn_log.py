"""The logger class that `gunicorn.conf.py` sets."""

import logging

from gunicorn.config import Config
from gunicorn.glogging import Logger

from emsguide.logs import RedactingFormatter


class GunicornLogger(Logger):
    """gunicorn's logger, with tracking numbers redacted in its error log and access log."""

    def setup(self, cfg: Config) -> None:
        """Set gunicorn's handlers up, then replace their plain formatters."""
        super().setup(cfg)
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            if type(handler.formatter) is logging.Formatter:  # the JSON formatter redacts by itself
                handler.setFormatter(RedactingFormatter(handler.formatter._fmt, handler.formatter.datefmt))
