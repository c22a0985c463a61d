"""What several tests of the desk start from."""

import pytest

from tests.support.parcels import one_of_each
from tracking.models import Shipment


@pytest.fixture
def parcels() -> dict[str, Shipment]:
    return one_of_each()
