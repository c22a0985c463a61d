"""How gunicorn serves the site in production; `gunicorn emsguide.wsgi` reads this file by itself.

Every value gives way to gunicorn's own command line and to GUNICORN_CMD_ARGS.
"""

import itertools
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from emsguide.environment import read_settings_file, settings_file
from emsguide.logs import FORMATS

read_settings_file(settings_file(Path(__file__).resolve().parent))  # as the site's settings do

bind = os.environ.get("BIND", "127.0.0.1:8000")
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 8  # four may ask Japan Post and three wait (docs/decisions.md): one is left for who only reads
timeout = 30
backlog = 2048  # connections that wait to be accepted; `make bench` comes with 200 at once
worker_connections = 1000  # open at once in one worker, waiting for their next request most of the time
# Seconds; longer than a proxy keeps an unused connection (nginx: 60), so that none closes in its face.
keepalive = 75
max_requests = 20_000
max_requests_jitter = 2_000
control_socket_disable = True  # nobody uses it
logger_class = "emsguide.gunicorn_log.GunicornLogger"

# Whoever is on this machine, a proxy that passes on what a client wrote included, could else say https or move the site:
# what a proxy says is TRUSTED_PROXIES' business alone.
secure_scheme_headers = {}
forwarder_headers = ""

limit_request_line = 8190  # bytes; the look-up form is a GET, and people paste whole mails into it
limit_request_fields = 50
limit_request_field_size = 8190
if os.environ.get("LOG_FORMAT", "").strip().lower() == "json":
    # Of gunicorn's own lines; without the root's handler, which would write each of them once more.
    logconfig_dict = {"formatters": {"generic": FORMATS["json"]}, "root": {"level": "INFO", "handlers": []}}


# Where the workers count for tracking/ops/metrics.py: a folder of this gunicorn's own, empty at its start and gone at its end.


def on_starting(server: Any) -> None:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="emsguide-metrics-")


def pre_fork(server: Any, worker: Any) -> None:
    """The lowest place that no living worker has: there are as many files as workers, however often one is renewed."""
    taken = {one.metrics_slot for one in server.WORKERS.values()}
    worker.metrics_slot = next(place for place in itertools.count() if place not in taken)


def post_fork(server: Any, worker: Any) -> None:
    os.environ["METRICS_SLOT"] = str(worker.metrics_slot)


def on_exit(server: Any) -> None:
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
