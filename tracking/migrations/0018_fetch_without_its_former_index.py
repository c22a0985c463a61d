from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        (
            "tracking",
            "0017_fetch_by_time",
        ),  # which begins with the same column, so the version before uses it too
    ]

    operations = [
        migrations.AlterField(
            model_name="fetch",
            name="started_at",
            field=models.DateTimeField(),
        ),
    ]
