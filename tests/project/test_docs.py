"""The documents: what they name exists, and the guide for staff names texts that the desk shows."""

import ast
import io
import json
import re
import tomllib
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from lxml import html
from PIL import Image

from tests import PROJECT
from tests.support.desk import StatusPage
from tests.support.standin import StandIn
from tests.support.stories import NUMBER, POSTED, story
from tracking.models import Message, Notice, Phrase, Shipment, Shop, Status

PAGES = sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md")])
PICTURE = re.compile(r"!\[([^]]*)\]\(([^)]+)\)")
SHEET = (
    "status,language,destination,title,meaning,what_to_do,who_has_it,hidden\n"
    "customs-clearance,fr,,En douane,Attendez.,,,\n"
)


def test_each_picture_in_a_document_exists_and_has_alt_text() -> None:
    named = [(page, *found) for page in PAGES for found in PICTURE.findall(page.read_text(encoding="utf-8"))]
    assert [f"{page.name}: {file}" for page, _, file in named if not (page.parent / file).is_file()] == []
    assert [f"{page.name}: {file}" for page, alt, file in named if not alt.strip()] == []


def test_each_picture_is_shown_by_a_document() -> None:
    shown = {
        (page.parent / file).resolve()
        for page in PAGES
        for _, file in PICTURE.findall(page.read_text(encoding="utf-8"))
    }
    pictures = [file for file in (PROJECT / "docs" / "img").rglob("*") if file.is_file()]
    assert [str(file.relative_to(PROJECT)) for file in pictures if file not in shown] == []


def test_each_picture_of_the_desk_is_small() -> None:
    files = sorted((PROJECT / "docs" / "img" / "desk").iterdir())
    assert files
    for file in files:
        with Image.open(file) as picture:
            assert (picture.mode, picture.width <= 1280) == ("P", True), file.name
        assert file.stat().st_size < 70_000, file.name


def words_on(page: bytes) -> set[str]:
    """Every text of a page: of its elements, of its buttons, and of the buttons that its scripts add."""
    tree = html.fromstring(page.decode())
    texts = [*tree.xpath("//text()"), *tree.xpath("//input[@type='submit']/@value")]
    texts += [
        json.loads(data)["options"]["addText"]
        for data in tree.xpath("//@data-inline-formset")
        if "addText" in data
    ]
    return {" ".join(text.split()) for text in texts}


@pytest.fixture
def words_at_the_desk(admin_client: Client, client: Client, standin: StandIn) -> set[str]:
    """The text of the desk's pages while a phrase waits, a draft exists and a log-in has failed."""
    standin.set_item(NUMBER, story(POSTED, "Arrived at inward office of exchange @ GERMANY"))
    client.get(f"/track/{NUMBER}/")
    User.objects.create_user("ann", is_staff=True)
    client.post("/admin/login/", {"username": "ann", "password": "wrong"})
    status = Status.objects.get(slug="customs-clearance")
    StatusPage(admin_client, status).write(title="A draft").press("_draft")
    wording = status.wordings.exclude(draft=None).get()
    parcel = Shipment.objects.get(number=NUMBER)
    Message.objects.create(email="ben@example.com", text="Where is it?", created_at=timezone.now())
    notice = Notice.objects.create(title="A strike", starts_on="2030-05-06")
    upload_logo(admin_client)
    at = "admin:tracking_"
    addresses = [
        reverse("admin:index"),
        *(
            reverse(f"{at}{kind}_changelist")
            for kind in (
                "phrase",
                "status",
                "wording",
                "notice",
                "destination",
                "failedlogin",
                "shipment",
                "message",
            )
        ),
        reverse(f"{at}status_change", args=[status.pk]),
        reverse(f"{at}status_discard", args=[status.pk, wording.pk]),
        reverse(f"{at}status_preview", args=[status.pk]),
        reverse(f"{at}status_history", args=[status.pk]),
        reverse(f"{at}wording_export"),
        reverse(f"{at}wording_import"),
        reverse(f"{at}notice_change", args=[notice.pk]),
        reverse(f"{at}destination_change", args=["DE"]),
        reverse(f"{at}shop_change", args=[Shop.objects.get().pk]),
        reverse(f"{at}shipment_change", args=[parcel.pk]),
        reverse(f"{at}shipment_register"),
        reverse("admin:auth_user_changelist"),
        reverse("admin:auth_user_change", args=[User.objects.get(username="ann").pk]),
    ]
    pages = [admin_client.get(address) for address in addresses]
    sheet = SimpleUploadedFile("french.csv", SHEET.encode())
    pages.append(admin_client.post(reverse(f"{at}wording_import"), {"file": sheet}))
    given = reverse(f"{at}phrase_meaning", args=[Phrase.objects.unmapped().get().pk])
    pages.append(admin_client.post(given, {"means": status.pk}, follow=True))
    assert {page.status_code for page in pages} == {200}
    return set().union(*(words_on(page.content) for page in pages))


def upload_logo(admin_client: Client) -> None:
    """Give the shop a logo, as staff do."""
    file = io.BytesIO()
    Image.new("RGB", (80, 40)).save(file, "PNG")
    address = reverse("admin:tracking_shop_change", args=[Shop.objects.get().pk])
    form = admin_client.get(address).context["adminform"].form
    data = {name: form[name].value() or "" for name in form.fields}
    admin_client.post(address, data | {"logo": SimpleUploadedFile("logo.png", file.getvalue())})


def test_the_guide_for_staff_names_texts_that_the_desk_shows(words_at_the_desk: set[str]) -> None:
    guide = (PROJECT / "docs" / "wording.md").read_text(encoding="utf-8")
    marked = re.findall(r"(?<!\*)(\*\*?)([^*\n]+)\1(?!\*)", guide)
    names = {name for _, name in marked}
    assert len(names) > 60
    missing = {name for name in names if not any(word.startswith(name) for word in words_at_the_desk)}
    assert missing == set()


# Examples of files that a reader of a document creates.
MADE_BY_READERS = re.compile(r"tests/japanpost/pages/held-in-customs\.(html|json)|deploy/\.env")
PATH = re.compile(r"`((?:deploy|docs|emsguide|scripts|static|templates|tests|tracking)/[\w./@-]*)`")


def headings_of(page: Path) -> set[str]:
    """The anchors of a document's headings, as a code forge makes them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_each_link_between_documents_has_a_target() -> None:
    dead = []
    for page in PAGES:
        for link in re.findall(r"(?<!!)\[[^]]*\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            file, _, heading = link.partition("#")
            target = page.parent / file if file else page
            if "://" not in link and (
                not target.exists() or (heading and heading not in headings_of(target))
            ):
                dead.append(f"{page.name}: {link}")
    assert dead == []


def test_each_path_that_a_document_names_exists() -> None:
    named = [(page.name, path) for page in PAGES for path in PATH.findall(page.read_text(encoding="utf-8"))]
    assert len(named) > 100
    missing = [at for at in named if not (PROJECT / at[1]).exists() and not MADE_BY_READERS.fullmatch(at[1])]
    assert missing == []


def test_the_table_of_rooms_has_the_checked_floors() -> None:
    text = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = text.split("## The rooms\n")[1].split("\n## ")[0]
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    rooms = [room.strip() for layer in layers for room in layer.split("|")]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == rooms


def settings_read() -> dict[str, dict[str, int]]:
    """The names that the site and gunicorn read from the environment.

    Each has its limits and its default where it is a number; else an empty dict.
    """
    found: dict[str, dict[str, int]] = {}
    for file in ("emsguide/settings.py", "emsguide/environment.py", "gunicorn.conf.py"):
        for call in ast.walk(ast.parse((PROJECT / file).read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call) or not call.args:
                continue
            if re.fullmatch(r"env\.\w+|os\.environ\.get|os\.getenv", ast.unparse(call.func)):
                name = ast.literal_eval(call.args[0])
                given = {
                    word.arg: word.value.value
                    for word in call.keywords
                    if isinstance(word.value, ast.Constant)
                }
                found[name] = given if "least" in given and "most" in given else {}
    return found


def settings_documented() -> dict[str, str]:
    """The rows of the tables in docs/settings.md, by the name of the setting."""
    text = (PROJECT / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*) \|$", text, re.MULTILINE)
    assert len(rows) == len(dict(rows))
    return dict(rows)


def test_the_settings_page_lists_all_that_is_read() -> None:
    assert len(settings_read()) > 25
    assert sorted(settings_documented()) == sorted(settings_read())


def test_the_settings_page_has_each_limit_and_default() -> None:
    documented, limited = settings_documented(), {name: at for name, at in settings_read().items() if at}
    assert len(limited) > 7
    for name, at in limited.items():
        assert f"from {at['least']} to {at['most']}:" in documented[name], name
        assert "default" not in at or documented[name].startswith(f"`{at['default']}`"), name


def test_each_threat_names_tests_that_exist() -> None:
    table = (PROJECT / "docs" / "security.md").read_text(encoding="utf-8").split("## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 25
    for row in rows:
        threat, _, tests = row.strip("| ").split(" | ")
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", tests)
        assert named, threat
        for file, name in named:
            assert f"\ndef {name}(" in (PROJECT / file).read_text(encoding="utf-8"), (
                f"{threat}: {file}::{name}"
            )
