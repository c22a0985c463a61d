"""The evidence of one parcel, printed and as CSV: it has every event and every request, and no formula."""

import csv
import io
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import html

from tests.support.kept import keep
from tests.support.stories import ARRIVED, DELIVERED, IN_CUSTOMS, POSTED, event
from tracking.japanpost.records import TrackedEvent
from tracking.models import Event, Fetch, Shipment
from tracking.models.shipments import row_of
from tracking.staff.access import groups
from tracking.staff.parcels.evidence import COLUMNS, csv_of, evidence_of
from tracking.staff.spreadsheets import unescape_formula

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def sheet_of(shipment: Shipment) -> list[dict[str, str]]:
    """The rows of the evidence as CSV, made at NOW."""
    evidence = evidence_of(shipment, now=NOW, made_by="ann", page_url="https://shop.example/track/")
    return read(b"".join(csv_of(evidence)))


def read(data: bytes) -> list[dict[str, str]]:
    """The rows of a CSV file, without the apostrophes that keep cells from being formulas."""
    rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
    return [{column: unescape_formula(cell) for column, cell in row.items()} for row in rows]


@pytest.fixture
def shipment(db) -> Shipment:
    """A parcel with a row that was replaced, a date without time, and two requests."""
    kept = keep(event(POSTED), event(ARRIVED, date(2026, 11, 12), clock=None), at=NOW)
    kept.order_reference = "A-1"
    kept.save()
    Event.objects.create(
        shipment=kept,
        position=1,
        first_seen_at=NOW - timedelta(days=1),
        superseded_at=NOW,
        **row_of(event(IN_CUSTOMS, date(2026, 11, 11))),
    )
    for hours, outcome, note in ((3, "unavailable", "timed out"), (1, "tracked", "")):
        Fetch.objects.create(
            shipment=kept,
            started_at=NOW - timedelta(hours=hours),
            milliseconds=1234,
            outcome=outcome,
            asked_by="staff",
            note=note,
        )
    return kept


def test_the_sheet_has_every_event_and_every_request_in_order(shipment):
    parcel, *others = sheet_of(shipment)
    assert {name: text for name, text in parcel.items() if text} == {
        "row": "parcel",
        "number": shipment.number,
        "shop": "Our shop",
        "order_reference": "A-1",
        "made_utc": "2026-11-24 12:00:00",
        "made_by": "ann",
        "page": "https://shop.example/track/",
    }
    assert [row["row"] for row in others] == ["event"] * 3 + ["request"] * 2
    assert {row["number"] for row in others} == {shipment.number}
    posted, replaced, arrived, failed, _answered = others
    assert (posted["local_date"], posted["local_time"], posted["prefecture_or_country"]) == (
        *("2026-11-09", "09:00"),
        "TOKYO",
    )
    assert (replaced["place_in_history"], replaced["japan_post_says"]) == ("2", "Held by import Customs")
    assert (replaced["first_seen_utc"], replaced["replaced_utc"]) == (
        "2026-11-23 12:00:00",
        "2026-11-24 12:00:00",
    )
    assert (arrived["local_time"], arrived["replaced_utc"]) == ("", "")
    assert {name: text for name, text in failed.items() if text} == {
        "row": "request",
        "number": shipment.number,
        "asked_utc": "2026-11-24 09:00:00",
        "milliseconds": "1234",
        "asked_by": "Staff",
        "outcome": "No answer",
        "remark": "timed out",
    }


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
formulas = st.builds(str.__add__, st.sampled_from(["=", "+", "-", "@", " =", "\t=", "'=", "＝", "''"]), texts)
words = texts | formulas
events = st.lists(
    st.builds(
        TrackedEvent,
        local_date=st.dates(date(2000, 1, 1), date(2100, 1, 1)),
        local_time=st.none() | st.builds(time, st.integers(0, 23), st.integers(0, 59)),
        phrase=words,
        details=words,
        office=words,
        region=words,
        postal_code=st.text("0123456789-=", max_size=10),
    ),
    max_size=6,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(events)
def test_the_sheet_read_back_has_every_event_as_japan_post_said_it(sent):
    shipment = keep(*sent)
    found = [row for row in sheet_of(shipment) if row["row"] == "event"]
    assert [
        TrackedEvent(
            date.fromisoformat(row["local_date"]),
            time.fromisoformat(row["local_time"]) if row["local_time"] else None,
            *(row[name] for name in ("japan_post_says", "details", "office", "prefecture_or_country")),
            row["postal_code"],
        )
        for row in found
    ] == sent


def test_no_cell_is_a_formula(shipment):
    shipment.order_reference = '=HYPERLINK("https://evil.example")'
    Event.objects.filter(position=0).update(phrase="+1+1", details="@SUM(A1)", office="-2", region="＝1")
    evidence = evidence_of(shipment, now=NOW, made_by="=ann", page_url="")
    rows = csv.reader(io.StringIO(b"".join(csv_of(evidence)).decode("utf-8-sig"), newline=""))
    cells = [cell for row in rows for cell in row]
    assert "'+1+1" in cells
    assert [cell for cell in cells if cell.startswith(tuple("=+-@＝"))] == []


def test_a_long_history_is_streamed(admin_client, shipment):
    Event.objects.bulk_create(
        Event(shipment=shipment, position=place, first_seen_at=NOW, **row_of(event(POSTED)))
        for place in range(2, 1500)
    )
    response = admin_client.get(reverse("admin:tracking_shipment_evidence_csv", args=[shipment.pk]))
    assert response.streaming
    assert (response["Content-Type"], response["Content-Disposition"]) == (
        "text/csv; charset=utf-8",
        f'attachment; filename="evidence-{shipment.number}.csv"',
    )
    pieces = list(response.streaming_content)
    assert len(pieces) > 1500
    assert tuple(read(b"".join(pieces))[0]) == COLUMNS
    assert sum(row["row"] == "event" for row in read(b"".join(pieces))) == 1501


def printed_page(client, shipment: Shipment) -> html.HtmlElement:
    """The page of the evidence, which staff print."""
    response = client.get(reverse("admin:tracking_shipment_evidence", args=[shipment.pk]))
    assert response.status_code == 200
    return html.fromstring(response.content.decode())


def test_the_printed_page_has_the_same_facts(admin_client, shipment):
    page = printed_page(admin_client, shipment)
    text = " ".join(page.text_content().split())
    for words in ("Our shop", shipment.number, "A-1", "UTC by admin", f"/track/{shipment.number}/"):
        assert words in text
    event_rows, request_rows = (
        [[" ".join(cell.text_content().split()) for cell in row] for row in table.xpath("tbody/tr")]
        for table in page.xpath("//table")
    )
    assert event_rows == [
        ["1", "2026-11-09 09:00", "Posting/Collection", "TOKYO", "2026-11-24 12:00:00", ""],
        [
            *("2", "2026-11-11 09:00", "Held by import Customs", "GERMANY"),
            *("2026-11-23 12:00:00", "2026-11-24 12:00:00"),
        ],
        ["2", "2026-11-12", "Arrival at inward office of exchange", "GERMANY", "2026-11-24 12:00:00", ""],
    ]
    assert request_rows == [
        ["2026-11-24 09:00:00", "No answer", "1234", "Staff", "timed out"],
        ["2026-11-24 11:00:00", "Answered with a story", "1234", "Staff", ""],
    ]


def facts(client, shipment: Shipment) -> dict[str, str]:
    """The facts on the printed page, by their terms."""
    terms, values = (
        [one.text_content() for one in printed_page(client, shipment).iter(tag)] for tag in ("dt", "dd")
    )
    return dict(zip(terms, values, strict=True))


@pytest.mark.parametrize(
    ("number", "title"),
    [
        ("EM123456785JP", "Tracking record of EMS item EM123456785JP"),
        ("CN000000005JP", "Tracking record of item CN000000005JP"),
    ],
)
def test_only_an_ems_number_is_called_an_ems_item(admin_client, number, title):
    (heading,) = printed_page(admin_client, keep(event(POSTED), number=number)).iter("h1")
    assert heading.text_content() == title


@pytest.mark.parametrize(
    ("number", "more", "who"),
    [
        ("EM123456785JP", {}, "Shop"),  # any visitor may have typed it
        ("EM123456785JP", {"registered_at": NOW}, "Sender"),
        ("EM123456785JP", {"order_reference": "A-1"}, "Sender"),
        ("RB123456785GB", {"registered_at": NOW, "order_reference": "A-1"}, "Shop"),
    ],
)
def test_the_shop_is_called_sender_of_its_own_parcels(admin_client, number, more, who):
    shipment = keep(event(POSTED), number=number)
    Shipment.objects.update(**more)
    found = facts(admin_client, shipment)
    assert found[who] == "Our shop" and len({"Shop", "Sender"} & {*found}) == 1


def test_rows_of_an_earlier_parcel_with_the_number_are_left_out(shipment):
    for days in (200, 170):
        row = row_of(event(DELIVERED, date(2026, 11, 9) - timedelta(days=days)))
        Event.objects.create(shipment=shipment, position=1, first_seen_at=NOW, superseded_at=NOW, **row)
    days = [row["local_date"] for row in sheet_of(shipment) if row["row"] == "event"]
    assert sorted(days) == ["2026-05-23", "2026-11-09", "2026-11-11", "2026-11-12"]


def created(shipment: Shipment, *, days_ago: int) -> Shipment:
    """The parcel, as if it had been stored so many days before NOW."""
    Shipment.objects.filter(pk=shipment.pk).update(created_at=NOW - timedelta(days=days_ago))
    return Shipment.objects.get(pk=shipment.pk)


def test_it_says_since_when_requests_are_kept(admin_client, shipment):
    shipment = created(shipment, days_ago=200)
    assert sheet_of(shipment)[0]["requests_kept_since_utc"] == "2026-11-24 09:00:00"
    asked = "Requests before 2026-11-24 09:00:00 (UTC), if there were any, are no longer kept."
    assert asked in printed_page(admin_client, shipment).text_content()
    shipment.fetches.all().delete()
    assert sheet_of(shipment)[0]["requests_kept_since_utc"] == "2026-08-26 12:00:00"
    text = printed_page(admin_client, shipment).text_content()
    assert "are no longer kept." in text and "Never since." in text


def test_where_every_request_is_kept_it_says_so(admin_client, shipment):
    shipment = created(shipment, days_ago=89)
    assert sheet_of(shipment)[0]["requests_kept_since_utc"] == ""
    shipment = created(shipment, days_ago=200)
    first = {"started_at": shipment.created_at, "milliseconds": 1, "outcome": "not-found"}
    Fetch.objects.create(shipment=shipment, **first)
    assert sheet_of(shipment)[0]["requests_kept_since_utc"] == ""
    assert "Every request." in printed_page(admin_client, shipment).text_content()


def test_the_private_note_is_left_out(admin_client, shipment):
    Shipment.objects.update(note="Ann is a difficult customer")
    assert "difficult" not in printed_page(admin_client, shipment).text_content()
    assert "difficult" not in str(sheet_of(Shipment.objects.get()))


def test_a_parcel_without_a_story_has_evidence_too(admin_client):
    shipment = Shipment.objects.create(number="EM123456785JP")
    text = " ".join(printed_page(admin_client, shipment).text_content().split())
    assert "Japan Post has given no history yet" in text
    assert [row["row"] for row in sheet_of(shipment)] == ["parcel"]


def test_texts_of_japan_post_are_escaped_on_the_printed_page(admin_client, shipment):
    Event.objects.filter(position=0).update(phrase="<script>alert(1)</script>")
    address = reverse("admin:tracking_shipment_evidence", args=[shipment.pk])
    page = admin_client.get(address).content.decode()
    assert "<script" not in page and "style=" not in page and "&lt;script&gt;" in page


@pytest.mark.parametrize("name", ["evidence", "evidence_csv"])
def test_only_staff_who_may_see_parcels_get_the_evidence(client, shipment, name):
    address = reverse(f"admin:tracking_shipment_{name}", args=[shipment.pk])
    assert client.get(address).status_code == 302
    for group, status in ((groups.EDITORS, 403), (groups.SUPPORT, 200)):
        user = User.objects.create_user(group, is_staff=True)
        user.groups.add(Group.objects.get(name=group))
        client.force_login(user)
        assert client.get(address).status_code == status
