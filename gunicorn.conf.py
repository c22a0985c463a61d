"""How gunicorn serves the site in production; `gunicorn emsguide.wsgi` reads this file by itself.

Every value gives way to gunicorn's own command line and to GUNICORN_CMD_ARGS.
"""

import os

bind = os.environ.get("BIND", "127.0.0.1:8000")
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 8  # four may ask Japan Post and three wait (docs/decisions.md): one is left for who only reads
timeout = 30
backlog = 2048  # connections that wait to be accepted; `make bench` comes with 200 at once
worker_connections = 1000  # open at once in one worker, waiting for their next request most of the time
keepalive = (
    75  # seconds; longer than a proxy keeps an unused connection (nginx: 60), so that none closes in its face
)
max_requests = 20_000
max_requests_jitter = 2_000
