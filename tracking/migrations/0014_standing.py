import django.db.models.deletion
from django.db import migrations, models


def begin(apps, schema_editor):
    """A row for each story there is; with an empty meaning it counts as outdated, so it is worked out soon."""
    using = schema_editor.connection.alias
    standings = apps.get_model("tracking", "Standing").objects.using(using)
    shipments = apps.get_model("tracking", "Shipment").objects.using(using)
    told = shipments.exclude(story_at=None).order_by("pk").values_list("pk", flat=True)
    last = 0
    while keys := list(told.filter(pk__gt=last)[:1000]):
        standings.bulk_create([standings.model(pk=key) for key in keys])
        last = keys[-1]


class Migration(migrations.Migration):
    dependencies = [
        ("tracking", "0013_japan_posts_health"),
    ]

    operations = [
        migrations.AddField(
            model_name="shipment",
            name="handled_at",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="When staff last looked after it. Empty: never.",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="shipment",
            name="created_at",
            field=models.DateTimeField(auto_now_add=True, db_index=True),
        ),
        migrations.CreateModel(
            name="Standing",
            fields=[
                (
                    "shipment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        serialize=False,
                        to="tracking.shipment",
                    ),
                ),
                (
                    "stage",
                    models.PositiveSmallIntegerField(
                        choices=[
                            (1, "Accepted"),
                            (2, "Leaving Japan"),
                            (3, "Customs and arrival"),
                            (4, "With the local post"),
                            (5, "Delivered"),
                        ],
                        help_text="Empty: no row has one.",
                        null=True,
                    ),
                ),
                (
                    "tone",
                    models.CharField(
                        choices=[
                            ("normal", "Normal: all goes as usual"),
                            ("wait", "Wait: nothing to do but wait"),
                            ("act", "Act: the customer must do something"),
                            ("problem", "Problem: it does not move forward"),
                            ("done", "Done: delivered"),
                        ],
                        default="normal",
                        max_length=10,
                    ),
                ),
                (
                    "is_over",
                    models.BooleanField(default=False, help_text="Delivered, or back at the sender."),
                ),
                (
                    "scanned_on",
                    models.DateField(help_text="Of the newest row, as Japan Post prints it.", null=True),
                ),
                (
                    "quiet_from",
                    models.DateTimeField(
                        help_text="From then on it is silent for longer than usual.", null=True
                    ),
                ),
                (
                    "worry_from",
                    models.DateTimeField(help_text="From then on it is silent for far longer.", null=True),
                ),
                (
                    "collect_by",
                    models.DateField(help_text="About the last day on which it can be collected.", null=True),
                ),
                (
                    "enquiry_ends_on",
                    models.DateField(help_text="The sender's last day for an enquiry, in Japan.", null=True),
                ),
                (
                    "look_from",
                    models.DateTimeField(
                        help_text="From then on it needs a look. Empty: not as it stands.", null=True
                    ),
                ),
                (
                    "meaning",
                    models.CharField(
                        blank=True, help_text="Of the words it was worked out with.", max_length=16
                    ),
                ),
                (
                    "destination",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="tracking.destination",
                        verbose_name="destination",
                    ),
                ),
                (
                    "status",
                    models.ForeignKey(
                        help_text="Of the newest row.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="tracking.status",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["meaning"], name="tracking_st_meaning_a8be4f_idx"),
                    models.Index(
                        condition=models.Q(("look_from__isnull", False)),
                        fields=["look_from"],
                        name="standing_needs_a_look",
                    ),
                    models.Index(
                        condition=models.Q(("worry_from__isnull", False)),
                        fields=["worry_from"],
                        name="standing_worries",
                    ),
                    models.Index(fields=["enquiry_ends_on"], name="tracking_st_enquiry_c3e24d_idx"),
                ],
            },
        ),
        migrations.RunPython(begin, migrations.RunPython.noop),
    ]
