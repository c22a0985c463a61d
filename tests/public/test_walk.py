"""A request calls only rooms below the caller's, and enters the modules in the order of docs/architecture.md.

The tests follow real requests from module to module.
"""

import re
import tomllib

import pytest

from tests import PROJECT
from tests.support.stories import ARRIVED, NUMBER, POSTED, story
from tests.support.walk import Walk, followed
from tracking.fetching.lookup import look_up
from tracking.models import Status
from tracking.public.answers import answered
from tracking.values.numbers import TrackingNumber

ARCHITECTURE = (PROJECT / "docs/architecture.md").read_text(encoding="utf-8")
# Django calls these around each view.
AROUND_VIEWS = {"urls", "staff/access/middleware"}
# The client calls the gate when it has sent the request, so that the spacing counts from then.
CALLED_BACK = {("japanpost/client", "fetching/gate")}

pytestmark = pytest.mark.django_db


def floors() -> dict[str, int]:
    """The floor of each room, as `make lint` checks them; the lowest is 0."""
    contracts = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "importlinter"
    ]
    layers = contracts["contracts"][0]["layers"]
    return {
        room.strip().removeprefix("tracking."): floor
        for floor, rooms in enumerate(reversed(layers))
        for room in rooms.split("|")
    }


def upward_calls(walk: Walk) -> set[tuple[str, str]]:
    """The calls from a room into one above it, as (caller, callee)."""
    floor_of = floors()
    counted = [
        (caller, callee) for caller, callee in walk.calls if caller and not AROUND_VIEWS & {caller, callee}
    ]
    return {
        (caller, callee)
        for caller, callee in counted
        if floor_of[caller.partition("/")[0]] < floor_of[callee.partition("/")[0]]
    }


def documented_walk() -> list[str]:
    """The modules that the walk in docs/architecture.md names, in order."""
    section = re.search(r"^## The walk of a look-up\n(.*?)(?=^## )", ARCHITECTURE, re.MULTILINE | re.DOTALL)
    assert section is not None
    steps = re.findall(r"^\d+\. (.*?)(?=^\d+\. |^$)", section[1], re.MULTILINE | re.DOTALL)
    return [name for step in steps for name in re.findall(r"`([a-z]+/[a-z_/]+)\.py`", step)]


@pytest.fixture(autouse=True)
def no_metrics(monkeypatch) -> None:
    """Look-ups are counted only where METRICS_TOKEN is set; another test may have imported the module that counts."""
    monkeypatch.setattr(answered, "receivers", [])


@pytest.fixture
def known_words(client, standin) -> None:
    """The process has read the words, as it has for every visitor but the first."""
    client.get("/")


def test_a_look_up_enters_the_documented_modules(client, standin, known_words):
    standin.set_item(NUMBER, story(POSTED, ARRIVED))
    with followed() as walk:
        assert client.get(f"/track/{NUMBER}/").status_code == 200
    plain_facts = {name for name in walk.modules if name.startswith(("values/", "models/"))}
    entered = [name for name in walk.modules if name not in plain_facts | AROUND_VIEWS | {"public/visitors"}]
    assert entered == documented_walk()


@pytest.mark.parametrize(
    "address", ["/", f"/track/{NUMBER}/", f"/track/{NUMBER}.json", "/contact/", "/examples/"]
)
def test_a_customers_page_calls_no_room_above(client, standin, known_words, address):
    standin.set_item(NUMBER, story(POSTED, ARRIVED))
    with followed() as walk:
        assert client.get(address).status_code == 200
    assert upward_calls(walk) <= CALLED_BACK


def test_a_contact_page_with_a_number_calls_no_room_above(client, standin, known_words):
    standin.set_item(NUMBER, story(POSTED, ARRIVED))
    look_up(TrackingNumber(NUMBER), now=standin.now)
    with followed() as walk:
        assert client.get(f"/contact/?number={NUMBER}").status_code == 200
    assert "journey/progress" in walk.modules and upward_calls(walk) == set()


def test_a_preview_calls_no_room_above(admin_client, known_words):
    status = Status.objects.get(slug="customs-clearance")
    with followed() as walk:
        frame = f"/admin/tracking/status/{status.pk}/preview/frame/"
        assert admin_client.get(frame).status_code == 200
    assert "journey/progress" in walk.modules and upward_calls(walk) == set()
