"""`manage.py forget`: deletes all data about a parcel."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from tracking.management.commands.export import parse_number
from tracking.ops import privacy


class Command(BaseCommand):
    help = (
        "Deletes everything that `export` prints. Without --yes it only prints what would be deleted. "
        "The number is not blocked: if a visitor looks it up again, the site asks Japan Post again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("number", help="the tracking number, such as EM123456785JP")
        parser.add_argument("--yes", action="store_true", help="do it; there is no way back")

    def handle(self, *args: Any, number: str, yes: bool, **options: Any) -> None:
        asked = parse_number(number)
        results = privacy.forget(asked, dry_run=not yes)
        if not results:
            self.stdout.write(f"Nothing is held about {asked}.")
            return
        self.stdout.write(f"{asked}, {'forgotten' if yes else 'would be forgotten'}:")
        for result in results:
            self.stdout.write(f"  {result}")
        self.stdout.write(
            "If a visitor looks this number up again, the site asks Japan Post again. "
            "Back-ups and old log files are not touched."
            if yes
            else "Nothing was changed. --yes deletes it, and there is no way back."
        )
