"""`manage.py restore`: replaces the contents of the store by a back-up."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from tracking.management import arguments
from tracking.ops.backup import BackupError, restore
from tracking.ops.readiness import unapplied_migrations


class Command(BaseCommand):
    help = (
        "Puts a back-up into the empty store that DATABASE_URL names, wholly or not at all. Run `migrate` after it. "
        "A store that is not empty is left alone, unless --replace says otherwise."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=arguments.path, help="what `backup` has made")
        parser.add_argument(
            "--replace", action="store_true", help="back up what is in the store, then overwrite it"
        )

        parser.add_argument(
            "--newer-release",
            action="store_true",
            help="also a back-up of a newer release: of the next version at most, whose database works with this one",
        )

    def handle(self, *args: Any, file: Path, replace: bool, newer_release: bool, **options: Any) -> None:
        folder = Path(settings.BACKUP_FOLDER)
        try:
            before = restore(
                file, replace=replace, folder=folder, now=timezone.now(), newer_release=newer_release
            )
        except BackupError as reason:
            raise CommandError(f"Nothing was restored: {reason}") from reason
        if before:
            self.stdout.write(f"What was in the store before is in {before}.")
        self.stdout.write(f"The store is what {file} has. Now run `migrate`.")
        if left := unapplied_migrations():
            self.stdout.write(
                f"It is of an older release: the site does not work until `migrate` has run. Migrations that it lacks: "
                f"{len(left)}, the first is {left[0]}."
            )
