"""A WSGI application that sends a stored answer without Django, to show what gunicorn costs alone.

BENCH_ANSWER names the file with the answer's status, headers and body.
"""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

status, headers, body = pickle.loads(Path(os.environ["BENCH_ANSWER"]).read_bytes())


def application(environ: dict[str, object], start_response: Callable[..., object]) -> list[bytes]:
    """Send the stored answer."""
    start_response(status, headers)
    return [body]
