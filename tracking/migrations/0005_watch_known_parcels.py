from django.db import migrations
from django.db.models import F


def watch_known_parcels(apps, schema_editor):
    """Parcels with a story from before there was a watch: asked once, they find their own times."""
    shipments = apps.get_model("tracking", "Shipment").objects.using(schema_editor.connection.alias)
    shipments.filter(story_at__isnull=False, watch_at=None).update(watch_at=F("ask_again_at"))


class Migration(migrations.Migration):
    dependencies = [
        ("tracking", "0004_watch"),
    ]

    operations = [migrations.RunPython(watch_known_parcels, migrations.RunPython.noop)]
