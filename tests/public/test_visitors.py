"""Who counts as one visitor: each address in every notation, and the networks that one customer can have whole."""

import pytest
from django.test import Client

from tests.support.stories import POSTED, some_numbers, story
from tracking.public.visitors import key_of, keys_of, normal_address

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


def test_only_an_ipv6_visitor_has_a_network_of_many():
    assert len(keys_of("192.0.2.1")) == len(keys_of("64:ff9b:1::c000:201")) == len(keys_of("")) == 1
    own, network = keys_of("2001:db8:1::")
    assert own == key_of("2001:db8:1::") != network
    assert keys_of("2001:db8:1:9::")[1] == network != keys_of("2001:db8:2::")[1]


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


@pytest.mark.django_db
def test_a_network_of_ipv6_sends_four_times_the_messages(settings, noon):
    settings.MESSAGES_PER_HOUR = 1
    assert [write(f"2001:db8:1:{i}::1") for i in range(6)] == [302] * 4 + [429] * 2
    assert write("2001:db8:2::1") == 302


@pytest.mark.django_db
def test_a_network_of_ipv6_has_four_times_the_look_ups(settings, noon, standin):
    settings.LOOKUPS_PER_MINUTE = 1
    seen = []
    for i, number in enumerate(some_numbers(6)):
        standin.set_item(number, story(POSTED, number=number))
        seen.append(Client(REMOTE_ADDR=f"2001:db8:1:{i}::1").get(f"/track/{number}/").status_code)
    assert seen == [200] * 4 + [429] * 2
