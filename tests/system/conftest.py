"""What tests with real servers share."""

from collections.abc import Iterator

import pytest

from tests.support.served import Cluster, postgresql


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One PostgreSQL for all tests of a worker; each makes databases of its own in it."""
    with postgresql() as cluster:
        yield cluster
