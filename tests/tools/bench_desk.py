"""python -m tests.tools.bench_desk (part of make bench): the desk's lists with 100,000 parcels and a million events.

Requests each page five times in one process, without a server. Prints the median time and the number of queries.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.support import processes
from tests.tools.bench_store import fill

PARCELS, EVENTS_EACH = 100_000, 11
AIM = 300  # milliseconds at the median
ROUNDS = 5
_LIST = "tracking/shipment/"
PAGES = (
    "",
    _LIST,
    *(f"{_LIST}?look={reason}" for reason in ("any", "problem", "silent", "collect", "enquiry")),
    *(f"{_LIST}?{chosen}" for chosen in ("stage=3", "stage=none", "destination=DE", "destination=none")),
    *(f"{_LIST}?standing__tone__exact={tone}" for tone in ("problem", "act")),
    *(f"{_LIST}?{chosen}" for chosen in ("silent=longer", "silent=far")),
    *(f"{_LIST}?enquiry={state}" for state in ("soon", "open", "over", "unknown")),
    *(f"{_LIST}?{words}" for words in ("q=EM200000015JP", "q=100500", "enquiry=open&o=5", "p=900")),
    *(f"tracking/{kind}/" for kind in ("fetch", "message", "phrase", "gate")),
)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store.sqlite3"
        environment = os.environ | {"DATABASE_URL": f"sqlite:///{store}", "DEBUG": "True"}
        migrate = [sys.executable, "manage.py", "migrate", "-v0"]
        processes.run(migrate, env=environment, check=True)
        fill(store, parcels=PARCELS, events_each=EVENTS_EACH)
        measure = [
            sys.executable,
            "manage.py",
            "shell",
            "-v0",
            "-c",
            "from tests.tools.bench_desk import measure; measure()",
        ]
        return processes.run(measure, env=environment, timeout=3600).returncode


def measure() -> None:
    """Measure and print. Runs in a process whose DATABASE_URL names the filled store."""
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from tracking.journey.standing import recompute
    from tracking.models import Event, Shipment

    settings.ALLOWED_HOSTS = ["testserver"]
    began = time.perf_counter()
    with_story = list(Shipment.objects.exclude(story_at=None).values_list("pk", flat=True))
    for start in range(0, len(with_story), 500):
        recompute(with_story[start : start + 500])
    took = time.perf_counter() - began
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    events = Event.objects.count()
    print(
        f"The desk with {PARCELS:,} parcels and {events:,} events; all standings were computed in {took:.0f} s"
    )
    client = Client()
    client.force_login(User.objects.create_superuser("bench"))
    for page in PAGES:
        times = []
        for _ in range(ROUNDS):
            with CaptureQueriesContext(connection) as queries:
                started = time.perf_counter()
                status = client.get(f"/admin/{page}").status_code
                times.append((time.perf_counter() - started) * 1000)
        if status != 200:
            raise RuntimeError(f"{page}: {status}")
        print(
            f"  /admin/{page:44} {len(queries):3} queries  aim {AIM} ms  here {statistics.median(times):5.0f} ms"
        )


if __name__ == "__main__":
    sys.exit(main())
