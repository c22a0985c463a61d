"""Who counts as one visitor: each address in every notation."""

import pytest
from django.test import Client

from tracking.public.visitors import key_of, normal_address

LETTER = {"name": "Ann", "email": "ann@example.com", "number": "", "text": "Where is it?", "website": ""}


def test_the_key_of_an_address_stays_the_same(settings):
    settings.SECRET_KEY = "k" * 50
    assert key_of("192.0.2.1") == "27f87e12db29440eb0b030ace7940b57e0441176feffd447cd01fdc6759f7524"


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1:5678 ", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:C000:201%eth0", "192.0.2.1"),
        ("[::ffff:192.0.2.1]:443", "192.0.2.1"),
        ("64:ff9b::192.0.2.1", "192.0.2.1"),
        ("::192.0.2.1", "192.0.2.1"),
        ("2002:c000:201:5::9", "192.0.2.1"),  # 6to4
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "192.0.2.45"),  # Teredo: all clients of a server share a /64
        ("64:ff9b:1::192.0.2.1", "64:ff9b:1::c000:201"),  # a translator of the site's own network
        ("64:ff9b:1:c000:2:100::", "64:ff9b:1:c000:2:100::"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::"),
        ("[2001:db8:1:2:3::4]:443", "2001:db8:1:2::"),
        ("[2001:db8:1:2::]", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("::1", "::"),
        ("::", "::"),
        *(
            (text, "")
            for text in ("", "unknown", "192.0.2", "192.0.2.1, 192.0.2.2", "[", ":", "2001:db8::1:x")
        ),
    ],
)
def test_one_address_has_one_spelling(written, normal):
    assert normal_address(written) == normal
    assert normal_address(normal) == normal


def write(address):
    """The status of a message from this address."""
    return Client(REMOTE_ADDR=address).post("/contact/", LETTER).status_code


@pytest.mark.django_db
@pytest.mark.parametrize("form", ["::ffff:192.0.2.{}", "64:ff9b::192.0.2.{}", "2002:c000:20{}::1"])
def test_ipv4_visitors_in_ipv6_notation_are_apart(settings, noon, form):
    settings.MESSAGES_PER_HOUR = 1
    assert [write(form.format(last)) for last in (1, 2, 1)] == [302, 302, 429]
    assert write("192.0.2.2") == 429  # the same visitor by IPv4


@pytest.mark.django_db
def test_the_port_that_a_proxy_adds_makes_no_other_visitor(settings, noon):
    settings.MESSAGES_PER_HOUR, settings.TRUSTED_PROXIES = 1, 1
    for address in ("192.0.2.1:{}", "[2001:db8::1]:{}"):
        seen = [
            Client(HTTP_X_FORWARDED_FOR=address.format(port)).post("/contact/", LETTER).status_code
            for port in (1000, 1001)
        ]
        assert seen == [302, 429]
