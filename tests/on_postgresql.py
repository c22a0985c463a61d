"""python -m tests.on_postgresql: what asks the database most, with a PostgreSQL of its own as the site's; arguments go to pytest."""

import os
import signal
import sys

from tests import processes
from tests.served import postgresql

LONGEST = 3600  # seconds

FILES = (
    *("lookup", "gate", "health", "prune", "privacy", "standing", "waiting", "learn", "sightings", "inbox"),
    *("shipment_page", "track_form", "contact", "parcel_desk", "messages_desk", "register", "migrations"),
)


def main() -> int:
    files = [f"tests/test_{name}.py" for name in FILES]
    with postgresql() as cluster:
        pytest = [sys.executable, "-m", "pytest", *files, *sys.argv[1:]]
        environment = os.environ | {"TEST_DATABASE_URL": cluster.new()}
        with processes.running(pytest, ends_on=signal.SIGINT, env=environment) as process:
            return process.wait(LONGEST)


if __name__ == "__main__":
    sys.exit(main())
