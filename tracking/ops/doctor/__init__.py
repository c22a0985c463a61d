"""What is misconfigured, in plain words, and what to do about each: `manage.py doctor`."""

from collections.abc import Iterator
from datetime import datetime

from tracking.ops.doctor import configuration, store
from tracking.ops.doctor.finding import Finding


def examine(*, now: datetime) -> Iterator[Finding]:
    """All that is wrong or worth knowing. What needs the database is left out where that does not answer."""
    for look in configuration.CHECKS:
        yield from look()
    if obstacles := list(store.obstacles()):
        yield from obstacles
        return
    for look_into in store.CHECKS:
        yield from look_into(now)
