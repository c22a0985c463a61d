"""gunicorn's log; `gunicorn.conf.py` names it."""

import logging

from gunicorn.config import Config
from gunicorn.glogging import Logger

from emsguide.logs import ShortNumbers


class GunicornLogger(Logger):
    """Its own lines, and those of its access log where that is turned on, with numbers shortened."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            if type(handler.formatter) is logging.Formatter:  # as JSON they are short already
                handler.setFormatter(ShortNumbers(handler.formatter._fmt, handler.formatter.datefmt))
