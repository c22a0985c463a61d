"""How gunicorn serves the site in production; `gunicorn emsguide.wsgi` reads this file by itself.

Every value gives way to gunicorn's own command line and to GUNICORN_CMD_ARGS.
"""

import os

bind = os.environ.get("BIND", "127.0.0.1:8000")
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 8
timeout = 30
keepalive = 5
max_requests = 20_000
max_requests_jitter = 2_000

logger_class = "emsguide.gunicorn_log.GunicornLogger"

# Whoever is on this machine, a proxy that passes on what a client wrote included, could else say https or move the site:
# what a proxy says is TRUSTED_PROXIES' business alone.
secure_scheme_headers = {}
forwarder_headers = ""

limit_request_line = 8190  # bytes; the look-up form is a GET, and people paste whole mails into it
limit_request_fields = 50
limit_request_field_size = 8190
