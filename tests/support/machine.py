"""Sets what tests read from the machine, so that it is the same on a laptop in Istanbul and in a bare container.

tests/settings.py imports this module before the settings of the site read the environment.
"""

import atexit
import locale
import os
import re
import shutil
import signal
import tempfile
import time
from contextlib import suppress

# The only variables of the developer's environment that tests see.
_KEPT = {
    *("PATH", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "LD_LIBRARY_PATH", "USER", "LOGNAME"),
    *("TERM", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CI"),
    *("CROWD", "MATRIX", "REQUIRE_ALL", "TEST_DATABASE_URL", "CLOCK_AHEAD"),  # the suite's own
}
_KEPT_BEGINNINGS = ("PYTEST_", "PY_COLORS", "HYPOTHESIS_", "COVERAGE_", "COV_")
_PLAIN_PATH = re.compile(r"[\w./+-]+")


def make_the_same() -> None:
    """Set the environment, locale, time zone, umask and home of this process and of its children.

    `TEST_DATABASE_URL` names the database (tests/tools/on_postgresql.py); the developer's `DATABASE_URL` is not used.
    """
    temporary = os.path.realpath(tempfile.gettempdir())
    home = os.environ.get("HOME", "")
    for name in [*os.environ]:
        if name not in _KEPT and not name.startswith(_KEPT_BEGINNINGS):
            del os.environ[name]
    os.umask(0o022)
    # Servers write this path into their configuration files, where a space would end it.
    tempfile.tempdir = temporary if _PLAIN_PATH.fullmatch(temporary) else None
    if "PYTEST_XDIST_WORKER" not in os.environ:  # a worker shares the home of its session, which removes it
        home = tempfile.mkdtemp(prefix="emsguide-home-")
        atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ |= {
        "DEBUG": "True",
        "SETTINGS_FILE": os.devnull,  # the developer's .env is not read
        "DJANGO_SETTINGS_MODULE": "emsguide.settings",  # of child processes
        "HOME": home,
        "TMPDIR": tempfile.gettempdir(),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }
    if url := os.environ.get("TEST_DATABASE_URL"):
        os.environ["DATABASE_URL"] = url
    time.tzset()
    with suppress(ValueError):  # not the main thread
        # SIGTERM ends the session like Ctrl-C, so that fixtures end their servers.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(locale.Error):  # there is no C.UTF-8 outside Linux
        locale.setlocale(locale.LC_ALL, "C.UTF-8")  # also the encoding of files that are opened without one
