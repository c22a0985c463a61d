"""What stood in a row before, kept at every change of it: who changed what, and when."""

from typing import Any

from django.db import models
from simple_history.models import HistoricalRecords
from simple_history.signals import pre_create_historical_record

INSTALLATION = "installation"  # the change reason of a row's first line, which the seed writes


class Authored(models.Model):
    """Keeps the name, so that the history still tells who it was when the account is gone."""

    author = models.CharField(
        max_length=150, blank=True, help_text="Who. Empty: the site itself, or a command of its owner's."
    )

    class Meta:
        abstract = True


def kept_history(*, without: tuple[str, ...] = ()) -> HistoricalRecords:
    """The history of a model's rows. `without` names fields that change by themselves."""
    return HistoricalRecords(bases=[Authored], excluded_fields=list(without))


def _sign(history_instance: Any, history_user: Any, **_: Any) -> None:
    history_instance.author = history_user.get_username() if history_user else ""


pre_create_historical_record.connect(_sign, dispatch_uid="tracking.models.history.sign")
