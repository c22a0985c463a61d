from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tracking", "0022_plain_help_texts"),
    ]

    operations = [
        migrations.AddField(
            model_name="shipment",
            name="visited_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When a visitor's look-up last reached Japan Post. Empty: none, or before we stored it.",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="shipment",
            name="watch_at",
            field=models.DateTimeField(
                blank=True,
                db_index=True,
                help_text="When the watch asks about it next. Empty: never, for it is delivered, long silent or unknown, or staff did not register it and no visitor has looked it up for a week.",
                null=True,
            ),
        ),
    ]
