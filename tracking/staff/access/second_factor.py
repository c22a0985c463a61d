"""The second factor of staff: a code from an app on their phone, or a back-up code. django-otp keeps and checks them.

Its middleware would wrap the person of every request; only the desk needs to know, so it asks `is_satisfied`.
"""

from dataclasses import dataclass
from datetime import datetime

import django_otp
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

BACK_UP_CODES = 10
_NEW_PHONE = "new_phone"  # in a session: the key of the device that its page shows


class CodeRefusedError(Exception):
    """This code is not right, or was used before."""


@dataclass
class TooManyTriesError(Exception):
    """Wrong codes are followed by 1, 2, 4, 8 … seconds in which none is looked at."""

    until: datetime


def is_required() -> bool:
    return settings.STAFF_SECOND_FACTOR == "required"


def is_satisfied(request: HttpRequest) -> bool:
    """None is required, or this session has shown one that its owner still has. One query."""
    if not is_required():
        return True
    shown = Device.from_persistent_id(request.session.get(django_otp.DEVICE_ID_SESSION_KEY, ""))
    return shown is not None and shown.confirmed and shown.user_id == request.user.pk


def phone_of(user: User) -> TOTPDevice | None:
    return TOTPDevice.objects.devices_for_user(user, confirmed=True).first()


def new_phone(request: HttpRequest, user: User) -> TOTPDevice:
    """What the QR code is about; it counts only after its first right code. The same for a session, and for no other:
    whoever saw the page with a stolen password must not know what the owner's phone gets later.
    """
    begun = TOTPDevice.objects.filter(user=user, confirmed=False, pk=request.session.get(_NEW_PHONE)).first()
    if begun is None:
        begun = TOTPDevice.objects.create(user=user, name="phone", confirmed=False)
        request.session[_NEW_PHONE] = begun.pk
    return begun


def codes_left(user: User) -> int:
    return StaticToken.objects.filter(device__user=user).count()


def enrol(request: HttpRequest, user: User, typed: str) -> list[str]:
    """The new phone's first code: the phone counts from now on. Returns the back-up codes, for the only time."""
    phone = _verified(user, new_phone(request, user), typed)
    with transaction.atomic():
        if not TOTPDevice.objects.filter(pk=phone.pk).update(confirmed=True):
            raise CodeRefusedError  # another session was quicker
        TOTPDevice.objects.filter(user=user, confirmed=False).delete()
        codes = new_codes(user)
    del request.session[_NEW_PHONE]
    _remember(request, phone)
    return codes


def show(request: HttpRequest, user: User, typed: str) -> None:
    """A code at log-in: six digits are the phone's, anything else is a back-up code, which is gone then."""
    compact = "".join(typed.split()).lower()
    is_phones = compact.isdigit() and len(compact) == 6
    device = phone_of(user) if is_phones else StaticDevice.objects.filter(user=user).first()
    if device is None:
        raise CodeRefusedError
    _remember(request, _verified(user, device, compact))


def new_codes(user: User) -> list[str]:
    """Back-up codes in place of those there were."""
    with transaction.atomic():
        StaticDevice.objects.filter(user=user).delete()
        device = StaticDevice.objects.create(user=user, name="back-up codes")
        codes = [StaticToken.random_token() for _ in range(BACK_UP_CODES)]
        StaticToken.objects.bulk_create(StaticToken(device=device, token=code) for code in codes)
    return codes


def remove(user: User) -> bool:
    """The phone is lost: it and the back-up codes open nothing any more. False if there was none."""
    with transaction.atomic():
        phones, _ = TOTPDevice.objects.filter(user=user).delete()
        codes, _ = StaticDevice.objects.filter(user=user).delete()
    return bool(phones or codes)


def _verified(user: User, device: Device, typed: str) -> Device:
    """The device as it is after this code. Raises CodeRefusedError, TooManyTriesError."""
    allowed, why = device.verify_is_allowed()
    if not allowed:
        raise TooManyTriesError(why["locked_until"])
    verified = django_otp.verify_token(user, device.persistent_id, "".join(typed.split()))
    if verified is None:
        raise CodeRefusedError
    return verified


def _remember(request: HttpRequest, device: Device) -> None:
    request.session.cycle_key()  # who saw the half-open session's cookie does not get the whole one
    django_otp.login(request, device)
