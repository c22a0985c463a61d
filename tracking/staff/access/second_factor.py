"""The second factor of staff: a code from an app on their phone, or a back-up code. django-otp stores and checks them.

Its middleware would wrap the user of every request. Only the desk needs the result, and calls `is_satisfied`.
"""

from dataclasses import dataclass
from datetime import datetime

import django_otp
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from tracking.values.clocks import is_impossible

BACK_UP_CODES = 10
_NEW_PHONE = "new_phone"  # session key: the primary key of the device that the page shows


class CodeRefusedError(Exception):
    """The code is wrong, or was used before."""


@dataclass
class TooManyTriesError(Exception):
    """No code is checked until the aware moment `until`: 1, 2, 4, 8 … seconds after a wrong code."""

    until: datetime


def is_required() -> bool:
    """Return True if the settings require a second factor."""
    return settings.STAFF_SECOND_FACTOR == "required"


def knows_password(request: HttpRequest) -> bool:
    """Return True if active staff has logged in, with or without the second factor."""
    return bool(request.user.is_active and getattr(request.user, "is_staff", False))


def is_satisfied(request: HttpRequest) -> bool:
    """Return True if no second factor is required, or this session has shown one that the user still has. One query."""
    if not is_required():
        return True
    shown = Device.from_persistent_id(request.session.get(django_otp.DEVICE_ID_SESSION_KEY, ""))
    return shown is not None and shown.confirmed and shown.user_id == request.user.pk


def phone_of(user: User) -> TOTPDevice | None:
    """Return the connected phone; None if there is none."""
    return TOTPDevice.objects.devices_for_user(user, confirmed=True).first()


def new_phone(request: HttpRequest, user: User) -> TOTPDevice:
    """Return the phone that the QR code connects, created if needed. It counts only after its first right code.

    Each session has its own: an attacker who sees the page with a stolen password must not learn the secret that the
    owner's phone gets later.
    """
    begun = TOTPDevice.objects.filter(user=user, confirmed=False, pk=request.session.get(_NEW_PHONE)).first()
    if begun is None:
        begun = TOTPDevice.objects.create(user=user, name="phone", confirmed=False)
        request.session[_NEW_PHONE] = begun.pk
    return begun


def codes_left(user: User) -> int:
    """Return the number of unused back-up codes."""
    return int(StaticToken.objects.filter(device__user=user).count())


def enrol(request: HttpRequest, user: User, typed: str) -> list[str]:
    """Confirm the new phone by its first code. Return new back-up codes; they are not shown again.

    Raises CodeRefusedError and TooManyTriesError.
    """
    phone = _verified(user, new_phone(request, user), typed)
    with transaction.atomic():
        if not TOTPDevice.objects.filter(pk=phone.pk).update(confirmed=True):
            raise CodeRefusedError  # another session has confirmed the phone
        TOTPDevice.objects.filter(user=user, confirmed=False).delete()
        codes = new_codes(user)
    del request.session[_NEW_PHONE]
    _remember(request, phone)
    return codes


def check_code(request: HttpRequest, user: User, typed: str) -> None:
    """Check a code at log-in. Six digits are a code of the phone; all else is a back-up code, which is used up.

    Raises CodeRefusedError and TooManyTriesError.
    """
    compact = "".join(typed.split()).lower()
    is_phones = compact.isdigit() and len(compact) == 6
    device = phone_of(user) if is_phones else StaticDevice.objects.filter(user=user).first()
    if device is None:
        raise CodeRefusedError
    _remember(request, _verified(user, device, compact))


def new_codes(user: User) -> list[str]:
    """Replace the back-up codes; return the new ones."""
    with transaction.atomic():
        StaticDevice.objects.filter(user=user).delete()
        device = StaticDevice.objects.create(user=user, name="back-up codes")
        codes = [StaticToken.random_token() for _ in range(BACK_UP_CODES)]
        StaticToken.objects.bulk_create(StaticToken(device=device, token=code) for code in codes)
    return codes


def remove(user: User) -> bool:
    """Delete the phone and the back-up codes. Return False if there were none."""
    with transaction.atomic():
        phones, _ = TOTPDevice.objects.filter(user=user).delete()
        codes, _ = StaticDevice.objects.filter(user=user).delete()
    return bool(phones or codes)


def _verified(user: User, device: Device, typed: str) -> Device:
    """The device after it accepted this code. Raises CodeRefusedError and TooManyTriesError."""
    _ignore_future_failure(device)
    allowed, why = device.verify_is_allowed()
    if not allowed:
        raise TooManyTriesError(why["locked_until"])
    verified = django_otp.verify_token(user, device.persistent_id, "".join(typed.split()))
    if verified is None:
        raise CodeRefusedError
    return verified


def _ignore_future_failure(device: Device) -> None:
    """Forget the time of a failure that a clock ahead of time wrote: its pause would last as long as the clock was
    ahead. The count of failures stays.
    """
    failed_at = device.throttling_failure_timestamp
    if is_impossible(failed_at, timezone.now()):
        device.throttling_failure_timestamp = None
        device.save(update_fields=["throttling_failure_timestamp"])


def _remember(request: HttpRequest, device: Device) -> None:
    request.session.cycle_key()  # a stolen cookie of the session before the second factor becomes useless
    django_otp.login(request, device)
