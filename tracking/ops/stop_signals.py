"""Ends a command that runs for long on SIGTERM and Ctrl-C: cleanly on the first signal, at once on the second."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

SECONDS_TO_FINISH = 5  # time for the work in progress after the first signal

_STOPS = {signal.SIGTERM, signal.SIGINT}
_GIVE_UP = signal.SIGUSR1  # sent by our own thread to interrupt the main thread


class Stopped(BaseException):
    """Stop at once, in the middle of a request. Not an Exception, so that no handler of errors catches it."""


@contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Within the block, the first SIGTERM or SIGINT calls `stop` in another thread.

    A second signal, or SECONDS_TO_FINISH after the first, raises Stopped in the main thread.

    Both signals are blocked in every thread, and one thread waits for them. Linux keeps a blocked signal pending, so no
    signal is lost: neither one just before a sleep, nor SIGINT to a background job of a shell, which starts its jobs
    with SIGINT ignored.
    """

    def listen() -> None:
        signal.sigwait(_STOPS)
        stop()
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
        # A signal still pending would end the process when it is unblocked below.
        while signal.sigtimedwait(_STOPS, 0):
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
