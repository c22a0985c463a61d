"""How gunicorn serves the site in production; `gunicorn emsguide.wsgi` reads this file by itself.

Every value gives way to gunicorn's own command line and to GUNICORN_CMD_ARGS.
"""

import os

from emsguide.logs import FORMATS

bind = os.environ.get("BIND", "127.0.0.1:8000")
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 8
timeout = 30
keepalive = 5
max_requests = 20_000
max_requests_jitter = 2_000
if os.environ.get("LOG_FORMAT", "").strip().lower() == "json":
    # Of gunicorn's own lines; without the root's handler, which would write each of them once more.
    logconfig_dict = {"formatters": {"generic": FORMATS["json"]}, "root": {"level": "INFO", "handlers": []}}
