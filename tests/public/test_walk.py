"""A request goes down the rooms and comes back once: seen by following it, and written down in docs/architecture.md."""

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
# The client says when the request has been sent, so that the spacing counts from then.
CALLED_BACK = {("japanpost/client", "fetching/gate")}

pytestmark = pytest.mark.django_db


def floors() -> dict[str, int]:
    """From each room to its floor; the lowest is 0. They are those that `make lint` checks."""
    contracts = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "importlinter"
    ]
    layers = contracts["contracts"][0]["layers"]
    return {
        room.strip().removeprefix("tracking."): floor
        for floor, rooms in enumerate(reversed(layers))
        for room in rooms.split("|")
    }


def climbs(walk: Walk) -> set[tuple[str, str]]:
    """The calls from a room into one above it."""
    floor_of = floors()
    own = [
        (caller, callee) for caller, callee in walk.calls if caller and not AROUND_VIEWS & {caller, callee}
    ]
    return {
        (caller, callee)
        for caller, callee in own
        if floor_of[caller.partition("/")[0]] < floor_of[callee.partition("/")[0]]
    }


def documented_walk() -> list[str]:
    """The modules that the walk in docs/architecture.md names, in order."""
    section = re.search(r"^## The walk of a look-up\n(.*?)(?=^## )", ARCHITECTURE, re.MULTILINE | re.DOTALL)
    assert section is not None
    steps = re.findall(r"^\d+\. (.*?)(?=^\d+\. |^$)", section[1], re.MULTILINE | re.DOTALL)
    return [name for step in steps for name in re.findall(r"`([a-z]+/[a-z_/]+)\.py`", step)]


@pytest.fixture(autouse=True)
def no_figures(monkeypatch) -> None:
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
def test_no_call_of_a_customers_page_goes_up(client, standin, known_words, address):
    standin.set_item(NUMBER, story(POSTED, ARRIVED))
    with followed() as walk:
        assert client.get(address).status_code == 200
    assert climbs(walk) <= CALLED_BACK


def test_no_call_of_a_contact_page_with_a_number_goes_up(client, standin, known_words):
    standin.set_item(NUMBER, story(POSTED, ARRIVED))
    look_up(TrackingNumber(NUMBER), now=standin.now)
    with followed() as walk:
        assert client.get(f"/contact/?number={NUMBER}").status_code == 200
    assert "journey/progress" in walk.modules and climbs(walk) == set()


def test_no_call_of_a_preview_goes_up(admin_client, known_words):
    status = Status.objects.get(slug="customs-clearance")
    with followed() as walk:
        frame = f"/admin/tracking/status/{status.pk}/preview/frame/"
        assert admin_client.get(frame).status_code == 200
    assert "journey/progress" in walk.modules and climbs(walk) == set()
