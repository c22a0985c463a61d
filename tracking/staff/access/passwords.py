"""The forms in which staff type a password. They bound what comes in before it is compared, stored or logged."""

from math import ceil
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from django.contrib.admin.forms import AdminAuthenticationForm, AdminPasswordChangeForm
from django.contrib.auth.forms import UsernameField
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import Error
from django.forms import TextInput
from django.http import HttpRequest
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from tracking.staff.access import tries
from tracking.staff.access.log_in import address_of

LONGEST_NAME = User._meta.get_field("username").max_length or 0
LONGEST_PASSWORD = 1000  # characters


class NameField(UsernameField):
    """The user name at the log-in. Django does not normalize a name that is too long, but would send it back."""

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Return what the form shows again: the name, cut where no user's name is longer."""
        return data[:LONGEST_NAME] if isinstance(data, str) else data


class LogInForm(AdminAuthenticationForm):
    """The log-in. It counts each try before it checks the password."""

    username = NameField(widget=TextInput(attrs={"autofocus": True}))
    request: HttpRequest

    @sensitive_variables()
    def clean(self) -> dict[str, Any]:
        """Check the password, or refuse to; a refusal sets `axes_locked_out` on the request, as axes does."""
        name, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if name is None or not password:
            return super().clean()
        if len(name) > LONGEST_NAME or len(password) > LONGEST_PASSWORD:
            raise self.get_invalid_login_error()
        address, now = address_of(self.request), timezone.now()
        # Axes first: a try during its pause is not counted, so it does not make the time longer.
        if not AxesProxyHandler.is_allowed(self.request, {"username": name}) or not tries.take(
            name, address, now
        ):
            self.request.axes_locked_out = True  # type: ignore[attr-defined]
            self.request.axes_credentials = {"username": name}  # type: ignore[attr-defined]
            raise self.get_invalid_login_error()
        try:
            cleaned: dict[str, Any] = super().clean()
        except (ValidationError, Error):  # the latter may follow a wrong password, so it counts too
            raise
        except BaseException:
            tries.give_back(name, address, now)
            raise
        tries.succeeded(name, address, now)
        return cleaned


class PasswordForm(AdminPasswordChangeForm):
    """The form by which staff change their own password. Wrong old passwords count as tries to log in.

    They have a name of their own in the count, so that they do not lock the log-in of their user.
    """

    def __init__(self, *arguments: Any, address: str | None, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.address = address  # as `address_of` returns it

    @sensitive_variables()
    def clean_old_password(self) -> str:
        """Return the old password. Raise ValidationError if it is wrong, or if it may not be compared."""
        if len(self.cleaned_data["old_password"]) > LONGEST_PASSWORD:
            raise ValidationError(self.error_messages["password_incorrect"], code="password_incorrect")
        name, now = f"{self.user.get_username()}\nold password", timezone.now()
        if not tries.take(name, self.address, now):
            minutes = ceil(tries.seconds_to_wait(now) / 60)
            raise ValidationError(f"Too many wrong passwords: please wait {minutes} minutes.")
        old: str = super().clean_old_password()
        tries.succeeded(name, self.address, now)
        return old


class LongestPassword:
    """A validator for AUTH_PASSWORD_VALIDATORS: the log-in compares no longer password, so none may be set."""

    def validate(self, password: str, user: object = None) -> None:
        """Raise ValidationError for a password of more than LONGEST_PASSWORD characters."""
        if len(password) > LONGEST_PASSWORD:
            raise ValidationError(self.get_help_text(), code="password_too_long")

    def get_help_text(self) -> str:
        """Return the sentence for staff."""
        return f"Your password can have at most {LONGEST_PASSWORD} characters."
