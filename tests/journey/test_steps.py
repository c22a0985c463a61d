"""The five steps, as the page draws them."""

import pytest

from tests.support.journeys import progress_of
from tests.support.stories import story

pytestmark = pytest.mark.django_db


def test_the_steps_of_a_foreign_parcel_do_not_leave_japan():
    progress = progress_of(story("En route @ SAITAMA", number="RB123456785GB"))
    assert [step.label for step in progress.steps][1] == "Leaving the United Kingdom"
    assert progress.from_abroad
