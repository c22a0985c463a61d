"""A number is found and removed in whatever way a text is read: as written, as an address, with escapes."""

import pytest

from tracking.values.numbers import TrackingNumber
from tracking.values.redaction import mentions, remove_number

NUMBER = TrackingNumber("EA123456785JP")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("see ea 123 456 785 jp.", "see -."),
        ("?number=EA%20123456785%E2%80%8BJP", "?number=-"),
        ("50%EA123456785JP", "50%-"),
        (r"another number than ours: EA\xa0123\u3000456785JP", "another number than ours: -"),
        (r"b'EA\xc2\xa0123456785JP'", "b'-'"),
        (r"C:\EA123456785JP.pdf, \nEA123456785JP", r"C:\-.pdf, \n-"),
    ],
)
def test_a_number_is_removed_in_every_reading(text: str, left: str) -> None:
    assert mentions(text, NUMBER)
    assert remove_number(text, NUMBER, "-") == left
    assert not mentions(left, NUMBER)


@pytest.mark.parametrize(
    "text", ["", "EM123456785JP", r"EA\x20123456784JP", "EA%2F123456785JP", r"EA\\123456785JP"]
)
def test_another_text_stays_as_it_is(text: str) -> None:
    assert not mentions(text, NUMBER)
    assert remove_number(text, NUMBER, "-") == text
