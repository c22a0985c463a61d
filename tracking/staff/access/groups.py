"""The two groups of staff and their rights at the desk.

Every `migrate` creates the groups if they are missing and sets their rights to those of this table. Changes made by
hand are undone then; other rights need another group. Only superusers delete: words are hidden, notices end,
messages are ticked.
"""

from collections.abc import Mapping
from typing import Any

from django.apps import apps as current_apps
from django.apps.registry import Apps
from django.db import connections, transaction

EDITORS, SUPPORT = "Editors", "Support"

Actions = tuple[str, ...]
NOTHING: Actions = ()
LOOK: Actions = ("view",)
CHANGE: Actions = ("view", "change")
WRITE: Actions = ("view", "add", "change")

# Every model of ours, by its name in lower case: (actions of Editors, actions of Support).
RIGHTS: Mapping[str, tuple[Actions, Actions]] = {
    "phrase": (WRITE, LOOK),
    "status": (WRITE, LOOK),
    "wording": (WRITE, LOOK),
    "destination": (CHANGE, LOOK),
    "notice": (LOOK, WRITE),
    "shop": (CHANGE, LOOK),
    "logo": (NOTHING, NOTHING),  # the shop's form adds and deletes it
    "usualwait": (LOOK, LOOK),
    "shipment": (NOTHING, WRITE),
    "event": (NOTHING, LOOK),
    "standing": (NOTHING, NOTHING),  # shown on the shipment
    "fetch": (NOTHING, LOOK),
    "message": (NOTHING, CHANGE),
    "gate": (NOTHING, LOOK),
    # For superusers only: pages for repairing the parser, failures, and who did what.
    "keptpage": (NOTHING, NOTHING),
    "alarm": (NOTHING, NOTHING),
    "allowance": (NOTHING, NOTHING),
    "visitorminute": (NOTHING, NOTHING),
    "edit": (NOTHING, NOTHING),
    "failedlogin": (NOTHING, NOTHING),
}
_HISTORY = (LOOK, NOTHING)  # former versions of words


def rights_of(model: str) -> tuple[Actions, Actions]:
    """Return the actions of (Editors, Support) on a model, by its name in lower case.

    Raises KeyError for a model that is missing from RIGHTS.
    """
    return _HISTORY if model.startswith("historical") else RIGHTS[model]


def after_migrate(using: str, apps: Apps | None = None, **_: Any) -> None:
    """Receiver of post_migrate. Does nothing in a database migrated to a state without groups."""
    if "auth_group" in connections[using].introspection.table_names():
        keep_groups(apps or current_apps, using)


def keep_groups(apps: Apps, using: str = "default") -> None:
    """Create the groups that are missing, and set the rights of both to those of RIGHTS."""
    permissions = apps.get_model("auth", "Permission").objects.using(using)
    ours = permissions.filter(content_type__app_label="tracking").select_related("content_type")
    granted: dict[str, list[Any]] = {EDITORS: [], SUPPORT: []}
    for permission in ours:
        action, _, model = permission.codename.partition("_")
        if model != permission.content_type.model or not _is_known(model):
            continue
        for name, actions in zip(granted, rights_of(model), strict=True):
            if action in actions:
                granted[name].append(permission)
    with transaction.atomic(using=using):
        for name, rights in granted.items():
            group, _ = apps.get_model("auth", "Group").objects.using(using).get_or_create(name=name)
            group.permissions.set(rights)


def _is_known(model: str) -> bool:
    """False for a model that was removed from the code but left its permissions in the database."""
    return model in RIGHTS or model.startswith("historical")
