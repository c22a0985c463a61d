"""The same bytes without Django: what gunicorn costs by itself. BENCH_ANSWER names a file with an answer's parts."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

status, headers, body = pickle.loads(Path(os.environ["BENCH_ANSWER"]).read_bytes())


def application(environ: dict[str, object], start_response: Callable[..., object]) -> list[bytes]:
    start_response(status, headers)
    return [body]
