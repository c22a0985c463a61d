"""Every situation of a customer's page, as data: its address, how it comes about, and what the page must say."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection
from django.test import RequestFactory
from django.utils import timezone
from playwright.sync_api import Page

from tests.public.test_example_pages import EXPECTED
from tests.support.standin import StandIn
from tests.support.stories import (
    ARRIVED,
    AT_EXCHANGE,
    DELIVERED,
    DISPATCHED,
    IN_CUSTOMS,
    NUMBER,
    POSTED,
    fresh_story,
    story,
)
from tracking.fetching.lookup import look_up
from tracking.japanpost.examples import all_examples
from tracking.japanpost.records import TrackedItem
from tracking.models import Allowance, Destination, Notice, Purpose, Shipment
from tracking.public.visitors import visitor_key
from tracking.values.numbers import TrackingNumber

Prepare = Callable[[StandIn, Any], object]  # the second one is pytest-django's `settings`

PARCEL = f"/track/{NUMBER}/"
WRONG_CHECK_DIGIT = "EM123456784JP"
OTHER = "EN123456785JP"
HOSTILE = "<script>alert(1)</script>", "\"><img src=x onerror=alert('2')>", "{{7*7}}</p><svg onload=alert(3)>"


@dataclass(frozen=True)
class Scenario:
    """One situation of a page.

    `shown` has the data-outcome, -stage, -tone and -stale of each element that has them, "-" where empty.
    """

    name: str
    path: str
    shown: tuple[str, ...] = ()
    prepare: Prepare = lambda standin, settings: None
    arrive: Callable[[Page], object] = lambda page: None  # what the customer does once the page is loaded
    tries_again: bool = False  # the page reloads itself after a while

    def __str__(self) -> str:
        return self.name


def long_story() -> TrackedItem:
    """Return a story of thirty rows, like that of a parcel that is sorted every day."""
    return fresh_story(POSTED, AT_EXCHANGE, DISPATCHED, ARRIVED, IN_CUSTOMS, *["En route @ GERMANY"] * 25)


def hostile_story() -> TrackedItem:
    """Return a story whose fields all try to inject HTML into the page."""
    first, second = fresh_story(POSTED, IN_CUSTOMS).events
    cells = dict(zip(("phrase", "details", "office"), HOSTILE, strict=True))
    rows = [type(second)(second.local_date, second.local_time, **cells, region=text) for text in HOSTILE]
    return TrackedItem(NUMBER, HOSTILE[0], (first, *rows))


def _with_story(*texts: str) -> Prepare:
    return lambda standin, settings: standin.set_item(NUMBER, fresh_story(*texts))


def _stored_an_hour_ago(standin: StandIn, *texts: str) -> None:
    standin.set_item(NUMBER, fresh_story(*texts))
    look_up(TrackingNumber(NUMBER), now=timezone.now() - timedelta(hours=1))


def _stale(standin: StandIn, settings: Any) -> None:
    _stored_an_hour_ago(standin, POSTED, ARRIVED, IN_CUSTOMS)
    standin.set_fault(NUMBER, "500")


def _gone(standin: StandIn, settings: Any) -> None:
    _stored_an_hour_ago(standin, POSTED, ARRIVED, DELIVERED)
    standin.clear()


def _shorter_answer(standin: StandIn, settings: Any) -> None:
    _stored_an_hour_ago(standin, POSTED, ARRIVED)
    standin.set_item(NUMBER, story("Retention @ GERMANY", history_missing=True))


def _unavailable(standin: StandIn, settings: Any) -> None:
    standin.set_fault(NUMBER, "500")


def _busy(standin: StandIn, settings: Any) -> None:
    """Another request about the parcel is in flight, and no visitor may wait for it."""
    settings.JAPANPOST_WAITING = 0
    until = timezone.now() + timedelta(minutes=2)
    Shipment.objects.create(number=NUMBER, lease_until=until, lease_token="another request")


def _not_stored(standin: StandIn, settings: Any) -> None:
    """The store refuses new parcels. The next test restores its tables, without this trigger."""
    full = "BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TRIGGER full BEFORE INSERT ON tracking_shipment {full}")


def _too_often(standin: StandIn, settings: Any) -> None:
    """The look-ups of this minute are used up, and those of the next two, in case the minute ends during the test."""
    visitor, now = visitor_key(RequestFactory().get("/")), timezone.now().replace(second=0, microsecond=0)
    for minute in (now, now + timedelta(minutes=1), now + timedelta(minutes=2)):
        Allowance.objects.create(
            purpose=Purpose.LOOK_UP, key=visitor, window_start=minute, used=settings.LOOKUPS_PER_MINUTE
        )


def _no_scans(standin: StandIn, settings: Any) -> None:
    ireland = Destination.objects.get(code="IE")
    ireland.exchanges_scans = False
    ireland.save()
    standin.set_item(NUMBER, fresh_story(POSTED, AT_EXCHANGE, DISPATCHED))


def _with_notices(standin: StandIn, settings: Any) -> None:
    standin.set_item(NUMBER, fresh_story(POSTED, ARRIVED, IN_CUSTOMS))
    today = timezone.localdate()
    words = {"title": "Strike at German airports", "text": "Expect some days more.\n\nNothing is lost."}
    Notice.objects.create(**words, severity=Notice.Severity.WARNING, starts_on=today)
    Notice.objects.create(title="Our office is closed on Friday", starts_on=today)


def _several(standin: StandIn, settings: Any) -> None:
    standin.set_item(NUMBER, fresh_story(POSTED, ARRIVED, IN_CUSTOMS))
    standin.set_item(OTHER, fresh_story(POSTED, ARRIVED, DELIVERED, number=OTHER))


def _known(standin: StandIn, settings: Any) -> None:
    _stored_an_hour_ago(standin, POSTED, ARRIVED, IN_CUSTOMS)


def _send_a_mistake(page: Page) -> None:
    page.get_by_label("Your e-mail address").fill("ann at example")
    page.get_by_role("button", name="Send the message").click()
    page.get_by_role("alert").wait_for()


def _example_shown(slug: str) -> str:
    stage, tone = EXPECTED[slug]
    outcome = {"not-found": "not-found", "digit-error": "rejected"}.get(slug, "tracked")
    return f"{outcome} {stage or '-'} {tone or '-'} false"


EXAMPLES = tuple(
    Scenario(f"example-{example.slug}", f"/examples/{example.slug}/", (_example_shown(example.slug),))
    for example in all_examples()
)

STORIES = (
    Scenario(
        "parcel-in-customs",
        PARCEL,
        ("tracked 3 wait false",),
        _with_story(POSTED, AT_EXCHANGE, ARRIVED, IN_CUSTOMS),
    ),
    Scenario("stale", PARCEL, ("tracked 3 wait true",), _stale),
    Scenario("gone", PARCEL, ("tracked 5 done false",), _gone),
    Scenario("shorter-answer", PARCEL, ("tracked 3 normal false",), _shorter_answer),
    Scenario("no-scans-there", f"{PARCEL}?to=IE", ("tracked 2 normal false",), _no_scans),
    Scenario("notices", PARCEL, ("tracked 3 wait false",), _with_notices),
    Scenario(
        "long-history",
        PARCEL,
        ("tracked 3 normal false",),
        lambda standin, settings: standin.set_item(NUMBER, long_story()),
    ),
    Scenario(
        "hostile",
        PARCEL,
        ("tracked 1 wait false",),
        lambda standin, settings: standin.set_item(NUMBER, hostile_story()),
    ),
)

WITHOUT_A_STORY = (
    Scenario("unavailable", PARCEL, ("unavailable - - false",), _unavailable),
    Scenario("not-stored", PARCEL, ("unavailable - - false",), _not_stored),
    Scenario("busy", PARCEL, ("unavailable - - false",), _busy, tries_again=True),
    Scenario("too-often", PARCEL, ("unavailable - - false",), _too_often, tries_again=True),
    Scenario("not-found", PARCEL, ("not-found - - false",)),
    Scenario("wrong-check-digit", f"/track/{WRONG_CHECK_DIGIT}/", ("rejected - - false",)),
    Scenario("wrong-shape", "/track/?number=EM12", ("rejected - - false",)),
    Scenario("inside-japan", "/track/?number=123456789012", ("rejected - - false",)),
    Scenario("nothing-typed", "/track/?number=", ("rejected - - false",)),
)

OTHER_PAGES = (
    Scenario(
        "list",
        f"/track/?number={NUMBER},{OTHER},CN000000005JP,EM123456789JP",
        ("tracked 3 wait false", "tracked 5 done false", "not-found - - false", "rejected - - false"),
        _several,
    ),
    Scenario("guide", "/"),
    Scenario("form", "/track/"),
    Scenario("all-examples", "/examples/"),
    Scenario("contact", "/contact/"),
    Scenario("contact-filled-in", f"/contact/?number={NUMBER}", (), _known),
    Scenario("contact-with-errors", "/contact/", arrive=_send_a_mistake),
    Scenario("no-such-page", "/nothing-here"),
    Scenario("bad-address", "/track/?" + "a=&" * 1001),
)

SCENARIOS = (*EXAMPLES, *STORIES, *WITHOUT_A_STORY, *OTHER_PAGES)


def get_scenario(name: str) -> Scenario:
    """Return the scenario of this name. Raises StopIteration where there is none."""
    return next(scenario for scenario in SCENARIOS if scenario.name == name)
