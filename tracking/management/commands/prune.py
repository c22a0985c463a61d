"""`manage.py prune`: deletes expired data."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from tracking.journey.standing import recompute_outdated
from tracking.ops.prune import (
    Rule,
    delete_in_batches,
    doubt_about_clock,
    operational_rules,
    parcels,
    spam,
    typed_parcels,
    without_a_story,
)


class Command(BaseCommand):
    help = (
        "Deletes parcels that were delivered and not looked at for 400 days, parcels that only visitors "
        "looked up and not for 400 days, numbers that never had a story, "
        "messages that look like spam, and data collected while the site runs. "
        "Works in small steps while the site runs; may be stopped at any moment and run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="print what would be deleted, delete nothing"
        )
        parser.add_argument(
            "--clock-is-right",
            action="store_true",
            help="delete although the site hardly asked Japan Post for two months, which looks like a wrong clock",
        )

    def handle(self, *args: Any, dry_run: bool, clock_is_right: bool, **options: Any) -> None:
        # The rules skip parcels whose standing is out of date after an edit of words. A dry run writes nothing.
        left = recompute_outdated(most=0 if dry_run else sys.maxsize)
        now = timezone.now()
        doubt = "" if clock_is_right else doubt_about_clock(now)
        rules = [parcels(now), typed_parcels(now), without_a_story(now), spam(now), *operational_rules(now)]
        for rule in rules:
            if doubt and rule.would_be_missed:
                self.stdout.write(f"{'kept':>9} {rule.what}")
                continue
            count = rule.rows.count() if dry_run else sum(delete_in_batches(rule))
            self.stdout.write(f"{count:>9,} {rule.what}")
            if dry_run and rule is rules[0] and options["verbosity"] > 1:
                self._name_parcels(rule)
        if left:
            words = (
                "Not counted are {:,} parcels whose state is not yet computed again after an edit of words: "
                "the watch does that, and so does prune."
            )
            self.stdout.write(words.format(left))
        if dry_run:
            self.stdout.write("Nothing was deleted.")
        if doubt:
            raise CommandError(
                f"{doubt} If it is right, and the site was only not used: python manage.py prune --clock-is-right"
            )

    def _name_parcels(self, rule: Rule) -> None:
        for number, day in rule.rows.values_list("number", "standing__scanned_on").iterator():
            self.stdout.write(f"          {number}, delivered {day}")
