"""python -m tests.tools.fuzz_guided TARGET SECONDS: one target of `make fuzz` that atheris chooses the texts for.

In a process of its own: atheris instruments the modules while they are imported, and libFuzzer ends the process.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["tracking.japanpost", "tracking.values"]):
    from tests.tools.fuzz import FOUND, PAGES, SNIPPETS, TEXTS, read, search

LONGEST = {"page": 20_000, "numbers": 1_000}  # bytes of a text


def main(target: str, seconds: str) -> None:
    """Run the target. Never returns: libFuzzer ends the process, with 0 or with a code of its own for a fault."""
    test = {"page": read, "numbers": search}[target]
    FOUND.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for place, text in enumerate(PAGES.values() if target == "page" else TEXTS):
            Path(folder, str(place)).write_text(text, encoding="utf-8", newline="")
        words = Path(folder).with_suffix(".dict")
        words.write_text("".join(f'"{_quoted(snippet)}"\n' for snippet in SNIPPETS))
        options = [
            f"-max_total_time={seconds}",
            f"-max_len={LONGEST[target]}",
            f"-dict={words}",
            "-timeout=20",
        ]
        options += ["-verbosity=0", "-print_final_stats=1", f"-artifact_prefix={FOUND}/{target}-", folder]
        atheris.Setup([sys.argv[0], *options], lambda data: test(data.decode("utf-8", "replace")))
        atheris.Fuzz()


def _quoted(snippet: str) -> str:
    """The snippet as libFuzzer's dictionaries write it."""
    return "".join(f"\\x{byte:02x}" for byte in snippet.encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
