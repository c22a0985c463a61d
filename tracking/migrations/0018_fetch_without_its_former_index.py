from django.db import migrations, models


class Migration(migrations.Migration):
    # What it depends on begins with the same column, so the version before has its index too.
    dependencies = [
        ("tracking", "0017_fetch_by_time"),
    ]

    operations = [
        migrations.AlterField(
            model_name="fetch",
            name="started_at",
            field=models.DateTimeField(),
        ),
    ]
