"""The container's health check: does the process answer? The request has a host from ALLOWED_HOSTS."""

import os
from urllib.request import Request, urlopen

host = os.environ["ALLOWED_HOSTS"].split(",")[0].strip().lstrip(".")
port = os.environ["BIND"].rpartition(":")[2]
urlopen(Request(f"http://127.0.0.1:{port}/healthz", headers={"Host": host}), timeout=4)
