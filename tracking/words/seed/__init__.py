"""The words as shipped. Added after every migrate where they are missing; they never overwrite staff's changes."""

import tomllib
import uuid
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from django.apps import apps as current_apps
from django.apps.registry import Apps
from django.db import connections, models, transaction
from django.utils import timezone, translation
from django_countries import countries

from tracking.models import Wording
from tracking.models.history import INSTALLATION

FOLDER = Path(__file__).parent
REVIEWED_ON = date(2026, 11, 23)
_HISTORICAL = "Historical"  # begins the name of each model that simple-history makes

_STATUS_FIELDS = ("name", "stage", "tone", "guide_order", "usual_days", "worry_days", "example")
_DESTINATION_FIELDS = (
    "name_in_text",
    "operator",
    "tracking_url",
    "link_kind",
    "holding_days",
    "enquiry_months",
    "note",
)


@cache
def read(name: str) -> dict[str, Any]:
    """The content of one seed file, such as `statuses`."""
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def after_migrate(using: str, apps: Apps | None = None, **_: Any) -> None:
    """Add the missing words after `migrate` and `flush` (which passes no `apps`): a receiver of Django's post_migrate.

    Does nothing where the tables are missing, as after a migration back to zero.
    """
    tables = connections[using].introspection.table_names()
    if "tracking_wording" in tables:
        fill_gaps(apps or current_apps, using)


def fill_gaps(apps: Apps, using: str = "default") -> None:
    """Add the missing rows, all in one transaction. Never changes an existing row."""
    with transaction.atomic(using=using):
        _fill_destinations(apps, using)
        _fill_statuses(apps, using)
        shops = apps.get_model("tracking", "Shop").objects.using(using)
        if not shops.exists():
            shops.create(**read("shop"))
        shops.update(words_version=uuid.uuid4())
        _begin_histories(apps, using)


def _fill_destinations(apps: Apps, using: str) -> None:
    model = apps.get_model("tracking", "Destination")
    known, elsewhere = read("destinations"), read("destinations")["elsewhere"]
    with translation.override("ja"):
        japanese = {code: str(name) for code, name in countries}
    rows = []
    for code, iso_name in countries.countries.items():
        facts = elsewhere | known.get(code, {})
        name = facts.get("name", str(iso_name))
        printed = dict.fromkeys(
            [str(iso_name).upper(), name.upper(), *facts.get("printed_names", ()), japanese[code]]
        )
        fields = {field: facts[field] for field in _DESTINATION_FIELDS if field in facts}
        rows.append(model(code=code, name=name, printed_names="\n".join(printed), **fields))
    model.objects.using(using).bulk_create(rows, ignore_conflicts=True)


def _fill_statuses(apps: Apps, using: str) -> None:
    status_model, phrase_model = apps.get_model("tracking", "Status"), apps.get_model("tracking", "Phrase")
    wording_model = apps.get_model("tracking", "Wording")
    statuses = {}
    for facts in read("statuses")["status"]:
        fields = {field: facts[field] for field in _STATUS_FIELDS if field in facts} | {
            "reviewed_on": REVIEWED_ON
        }
        status, _ = status_model.objects.using(using).get_or_create(slug=facts["slug"], defaults=fields)
        statuses[facts["slug"]] = status
        for text in facts["phrases"]:
            phrase_model.objects.using(using).get_or_create(text=text, defaults={"status": status})
        words = {field: facts[field] for field in Wording.TEXTS}
        wording_model.objects.using(using).get_or_create(
            status=status, language="en", destination=None, defaults=words
        )
    for text in read("phrases")["ambiguous"]:
        phrase_model.objects.using(using).get_or_create(text=text, defaults={"ambiguous": True})
    for code, facts in read("destinations").items():
        for slug, words in facts.get("words", {}).items():
            wording_model.objects.using(using).get_or_create(
                status=statuses[slug], language="en", destination_id=code, defaults=words
            )


def _begin_histories(apps: Apps, using: str) -> None:
    """Write the current state of each row without a history as its first version, so that staff can restore it."""
    every: list[Any] = list(apps.get_app_config("tracking").get_models())
    for kept in [one for one in every if one.__name__.startswith(_HISTORICAL)]:
        model: Any = apps.get_model("tracking", kept.__name__.removeprefix(_HISTORICAL))
        known = kept.objects.using(using).values(model._meta.pk.name)
        fields = [field.attname for field in model._meta.concrete_fields if _has(kept, field.attname)]
        first = {"history_date": timezone.now(), "history_type": "+", "history_change_reason": INSTALLATION}
        rows = model.objects.using(using).exclude(pk__in=known).values(*fields)
        kept.objects.using(using).bulk_create(kept(**row, **first) for row in rows)


def _has(model: type[models.Model], attname: str) -> bool:
    return attname in {field.attname for field in model._meta.concrete_fields}
