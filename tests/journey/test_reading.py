"""A story read with today's words: which destination it has."""

import pytest

from tests.support.journeys import progress_of
from tests.support.stories import ARRIVED, POSTED, story

pytestmark = pytest.mark.django_db


def test_staff_then_the_link_name_the_destination_before_a_scan():
    assert progress_of(story(POSTED), hint="US").destination == "US"
    assert progress_of(story(POSTED), hint="US", destination="CA").destination == "CA"
    assert progress_of(story(POSTED, ARRIVED), hint="US", destination="CA").destination == "DE"
