"""Say what is misconfigured, and what to do about it."""

import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from tracking.ops.doctor import examine


class Command(BaseCommand):
    help = (
        "Looks at settings, files, the database, the jobs beside the site and the way to Japan Post (a connection, "
        "nothing is asked). Says what is wrong and what to do. Ends with 1 if something is wrong, else with 0."
    )
    requires_system_checks = []  # they are among what it tells

    def handle(self, *args: Any, **options: Any) -> None:
        findings = sorted(examine(now=timezone.now()), key=lambda finding: not finding.is_wrong)
        for finding in findings:
            self.stdout.write(f"{'WRONG' if finding.is_wrong else 'note '}  {finding.what}")
            self.stdout.write(f"       → {finding.remedy}")
        wrong = sum(finding.is_wrong for finding in findings)
        self.stdout.write(
            f"{wrong} things are wrong." if wrong > 1 else "One thing is wrong." if wrong else "All is well."
        )
        if wrong:
            sys.exit(1)
