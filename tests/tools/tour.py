"""python -m tests.tools.tour (make tour): takes the pictures of docs/tour.md and writes that page.

The site runs as in production, with its own store and a stand-in for Japan Post. So its pages are those of real
parcels, without the notice that a page of an example has.
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
COLORS = 128
_TONES = {"act": "please act", "problem": "there is a problem", "done": "done"}
MISTYPED = "EM700527953JP"  # two digits of the parcel in customs have changed places

Scheme = Literal["light", "dark"]
Happening = Callable[[Site, StandIn], object]


@dataclass(frozen=True)
class Stop:
    """A section of the tour: one page in one picture or more. `number` is a parcel that the stand-in knows."""

    name: str
    heading: str
    number: str
    why: str  # one or two sentences: what the customer sees, and the reason for it
    before: Happening = lambda site, standin: None
    large: bool = False  # on a large screen too
    dark: bool = False


@dataclass(frozen=True)
class Picture:
    """A picture's path from docs/, and its alternative text."""

    file: str
    alt: str


def japan_post_goes_down(site: Site, standin: StandIn) -> None:
    """Japan Post answers once, and has failed since then. The site's copy of the answer is five hours old."""
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
        "The first scan. The page says at once in which of five steps the parcel is, and that the "
        "customer need not do anything.",
        large=True,
    ),
    Stop(
        "silent-but-normal",
        "No news, and that is normal",
        _example("silent-6-days"),
        "Between two countries there are no scans. Most worried customers write at this point, so the "
        "page answers “Is this normal?” before they have to ask.",
    ),
    Stop(
        "silent-for-30-days",
        "No news for too long",
        _example("silent-30-days"),
        "After a month the page explains the same silence differently. Only the sender can open an "
        "enquiry, so the page asks the customer to write to the shop.",
    ),
    Stop(
        "in-customs",
        "In customs",
        _example("in-customs"),
        "“Held by import Customs” frightens people. The page says in plain words what customs does, what "
        "it may ask of the customer, and that it can happen twice.",
        large=True,
        dark=True,
    ),
    Stop(
        "with-the-local-post",
        "With the local post",
        _example("with-local-post"),
        "After the arrival another company has the parcel. The page names this company and links to its "
        "tracking page with the same number.",
    ),
    Stop(
        "nobody-at-home",
        "The customer was not at home",
        _example("absent"),
        "Now the customer has to act, so the page begins with what to do, in words and not in colour alone.",
    ),
    Stop(
        "kept-at-the-post-office",
        "Kept at the post office, with a last day",
        _example("retention"),
        "The page computes the last day from how long the local post keeps parcels. It says “about”, "
        "because the local post decides.",
        large=True,
    ),
    Stop(
        "delivered",
        "Delivered",
        _example("delivered"),
        "The journey is over, so the page no longer asks the customer to wait.",
    ),
    Stop(
        "on-its-way-back",
        "On its way back",
        _example("being-returned"),
        "A problem is not a sixth step: the page keeps the last step that the parcel reached and says "
        "whom to write to.",
    ),
    Stop(
        "unknown-words",
        "A new phrase",
        _example("unknown-phrase"),
        "Japan Post uses a new phrase. The page shows the phrase unchanged and claims no progress from "
        "it. Staff find the phrase in their inbox.",
    ),
    Stop(
        "japan-post-down",
        "Japan Post does not answer",
        _example("out-for-delivery"),
        "The page shows the stored story and when it was checked. An old story with its age is better "
        "than an empty page.",
        japan_post_goes_down,
    ),
    Stop(
        "mistyped",
        "A mistyped number",
        MISTYPED,
        "One digit of a number is computed from the others. Where it does not fit, the site sends no "
        "request to Japan Post, and the page offers the numbers that the customer probably meant.",
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
    """The pictures of each stop by its name. Deletes the earlier pictures in the folder."""
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
    """Write the first screen of the page to the file, with few colors."""
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
    """Write a PNG of few colors: a third of the size, without a visible difference."""
    few_colors = Image.open(BytesIO(screenshot)).convert("RGB").quantize(COLORS)
    few_colors.save(file, optimize=True)


def describe(page: Page, screen: dict[str, int], scheme: Scheme) -> str:
    """The alternative text, read from the page itself, so that it stays true when staff edit the words."""
    data = page.locator("main").evaluate("main => ({...main.dataset})")
    parts = [
        "On a phone" if screen is PHONE else "On a large screen",
        "in dark colours" if scheme == "dark" else "",
        f"“{page.locator('h1').inner_text().strip()}”",
        f"step {data['stage']} of 5" if data["stage"] else "",
        _TONES.get(data["tone"], ""),
        "with the age of the answer" if data["stale"] == "true" else "",
    ]
    return ", ".join(filter(None, parts))


def as_markdown(stops: tuple[Stop, ...], pictures: dict[str, list[Picture]]) -> str:
    """The text of docs/tour.md."""
    parts = [
        "# A tour",
        "What a customer sees from the first scan to the delivery, and when there is a problem. Each "
        "picture is the first screen of a tracking page. `make tour` takes them again.",
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
