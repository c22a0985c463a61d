from django.db import migrations, models
from django.db.models import Q

from tracking.migrations._operations import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False  # so that PostgreSQL can build the index while others write

    dependencies = [
        ("tracking", "0023_visited_at"),
    ]

    operations = [
        AddIndexOnline(
            model_name="shipment",
            index=models.Index(
                condition=Q(registered_at__isnull=False, watch_at__isnull=False),
                fields=["watch_at"],
                name="shipment_watched_own",
            ),
        ),
    ]
