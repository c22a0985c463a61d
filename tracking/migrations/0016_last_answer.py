from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tracking", "0015_help_texts_of_words_and_notices"),
    ]

    operations = [
        migrations.AddField(
            model_name="shipment",
            name="last_answer",
            field=models.CharField(
                blank=True,
                choices=[
                    ("tracked", "Answered with a story"),
                    ("not-found", "Answered: no such item"),
                    ("rejected", "Answered: malformed number"),
                    ("unavailable", "No answer"),
                    ("unexpected-page", "An answer we cannot read"),
                ],
                db_default="",
                editable=False,
                help_text="How the last request ended that told us something: a failure after it changes nothing.",
                max_length=20,
            ),
        ),
    ]
