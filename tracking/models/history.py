"""The history of rows: each change stores the version, its author and its time."""

from collections.abc import Collection
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from simple_history.models import HistoricalRecords
from simple_history.signals import pre_create_historical_record

INSTALLATION = "installation"  # the change reason of a row's first version, which the seed writes


class Authored(models.Model):
    """Stores the author's name, so that the history still shows it after the account is deleted."""

    author = models.CharField(
        max_length=150, blank=True, help_text="Who. Empty: the site itself, or a command of its owner's."
    )

    class Meta:
        abstract = True


class KeepsStoredTexts(models.Model):
    """For each model with texts that staff write: a stored text is valid, even if it is longer than its limit.

    So staff can change the other fields of a row from before the limit.
    """

    class Meta:
        abstract = True

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """Raise ValidationError for a value that is not valid."""
        try:
            super().clean_fields(exclude)
        except ValidationError as error:
            stored = type(self)._base_manager.filter(pk=self.pk).first()
            same = [name for name in error.error_dict if stored and _is_same_text(self, stored, name)]
            if rest := without_length(error, same):
                raise ValidationError(rest) from None


def without_length(error: ValidationError, names: Collection[str]) -> dict[str, list[ValidationError]]:
    """The errors by field, without those about the length of these fields. Empty if no error is left."""
    rest = {
        name: [one for one in errors if name not in names or one.code != "max_length"]
        for name, errors in error.error_dict.items()
    }
    return {name: errors for name, errors in rest.items() if errors}


def _is_same_text(row: models.Model, stored: models.Model, name: str) -> bool:
    """Whether a field has the same text in both. A browser sends other line ends; a form strips the ends."""
    one, other = (str(getattr(each, name)).strip().splitlines() for each in (row, stored))
    return one == other


def kept_history(*, without: tuple[str, ...] = ()) -> HistoricalRecords:
    """The history of a model's rows. `without`: fields to leave out, because they change without an edit."""
    return HistoricalRecords(bases=[Authored], excluded_fields=list(without))


def sign_history() -> None:
    """Store the author's name with each version from now on. Call it once, when the app is ready."""
    pre_create_historical_record.connect(_sign, dispatch_uid="tracking.models.history.sign")


def _sign(history_instance: Any, history_user: Any, **_: Any) -> None:
    history_instance.author = history_user.get_username() if history_user else ""
