"""Who may do what at the staff's desk: two groups, made by themselves and kept as this table says.

Rights that somebody adds to these groups or takes from them by hand are put back at the next migrate; who needs others
makes a group of his own. Nobody but a superuser deletes: words are hidden, notices end, messages are ticked.
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

# Every model of ours by its name in small letters: (what Editors may, what Support may).
RIGHTS: Mapping[str, tuple[Actions, Actions]] = {
    "phrase": (WRITE, LOOK),
    "status": (WRITE, LOOK),
    "wording": (WRITE, LOOK),
    "destination": (CHANGE, LOOK),
    "notice": (LOOK, WRITE),
    "shop": (CHANGE, LOOK),
    "logo": (NOTHING, NOTHING),  # comes and goes with the shop's form
    "usualwait": (LOOK, LOOK),
    "shipment": (NOTHING, WRITE),
    "event": (NOTHING, LOOK),
    "standing": (NOTHING, NOTHING),  # seen through the shipment
    "fetch": (NOTHING, LOOK),
    "message": (NOTHING, CHANGE),
    "gate": (NOTHING, LOOK),
    # For superusers: pages to mend the parser with, what went wrong, who did what.
    "keptpage": (NOTHING, NOTHING),
    "alarm": (NOTHING, NOTHING),
    "visitorminute": (NOTHING, NOTHING),
    "edit": (NOTHING, NOTHING),
    "failedlogin": (NOTHING, NOTHING),
}
_HISTORY = (LOOK, NOTHING)  # former versions of words


def rights_of(model: str) -> tuple[Actions, Actions]:
    """What (Editors, Support) may do with a model of ours; KeyError for one that nobody has thought of."""
    return _HISTORY if model.startswith("historical") else RIGHTS[model]


def after_migrate(using: str, apps: Apps | None = None, **_: Any) -> None:
    """Django's post_migrate. A database that is migrated to an early state has no groups yet."""
    if "auth_group" in connections[using].introspection.table_names():
        keep_groups(apps or current_apps, using)


def keep_groups(apps: Apps, using: str = "default") -> None:
    """Make both groups where they are missing, and give them exactly the rights of the table."""
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
    """False for a model that went long ago and left its permissions: it gives nobody a right."""
    return model in RIGHTS or model.startswith("historical")
