"""The fixture that the tests with real servers share."""

from collections.abc import Iterator

import pytest

from tests.support.served import Cluster, postgresql


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One PostgreSQL server for all tests of a pytest worker. Each test creates its own databases in it."""
    with postgresql() as cluster:
        yield cluster
