import django.core.validators
from django.db import migrations, models

import tracking.values.validators


class Migration(migrations.Migration):
    dependencies = [
        ("tracking", "0025_logo_without_metadata"),
    ]

    operations = [
        migrations.AlterField(
            model_name="destination",
            name="note",
            field=models.TextField(
                blank=True,
                help_text="For staff only: customers never see it.",
                validators=[django.core.validators.MaxLengthValidator(2000)],
            ),
        ),
        migrations.AlterField(
            model_name="destination",
            name="printed_names",
            field=models.TextField(
                blank=True,
                help_text="How Japan Post prints it, one name a line, in any case: GERMANY. Add a line when a new spelling turns up.",
                validators=[
                    django.core.validators.MaxLengthValidator(2000),
                    tracking.values.validators.check_characters,
                ],
            ),
        ),
        migrations.AlterField(
            model_name="historicaldestination",
            name="note",
            field=models.TextField(
                blank=True,
                help_text="For staff only: customers never see it.",
                validators=[django.core.validators.MaxLengthValidator(2000)],
            ),
        ),
        migrations.AlterField(
            model_name="historicaldestination",
            name="printed_names",
            field=models.TextField(
                blank=True,
                help_text="How Japan Post prints it, one name a line, in any case: GERMANY. Add a line when a new spelling turns up.",
                validators=[
                    django.core.validators.MaxLengthValidator(2000),
                    tracking.values.validators.check_characters,
                ],
            ),
        ),
    ]
