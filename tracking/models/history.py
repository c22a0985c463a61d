"""The history of rows: each change stores the version, its author and its time."""

from typing import Any

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


def kept_history(*, without: tuple[str, ...] = ()) -> HistoricalRecords:
    """The history of a model's rows. `without`: fields to leave out, because they change without an edit."""
    return HistoricalRecords(bases=[Authored], excluded_fields=list(without))


def sign_history() -> None:
    """Store the author's name with each version from now on. Call it once, when the app is ready."""
    pre_create_historical_record.connect(_sign, dispatch_uid="tracking.models.history.sign")


def _sign(history_instance: Any, history_user: Any, **_: Any) -> None:
    history_instance.author = history_user.get_username() if history_user else ""
