from django.db import migrations, models
from django.db.models import F, OuterRef, Subquery

FAILURES = ["unavailable", "unexpected-page"]


def fill_in(apps, schema_editor):
    """The last outcome that told something: the last of all, else the newest request's that is still kept."""
    using = schema_editor.connection.alias
    shipments = apps.get_model("tracking", "Shipment").objects.using(using)
    answers = apps.get_model("tracking", "Fetch").objects.using(using).exclude(outcome__in=FAILURES)
    newest = answers.filter(shipment=OuterRef("pk")).order_by("-started_at")
    shipments.exclude(last_outcome__in=FAILURES).update(last_answer=F("last_outcome"))
    failed = shipments.filter(last_outcome__in=FAILURES).annotate(
        answer=Subquery(newest.values("outcome")[:1])
    )
    failed.exclude(answer=None).update(last_answer=F("answer"))


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
        migrations.RunPython(fill_in, migrations.RunPython.noop),
    ]
