"""`manage.py export`: prints all data about a parcel as JSON."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from tracking.ops import privacy
from tracking.values import numbers
from tracking.values.numbers import TrackingNumber


def parse_number(typed: str) -> TrackingNumber:
    """Return the tracking number in a text. Raises CommandError if there is not exactly one."""
    found = numbers.find_numbers(typed)
    if len(found) != 1:
        raise CommandError(f"{typed[:100]!r} is not one tracking number, such as EM123456785JP.")
    return found[0]


class Command(BaseCommand):
    help = (
        "Prints everything the site holds about a parcel as JSON: its story with replaced rows, "
        "requests to Japan Post, messages that name it, kept pages, what staff did, "
        "and each text elsewhere that names it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("number", help="the tracking number, such as EM123456785JP")

    def handle(self, *args: Any, number: str, **options: Any) -> None:
        held = privacy.export(parse_number(number), now=timezone.now())
        self.stdout.write(json.dumps(held, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2))
