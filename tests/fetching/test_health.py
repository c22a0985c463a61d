"""Japan Post's health: the outcomes of our requests, counted from stored rows."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from lxml import html

from tests.support.stories import NUMBER
from tracking.fetching import gate, health
from tracking.fetching.alarms import STORY_VANISHED
from tracking.models import Fetch, Gate, KeptPage, Shipment
from tracking.models.shipments import Outcome
from tracking.staff import charts
from tracking.staff.access import groups

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)  # 15:30 in Japan
PAGE = "/admin/tracking/gate/"


def add_requests(outcome: Outcome, *times: datetime, milliseconds: int = 300) -> None:
    """Store a request with this outcome for each time."""
    parcel, _ = Shipment.objects.get_or_create(number=NUMBER)
    Fetch.objects.bulk_create(
        Fetch(shipment=parcel, started_at=at, milliseconds=milliseconds, outcome=outcome) for at in times
    )


def ago(**length: float) -> datetime:
    """The time so long before NOW."""
    return NOW - timedelta(**length)


def pause(*, until: datetime, since: datetime | None = None) -> None:
    """Store a pause."""
    gate.current_gate()
    Gate.objects.update(
        paused_until=until, paused_since=since, failures_in_a_row=5, pause_reason="<b>HTTP 500</b>"
    )


# The sentence of the start page


def test_a_day_without_requests_is_reported():
    assert health.today(now=NOW).text == "We have not asked Japan Post today."


def test_today_is_japans_day():
    midnight = NOW.replace(hour=15, minute=0) - timedelta(days=1)
    add_requests(Outcome.TRACKED, midnight - timedelta(seconds=1))
    assert health.today(now=NOW).text == "We have not asked Japan Post today."
    add_requests(Outcome.TRACKED, midnight)
    assert health.today(now=NOW).text == "Japan Post answered 1 of 1 time today, usually within 0.3 s."


def test_every_kind_of_answer_counts_and_failures_add_no_time():
    add_requests(Outcome.TRACKED, *[ago(minutes=n) for n in range(190)], milliseconds=412)
    add_requests(Outcome.NOT_FOUND, *[ago(minutes=n) for n in range(9)], milliseconds=801)
    add_requests(Outcome.REJECTED, *[ago(minutes=n) for n in range(13)], milliseconds=799)
    add_requests(Outcome.UNAVAILABLE, ago(minutes=3), ago(minutes=4), milliseconds=8000)
    assert health.today(now=NOW).text == "Japan Post answered 212 of 214 times today, usually within 0.8 s."


def test_unreadable_pages_are_mentioned():
    add_requests(Outcome.TRACKED, ago(minutes=9))
    add_requests(Outcome.UNEXPECTED, ago(minutes=5), ago(minutes=6))
    assert health.today(now=NOW).text.endswith(" We could not read 2 of the answers.")


def test_a_silence_begins_with_the_first_unanswered_request():
    add_requests(Outcome.TRACKED, ago(hours=9), ago(hours=5))
    add_requests(Outcome.UNAVAILABLE, ago(hours=7), *[ago(minutes=n) for n in (85, 70, 40)])
    assert health.today(now=NOW).text.startswith("Japan Post answered 2 of 6 times")
    pause(until=ago(minutes=-5), since=ago(minutes=40))
    assert health.today(now=NOW).text == "Japan Post has not answered since 14:05, Japan's time."


def test_a_day_without_an_answer_is_a_silence_before_any_pause():
    add_requests(Outcome.UNAVAILABLE, ago(minutes=85))
    assert health.today(now=NOW).text == "Japan Post has not answered since 14:05, Japan's time."


def test_a_silence_since_an_earlier_day_names_the_day():
    add_requests(Outcome.UNAVAILABLE, ago(days=2))
    pause(until=ago(days=1))
    assert health.today(now=NOW).text == "Japan Post has not answered since 22 November, 15:30, Japan's time."


def test_a_silence_without_stored_requests_begins_at_the_pause():
    pause(until=ago(minutes=-5), since=ago(minutes=85))
    assert "since 14:05," in health.today(now=NOW).text


def test_pause_text_says_whether_we_ask():
    row = gate.current_gate()
    assert health.pause_text(row, now=NOW) == "Asking"
    row.failures_in_a_row = 2
    assert health.pause_text(row, now=NOW) == "Asking, though the last requests failed"
    row.paused_until = ago(minutes=-5)
    assert health.pause_text(row, now=NOW).endswith("stored stories. We ask again after 15:35")
    row.paused_until = ago(minutes=5)
    assert health.pause_text(row, now=NOW).startswith("Pausing until a visitor looks up a parcel")


# The figures of the charts


def test_the_charts_end_with_the_current_hour_and_day():
    hours, days = health.last_hours(now=NOW).slots, health.last_days(now=NOW).slots
    assert (len(hours), hours[0].name, hours[-1].name) == (24, "23 Nov, 16:00", "24 Nov, 15:00")
    assert (len(days), days[0].name, days[-1].name) == (30, "26 Oct", "24 Nov")
    assert [slot.tick for slot in hours if slot.tick] == ["18:00", "00:00", "06:00", "12:00"]
    assert [slot.tick for slot in days if slot.tick] == ["27 Oct", "3 Nov", "10 Nov", "17 Nov", "24 Nov"]


def test_an_hour_without_a_request_has_no_latency():
    add_requests(Outcome.TRACKED, NOW, milliseconds=0)
    add_requests(Outcome.UNAVAILABLE, ago(hours=1), milliseconds=8000)
    *_, empty, silent, answered = health.last_hours(now=NOW).slots
    assert (empty.asked, empty.median, empty.p95) == (0, None, None)
    assert (silent.asked, silent.answered, silent.median) == (1, 0, None)
    assert (answered.median, answered.p95) == (0.1, 0.1)


def test_a_slot_has_the_median_and_the_95th_percentile():
    for count, milliseconds in ((10, 200), (9, 650), (1, 7001)):
        add_requests(Outcome.TRACKED, *[NOW] * count, milliseconds=milliseconds)
    slot = health.last_hours(now=NOW).slots[-1]
    assert (slot.median, slot.p95) == (0.2, 0.7)
    add_requests(Outcome.TRACKED, NOW, NOW, milliseconds=7001)
    slot = health.last_hours(now=NOW).slots[-1]
    assert (slot.median, slot.p95) == (0.7, 7.1)


moments = st.integers(0, 32 * 24 * 60).map(
    lambda minutes: NOW + timedelta(hours=2) - timedelta(minutes=minutes)
)


class ChartSumTests(TestCase):
    @settings(max_examples=25)
    @given(st.lists(st.tuples(st.sampled_from(list(Outcome)), moments, st.integers(0, 60_000)), max_size=40))
    def test_the_charts_count_each_request_of_their_time_once(self, rows) -> None:
        for outcome, at, milliseconds in rows:
            add_requests(outcome, at, milliseconds=milliseconds)
        for span, length in ((health.last_hours(now=NOW), 1), (health.last_days(now=NOW), 24)):
            for slot in span.slots:
                end = slot.starts_at + timedelta(hours=length)
                here = [row for row in rows if slot.starts_at <= row[1] < end]
                assert slot.counts == {o: sum(row[0] == o for row in here) for o in Outcome}
                taken = sorted(row[2] for row in here if row[0] != Outcome.UNAVAILABLE)
                for seconds, percent in ((slot.median, 50), (slot.p95, 95)):
                    if not taken:
                        assert seconds is None
                        continue
                    exact = taken[(len(taken) * percent + 99) // 100 - 1] / 1000
                    assert seconds is not None and exact <= seconds <= max(exact, 0.001) + 0.1
            first, last = span.slots[0].starts_at, span.slots[-1].starts_at + timedelta(hours=length)
            assert span.asked == sum(first <= at < last for _, at, _ in rows)
            if span.asked:
                drawn = Counter[str]()
                for bar in charts.outcomes_chart(span).bars:
                    count = re.search(r": ([\d,]+) ×", bar.title)
                    assert count
                    drawn[bar.kind] += int(count[1].replace(",", ""))
                assert drawn == Counter(
                    {o.value: n for o in Outcome if (n := sum(slot.counts[o] for slot in span.slots))}
                )


def test_any_number_of_requests_takes_one_query(django_assert_num_queries):
    gate.current_gate()
    for count in (1, 300):
        add_requests(Outcome.TRACKED, *[ago(hours=n) for n in range(count)])
        with django_assert_num_queries(1):
            health.last_days(now=NOW)
        with django_assert_num_queries(1):
            health.last_hours(now=NOW)
        with django_assert_num_queries(2):
            health.today(now=NOW)


# The drawing of the charts


def span_of(*slots: health.Slot) -> health.Span:
    """A span with these slots."""
    return health.Span("", "hour", slots)


def slot_of(tracked: int = 0, failed: int = 0, seconds: float | None = None) -> health.Slot:
    """A slot with so many answers and failures; `seconds` is both its median and its 95th percentile."""
    counts = dict.fromkeys(Outcome, 0) | {Outcome.TRACKED: tracked, Outcome.UNAVAILABLE: failed}
    return health.Slot(NOW, "an hour", "", counts, seconds, seconds)


def test_bars_are_stacked_and_stay_within_the_axis():
    chart = charts.outcomes_chart(span_of(slot_of(1_500_000, 499_999), slot_of(), slot_of(3)))
    lower, upper, small = chart.bars
    assert (lower.kind, upper.kind, lower.x) == ("tracked", "unavailable", upper.x)
    assert float(upper.y) + float(upper.height) == pytest.approx(float(lower.y), abs=0.11)
    assert float(upper.y) >= float(chart.levels[-1].at)
    assert small.x != lower.x
    assert [level.text for level in chart.levels] == ["0", "1M", "2M"]


@pytest.mark.parametrize(
    ("largest", "levels"),
    [
        (1, ["0", "1", "2"]),
        (3, ["0", "2", "4"]),
        (21, ["0", "20", "40"]),
        (560, ["0", "300", "600"]),
        (2001, ["0", "2k", "4k"]),
    ],
)
def test_the_axis_has_plain_numbers(largest, levels):
    assert [level.text for level in charts.outcomes_chart(span_of(slot_of(largest))).levels] == levels


def test_a_gap_ends_a_line_and_is_no_zero():
    slots = [slot_of(1, seconds=0.4), slot_of(1, seconds=0.5), slot_of(), slot_of(1, seconds=7.3)]
    chart = charts.latency_chart(span_of(*slots))
    assert [(series.kind, len(series.dots)) for series in chart.series] == [
        *(("p95", 2), ("p95", 1)),
        *(("median", 2), ("median", 1)),
    ]
    assert [level.text for level in chart.levels] == ["0 s", "4 s", "8 s"]
    assert not charts.latency_chart(span_of(slot_of(failed=3))).series


# The page


@pytest.fixture
def page_for(client):
    """A function that returns the page as a user of these groups sees it."""

    def open_(*names: str):
        user = User.objects.create_user("-".join(names) or "no-rights", is_staff=True)
        user.groups.set(Group.objects.filter(name__in=names))
        client.force_login(user)
        return client.get(PAGE)

    return open_


def words_of(answer) -> str:
    """The text of the page without tags."""
    return " ".join(html.fromstring(answer.content.decode()).text_content().split())


def test_editors_and_users_without_a_group_are_refused(page_for):
    assert page_for(groups.EDITORS).status_code == 403
    assert page_for().status_code == 403
    assert page_for(groups.SUPPORT).status_code == 200


def test_an_empty_store_has_calm_words_and_no_chart(page_for):
    answer = page_for(groups.SUPPORT)
    assert words_of(answer).count("We did not ask Japan Post in this time.") == 2
    assert "never" in words_of(answer) and "None is kept." in words_of(answer)
    assert 'class="chart"' not in answer.content.decode()


def test_the_page_shows_the_pause_and_tables_with_the_figures(page_for):
    now = datetime.now(UTC)
    add_requests(Outcome.TRACKED, now, now)
    add_requests(Outcome.UNAVAILABLE, now)
    pause(until=now + timedelta(minutes=2))
    answer = page_for(groups.SUPPORT)
    tree = html.fromstring(answer.content.decode())
    assert "Pausing: customers see the stored stories" in words_of(answer)
    assert "<b>HTTP" not in answer.content.decode() and "<b>HTTP 500</b>" in words_of(answer)
    for table in tree.xpath("//details//table"):
        sums = [sum(map(int, table.xpath(f".//tbody/tr/td[{n}]/text()"))) for n in range(1, 7)]
        assert sums == [3, 2, 0, 0, 1, 0]
    assert len(tree.xpath("//details//table")) == 2
    assert len(tree.xpath("//*[@class='chart' and @role='img' and @aria-label]")) == 4


def test_the_page_has_neither_script_nor_style_of_its_own(page_for):
    add_requests(Outcome.TRACKED, datetime.now(UTC))
    content = html.fromstring(page_for(groups.SUPPORT).content.decode()).xpath("//*[@id='content-main']")[0]
    assert not content.xpath(".//script | .//style | .//@style | .//@*[starts-with(name(), 'on')]")


def test_support_reads_the_reason_and_superusers_open_the_page(page_for, admin_client):
    KeptPage.objects.keep(html="<p>", number=NUMBER, kind="cut", reason="cut: <i>so</i>", kept_at=NOW)
    KeptPage.objects.keep(html="<p>", number=NUMBER, kind=STORY_VANISHED, reason="gone", kept_at=NOW)
    kept = KeptPage.objects.get(kind="cut")
    address = reverse("admin:tracking_keptpage_change", args=[kept.pk])
    for answer, may_open in ((admin_client.get(PAGE), True), (page_for(groups.SUPPORT), False)):
        assert f"24 November 2026, 15:30, {NUMBER}: cut: <i>so</i>" in words_of(answer)
        assert "gone" not in words_of(answer)
        assert (address in answer.content.decode()) == may_open
        assert ("Only a superuser opens" in words_of(answer)) != may_open


def test_the_permission_for_the_gate_alone_shows_no_parcels(client):
    KeptPage.objects.keep(html="<p>", number=NUMBER, kind="cut", reason="cut", kept_at=NOW)
    user = User.objects.create_user("gatekeeper", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_gate"))
    client.force_login(user)
    answer = client.get(PAGE)
    assert answer.status_code == 200 and NUMBER not in answer.content.decode()
    assert reverse("admin:tracking_fetch_changelist") not in answer.content.decode()


def test_the_page_takes_the_same_queries_for_1_and_1000_requests(admin_client):
    counts = []
    for number in (1, 1000):
        add_requests(Outcome.TRACKED, *[datetime.now(UTC) - timedelta(minutes=n) for n in range(number)])
        admin_client.get(PAGE)
        with CaptureQueriesContext(connection) as queries:
            admin_client.get(PAGE)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 15


def test_a_kept_page_has_no_style_of_its_own(admin_client):
    kept = KeptPage.objects.keep(html="<p>", number=NUMBER, kind="cut", reason="cut", kept_at=NOW)
    shown = admin_client.get(reverse("admin:tracking_keptpage_change", args=[kept.pk])).content.decode()
    assert '<pre class="kept-page">&lt;p&gt;</pre>' in shown and "css/staff/health.css" in shown
