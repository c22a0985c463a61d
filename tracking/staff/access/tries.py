"""Counts tries to log in before the password is checked: many at once are not more than one after the other.

django-axes counts failures, after the check; until then, tries at the same moment do not know of each other.
"""

from datetime import datetime

from django.conf import settings

from tracking.models import Allowance, Purpose
from tracking.models.allowances import Limits, limits, seconds_left
from tracking.public import visitors


def take(name: str, address: str | None, now: datetime) -> bool:
    """Count one try of this name from this address. Return False if it may not be made: no password is checked then.

    `address` has the form of `visitors.normal_address`. None: unknown, so that only the name is counted.
    """
    allowed = _limits(name, address)
    return Allowance.objects.has_room(Purpose.LOG_IN, allowed, now) and Allowance.objects.take(
        Purpose.LOG_IN, allowed, now
    )


def succeeded(name: str, address: str | None, now: datetime) -> None:
    """Give the try back, and forget the failures of this name from this address. Those of other names still count."""
    Allowance.objects.forget(Purpose.LOG_IN, [_name_key(name, address)])
    Allowance.objects.give_back(Purpose.LOG_IN, _address_keys(address), now)


def give_back(name: str, address: str | None, now: datetime) -> None:
    """Undo `take`: the password could not be checked."""
    Allowance.objects.give_back(Purpose.LOG_IN, [key for key, _ in _limits(name, address)], now)


def forget(name: str, address: str | None) -> None:
    """Forget the tries of this name, and those of all names from this address and its network."""
    Allowance.objects.forget(Purpose.LOG_IN, [key for key, _ in _limits(name, address)])


def forget_all() -> None:
    """Forget all tries."""
    Allowance.objects.filter(purpose=Purpose.LOG_IN).delete()


def seconds_to_wait(now: datetime) -> float:
    """Return the seconds until a name or an address that has used up its tries may try again."""
    return seconds_left(Purpose.LOG_IN, now)


def is_name_used_up(name: str, address: str | None, now: datetime) -> bool:
    """Return True if this name has used up its tries from this address; False if the address has, or neither."""
    own = [(_name_key(name, address), settings.AXES_FAILURE_LIMIT)]
    return not Allowance.objects.has_room(Purpose.LOG_IN, own, now)


def _limits(name: str, address: str | None) -> Limits:
    own = (_name_key(name, address), settings.AXES_FAILURE_LIMIT)
    keys = _address_keys(address)
    return [own, *(limits(keys, settings.FAILURES_PER_ADDRESS) if keys else [])]


def _name_key(name: str, address: str | None) -> str:
    return visitors.key_of(
        f"{address or ''}\n{name}"
    )  # an address has no line end, so no other pair reads the same


def _address_keys(address: str | None) -> tuple[str, ...]:
    return visitors.keys_of(address) if address else ()
