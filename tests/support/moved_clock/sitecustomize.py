"""Moves the clock of a Python program whose PYTHONPATH has this folder, by CLOCK_AHEAD seconds; it runs on from there.

Python imports this file before anything else, so pytest, its workers and each `manage.py` have the same time.
"""

import os
import time

if ahead := os.environ.get("CLOCK_AHEAD"):
    import time_machine

    time_machine.travel(time.time() + float(ahead), tick=True).start()
