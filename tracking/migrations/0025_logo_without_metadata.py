import uuid

from django.db import migrations, models

from tracking.values.logos import NoLogoError, read_picture


def keep_only_pixels(apps, schema_editor):
    """Small logos were stored as they were uploaded, for example with the place where a photograph was taken.

    May be run again. A logo that is refused today stays as it is.
    """
    using = schema_editor.connection.alias
    logos = apps.get_model("tracking", "Logo").objects.using(using)
    for logo in logos.all():
        if _is_plain(bytes(logo.data)):
            continue
        try:
            picture = read_picture(bytes(logo.data))
        except NoLogoError:
            continue
        stored = {name: getattr(picture, name) for name in ("data", "digest", "extension", "width", "height")}
        logos.filter(pk=logo.pk).update(**stored)
        shops = apps.get_model("tracking", "Shop").objects.using(using)
        shops.filter(pk=logo.pk).update(
            words_version=uuid.uuid4()
        )  # pages show the address of the new picture


def _is_plain(data):
    """True for a WebP without metadata and without bytes behind its end, as `read_picture` makes it."""
    is_whole_webp = data[:4] == b"RIFF" and int.from_bytes(data[4:8], "little") == len(data) - 8
    return is_whole_webp and not any(kind in data for kind in (b"EXIF", b"XMP ", b"ICCP"))


class Migration(migrations.Migration):
    dependencies = [
        ("tracking", "0024_watched_own"),
    ]

    operations = [
        migrations.AlterField(
            model_name="logo",
            name="data",
            field=models.BinaryField(help_text="The pixels as WebP, made smaller where there were many."),
        ),
        migrations.RunPython(keep_only_pixels, migrations.RunPython.noop),
    ]
