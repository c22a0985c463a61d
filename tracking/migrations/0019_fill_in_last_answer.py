import time

from django.db import migrations
from django.db.models import F, OuterRef, Subquery
from django.db.transaction import atomic

FAILURES = ["unavailable", "unexpected-page"]
AT_ONCE = 500  # parcels, in one transaction
BREATH = 0.05  # seconds between two, in which others get the lock


def fill_in(apps, schema_editor):
    """The last outcome that told something: the last of all, else the newest request's that is still kept.

    May be stopped at any moment and run again.
    """
    using = schema_editor.connection.alias
    shipments = apps.get_model("tracking", "Shipment").objects.using(using)
    answers = apps.get_model("tracking", "Fetch").objects.using(using).exclude(outcome__in=FAILURES)
    newest = answers.filter(shipment=OuterRef("pk")).order_by("-started_at")
    empty = (
        shipments.filter(last_answer="").exclude(last_outcome="").order_by("pk").values_list("pk", flat=True)
    )
    last = 0
    while True:
        with atomic(using):
            keys = list(empty.filter(pk__gt=last).select_for_update()[:AT_ONCE])
            some = shipments.filter(pk__in=keys)
            some.exclude(last_outcome__in=FAILURES).update(last_answer=F("last_outcome"))
            failed = some.filter(last_outcome__in=FAILURES).annotate(
                answer=Subquery(newest.values("outcome")[:1])
            )
            failed.exclude(answer=None).update(last_answer=F("answer"))
        if len(keys) < AT_ONCE:
            return
        last = keys[-1]
        time.sleep(BREATH)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("tracking", "0018_fetch_without_its_former_index"),
    ]

    operations = [migrations.RunPython(fill_in, migrations.RunPython.noop)]
