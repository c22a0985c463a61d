from django.db import migrations
from django.db.models.functions import Substr

WRITTEN = len("2026-11-24 12:00")


def take_addresses_out(apps, schema_editor):
    """Titles of messages were "2026-11-24 12:00 ann@example.com", and stayed when the message was gone."""
    lines = apps.get_model("admin", "LogEntry").objects.using(schema_editor.connection.alias)
    about_messages = lines.filter(content_type__app_label="tracking", content_type__model="message")
    about_messages.filter(object_repr__contains="@").update(object_repr=Substr("object_repr", 1, WRITTEN))


class Migration(migrations.Migration):
    dependencies = [
        ("tracking", "0019_fill_in_last_answer"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(take_addresses_out, migrations.RunPython.noop)]
