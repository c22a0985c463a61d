"""python -m tests.standin [--port 8100]: a Japan Post to talk to, until Ctrl-C."""

import argparse
import threading
from contextlib import suppress

from tracking.examples import all_examples

from . import FAULT_NUMBERS, StandIn
from .server import SEARCH_PATH


def main() -> None:
    parser = argparse.ArgumentParser(description="A stand-in for Japan Post's tracking site.")
    parser.add_argument("--port", type=int, default=8100)
    port = parser.parse_args().port
    with suppress(KeyboardInterrupt), StandIn(port=port) as standin:
        print(f"The stand-in answers at {standin.url}{SEARCH_PATH}?reqCodeNo1=NUMBER&locale=en\n")
        for example in all_examples():
            print(f"  {example.number}  {example.title}")
        print()
        for fault, number in FAULT_NUMBERS.items():
            print(f"  {number}  {fault}")
        print("\nCtrl-C ends it.", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
