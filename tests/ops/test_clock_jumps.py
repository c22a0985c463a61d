"""A clock that was ahead for a while, or goes back: nothing stays stuck, and no page claims an unknown time."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command

from tests.support.findings import text_of
from tests.support.stories import DELIVERED, IN_CUSTOMS, NUMBER, POSTED, some_numbers, story
from tracking.fetching import gate, health, schedule
from tracking.fetching.lookup import look_up
from tracking.fetching.timer import Timer
from tracking.japanpost.errors import NotFound
from tracking.journey.standing import mark_handled, recompute
from tracking.journey.times import ago, minutes_ago
from tracking.journey.usual_waits import stories
from tracking.models import (
    Alarm,
    AskedBy,
    Fetch,
    Gate,
    KeptPage,
    Phrase,
    Shipment,
    Status,
    UsualWait,
    VisitorMinute,
)
from tracking.ops import prune
from tracking.ops.metrics import exposition
from tracking.ops.watch import PRUNE_EVERY, Watch
from tracking.public import page_cache
from tracking.staff.parcels.ask_now import ask_now
from tracking.words.phrases import note_seen

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
YEAR = 365 * DAY
TEXTS = {"moving": [POSTED], "delivered": [POSTED, DELIVERED]}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def later():
    """Set the clock, for code that reads it itself. The clock stays where it is set."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller.move_to


WRONG_BY = [6 * MINUTE, 9 * HOUR, 47 * HOUR, YEAR]  # 9 hours: a wrong time zone


@pytest.fixture(params=[(name, ahead) for name in TEXTS for ahead in WRONG_BY], ids=str)
def asked_ahead(request, standin) -> Shipment:
    """A parcel that a visitor looked up while the clock was ahead."""
    name, ahead = request.param
    standin.set_item(NUMBER, story(*TEXTS[name]))
    look_up(NUMBER, now=NOW + ahead)
    return Shipment.objects.get()


# Look-ups


def test_a_parcel_asked_by_a_clock_ahead_is_asked_again(asked_ahead, standin):
    assert asked_ahead.is_due(NOW)
    assert not page_cache.read_state(NUMBER, now=NOW).is_fresh
    assert look_up(NUMBER, now=NOW).checked_at == NOW
    assert len(standin.requests) == 2
    assert page_cache.read_state(NUMBER, now=NOW).is_fresh


@pytest.mark.parametrize("ahead", WRONG_BY)
def test_a_number_without_a_story_is_asked_again(standin, ahead):
    for at in (NOW + ahead, NOW):
        with pytest.raises(NotFound):
            look_up(NUMBER, now=at)
    assert len(standin.requests) == 2


def test_python_and_the_database_agree_on_what_is_due():
    moments = [None, *(NOW + ahead for ahead in (-HOUR, 5 * MINUTE, *WRONG_BY))]
    for asked_at, again_at in product(moments, repeat=2):
        shipment = Shipment.objects.create(
            number=NUMBER, asked_at=asked_at, ask_again_at=again_at, story_at=NOW, last_outcome="tracked"
        )
        is_due = shipment.is_due(NOW)
        assert Shipment.objects.free(NOW).exists() == is_due, (asked_at, again_at)
        assert page_cache.read_state(NUMBER, now=NOW).is_fresh != is_due, (asked_at, again_at)
        assert bool(gate._take_lease(NUMBER, NOW, NOW + MINUTE)) == is_due, (asked_at, again_at)
        shipment.delete()


@pytest.mark.parametrize("ahead", [6 * MINUTE, 119 * MINUTE])
@pytest.mark.parametrize("field", ["next_start_at", "visitors_wait_until"])
def test_the_gate_waits_for_no_start_of_a_clock_ahead(standin, field, ahead):
    standin.set_item(NUMBER, story(POSTED))
    Shipment.objects.create(number=NUMBER, registered_at=NOW, watch_at=NOW)
    gate.current_gate()
    Gate.objects.update(**{field: NOW + ahead})
    assert Watch(clock=lambda: NOW).run_once().asked == 1


def test_a_failure_rests_after_an_answer_of_a_clock_ahead(asked_ahead, standin):
    """Only the next answer corrects `answered_at`: without it, Japan Post would be asked by each visitor."""
    standin.set_fault(NUMBER, "500")
    for minutes in (0, 1):
        look_up(NUMBER, now=NOW + minutes * MINUTE)
    assert len(standin.requests) == 2


def test_the_gate_admits_the_watch_to_such_a_parcel(asked_ahead):
    timer = Timer(NOW, 5)
    with gate.admission(NUMBER, timer=timer, has_story=True, asked_by=AskedBy.WATCH) as ticket:
        assert ticket is not None


def test_staff_may_ask_about_such_a_parcel(asked_ahead):
    assert ask_now(asked_ahead, now=NOW).was_asked


@pytest.mark.parametrize("ahead", [MINUTE, HOUR, DAY])
def test_a_fresh_answer_stays_fresh(standin, ahead):
    """Also where the clock goes back by as much as the clocks of machines may differ."""
    standin.set_item(NUMBER, story(POSTED))
    look_up(NUMBER, now=NOW)
    Shipment.objects.update(ask_again_at=NOW + ahead)
    look_up(NUMBER, now=NOW - 5 * MINUTE)
    assert page_cache.read_state(NUMBER, now=NOW - 5 * MINUTE).is_fresh
    assert len(standin.requests) == 1


# What a page says


@pytest.mark.parametrize(
    ("minutes", "words"), [(-3, "just now"), (4, "just now"), (-60, "an unknown time ago")]
)
def test_a_time_ahead_is_unknown_and_not_now(minutes, words):
    assert ago(NOW - minutes * MINUTE, NOW) == words
    assert (minutes_ago(NOW - minutes * MINUTE, NOW) < 0) == (minutes == -60)


def test_no_page_says_that_such_a_story_was_checked_now(client, standin, later):
    standin.set_item(NUMBER, story(POSTED, IN_CUSTOMS))
    look_up(NUMBER, now=NOW + YEAR)
    standin.set_fault(NUMBER, "500")
    for _ in range(2):  # the second page is from the cache
        page = client.get(f"/track/{NUMBER}/").content.decode()
        assert "This is how it stood at our last check" in page
        assert "an unknown time ago" in page
        assert "just now" not in page and "2027" not in page
    assert client.get(f"/track/{NUMBER}.json").json()["last_checked"] is None
    assert (
        "an unknown time ago" in client.get(f"/track/?number={NUMBER},{some_numbers(1)[0]}").content.decode()
    )


def test_a_page_cached_by_a_clock_ahead_is_not_used(client, later):
    page = client.get("/")
    page_cache.put(page.wsgi_request, "key", page, until=NOW + HOUR)
    assert page_cache.get(page.wsgi_request, "key")
    later(NOW - HOUR)
    assert page_cache.get(page.wsgi_request, "key") is None


# The watch


def test_the_watch_asks_about_parcels_postponed_by_a_year(standin):
    silent, unknown = some_numbers(2)
    standin.set_item(silent, story(POSTED, number=silent))
    for number in (silent, unknown):
        Shipment.objects.create(number=number, registered_at=NOW - DAY, watch_at=NOW + YEAR)
    Watch(clock=lambda: NOW + YEAR).run_once()
    Shipment.objects.filter(number=unknown).update(watch_at=NOW + YEAR)
    assert Shipment.objects.get(number=silent).watch_at is None  # by that clock its newest row is a year old
    assert Watch(clock=lambda: NOW).run_once().asked == 2
    assert Shipment.objects.filter(watch_at__lte=NOW + DAY).count() == 2
    assert Watch(clock=lambda: NOW).run_once().asked == 0


@pytest.mark.parametrize("registered_at", [NOW, None])
def test_the_watch_asks_again_what_a_clock_ahead_asked(asked_ahead, registered_at):
    Shipment.objects.update(registered_at=registered_at)
    is_watched = bool(registered_at or asked_ahead.watch_at)
    asked = [Watch(clock=lambda at=at: NOW + at).run_once().asked for at in (0 * HOUR, MINUTE, HOUR / 2)]
    assert asked == [is_watched, 0, 0]


def test_two_watches_with_different_clocks_do_not_ask_in_turn(standin):
    standin.set_item(NUMBER, story(POSTED))
    Shipment.objects.create(number=NUMBER, registered_at=NOW, watch_at=NOW)
    for minute in range(0, 60, 10):
        for ahead in (30 * HOUR, 0 * HOUR):
            Watch(clock=lambda at=NOW + minute * MINUTE + ahead: at).run_once()
    assert len(standin.requests) == 3


@pytest.mark.parametrize("ahead", WRONG_BY)
def test_registration_does_not_wait_for_a_clock_ahead(standin, ahead):
    standin.set_item(NUMBER, story(POSTED))
    look_up(NUMBER, now=NOW + ahead)
    shipment = Shipment.objects.get()
    shipment.registered_at = NOW
    due = schedule.next_watch_of(shipment, None, now=NOW)
    assert due and due <= NOW + DAY


def test_a_delivered_parcel_is_not_queried_daily_until_then(standin):
    standin.set_item(NUMBER, story(POSTED, DELIVERED))
    Shipment.objects.create(number=NUMBER, registered_at=NOW)
    look_up(NUMBER, now=NOW + YEAR)
    asked = [Watch(clock=lambda days=days: NOW + days * DAY).run_once().asked for days in range(4)]
    assert asked == [1, 0, 0, 0]


def test_a_lease_of_a_clock_ahead_does_not_stop_the_watch(standin):
    Shipment.objects.create(number=NUMBER, registered_at=NOW, watch_at=NOW, lease_until=NOW + YEAR)
    assert Watch(clock=lambda: NOW).run_once().asked == 1


@pytest.mark.parametrize("jump", [-YEAR, -PRUNE_EVERY, PRUNE_EVERY, YEAR])
def test_the_watch_prunes_again_after_a_jump(jump):
    moments = iter([NOW, NOW + jump, NOW + jump])
    watch = Watch(clock=lambda: next(moments))
    watch._prune_daily()
    watch._prune_daily()
    assert watch._pruned_at == NOW + jump


def test_a_visit_of_a_clock_ahead_does_not_count(standin):
    standin.set_item(NUMBER, story(POSTED))
    look_up(NUMBER, now=NOW + YEAR)
    Watch(clock=lambda: NOW).run_once()
    assert Shipment.objects.get().watch_at is None


# The desk, the doctor and the figures


def test_what_staff_handled_in_the_future_needs_a_look(standin, later):
    standin.set_item(NUMBER, story(POSTED, "Lost @ GERMANY"))
    Phrase.objects.create(text="Lost", status=Status.objects.create(slug="lost-for-good", tone="problem"))
    look_up(NUMBER, now=NOW)
    mark_handled([Shipment.objects.get()], now=NOW)
    assert not Shipment.objects.needing_attention(NOW).exists()
    mark_handled([Shipment.objects.get()], now=NOW + YEAR)
    recompute([Shipment.objects.get().pk])
    assert Shipment.objects.needing_attention(NOW).exists()


def test_stories_of_the_future_teach_no_waits(standin):
    standin.set_item(NUMBER, story(POSTED))
    look_up(NUMBER, now=NOW)
    assert list(stories(NOW))
    Shipment.objects.update(story_at=NOW + YEAR)
    assert not list(stories(NOW))


def test_a_phrase_seen_in_the_future_is_seen_again():
    phrase = Phrase.objects.create(text="New", first_seen_at=NOW, last_seen_at=NOW + YEAR)
    note_seen(["New"], NOW)
    phrase.refresh_from_db()
    assert phrase.last_seen_at == NOW


def test_requests_of_the_future_are_not_the_newest():
    for at in (NOW - HOUR, NOW + YEAR):
        note_request(at)
    last = health.last_asked(now=NOW)
    assert last and last.started_at == NOW - HOUR


def note_request(at: datetime) -> None:
    """Store a request of the watch."""
    shipment, _ = Shipment.objects.get_or_create(number=NUMBER)
    Fetch.objects.create(
        shipment=shipment, started_at=at, milliseconds=1, outcome="tracked", asked_by=AskedBy.WATCH
    )


def test_a_pause_of_the_future_is_no_open_breaker():
    current = gate.current_gate()
    type(current).objects.update(paused_until=NOW + YEAR)
    assert b"emsguide_breaker_open 0" in exposition(now=NOW)


def test_the_doctor_names_a_stopped_watch_and_learn():
    Shipment.objects.create(number=NUMBER, registered_at=NOW, watch_at=NOW - 2 * HOUR)
    note_request(NOW + YEAR)
    assert "has never asked" in text_of("W207")
    UsualWait.objects.create(
        status=Status.objects.first(),
        parcels=20,
        median_days=1,
        nine_in_ten_days=2,
        learned_at=NOW + YEAR,
    )
    assert "last learnt on 2027-11-24" in text_of("W209")


def test_the_doctor_is_content_once_the_clock_is_right():
    note_request(NOW + YEAR)
    assert "clock is wrong" in text_of("W215")
    for _ in range(100):
        note_request(NOW)
    assert not text_of("W215")


# Alarms, kept pages and what is deleted


def rows_left(now: datetime) -> list[int]:
    """Delete expired operational data. Returns how many alarms, minutes and sessions are left."""
    for rule in prune.operational_rules(now):
        sum(prune.delete_in_batches(rule))
    return [model.objects.count() for model in (Alarm, VisitorMinute, Session)]


def leave_rows(at: datetime) -> None:
    """What a site stores at that moment."""
    Alarm.objects.create(kind="cut", day=at.date(), claimed_at=at, mailed_at=at)
    VisitorMinute.objects.create(visitor="a visitor", minute=at)
    Session.objects.create(session_key=str(at), session_data="", expire_date=at + 12 * HOUR)


def test_rows_of_a_clock_ahead_are_deleted():
    leave_rows(NOW), leave_rows(NOW + YEAR)
    assert rows_left(NOW) == [1, 1, 1]
    assert rows_left(NOW - HOUR) == [1, 1, 1]


def test_an_alarm_claimed_in_the_future_is_mailed_on_that_day():
    assert Alarm.objects.claim("cut", day=(NOW + YEAR).date(), now=NOW + YEAR)
    rows_left(NOW)
    assert Alarm.objects.claim("cut", day=(NOW + YEAR).date(), now=NOW + YEAR)


def test_a_new_page_is_kept_after_twenty_of_the_future():
    for at in (*[NOW + YEAR] * 20, NOW):
        page = KeptPage.objects.keep(html="x", number=NUMBER, kind="cut", reason="cut", kept_at=at)
    assert KeptPage.objects.filter(pk=page.pk).exists()
    assert KeptPage.objects.count() == 20


DAILY = range(0, 200)  # days ago
USES = {  # how many days ago requests were stored, by the present clock; and whether that raises doubt about it
    "no request yet": ([], False),
    "new since today": ([0], False),
    "new for three weeks": (range(20), False),
    "daily": (DAILY, False),
    "every other week": (range(3, 200, 14), False),
    "daily, with a holiday of a month": ([*range(3), *range(33, 200)], False),
    "once a month": (range(3, 200, 30), True),
    "dormant for 70 days": (range(70, 200), True),
    "dormant, used again for 8 days": ([*range(9), *range(70, 200)], True),
    "dormant, used again for three weeks": ([*range(23), *range(70, 200)], False),
    "a jump of a year": (range(374, 574), True),
    "a jump, and a week with the wrong clock": ([*range(8), *range(374, 574)], True),
    "one request of an earlier jump": ([9, *range(374, 574)], True),
    "a week of an earlier jump": ([*range(9, 16), *range(374, 574)], True),
    "a jump of 40 days once, of 95 now": ([55, *range(95, 295)], True),
    "a day in each of two earlier jumps": ([10, 55, *range(95, 295)], True),
}


@pytest.mark.parametrize("use", USES)
def test_requests_in_few_weeks_raise_doubt(use):
    days_ago, is_doubted = USES[use]
    for days in days_ago:
        note_request(NOW - days * DAY)
    assert bool(prune.doubt_about_clock(NOW)) == is_doubted


def test_requests_of_the_future_raise_no_doubt():
    for days in (*DAILY, -365):
        note_request(NOW - days * DAY)
    assert not prune.doubt_about_clock(NOW)


@pytest.mark.parametrize("earlier", [[], [2 * YEAR - 9 * DAY], [2 * YEAR - 55 * DAY, 2 * YEAR - 9 * DAY]])
def test_with_a_clock_ahead_nothing_is_deleted(standin, later, capsys, caplog, earlier):
    """Also after an earlier jump, in which the wrong clock stored a request."""
    standin.set_item(NUMBER, story(POSTED, DELIVERED))
    look_up(NUMBER, now=NOW)
    for jump in earlier:
        note_request(NOW + jump)
    later(NOW + 2 * YEAR)
    with pytest.raises(CommandError, match="clock says 2028-11-23"):
        call_command("prune")
    assert "kept parcels delivered" in capsys.readouterr().out
    Watch(clock=lambda: NOW + 2 * YEAR)._prune()
    assert "the clock may be ahead" in caplog.text
    assert Shipment.objects.exists() and Fetch.objects.exists()
    call_command("prune", "--clock-is-right")
    assert not Shipment.objects.exists()


def test_a_lease_of_the_future_does_not_keep_a_number():
    Shipment.objects.create(number=NUMBER, asked_at=NOW - 100 * DAY, lease_until=NOW + YEAR)
    assert list(prune.delete_in_batches(prune.without_a_story(NOW))) == [1]
