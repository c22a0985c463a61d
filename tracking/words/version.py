"""The version of the words. Each edit of any words renews it, in the transaction of the edit (the admin has one), else
directly after the edit.
"""

import uuid
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Model
from django.db.models.signals import post_delete, post_save

from tracking.models import Destination, Logo, Notice, Phrase, Shop, Status, Wording


def renew_version_on_edit() -> None:
    """Renew the version after each edit of words from now on. Call it once, when the app is ready."""
    for model in (Destination, Logo, Notice, Phrase, Shop, Status, Wording):
        post_save.connect(_words_changed, sender=model)
        post_delete.connect(_words_changed, sender=model)


def words_version() -> UUID:
    """The stored version of the words; each edit of any words makes a new one. Costs one query.

    Raises Shop.DoesNotExist where there is no shop.
    """
    version: UUID = row_with_version(f"SELECT words_version FROM {Shop._meta.db_table}")[0]
    return version


def row_with_version(statement: str, *parameters: Any) -> tuple[Any, ...]:
    """The first row of a query whose first column is the shop's `words_version`, returned as a UUID.

    Plain SQL, because building the ORM's query and objects takes longer than all other work for a page from the cache.
    Raises Shop.DoesNotExist where there is no row.
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        row: tuple[Any, ...] | None = cursor.fetchone()
    if row is None:
        raise Shop.DoesNotExist("There is no shop. `manage.py migrate` makes it.")
    version, *others = row
    return (version if isinstance(version, UUID) else UUID(version), *others)  # SQLite stores it as text


def _words_changed(sender: type[Model], raw: bool = False, **_: Any) -> None:
    if not raw:
        renew_words_version()


def renew_words_version() -> None:
    """Make every process read the words again at its next page. Call it after a bulk update of words."""
    Shop.objects.update(words_version=uuid.uuid4())
