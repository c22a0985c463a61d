"""Identifies visitors by the client's address. X-Forwarded-For is trusted only for entries of our own proxies."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

# Networks whose last 32 bits are the visitor's IPv4 address: mapped by an IPv6 socket, translated (NAT64), compatible.
_ENDS_IN_IPV4 = tuple(IPv6Network(one) for one in ("::ffff:0:0/96", "64:ff9b::/96", "::/96"))
# A translator of our own network. Where it puts the IPv4 address is its own choice, so nothing is cut off.
_OWN_NAT64 = IPv6Network("64:ff9b:1::/48")
_LEAST_IPV4 = 1 << 24  # ::1 and :: are no IPv4 addresses


def client_address(request: HttpRequest) -> str:
    """Return the visitor's address; with TRUSTED_PROXIES = n the n-th entry from the right of X-Forwarded-For.

    Entries further left are claims of the visitor. A header with fewer entries did not pass our proxies, so the
    peer's address is returned. The address has the form of `normal_address`. Empty if the peer has no address.
    """
    peer: str = request.META.get("REMOTE_ADDR", "")
    if settings.TRUSTED_PROXIES:
        claimed = request.headers.get("X-Forwarded-For", "").split(",")
        if len(claimed) >= settings.TRUSTED_PROXIES:
            return normal_address(claimed[-settings.TRUSTED_PROXIES]) or normal_address(peer) or peer
    return normal_address(peer) or peer


def normal_address(text: str) -> str:
    """Return the one spelling of an address that visitors are counted by; empty if the text is no address.

    A port is left out. An IPv4 address inside an IPv6 address is the IPv4 address; any other IPv6 address is cut to its
    /64 network.
    """
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, IPv4Address):
        return str(address)
    if inner := _ipv4_of(address):
        return str(inner)
    return str(IPv6Address(int(address))) if address in _OWN_NAT64 else _network(address, 64)


def is_at_desk(request: HttpRequest) -> bool:
    """True if the request is for the staff's desk: its path begins with ADMIN_PATH."""
    return request.path_info.startswith(f"/{settings.ADMIN_PATH}")


def visitor_key(request: HttpRequest) -> str:
    """Return a keyed hash of the client's address, so that visitors can be counted without storing addresses."""
    return key_of(client_address(request))


def visitor_keys(request: HttpRequest) -> tuple[str, ...]:
    """Return the keys that this visitor is counted by: see `keys_of`."""
    return keys_of(client_address(request))


def keys_of(address: str) -> tuple[str, ...]:
    """Return the key of an address, and for IPv6 the key of its /48 network: one customer can have all of a /48.

    `address` has the form of `normal_address`.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return (key_of(address),)
    if isinstance(parsed, IPv4Address) or parsed in _OWN_NAT64:
        return (key_of(address),)
    return key_of(address), key_of(f"{_network(parsed, 48)}/48")


def key_of(address: str) -> str:
    """Return the keyed hash of an address, which has the form of `normal_address`."""
    # The first argument must not change: stored keys, and keys computed by machines with another release, depend on it.
    return salted_hmac("tracking.visitors", address, algorithm="sha256").hexdigest()


def _ipv4_of(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address of a visitor who has only that one, in a notation of IPv6; None for a visitor with IPv6."""
    last = int(address) & 0xFFFF_FFFF
    if any(address in network for network in _ENDS_IN_IPV4) and last >= _LEAST_IPV4:
        return IPv4Address(last)
    if address.teredo:
        return address.teredo[1]
    return address.sixtofour


def _network(address: IPv6Address, bits: int) -> str:
    return str(IPv6Address(int(address) >> 128 - bits << 128 - bits))
