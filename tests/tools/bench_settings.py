"""The site's settings, with one more address and with static files in a folder of the benchmark's own."""

from pathlib import Path

from emsguide.settings import *  # noqa: F403
from emsguide.settings import env

ROOT_URLCONF = "tests.tools.bench_urls"
STATIC_ROOT = Path(env.str("BENCH_STATIC_ROOT"))
