"""One parcel at the staff's desk: its state in words, the claim clock, asking Japan Post now."""

from datetime import UTC, date, datetime

import pytest

from tracking.models import Destination
from tracking.silence import enquiry_days_left, enquiry_ends_on

pytestmark = pytest.mark.django_db

# The claim clock


@pytest.mark.parametrize(
    ("posted", "months", "last_day"),
    [
        (date(2026, 11, 9), 6, date(2027, 5, 9)),
        (date(2026, 11, 9), 4, date(2027, 3, 9)),
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2027, 8, 31), 6, date(2028, 2, 29)),
        (date(2026, 10, 31), 4, date(2027, 2, 28)),
        (date(2026, 6, 30), 6, date(2026, 12, 30)),
        (date(2026, 12, 31), 6, date(2027, 6, 30)),
        (date(2026, 11, 9), 0, date(2026, 11, 9)),
        (date(2026, 11, 9), 32767, date(2126, 11, 9)),
    ],
)
def test_an_enquiry_ends_so_many_months_after_posting(posted, months, last_day):
    assert enquiry_ends_on(posted, Destination(enquiry_months=months)) == last_day


def test_china_has_four_months_and_an_unknown_destination_six():
    china = Destination.objects.get(code="CN")
    assert enquiry_ends_on(date(2026, 11, 9), china) == date(2027, 3, 9)
    assert enquiry_ends_on(date(2026, 11, 9), None) == date(2027, 5, 9)


def test_the_days_left_are_japans():
    last_day = date(2027, 5, 9)
    assert enquiry_days_left(last_day, datetime(2027, 5, 8, 14, 59, tzinfo=UTC)) == 1
    assert enquiry_days_left(last_day, datetime(2027, 5, 8, 15, 0, tzinfo=UTC)) == 0
    assert enquiry_days_left(last_day, datetime(2027, 5, 9, 15, 0, tzinfo=UTC)) == -1
