"""Fixtures for several tests of the desk."""

import pytest

from tests.support.parcels import one_of_each
from tracking.models import Shipment


@pytest.fixture
def parcels() -> dict[str, Shipment]:
    """Stored parcels by name: one for each reason to look at it, and some that need no look."""
    return one_of_each()
