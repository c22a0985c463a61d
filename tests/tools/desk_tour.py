"""python -m tests.tools.desk_tour (part of make tour): takes the pictures of docs/wording.md, one for each job.

The site runs as in production, with its own store, which is the same in each run. A member of both groups presses the
buttons that the guide names, so the tour fails if one of these buttons is missing.
"""

import csv
import io
import os
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from tests.support.chromium import CHROMIUM, launched
from tests.support.served import Site
from tests.support.standin import StandIn
from tests.support.stories import POSTED, event
from tests.tools.tour import DOCS, LARGE, save_small
from tracking.japanpost.examples import get_example
from tracking.japanpost.records import TrackedItem
from tracking.values.places import JAPAN_TIME

FOLDER = DOCS / "img" / "desk"
MARGIN = 6
MOST_HEIGHT = 720
EDITOR, PASSWORD = "ann", "correct horse 7 battery"
NEW_PHRASE = "Arrived at inward office of exchange"
PARCELS = {"EM123456785JP": "GERMANY", "EM700100317JP": "FRANCE"}  # both show the new phrase
FRENCH = {
    "title": "Votre colis est à la douane",
    "meaning": "La douane examine votre colis. La durée dépend du pays et du contenu.",
}


def fill_store() -> None:
    """Create a member of both groups and a planned notice. Runs in a process with the site's store."""
    from django.contrib.auth.models import Group, User

    from tracking.models import Notice

    editor = User.objects.create_user(EDITOR, password=PASSWORD, is_staff=True)
    editor.groups.set(Group.objects.all())
    Notice.objects.create(
        destination_id="US",
        title="Parcels to the United States need three days more",
        text="Customs there is on strike until Friday. Nothing is lost, and nothing has to be done.",
        severity=Notice.Severity.WARNING,
        starts_on="2030-05-06",
        ends_on="2030-05-10",
    )


def parcels_say_something_new(standin: StandIn, browser: Browser, address: str) -> None:
    """Open the pages of two parcels with a new phrase and of one parcel in customs."""
    today = datetime.now(JAPAN_TIME).date()
    page = browser.new_page(base_url=address)
    for number, country in PARCELS.items():
        rows = (event(POSTED, today), event(f"{NEW_PHRASE} @ {country}", today))
        standin.set_item(number, TrackedItem(number, "EMS", rows))
        page.goto(f"/track/{number}/")
    page.goto(f"/track/{get_example('in-customs').number}/")
    page.close()


def inbox(page: Page) -> list[Locator]:
    """The inbox with the new phrase and its other meanings open."""
    page.goto("/admin/tracking/phrase/")
    page.get_by_text("Another meaning").click()
    return [page.locator("#content")]


def meaning_given(page: Page) -> list[Locator]:
    """The message after the phrase has got its meaning."""
    _press(page, "Means: Arrival at inward office of exchange")
    return [page.locator(".messagelist")]


def who_gets_what(page: Page) -> list[Locator]:
    """The table of a status after a draft for France is saved."""
    _open(page, "status", "Customs clearance")
    page.get_by_role("button", name="Add another Wording").click()
    block = page.locator(".inline-related.last-related:not(.empty-form)")
    block.locator(".field-destination .select2-selection").click()
    page.locator(".select2-search__field").fill("Franc")
    page.get_by_role("option", name="France", exact=True).click()
    block.get_by_label("Title").fill("French customs have your parcel")
    block.get_by_label("Meaning").fill(
        "Customs in {country} looks at each parcel. In December this takes up to two weeks."
    )
    block.get_by_label("What to do").fill("Nothing, unless {operator} writes to you about duty.")
    block.get_by_label("Who has it").fill("Customs in {country}")
    _press(page, "Save draft")
    return [page.locator(".messagelist"), page.locator("fieldset").filter(has_text="Who gets what")]


def draft(page: Page) -> list[Locator]:
    """The draft for France."""
    return [_words_for_france(page)]


def draft_buttons(page: Page) -> list[Locator]:
    """The buttons under a draft."""
    return [page.locator(".submit-row").last]


def preview(page: Page) -> list[Locator]:
    """The preview of the draft on a phone and on a large screen."""
    page.get_by_role("link", name="Preview", exact=True).click()
    for frame in ("iframe.phone", "iframe.desktop"):
        page.frame_locator(frame).get_by_role("heading", name="French customs").wait_for()
    return [page.locator("#content")]


def history(page: Page) -> list[Locator]:
    """The newest two changes in the history of a status."""
    _open(page, "status", "Customs clearance")
    _press(page, "Save and publish")
    _open(page, "status", "Customs clearance")
    words = _words_for_france(page)
    words.get_by_label("Meaning").fill("Customs in {country} looks at each parcel. This takes a day.")
    _press(page, "Save and publish")
    _open(page, "status", "Customs clearance")
    page.get_by_role("link", name="History").click()
    lines = page.locator(".changes > li")
    return [page.locator("#content-main > p"), lines.nth(0), lines.nth(1)]


def bring_in(page: Page) -> list[Locator]:
    """What an uploaded sheet of translations would change."""
    sheet = page.request.get("/admin/tracking/wording/export/?language=fr").body().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(sheet, newline="")))
    for row in rows:
        if (row["status"], row["destination"]) == ("customs-clearance", ""):
            row |= FRENCH
    written = io.StringIO(newline="")
    writer = csv.DictWriter(written, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    page.goto("/admin/tracking/wording/")
    page.get_by_role("link", name="Bring translations in").click()
    page.get_by_label("The filled-in sheet").set_input_files(
        {"name": "french.csv", "mimeType": "text/csv", "buffer": written.getvalue().encode()}
    )
    _press(page, "Show what would change")
    return [page.get_by_role("heading", name="What would change"), page.locator(".submit-row").first]


def notice(page: Page) -> list[Locator]:
    """The planned notice."""
    _open(page, "notice", "Parcels to the United States need three days more")
    return [page.locator("#content")]


def destination(page: Page) -> list[Locator]:
    """Who delivers in a destination."""
    page.goto("/admin/tracking/destination/?q=germany")
    page.get_by_role("link", name="Germany", exact=True).click()
    return [page.locator("fieldset").filter(has_text="Who delivers there")]


def shop(page: Page) -> list[Locator]:
    """The color and the logo of the shop."""
    _open(page, "shop", "Our shop")
    logo = {"name": "logo.png", "mimeType": "image/png", "buffer": _a_logo()}
    page.locator("input[name=logo]").set_input_files(logo)
    page.get_by_label("Accent color").fill("#0b6e4f")
    _press(page, "Save and continue editing")
    page.locator("image").first.wait_for()
    return [page.locator("fieldset").filter(has_text="How it looks")]


def log_in_pause(page: Page) -> list[Locator]:
    """The page after five wrong passwords."""
    _press(page, "Log out")
    for _ in range(5):
        _log_in(page, "wrong")
    return [page.locator("#container")]


# In this order: each job continues where the one before has ended. A picture has the name of its function.
JOBS: tuple[Callable[[Page], list[Locator]], ...] = (
    inbox,
    meaning_given,
    who_gets_what,
    draft,
    draft_buttons,
    preview,
    history,
    bring_in,
    notice,
    destination,
    shop,
    log_in_pause,
)


def take_pictures(browser: Browser, address: str, folder: Path) -> list[Path]:
    """Does each job and takes its picture. Deletes the earlier pictures in the folder. Returns the new files."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    shop = {"base_url": address, "locale": "en-GB", "timezone_id": "Asia/Tokyo"}
    context = browser.new_context(**shop, viewport=LARGE, reduced_motion="reduce")  # type: ignore[arg-type]
    page = context.new_page()
    _log_in(page, PASSWORD)
    files = []
    for job in JOBS:
        elements = job(page)
        file = folder / f"{job.__name__.replace('_', '-')}.png"
        save_small(_cropped(page, elements), file)
        files.append(file)
    context.close()
    return files


def _log_in(page: Page, password: str) -> None:
    page.goto("/admin/")
    page.get_by_label("Username").fill(EDITOR)
    page.get_by_label("Password").fill(password)
    _press(page, "Log in")


def _press(page: Page, name: str) -> None:
    """Press a button that leads to another page, and wait for that page."""
    with page.expect_navigation():
        page.get_by_role("button", name=name, exact=True).click()


def _open(page: Page, kind: str, name: str) -> None:
    page.goto(f"/admin/tracking/{kind}/")
    page.get_by_role("link", name=name, exact=True).click()


def _words_for_france(page: Page) -> Locator:
    return page.locator(".inline-related").filter(has=page.get_by_role("heading", name="France"))


def _cropped(page: Page, elements: list[Locator]) -> bytes:
    """A screenshot of the area around these elements with a margin, without the desk's side list and top bar."""
    page.wait_for_load_state()
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    (desk,) = _corners([page.locator("#content-start")])
    corners = _corners(elements)
    left = max(desk[0], min(one[0] for one in corners) - MARGIN)
    top = max(desk[1], min(one[1] for one in corners) - MARGIN)
    right = min(desk[2], max(one[2] for one in corners) + MARGIN)
    bottom = min(desk[3], max(one[3] for one in corners) + MARGIN, top + MOST_HEIGHT)
    clip = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    return page.screenshot(full_page=True, clip=clip)  # type: ignore[arg-type]


def _corners(elements: list[Locator]) -> list[tuple[float, float, float, float]]:
    """Left, top, right and bottom of each element that is shown, in pixels."""
    boxes = [box for one in elements if (box := one.bounding_box())]
    return [(box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]) for box in boxes]


def _a_logo() -> bytes:
    picture, file = Image.new("RGB", (480, 96), "white"), io.BytesIO()
    drawing = ImageDraw.Draw(picture)
    drawing.ellipse((8, 12, 80, 84), fill="#0b6e4f")
    drawing.text((104, 22), "Tea & Bowls", fill="#0b6e4f", font=ImageFont.load_default(size=48))
    picture.save(file, "PNG")
    return file.getvalue()


def main() -> int:
    if not CHROMIUM:
        print(
            "There is no Chromium here (Debian: sudo apt install chromium-headless-shell).", file=sys.stderr
        )
        return 1
    os.environ["no_proxy"] = "*"
    with tempfile.TemporaryDirectory() as folder, StandIn() as standin:
        database = f"sqlite:///{folder}/store.sqlite3"
        with Site(Path(folder), database, JAPANPOST_URL=standin.url) as site, sync_playwright() as playwright:
            site.python("from tests.tools.desk_tour import fill_store; fill_store()")
            with launched(playwright) as browser:
                parcels_say_something_new(standin, browser, site.addresses[0])
                files = take_pictures(browser, site.addresses[0], FOLDER)
    print(f"{len(files)} pictures in docs/img/desk")
    return 0


if __name__ == "__main__":
    sys.exit(main())
