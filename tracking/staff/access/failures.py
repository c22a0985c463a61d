"""What django-axes does otherwise here: clocks that were wrong, the counts of `tries`, and its lines in the log."""

from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.core.validators import validate_ipv46_address
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from tracking.staff.access import tries
from tracking.values.clocks import CLOCKS_DIFFER, impossible


class FailureHandler(AxesDatabaseHandler):
    """Axes' store of failed log-ins. Failures that a clock ahead of time wrote lock no name."""

    def get_user_attempts(
        self, request: HttpRequest, credentials: Any = None
    ) -> list[QuerySet[AccessAttempt]]:
        """Return axes' failures of these credentials, without those from the future."""
        newest = timezone.now() + CLOCKS_DIFFER
        found = super().get_user_attempts(request, credentials)
        return [attempts.filter(attempt_time__lte=newest) for attempts in found]

    def clean_expired_user_attempts(self, request: HttpRequest | None = None, credentials: Any = None) -> int:
        """Delete the failures whose pause is over, and those from the future. Return how many."""
        ahead: int = AccessAttempt.objects.filter(impossible("attempt_time", timezone.now())).delete()[0]
        return ahead + int(super().clean_expired_user_attempts(request, credentials))

    def reset_attempts(
        self, *, ip_address: str | None = None, username: str | None = None, ip_or_username: bool = False
    ) -> int:
        """Delete failures as axes does, for its commands such as `axes_reset`, and the tries that belong to them.

        Raises CommandError for an address that is none, which PostgreSQL cannot compare, and for an empty address or
        name, for which axes would delete the failures of all.
        """
        if ip_address is not None:
            _check_address(ip_address)
        if username is not None and not username:
            raise CommandError("The user name is empty: was a variable of the shell not set?")
        if not ip_address and not username:
            tries.forget_all()
        by_address = Q(ip_address=ip_address) if ip_address else Q()
        by_name = Q(username=username) if username else Q()
        wanted = by_address | by_name if ip_or_username else by_address & by_name
        for name, address in AccessAttempt.objects.filter(wanted).values_list("username", "ip_address"):
            tries.forget(name or "", address)
        return int(
            super().reset_attempts(ip_address=ip_address, username=username, ip_or_username=ip_or_username)
        )


def _check_address(text: str) -> None:
    try:
        validate_ipv46_address(text)
    except ValidationError:
        raise CommandError(f"“{text}” is no network address, such as 192.0.2.1 or 2001:db8::1.") from None


def client_in_log(username: str, ip_address: str | None, *_: object) -> str:
    """Return how a line of the log names the client of a log-in.

    A name that is not a user's is left out: it may be a password in the wrong field, or any text of a stranger.
    """
    is_known = User.objects.filter(username=username).exists()
    return f"{username if is_known else 'an unknown name'} from {ip_address or 'an unknown address'}"
