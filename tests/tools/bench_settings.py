"""The settings of the benchmarks: those of the site, with one more address and another folder of static files."""

from pathlib import Path

from emsguide.settings import *  # noqa: F403
from emsguide.settings import env

ROOT_URLCONF = "tests.tools.bench_urls"
STATIC_ROOT = Path(env.str("BENCH_STATIC_ROOT"))
