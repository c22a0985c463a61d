"""`manage.py watch`: asks Japan Post about known parcels in the background."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from tracking.ops.watch import Stopped, Watch

SECONDS_TO_FINISH = 5  # time for the request in flight after the first signal

_STOPS = {signal.SIGTERM, signal.SIGINT}
_GIVE_UP = signal.SIGUSR1  # sent by our own thread to interrupt the main thread


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
        ending = "Done"
        try:
            with _stopped_by_signals(watch, on_stop=self._report_stop):
                if once:
                    watch.run_once()
                else:
                    watch.run()
        except Stopped:
            ending = "Stopped; the request under way was given up, and can be asked again"
        self.stdout.write(f"{chr(10) if on_terminal else ''}{ending}: {watch.totals}")

    def _report_stop(self) -> None:
        with suppress(OSError, ValueError):  # the output may be closed, or its reader may have exited
            self.stdout.write(f"\nStopping within {SECONDS_TO_FINISH} seconds; a second signal stops at once")
            self.stdout.flush()

    def _overwrite(self, line: str) -> None:
        """Overwrite the current line of the terminal."""
        self.stdout.write(f"\r\x1b[K{line}", ending="")
        self.stdout.flush()


@contextmanager
def _stopped_by_signals(watch: Watch, on_stop: Callable[[], None]) -> Iterator[None]:
    """Within the block, SIGTERM and SIGINT stop the watch; `on_stop` is called in another thread.

    A second signal, or SECONDS_TO_FINISH after the first, raises Stopped in the main thread.

    Both signals are blocked in every thread, and one thread waits for them. Linux keeps a blocked signal pending, so no
    signal is lost: neither one just before a sleep, nor SIGINT to a background job of a shell, which starts its jobs
    with SIGINT ignored.
    """

    def listen() -> None:
        signal.sigwait(_STOPS)
        watch.stop()
        on_stop()
        signal.sigtimedwait(_STOPS, SECONDS_TO_FINISH)
        signal.pthread_kill(main, _GIVE_UP)

    def give_up(number: int, frame: Any) -> None:
        raise Stopped

    main = threading.get_ident()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    signal.signal(_GIVE_UP, give_up)
    threading.Thread(target=listen, name="signals", daemon=True).start()
    try:
        yield
    finally:
        signal.signal(_GIVE_UP, signal.SIG_IGN)  # nothing is left to interrupt
        while signal.sigtimedwait(
            _STOPS, 0
        ):  # a signal still pending would end the process when it is unblocked below
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
