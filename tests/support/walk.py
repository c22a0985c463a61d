"""Records which modules a call enters, in order. Python's own profiler sees them, so no code is replaced."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from tests import PROJECT

_TOP = str(PROJECT / "tracking") + "/"


@dataclass
class Walk:
    """The calls from one module of `tracking` into another, as (caller, callee), in order."""

    calls: list[tuple[str, str]] = field(default_factory=list)

    @property
    def modules(self) -> list[str]:
        """The modules entered, each once, in order."""
        return list(dict.fromkeys(callee for _, callee in self.calls))


@contextmanager
def followed() -> Iterator[Walk]:
    """Record the calls of this thread, and of those that start meanwhile, while the block lasts.

    Coverage's tracer keeps working.
    """
    walk = Walk()

    def on_event(frame: FrameType, event: str, _: Any) -> None:
        if event != "call" or (callee := _module_of(frame.f_code)) is None:
            return
        caller = _nearest(frame.f_back)
        if caller != callee:
            walk.calls.append((caller, callee))

    before, before_in_threads = sys.getprofile(), threading.getprofile()
    sys.setprofile(on_event)
    threading.setprofile(on_event)
    try:
        yield walk
    finally:
        sys.setprofile(before)
        threading.setprofile(before_in_threads)


def _nearest(frame: FrameType | None) -> str:
    """Return the module of `tracking` that the call came from, with libraries left out; empty where there is none."""
    while frame is not None:
        if module := _module_of(frame.f_code):
            return module
        frame = frame.f_back
    return ""


def _module_of(code: CodeType) -> str | None:
    """Return `public/views` for a function of tracking/public/views.py.

    None for code outside `tracking`, and for code that an import runs.
    """
    if not code.co_filename.startswith(_TOP) or code.co_name == "<module>":
        return None
    return str(Path(code.co_filename.removeprefix(_TOP)).with_suffix("")).removesuffix("/__init__")
