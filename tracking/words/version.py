"""Any edit of the words renews their version: in the same transaction as the edit where it has one, as at the desk, else
right after it.
"""

import uuid
from typing import Any

from django.db.models import Model
from django.db.models.signals import post_delete, post_save

from tracking.models import Destination, Logo, Notice, Phrase, Shop, Status, Wording


def connect() -> None:
    """Called once, when the app is ready."""
    for model in (Destination, Logo, Notice, Phrase, Shop, Status, Wording):
        post_save.connect(_words_changed, sender=model)
        post_delete.connect(_words_changed, sender=model)


def _words_changed(sender: type[Model], raw: bool = False, **_: Any) -> None:
    if not raw:
        renew_words_version()


def renew_words_version() -> None:
    """Make every process read the words anew at its next page. Call it after a bulk update of words."""
    Shop.objects.update(words_version=uuid.uuid4())
