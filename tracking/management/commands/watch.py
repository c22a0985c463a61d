"""Keep known parcels fresh in the background."""

import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from tracking.watch import Stopped, Watch

SECONDS_TO_FINISH = 5  # the request under way, once somebody wants us to stop


class Command(BaseCommand):
    help = (
        "Asks Japan Post about known parcels when they are due, oldest first, visitors before us. Run as many as you "
        "like, on as many machines. Stops cleanly on SIGTERM and Ctrl-C; twice stops at once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="what is due now, then end: for cron")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        on_terminal, verbose = self.stdout.isatty(), options["verbosity"] > 1
        watch = Watch(
            report=self._overwrite if on_terminal else self.stdout.write if verbose else lambda _: None
        )

        def stop(number: int, frame: Any) -> None:
            if watch.is_stopping:
                raise Stopped
            watch.stop()
            signal.alarm(SECONDS_TO_FINISH)

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
            signal.signal(number, stop)
        ending = "Done"
        try:
            if once:
                watch.run_once()
            else:
                watch.run()
        except Stopped:
            ending = "Stopped; the request under way was given up, and can be asked again"
        finally:
            signal.alarm(0)
        self.stdout.write(f"{chr(10) if on_terminal else ''}{ending}: {watch.totals}")

    def _overwrite(self, line: str) -> None:
        """One line of the terminal, written over and over."""
        self.stdout.write(f"\r\x1b[K{line}", ending="")
        self.stdout.flush()
