"""`manage.py doctor`: prints what is misconfigured, with the remedy for each."""

import sys
from typing import Any

from django.core import checks
from django.core.management.base import BaseCommand

from tracking import VERSION
from tracking.ops import doctor


class Command(BaseCommand):
    help = (
        "Looks at settings, files, the database, the jobs that have to run and the way to Japan Post (a connection, "
        "nothing is asked). Says what is wrong and what to do. Ends with 1 if something is wrong, else with 0."
    )
    requires_system_checks = []  # as with `check`: handle() runs them

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"emsguide {VERSION}")
        found = doctor.findings()
        for one in found:
            said = one.msg if doctor.is_ours(one) else f"Django says ({one.id}): {one.msg}"
            self.stdout.write(f"{'WRONG' if one.is_serious(checks.WARNING) else 'note '}  {said}")
            self.stdout.write(f"       → {one.hint or 'Look up the id in the docs of Django.'}")
        wrong = sum(one.is_serious(checks.WARNING) for one in found)
        self.stdout.write(
            f"{wrong} things are wrong." if wrong > 1 else "One thing is wrong." if wrong else "All is well."
        )
        if wrong:
            sys.exit(1)
