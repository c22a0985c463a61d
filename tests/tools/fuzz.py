"""python -m tests.tools.fuzz [MINUTES] (make fuzz): looks for texts on which reading fails.

Three targets share the minutes:

    page      parse_page with bytes that atheris chooses by the code they reach; only the four failures may come out
    numbers   find_numbers, and redact: no number that is a word of its own may remain
    stories   parse_page with pages of Japan Post, changed at random, against html5lib, which reads HTML as browsers do:
              a story must say nothing that html5lib does not read on the same page. Where html5lib reads the same
              words as other rows, as in an unclosed <select>, the pages are only counted

A fault ends the run with exit code 1. The text that shows it is in a file, which is named; make a test of it. `--only
TARGET` runs one of them, and `--seed` repeats the changes of `stories`. This is no test: each run tries other texts.
"""

import argparse
import json
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

from tests import PROJECT
from tests.support import processes
from tracking.japanpost.errors import LONGEST_REASON, JapanPostError
from tracking.japanpost.parser import parse_page
from tracking.japanpost.records import TrackedEvent, TrackedItem
from tracking.values.numbers import TrackingNumber, find_numbers, spaced
from tracking.values.redaction import redact

NUMBER = TrackingNumber("EM123456785JP")
FOUND = Path(tempfile.gettempdir()) / "emsguide-fuzz"  # where the texts that show a fault are kept

SNIPPETS = [
    "<", ">", '"', "'", "=", "/", "&", "&lt;", "&nbsp;", "&#0;", "&#x200b;", "\0", "\ufffd", "<!--", "-->", "<!",
    "<?x?>", "]]>", "<tr>", "</tr>", "<td>", "</td>", "<th>", "</th>", "<table>", "</table>", "<tbody>", "</tbody>",
    "<script>", "</script>", "<style>", "</style>", "<textarea>", "<title>", "<select>", "<noscript>", "<template>",
    "<svg>", "<math>", "<plaintext>", "<form>", "</form>", "<div>", "</div>", "<b>", "</b>", "<p>", "</p>", "<br>",
    "<caption>", "<colgroup>", "<head>", "<body>", "</body>", "<html>", "</html>", "<tr title='",
    "<table summary='履歴情報'>", ' rowspan="2"', ' colspan="2"', "EM 123 456 785 JP", "EM123456785JP",
    "11/04/2026 05:31", "2026/11/04",
]  # fmt: skip
TEXTS = [
    "EM123456785JP", "em 123 456 785 jp", "/track/EM%20123456785JP/", r"'\nEM123456785JP'", "EM\u200b123456785JP",
    "ＥＭ１２３４５６７８５ＪＰ", "EM123456785JP, EN123456785JP",
]  # fmt: skip
TABLES = ("履歴情報", "照会結果")  # the summaries of those with events
_BREAKS = {"br", "div", "p"}


def _pages() -> dict[str, str]:
    """The written pages by name, all about NUMBER."""
    pages = {}
    for path in sorted((PROJECT / "tests/japanpost/pages").glob("*.html")):
        html, number = (
            path.read_bytes().decode(),
            json.loads(path.with_suffix(".json").read_bytes())["number"],
        )
        pages[path.stem] = html if spaced(NUMBER) in html else html.replace(spaced(number), spaced(NUMBER))
    return pages


PAGES = _pages()


class WrongStoryError(AssertionError):
    """A story says what its page does not say."""


def read(html: str) -> TrackedItem | None:
    """The item of a page; None for one of the four failures. Any other error is a fault, and so is a long reason."""
    try:
        return parse_page(html, NUMBER)
    except JapanPostError as failure:
        reason = str(failure)
    assert len(reason) <= LONGEST_REASON, reason
    return None


def search(text: str) -> None:
    """Find and redact numbers. Raises AssertionError where a number that is a word of its own remains."""
    for number in find_numbers(text):
        assert re.fullmatch("[A-Z]{2}[0-9]{9}[A-Z]{2}", number), number
    left = re.search("[A-Za-z]{2}[0-9]{9}[A-Za-z]{2}", redact(text))
    assert left is None, left


# The stories against html5lib


def compare(html: str, read_page: Callable[[str], tuple[list[list[str]], str]] | None = None) -> bool | None:
    """Whether html5lib reads the same events, in the same order; None where the page has no story for us.

    `read_page` replaces html5lib. Raises WrongStoryError where our story says what html5lib does not read anywhere.
    """
    item = read(html)
    if item is None:
        return None
    rows, text = (read_page or read_with_html5lib)(html)
    # An unclosed <title> makes the rest of the page its text, with tags and entities.
    squeezed = _squeezed(text), _squeezed(unescape(re.sub("<[^<>]*>", " ", text)))
    for event in item.events:
        if not any(_squeezed("".join(cells)) in one for cells in cells_of(event) for one in squeezed):
            raise WrongStoryError(f"html5lib does not read {event}")
    theirs = [[*row[2:4], "", *row[4:]] if item.history_missing else row for row in rows]
    theirs = [row for row in theirs if len(row) == 5 and re.match(r"[0-9]", row[0])]
    if item.history_missing:  # the list has other items too
        return any(cells[:5] in theirs for cells in cells_of(item.events[0]))
    return len(theirs) == len(item.events) and all(
        row in [cells[:5] for cells in cells_of(event)]
        for event, row in zip(item.events, theirs, strict=True)
    )


def cells_of(event: TrackedEvent) -> list[list[str]]:
    """The texts of an event's cells in the order of the page, with the date in each way in which it may be printed."""
    hour = f" {event.local_time:%H:%M}" if event.local_time else ""
    return [
        [day + hour, event.phrase, event.details, event.office, event.region, event.postal_code]
        for day in (event.local_date.strftime(form) for form in ("%m/%d/%Y", "%Y/%m/%d"))
    ]


def read_with_html5lib(html: str) -> tuple[list[list[str]], str]:
    """The texts of the cells of each row of Japan Post's tables, and the text of the whole page as it is written.

    A browser shows some of it elsewhere: what follows a stray </tbody> in a cell is shown above the table.
    """
    import html5lib
    from html5lib._tokenizer import HTMLTokenizer
    from html5lib.constants import tokenTypes

    words = list[str]()

    class Tokenizer(HTMLTokenizer):  # type: ignore[misc]
        def __iter__(self) -> Iterator[dict[str, Any]]:
            for token in super().__iter__():
                if token["type"] in (tokenTypes["Characters"], tokenTypes["SpaceCharacters"]):
                    words.append(token["data"])
                yield token

    class Parser(html5lib.HTMLParser):  # type: ignore[misc]
        def mainLoop(self) -> None:
            self.tokenizer.__class__ = Tokenizer  # html5lib takes no tokenizer of ours
            super().mainLoop()

    root = Parser(namespaceHTMLElements=False).parse(html)
    tables = [table for table in root.iter("table") if table.get("summary", "").strip() in TABLES]
    rows = [
        [" ".join("".join(_texts(cell)).split()) for cell in row if cell.tag in ("td", "th")]
        for table in tables
        for row in table.iter("tr")
    ]
    return rows, "".join(words)


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _texts(node: Any) -> Iterator[str]:
    """The texts in a node, with a blank where a line breaks."""
    for text, child in [(node.text, None), *((child.tail, child) for child in node)]:
        if child is not None and isinstance(child.tag, str):
            yield " " if child.tag in _BREAKS else ""
            yield from _texts(child)
            yield " " if child.tag in _BREAKS else ""
        yield text or ""


def changed(html: str, chance: random.Random) -> str:
    """The page with one to four changes: something lost, repeated, moved or inserted."""
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(html) + 1)
        end = min(len(html), start + int(chance.paretovariate(0.6)))
        part, place = html[start:end], chance.randrange(len(html) + 1)
        match chance.randrange(5):
            case 0:
                html = html[:start] + html[end:]
            case 1:
                html = html[:place] + part + html[place:]
            case 2:
                html = html[:start] + chance.choice(SNIPPETS) + html[end:]
            case 3:
                tags = list(re.finditer("<[^>]*>", html)) or list(re.finditer("", html))
                tag = chance.choice(tags)
                html = html[: tag.start()] + html[tag.end() :]
            case _:
                html = html[:start] + chance.choice(SNIPPETS) + html[start:]
    return html


def try_stories(seconds: float, seed: int, step: Callable[[str], bool | None] = compare) -> Counter[str]:
    """Compare changed pages for so many seconds. Returns how many there were of each kind. Raises WrongStoryError.

    Keeps a page that shows a fault.
    """
    chance, until, counts = random.Random(seed), time.monotonic() + seconds, Counter[str]()
    pages = list(PAGES.values())
    names = {True: "read alike", False: "read as other rows", None: "no story"}
    while not counts or time.monotonic() < until:
        html = changed(chance.choice(pages), chance)
        try:
            counts[names[step(html)]] += 1
        except Exception:
            print(f"\nstories, seed {seed}: the page is in {keep(html)}", flush=True)
            raise
    return counts


def keep(text: str) -> Path:
    """Write a text that shows a fault to a file of its own."""
    FOUND.mkdir(exist_ok=True)
    path = FOUND / f"stories-{time.time_ns()}.html"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    return path


def main(arguments: list[str]) -> int:
    """Run the targets one after the other. Returns 1 where one has found a fault, 2 where a package is missing."""
    options = _options().parse_args(arguments)
    if missing := _missing():
        print(missing, file=sys.stderr)
        return 2
    seconds = max(1, round(options.minutes * 60 / (1 if options.only else 3)))
    failed = []
    for target in [options.only] if options.only else ["page", "numbers", "stories"]:
        print(f"== {target}, {seconds} seconds", flush=True)
        if target == "stories":
            counts = try_stories(seconds, options.seed)
            print(
                f"{counts.total():,} pages: "
                + ", ".join(f"{count:,} {kind}" for kind, count in counts.items())
            )
            continue
        command = [sys.executable, "-m", "tests.tools.fuzz_guided", target, str(seconds)]
        if processes.run(command, cwd=PROJECT, timeout=seconds + 300).returncode:
            failed.append(target)
    if failed:
        print(f"A fault was found in: {', '.join(failed)}. The texts are in {FOUND}.", file=sys.stderr)
    return 1 if failed else 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Look for texts on which reading fails.")
    parser.add_argument("minutes", nargs="?", type=float, default=10.0)
    parser.add_argument("--only", choices=["page", "numbers", "stories"])
    parser.add_argument("--seed", type=int, default=time.time_ns())
    return parser


def _missing() -> str:
    """What to do where a package is missing; empty where none is."""
    try:
        import atheris  # noqa: F401
        import html5lib  # noqa: F401
    except ImportError as error:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return (
            f"{error.name} is not installed. atheris has files for Python 3.11 to 3.13 on Linux with x86-64 only, and "
            f"this is Python {version}. Use another one: make clean, then make fuzz PYTHON=python3.13"
        )
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
