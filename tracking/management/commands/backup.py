"""`manage.py backup`: backs up the whole store and deletes the oldest back-ups."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from tracking.management import arguments
from tracking.ops.backup import BackupError, back_up, from_the_future, keep_newest


class Command(BaseCommand):
    help = (
        "Copies the whole store into a new file while the site runs, reads the copy back, and then deletes the oldest "
        "copies. The file holds customers' messages: only its owner may read it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "folder",
            nargs="?",
            type=arguments.path,
            help="where to; BACKUP_FOLDER of the settings if it is left out",
        )
        parser.add_argument("--keep", type=int, default=14, metavar="N", help="how many files stay (14)")

    def handle(self, *args: Any, folder: Path | None, keep: int, **options: Any) -> None:
        if keep < 1:
            raise CommandError("--keep: at least 1.")
        folder, now = folder or Path(settings.BACKUP_FOLDER), timezone.now()
        try:
            file = back_up(folder, now)
        except BackupError as reason:
            raise CommandError(f"There is no new back-up: {reason}") from reason
        self.stdout.write(f"{file}: {file.stat().st_size:,} bytes, read back.")
        try:
            old = keep_newest(file, keep, now)
        except BackupError as reason:
            raise CommandError(
                f"The back-up is made, but an old one could not be deleted: {reason}"
            ) from reason
        if old:
            self.stdout.write(f"{len(old)} old deleted.")
        if ahead := from_the_future(folder, now):
            first = ahead[0].name
            self.stdout.write(
                f"{len(ahead)} kept that are dated in the future, the first is {first}: the clock is or was wrong."
            )
