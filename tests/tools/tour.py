"""python -m tests.tools.tour (make tour): pictures of what customers see, and docs/tour.md around them.

The site runs as in production, with a store of its own, beside the stand-in for Japan Post. So the parcels are real
ones to it, without the words that go with an example.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests import PROJECT
from tests.support.chromium import CHROMIUM, launched
from tests.support.served import Site, get, run
from tests.support.standin import StandIn
from tracking.japanpost.examples import get_example

DOCS = PROJECT / "docs"
PHONE = {"width": 360, "height": 640}
LARGE = {"width": 1280, "height": 800}
COLOURS = 128
_TONES = {"act": "please act", "problem": "there is a problem", "done": "done"}
MISTYPED = "EM700527953JP"  # two digits of the parcel in customs have changed places

Scheme = Literal["light", "dark"]
Happening = Callable[[Site, StandIn], object]


@dataclass(frozen=True)
class Stop:
    """One picture or more, and what to know about it. `number`: a parcel that the stand-in knows."""

    name: str
    heading: str
    number: str
    why: str  # one or two sentences: what the customer sees, and why it is said so
    before: Happening = lambda site, standin: None
    large: bool = False  # on a large screen too
    dark: bool = False


@dataclass(frozen=True)
class Picture:
    """A file beside the page, and what it shows for those who do not see it."""

    file: str
    alt: str


def japan_post_goes_down(site: Site, standin: StandIn) -> None:
    """After a first answer, five hours ago."""
    number = get_example("out-for-delivery").number
    run(get(f"{site.addresses[0]}/track/{number}/"))
    site.python(
        "from datetime import timedelta; from django.utils import timezone\n"
        "now = timezone.now(); then = now - timedelta(hours=5)\n"
        f"Shipment.objects.filter(number='{number}').update(ask_again_at=now, story_at=then, answered_at=then)"
    )
    standin.set_fault(number, "500")


def _example(slug: str) -> str:
    return get_example(slug).number


STOPS = (
    Stop(
        "accepted",
        "The post office has it",
        _example("just-posted"),
        "The first scan. The page says at once in which of five steps the parcel is, and that nothing has to be done.",
        large=True,
    ),
    Stop(
        "silent-but-normal",
        "Nothing heard, and that is normal",
        _example("silent-6-days"),
        "Between two countries nobody scans. Most worried letters are written here, so the page answers "
        "“Is this normal?” before anybody has to ask.",
    ),
    Stop(
        "silent-for-30-days",
        "Nothing heard for too long",
        _example("silent-30-days"),
        "After a month the same silence is told differently. Only the sender can open an enquiry, so the page "
        "asks the customer to write to the shop.",
    ),
    Stop(
        "in-customs",
        "In customs",
        _example("in-customs"),
        "“Held by import Customs” frightens people. The page says in plain words what happens there, what may be asked of "
        "the customer, and that it can happen twice.",
        large=True,
        dark=True,
    ),
    Stop(
        "with-the-local-post",
        "With the local post",
        _example("with-local-post"),
        "From the arrival on another company has the parcel. The page names it and leads to it with the same number.",
    ),
    Stop(
        "nobody-at-home",
        "Nobody was at home",
        _example("absent"),
        "Now the customer has to act, so the page begins with that, in words and not in colour alone.",
    ),
    Stop(
        "kept-at-the-post-office",
        "Kept at the post office, with a last day",
        _example("retention"),
        "The day by which to collect it is counted from how long the post there keeps parcels. It says “about”, for "
        "we are not the ones who decide.",
        large=True,
    ),
    Stop(
        "delivered",
        "Delivered",
        _example("delivered"),
        "The journey is over, so nobody is asked to wait any more.",
    ),
    Stop(
        "on-its-way-back",
        "On its way back",
        _example("being-returned"),
        "A problem is no sixth step: the page keeps the last step really reached and says whom to write to.",
    ),
    Stop(
        "unknown-words",
        "Words nobody has seen before",
        _example("unknown-phrase"),
        "Japan Post says something new. The page shows their words as they are and claims no progress from them; staff "
        "find the phrase in their inbox.",
    ),
    Stop(
        "japan-post-down",
        "Japan Post does not answer",
        _example("out-for-delivery"),
        "The last known story, and when it was checked. An old story with its age is better than an empty page.",
        japan_post_goes_down,
    ),
    Stop(
        "mistyped",
        "A number mistyped",
        MISTYPED,
        "One digit of a number is computed from the others. Where it does not fit, Japan Post is not asked, and the "
        "page offers the numbers that were probably meant.",
    ),
)


def main() -> int:
    if not CHROMIUM:
        print(
            "There is no Chromium here (Debian: sudo apt install chromium-headless-shell).", file=sys.stderr
        )
        return 1
    os.environ["no_proxy"] = "*"
    with tempfile.TemporaryDirectory() as folder, StandIn() as standin:
        database = f"sqlite:///{folder}/store.sqlite3"
        with (
            Site(Path(folder), database, JAPANPOST_URL=standin.url) as site,
            sync_playwright() as playwright,
            launched(playwright) as browser,
        ):
            pictures = take_pictures(browser, site, standin, DOCS / "img" / "tour")
    (DOCS / "tour.md").write_text(as_markdown(STOPS, pictures), encoding="utf-8")
    print(f"docs/tour.md and {sum(map(len, pictures.values()))} pictures in docs/img/tour")
    return 0


def take_pictures(browser: Browser, site: Site, standin: StandIn, folder: Path) -> dict[str, list[Picture]]:
    """The pictures of each stop by its name; what was in the folder before is thrown away."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    pictures = {}
    for stop in STOPS:
        stop.before(site, standin)
        views: list[tuple[str, dict[str, int], Scheme]] = [("", PHONE, "light")]
        if stop.large:
            views.append(("-large", LARGE, "light"))
        if stop.dark:
            views.append(("-dark", PHONE, "dark"))
        pictures[stop.name] = [
            take_picture(
                browser, site.addresses[0], stop.number, folder / f"{stop.name}{suffix}.png", screen, scheme
            )
            for suffix, screen, scheme in views
        ]
    return pictures


def take_picture(
    browser: Browser, address: str, number: str, file: Path, screen: dict[str, int], scheme: Scheme
) -> Picture:
    """The first screen of the page, as a file of few colours."""
    context = browser.new_context(
        base_url=address,
        viewport=screen,  # type: ignore[arg-type]
        color_scheme=scheme,
        timezone_id="Europe/Berlin",
        locale="en-GB",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(f"/track/{number}/")
    save_small(page.screenshot(), file)
    alt = describe(page, screen, scheme)
    context.close()
    return Picture(f"img/tour/{file.name}", alt)


def save_small(screenshot: bytes, file: Path) -> None:
    """A PNG of few colours: a third of the size, and nobody sees the difference."""
    few_colours = Image.open(BytesIO(screenshot)).convert("RGB").quantize(COLOURS)
    few_colours.save(file, optimize=True)


def describe(page: Page, screen: dict[str, int], scheme: Scheme) -> str:
    """Alt text from the page itself, so that it is true whatever staff's words are."""
    data = page.locator("main").evaluate("main => ({...main.dataset})")
    parts = [
        "On a phone" if screen is PHONE else "On a large screen",
        "in dark colours" if scheme == "dark" else "",
        f"“{page.locator('h1').inner_text().strip()}”",
        f"step {data['stage']} of 5" if data["stage"] else "",
        _TONES.get(data["tone"], ""),
        "with a word about its age" if data["stale"] == "true" else "",
    ]
    return ", ".join(filter(None, parts))


def as_markdown(stops: tuple[Stop, ...], pictures: dict[str, list[Picture]]) -> str:
    """The text of docs/tour.md."""
    parts = [
        "# A tour",
        "What a customer sees, from the first scan to the door and on the bad days. Each picture is the first screen of a "
        "tracking page. `make tour` takes them again.",
    ]
    for stop in stops:
        parts += [
            f"## {stop.heading}",
            *(f"![{one.alt}]({one.file})" for one in pictures[stop.name]),
            stop.why,
        ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.exit(main())
