"""python -m tests.support.standin [--port 8100]: runs the stand-in for Japan Post until Ctrl-C."""

import argparse
import signal

from tracking.japanpost.examples import all_examples

from . import FAULT_NUMBERS, StandIn
from .server import SEARCH_PATH

STOPS = {signal.SIGINT, signal.SIGTERM}


def main() -> None:
    parser = argparse.ArgumentParser(description="A stand-in for Japan Post's tracking site.")
    parser.add_argument("--port", type=int, default=8100)
    port = parser.parse_args().port
    # A signal that is blocked before any thread starts is kept until sigwait, however early it arrives. That includes
    # SIGINT in the background of a shell, which starts its programs with SIGINT ignored.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    with StandIn(port=port) as standin:
        print(f"The stand-in answers at {standin.url}{SEARCH_PATH}?reqCodeNo1=NUMBER&locale=en\n")
        for example in all_examples():
            print(f"  {example.number}  {example.title}")
        print()
        for fault, number in FAULT_NUMBERS.items():
            print(f"  {number}  {fault}")
        print("\nCtrl-C ends it.", flush=True)
        signal.sigwait(STOPS)


if __name__ == "__main__":
    main()
