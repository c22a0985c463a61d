"""Identifies visitors by the client's address. X-Forwarded-For is trusted only for entries of our own proxies."""

from ipaddress import IPv6Address, ip_address

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac


def client_address(request: HttpRequest) -> str:
    """Return the visitor's address; with TRUSTED_PROXIES = n the n-th entry from the right of X-Forwarded-For.

    Entries further left are claims of the visitor. A header with fewer entries did not pass our proxies, so the
    peer's address is returned. An IPv6 address is cut to its /64 network. Empty if the peer has no address.
    """
    peer: str = request.META.get("REMOTE_ADDR", "")
    address = peer
    if settings.TRUSTED_PROXIES:
        claimed = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
        if len(claimed) >= settings.TRUSTED_PROXIES:
            address = claimed[-settings.TRUSTED_PROXIES]
    try:
        parsed = ip_address(address)
    except ValueError:
        return peer
    if isinstance(parsed, IPv6Address):
        return str(IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)


def is_at_desk(request: HttpRequest) -> bool:
    """True if the request is for the staff's desk: its path begins with ADMIN_PATH."""
    return request.path_info.startswith(f"/{settings.ADMIN_PATH}")


def visitor_key(request: HttpRequest) -> str:
    """Return a keyed hash of the client's address, so that look-ups can be counted without storing addresses."""
    return key_of(client_address(request))


def key_of(address: str) -> str:
    """Return the keyed hash of an address, which has the form that `client_address` returns."""
    # The first argument must not change: stored keys, and keys computed by machines with another release, depend on it.
    return salted_hmac("tracking.visitors", address, algorithm="sha256").hexdigest()
