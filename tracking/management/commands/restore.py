"""`manage.py restore`: replaces the contents of the store by a back-up."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from tracking.ops.backup import BackupError, restore


class Command(BaseCommand):
    help = (
        "Puts a back-up into the empty store that DATABASE_URL names, wholly or not at all. Run `migrate` after it. "
        "A store that is not empty is left alone, unless --replace says otherwise."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="what `backup` has made")
        parser.add_argument(
            "--replace", action="store_true", help="back up what is in the store, then overwrite it"
        )

    def handle(self, *args: Any, file: Path, replace: bool, **options: Any) -> None:
        try:
            before = restore(file, replace=replace, folder=Path(settings.BACKUP_FOLDER), now=timezone.now())
        except BackupError as reason:
            raise CommandError(f"Nothing was restored: {reason}") from reason
        if before:
            self.stdout.write(f"What was in the store before is in {before}.")
        self.stdout.write(f"The store is what {file} has. Now run `migrate`.")
