from django.db import migrations, models

from tracking.migrations._operations import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("tracking", "0016_last_answer"),
    ]

    operations = [
        AddIndexOnline(
            model_name="fetch",
            index=models.Index(fields=["started_at", "outcome", "milliseconds"], name="fetch_by_time"),
        ),
    ]
