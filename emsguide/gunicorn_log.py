"""The logger class that `gunicorn.conf.py` sets."""

import logging

from gunicorn.config import Config
from gunicorn.glogging import Logger

from emsguide.log_limits import LINES_OF_ALL, LimitLines
from emsguide.logs import RedactingFormatter


class GunicornLogger(Logger):
    """gunicorn's logger: redacts tracking numbers, cuts lines, and bounds the lines of its error log."""

    def setup(self, cfg: Config) -> None:
        """Set gunicorn's handlers up, then replace their plain formatters and limit the error log."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.addFilter(_is_no_refusal)
            # Outside requests: no address is known. One bound for all lines of a process.
            handler.addFilter(LimitLines(address=lambda: "gunicorn", of_one=LINES_OF_ALL))
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            if type(handler.formatter) is logging.Formatter:  # the JSON formatter redacts by itself
                handler.setFormatter(RedactingFormatter(handler.formatter._fmt, handler.formatter.datefmt))


def _is_no_refusal(record: logging.LogRecord) -> bool:
    """False for the line about a request that is no HTTP: any client can send it, and the line has its address."""
    return not str(record.msg).startswith("Invalid request from ip=")
