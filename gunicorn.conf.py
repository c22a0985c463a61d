"""The configuration of gunicorn in production. `gunicorn emsguide.wsgi` reads this file by itself.

gunicorn's command line and GUNICORN_CMD_ARGS override every value.
"""

import itertools
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from emsguide.environment import read_settings_file, settings_file
from emsguide.logs import FORMATS

read_settings_file(settings_file(Path(__file__).resolve().parent))  # as emsguide/settings.py does

bind = os.environ.get("BIND", "127.0.0.1:8000")
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 8  # four may ask Japan Post and three wait (docs/decisions.md); one is left for stored pages
timeout = 30
backlog = 2048  # connections that wait to be accepted; `make bench` opens 200 at once
worker_connections = 1000  # open connections per worker, most of them idle
# Seconds; longer than a proxy keeps an idle connection (nginx: 60), so that gunicorn never closes one in use.
keepalive = 75
max_requests = 20_000
max_requests_jitter = 2_000
control_socket_disable = True  # unused
logger_class = "emsguide.gunicorn_log.GunicornLogger"

# Without these, any local program, and any proxy that passes a client's headers on, could claim https or another path.
# TRUSTED_PROXIES alone decides which headers of a proxy count.
secure_scheme_headers = {}
forwarder_headers = ""

limit_request_line = 8190  # bytes; the look-up form is a GET, and visitors paste whole mails into it
limit_request_fields = 50
limit_request_field_size = 8190
if os.environ.get("LOG_FORMAT", "").strip().lower() == "json":
    # For gunicorn's own lines. The root logger gets no handler, which would write each line again.
    logconfig_dict = {"formatters": {"generic": FORMATS["json"]}, "root": {"level": "INFO", "handlers": []}}


# The workers count for tracking/ops/metrics.py in a folder of this gunicorn: created at its start, deleted at its end.


def on_starting(server: Any) -> None:
    """Create the folder of the counts."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="emsguide-metrics-")


def pre_fork(server: Any, worker: Any) -> None:
    """Give the worker the lowest free slot, so that replaced workers do not add files."""
    taken = {one.metrics_slot for one in server.WORKERS.values()}
    worker.metrics_slot = next(slot for slot in itertools.count() if slot not in taken)


def post_fork(server: Any, worker: Any) -> None:
    """Pass the slot to the worker's process."""
    os.environ["METRICS_SLOT"] = str(worker.metrics_slot)


def on_exit(server: Any) -> None:
    """Delete the folder of the counts."""
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
