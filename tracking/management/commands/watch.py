"""`manage.py watch`: asks Japan Post about known parcels in the background."""

from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from tracking.ops import stop_signals
from tracking.ops.watch import Watch


class Command(BaseCommand):
    help = (
        "Asks Japan Post about known parcels when they are due, oldest first, visitors before us. Run as many as you "
        "like, on as many machines. Stops cleanly on SIGTERM and Ctrl-C; twice stops at once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="what is due now, then end: for cron")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        on_terminal, verbose = self.stdout.isatty(), options["verbosity"] > 1
        watch = Watch(report=self._overwrite if on_terminal else self.stdout.write if verbose else None)

        def stop() -> None:
            watch.stop()
            self._report_stop()

        ending = "Done"
        try:
            with stop_signals.stopped_by_signals(stop):
                if once:
                    watch.run_once()
                else:
                    watch.run()
        except stop_signals.Stopped:
            ending = "Stopped; the request under way was given up, and can be asked again"
        self.stdout.write(f"{chr(10) if on_terminal else ''}{ending}: {watch.totals}")

    def _report_stop(self) -> None:
        with suppress(OSError, ValueError):  # the output may be closed, or its reader may have exited
            self.stdout.write(
                f"\nStopping within {stop_signals.SECONDS_TO_FINISH} seconds; a second signal stops at once"
            )
            self.stdout.flush()

    def _overwrite(self, line: str) -> None:
        """Overwrite the current line of the terminal."""
        self.stdout.write(f"\r\x1b[K{line}", ending="")
        self.stdout.flush()
