"""Each migration leaves a database that the previous version can use, and does not block that version.

While new machines start, old ones still serve visitors.
"""

from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection, models
from django.db.migrations import Migration
from django.db.migrations import operations as ops
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState
from django.test.utils import CaptureQueriesContext

from tests.support.kept import NOW
from tests.support.pictures import png_chunk, png_with
from tests.support.stories import some_numbers
from tracking.migrations._operations import AddIndexOnline
from tracking.models import Fetch, Logo, Shipment, Shop
from tracking.values.logos import read_picture

BEFORE_THE_RULE = "0014_standing"  # no machine runs with an older version
# Migrations that remove what the previous version no longer uses: name -> the first version that does not use it.
INTENDED: dict[str, str] = {}
# Data migrations that need no batches: name -> why they write only a few rows.
SMALL = {
    "0020_log_lines_without_addresses": "lines of staff's log about messages, which never change",
    "0025_logo_without_metadata": "the shop's one logo",
}
# Tables that only staff fill. All others grow with parcels and visitors, so building an index must not block writers.
SMALL_TABLES = {
    *("destination", "gate", "logo", "notice", "phrase", "shop", "status", "usualwait", "wording"),
    *(f"historical{one}" for one in ("destination", "notice", "phrase", "shop", "status", "wording")),
}

_HARMLESS = (ops.CreateModel, AddIndexOnline, ops.AlterModelOptions, ops.AlterModelManagers)


def dangerous_operations(migration: Migration, state: ProjectState) -> Iterator[str]:
    """Yields the operations that the previous version cannot tolerate, with the migration's name.

    `state` is the state before the migration. It is changed to the state after it.
    """
    for operation in migration.operations:
        if isinstance(operation, ops.RunPython | ops.RunSQL):
            is_harmless = _works_in_batches(migration) or migration.name in SMALL
        else:
            is_harmless = _is_harmless(operation, state)
        if not is_harmless:
            yield f"{migration.name}: {operation.describe()}"
        operation.state_forwards(migration.app_label, state)


def _works_in_batches(migration: Migration) -> bool:
    """Returns False where it cannot: in a transaction, or with the locks of another operation.

    True says no more than that it can. Its author must write the batches.
    """
    return not migration.atomic and len(migration.operations) == 1


def _is_harmless(operation: Operation, state: ProjectState) -> bool:
    if isinstance(operation, ops.AddField):
        field = operation.field
        return _can_be_left_out(field) and not field.unique and not _locks_a_growing_table(operation, field)
    if isinstance(operation, ops.AlterField):
        before = state.models["tracking", operation.model_name_lower].fields[operation.name]
        is_new = not before.db_index and _locks_a_growing_table(operation, operation.field)
        return _accepts_all_values_of(operation.field, before) and not is_new
    if type(operation) is ops.AddIndex:
        return operation.model_name_lower in SMALL_TABLES
    return isinstance(operation, _HARMLESS)


def _locks_a_growing_table(operation: ops.AddField | ops.AlterField, field: models.Field) -> bool:
    """Returns True where building the index blocks writers of a table with many rows."""
    return field.db_index and operation.model_name_lower not in SMALL_TABLES


def _can_be_left_out(field: models.Field) -> bool:
    """An INSERT without this column works. (Django removes a plain `default` from the table again.)"""
    return field.null or field.many_to_many or field.db_default is not models.NOT_PROVIDED


def _accepts_all_values_of(new: models.Field, old: models.Field) -> bool:
    """The new field accepts every value of the old one and stores it in the same form."""
    return (
        new.get_internal_type() == old.get_internal_type()
        and (new.null or not old.null)
        and (old.unique or not new.unique)
        and (new.max_length or 0) >= (old.max_length or 0)
        and new.db_column == old.db_column
    )


def test_the_previous_version_can_use_each_migrated_database() -> None:
    loader = MigrationLoader(None)
    found = []
    for label, name in sorted(loader.disk_migrations):
        if label == "tracking" and name > BEFORE_THE_RULE and name not in INTENDED:
            found += dangerous_operations(
                loader.disk_migrations[label, name], loader.project_state((label, name), at_end=False)
            )
    assert found == []


def small_state() -> ProjectState:
    """A state with two models of one text field each."""
    state = ProjectState()
    fields = [
        ("id", models.BigAutoField(primary_key=True)),
        ("note", models.CharField(max_length=50, null=True)),
    ]
    for name in ("Parcel", "Shop"):
        state.add_model(ModelState("tracking", name, fields))
    return state


@pytest.mark.parametrize(
    ("operation", "is_dangerous"),
    [
        (ops.AddField("parcel", "extra", models.TextField(null=True)), False),
        (ops.AddField("parcel", "extra", models.TextField(db_default="")), False),
        (ops.AddField("parcel", "extra", models.TextField(default="")), True),
        (ops.AddField("parcel", "extra", models.TextField(null=True, unique=True)), True),
        (ops.AlterField("parcel", "note", models.CharField(max_length=90, null=True, help_text="x")), False),
        (ops.AlterField("parcel", "note", models.CharField(max_length=50)), True),
        (ops.AlterField("parcel", "note", models.CharField(max_length=20, null=True)), True),
        (ops.AlterField("parcel", "note", models.TextField(null=True)), True),
        (ops.AddField("parcel", "extra", models.TextField(null=True, db_index=True)), True),
        (ops.AlterField("parcel", "note", models.CharField(max_length=50, null=True, db_index=True)), True),
        (ops.AddIndex("parcel", models.Index(fields=["note"], name="notes")), True),
        (ops.AddIndex("shop", models.Index(fields=["note"], name="notes")), False),
        (AddIndexOnline("parcel", models.Index(fields=["note"], name="notes")), False),
        (ops.RemoveField("parcel", "note"), True),
        (ops.RenameField("parcel", "note", "remark"), True),
        (ops.DeleteModel("Parcel"), True),
        (ops.RenameModel("Parcel", "Item"), True),
    ],
    ids=lambda value: value.describe() if isinstance(value, Operation) else "",
)
def test_a_dangerous_operation_is_noticed(operation: Operation, is_dangerous: bool) -> None:
    migration = Migration("0099_next", "tracking")
    migration.operations = [operation]
    assert bool(list(dangerous_operations(migration, small_state()))) == is_dangerous


@pytest.mark.parametrize("operation", [ops.RunPython(ops.RunPython.noop), ops.RunSQL("SELECT 1")])
def test_a_data_migration_is_alone_and_outside_a_transaction(operation: Operation) -> None:
    migration = Migration("0099_next", "tracking")
    migration.operations = [operation]
    assert list(dangerous_operations(migration, small_state()))
    migration.atomic = False
    assert not list(dangerous_operations(migration, small_state()))
    migration.operations = [ops.AddField("parcel", "extra", models.TextField(null=True)), operation]
    assert list(dangerous_operations(migration, small_state()))


@pytest.mark.django_db(transaction=True)
def test_migration_0019_fills_in_last_answers_in_batches(monkeypatch) -> None:
    filling = import_module("tracking.migrations.0019_fill_in_last_answer")
    monkeypatch.setattr(filling, "AT_ONCE", 2)
    outcomes = ["tracked", "unavailable", "not-found", "unexpected-page", "", "unavailable", "tracked"]
    parcels = Shipment.objects.bulk_create(
        Shipment(number=number, last_outcome=outcome)
        for number, outcome in zip(some_numbers(len(outcomes)), outcomes, strict=True)
    )
    for days, outcome in enumerate(["unavailable", "rejected", "tracked"]):
        Fetch.objects.create(
            shipment=parcels[3], started_at=NOW - timedelta(days), outcome=outcome, milliseconds=1
        )
    newer = Shipment.objects.filter(pk=parcels[6].pk)
    newer.update(last_answer="rejected")  # the new version had written it already
    with CaptureQueriesContext(connection) as queries, connection.schema_editor(atomic=False) as editor:
        filling.fill_in(apps, editor)
    updates = [one for one in queries.captured_queries if one["sql"].startswith("UPDATE")]
    assert len(updates) == 2 * 3  # two queries in each of three batches
    answers = list(Shipment.objects.order_by("pk").values_list("last_answer", flat=True))
    assert answers == ["tracked", "", "not-found", "rejected", "", "", "rejected"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("data", "extension"),
    [
        (png_with(png_chunk(b"tEXt", b"Author\0Ann"), behind="IHDR"), "png"),
        (read_picture(png_with(b"", behind="IHDR")).data + b"Ann", "webp"),
    ],
    ids=["png", "webp"],
)
def test_a_stored_logo_is_replaced_by_its_pixels_once(shop: Shop, data: bytes, extension: str) -> None:
    cleaning = import_module("tracking.migrations.0025_logo_without_metadata")
    old = Logo.objects.create(
        shop=shop, data=data, digest="0" * 16, extension=extension, width=320, height=80
    )
    versions = [shop.words_version]
    for _ in range(2):
        cleaning.keep_only_pixels(apps, connection.schema_editor())
        versions.append(Shop.objects.get().words_version)
        new = Logo.objects.get()
        assert b"Ann" not in bytes(new.data) and (new.extension, new.width, new.height) == ("webp", 320, 80)
        assert new.digest == read_picture(data).digest != old.digest
    assert versions[0] != versions[1] == versions[2]


@pytest.mark.django_db
def test_a_stored_logo_that_is_refused_today_stays(shop: Shop) -> None:
    cleaning = import_module("tracking.migrations.0025_logo_without_metadata")
    Logo.objects.create(shop=shop, data=b"damaged", digest="0" * 16, extension="png", width=1, height=1)
    cleaning.keep_only_pixels(apps, connection.schema_editor())
    assert bytes(Logo.objects.get().data) == b"damaged"
