"""The key that visitors are counted by: the same on all machines, in this release and in the next."""

from tracking.public.visitors import key_of


def test_the_key_of_an_address_stays_the_same(settings):
    settings.SECRET_KEY = "k" * 50
    assert key_of("192.0.2.1") == "27f87e12db29440eb0b030ace7940b57e0441176feffd447cd01fdc6759f7524"
