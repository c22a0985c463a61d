"""python -m tests.tools.on_postgresql [pytest arguments]: runs the tests that use the database most, on PostgreSQL.

It starts its own PostgreSQL server and ends it afterwards.
"""

import os
import signal
import sys

from tests.support import processes
from tests.support.served import postgresql

LONGEST = 3600  # seconds

FILES = (
    *(
        "fetching/test_lookup",
        "fetching/test_gate",
        "fetching/test_health",
        "ops/test_prune",
        "ops/test_privacy",
    ),
    *(
        "journey/test_standing",
        "journey/test_usual_waits",
        "staff/test_start_page",
        "staff/parcels/test_parcel_list",
    ),
    *("staff/words/test_phrase_usage", "staff/words/test_inbox", "staff/parcels/test_parcel_page"),
    *("staff/parcels/test_messages", "staff/parcels/test_registration", "models/test_migrations"),
    "staff/test_odd_addresses",
    *("public/test_shipment_page", "public/test_track_form", "public/test_contact", "public/test_visitors"),
    *("models/test_allowances", "staff/access/test_log_in", "staff/access/test_second_factor"),
)


def main() -> int:
    files = [f"tests/{name}.py" for name in FILES]
    with postgresql() as cluster:
        pytest = [sys.executable, "-m", "pytest", *files, *sys.argv[1:]]
        environment = os.environ | {"TEST_DATABASE_URL": cluster.new()}
        with processes.running(pytest, ends_on=signal.SIGINT, env=environment) as process:
            return process.wait(LONGEST)


if __name__ == "__main__":
    sys.exit(main())
