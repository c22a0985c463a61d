"""While new machines start, old ones still serve: a migration must leave a database that the version before can use."""

from collections.abc import Iterator

import pytest
from django.db import models
from django.db.migrations import Migration
from django.db.migrations import operations as ops
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState

BEFORE_THE_RULE = "0014_standing"  # no machine runs with anything older
# Migrations that break the rule because the version before has stopped using what goes: name -> since which version.
MEANT: dict[str, str] = {}

_HARMLESS = (
    ops.CreateModel,
    ops.AddIndex,
    ops.AlterModelOptions,
    ops.AlterModelManagers,
    ops.RunPython,  # its author knows what it writes
)


def dangers(migration: Migration, state: ProjectState) -> Iterator[str]:
    """What of it the version before cannot live with. `state` is that before the migration; it is moved on."""
    for operation in migration.operations:
        if not _is_harmless(operation, state):
            yield f"{migration.name}: {operation.describe()}"
        operation.state_forwards(migration.app_label, state)


def _is_harmless(operation: Operation, state: ProjectState) -> bool:
    if isinstance(operation, ops.AddField):
        return _can_be_left_out(operation.field) and not operation.field.unique
    if isinstance(operation, ops.AlterField):
        before = state.models["tracking", operation.model_name_lower].fields[operation.name]
        return _takes_all_of(operation.field, before)
    return isinstance(operation, _HARMLESS)


def _can_be_left_out(field: models.Field) -> bool:
    """An INSERT that does not know the column works. (Django takes a mere `default` away again.)"""
    return field.null or field.many_to_many or field.db_default is not models.NOT_PROVIDED


def _takes_all_of(new: models.Field, old: models.Field) -> bool:
    """Whatever could be stored can still be, and looks the same."""
    return (
        new.get_internal_type() == old.get_internal_type()
        and (new.null or not old.null)
        and (old.unique or not new.unique)
        and (new.max_length or 0) >= (old.max_length or 0)
        and new.db_column == old.db_column
    )


def test_the_version_before_can_use_the_database_after_each_migration() -> None:
    loader = MigrationLoader(None)
    found = []
    for label, name in sorted(loader.disk_migrations):
        if label == "tracking" and name > BEFORE_THE_RULE and name not in MEANT:
            found += dangers(
                loader.disk_migrations[label, name], loader.project_state((label, name), at_end=False)
            )
    assert found == []


def parcels() -> ProjectState:
    state = ProjectState()
    fields = [
        ("id", models.BigAutoField(primary_key=True)),
        ("note", models.CharField(max_length=50, null=True)),
    ]
    state.add_model(ModelState("tracking", "Parcel", fields))
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
        (ops.AddIndex("parcel", models.Index(fields=["note"], name="notes")), False),
        (ops.RemoveField("parcel", "note"), True),
        (ops.RenameField("parcel", "note", "remark"), True),
        (ops.DeleteModel("Parcel"), True),
        (ops.RenameModel("Parcel", "Item"), True),
    ],
    ids=lambda value: value.describe() if isinstance(value, Operation) else "",
)
def test_it_notices_what_is_dangerous(operation: Operation, is_dangerous: bool) -> None:
    migration = Migration("0099_next", "tracking")
    migration.operations = [operation]
    assert bool(list(dangers(migration, parcels()))) == is_dangerous
