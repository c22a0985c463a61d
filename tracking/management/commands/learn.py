"""`manage.py learn`: computes from the stored stories how long parcels usually wait."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from tracking.journey import usual_waits
from tracking.models import UsualWait
from tracking.words.glossary import Glossary


class Command(BaseCommand):
    help = (
        "Counts how many days parcels waited at each status within the last 180 days, for each destination that at "
        "least 20 parcels teach about. The tracking page then says so. Run it daily; once more does no harm."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="show what would be stored, store nothing")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        glossary = Glossary.current()
        waits = usual_waits.usual_waits(glossary, timezone.now())
        self.stdout.write(f"{'parcels':>7} {'half':>5} {'9 of 10':>8} {'staff':>6}  days at a status")
        for wait in waits:
            self.stdout.write(self._line(wait))
        if dry_run:
            self.stdout.write(f"{len(waits)} figures; nothing was stored.")
            return
        is_changed = usual_waits.store_usual_waits(waits)
        self.stdout.write(
            f"{len(waits)} figures stored, {'with changes' if is_changed else 'none has changed'}."
        )

    def _line(self, wait: UsualWait) -> str:
        return f"{wait.parcels:>7} {wait.median_days:>5} {wait.nine_in_ten_days:>8} {wait.status.usual_days:>6}  {wait}"
