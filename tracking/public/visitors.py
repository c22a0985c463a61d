"""Who is asking: the client's address, believed only as far as our own proxies vouch for it."""

from ipaddress import IPv6Address, ip_address

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac


def client_address(request: HttpRequest) -> str:
    """The visitor's address; with TRUSTED_PROXIES = n the n-th from the right of X-Forwarded-For.

    What stands further left is the visitor's own claim. A header with fewer entries did not come through
    our proxies: then the peer's address counts. An IPv6 visitor is its /64 network.
    """
    address = request.META.get("REMOTE_ADDR", "")
    if settings.TRUSTED_PROXIES:
        claimed = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
        if len(claimed) >= settings.TRUSTED_PROXIES:
            address = claimed[-settings.TRUSTED_PROXIES]
    try:
        parsed = ip_address(address)
    except ValueError:
        return request.META.get("REMOTE_ADDR", "")
    if isinstance(parsed, IPv6Address):
        return str(IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)


def is_at_desk(request: HttpRequest) -> bool:
    """True for an address of the staff's desk."""
    return request.path_info.startswith(f"/{settings.ADMIN_PATH}")


def visitor_key(request: HttpRequest) -> str:
    """A keyed hash of the client's address: counts visits without storing who they are."""
    return key_of(client_address(request))


def key_of(address: str) -> str:
    """The same for an address as `client_address` has it."""
    # The first argument is part of keys in the store, and of those that machines of another release compute.
    return salted_hmac("tracking.visitors", address, algorithm="sha256").hexdigest()
