"""Staff register parcels before customers look them up: a check stores nothing and names each bad line."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from tests.support.stories import POSTED, some_numbers, story
from tracking.fetching.lookup import look_up
from tracking.models import Shipment
from tracking.ops.watch import Watch
from tracking.staff.parcels.registration import SHEET, read_lines, register_rows
from tracking.staff.spreadsheets import UnreadableFileError

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FIRST, SECOND, THIRD = some_numbers(3)
PAGE = "/admin/tracking/shipment/register/"

pytestmark = pytest.mark.django_db


def test_one_number_per_line_is_read_in_any_spelling():
    lines = read_lines(f"{FIRST}\r\n\r\n {SECOND[:2].lower()} {SECOND[2:]} \n{THIRD},\n")
    assert [(line.line, line.number, line.problem) for line in lines] == [
        (1, FIRST, ""),
        (3, SECOND, ""),
        (4, THIRD, ""),
    ]


@pytest.mark.parametrize("delimiter", ",;\t")
def test_a_csv_file_from_excel_is_read(delimiter):
    text = "\ufeffNumber,Order reference,destination,NOTE,,\r\n%s,A-1,de,fragile,,\r\n%s,,,,,\r\n"
    text = (text % (FIRST, SECOND)).replace(",", delimiter)
    first, second = read_lines(SHEET.decode(text.encode()))
    assert (first.destination, first.order_reference, first.note) == ("DE", "A-1", "fragile")
    assert (second.line, second.number, second.problem) == (3, SECOND, "")


def test_a_quoted_cell_with_a_line_break_counts_as_one_line():
    text = f'sep=,\nnumber,note\n{FIRST},"two\nlines, one cell"\n{SECOND},ok\nEM123,bad\n'
    first, second, third = read_lines(text)
    assert first.note == "two lines, one cell"
    assert (first.line, second.line, third.line) == (2, 3, 4)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp932"])
def test_each_encoding_is_read(encoding):
    (line,) = read_lines(SHEET.decode(f"number,note\n{FIRST},壊れ物\n".encode(encoding)))
    assert line.note == "壊れ物"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("EM12345678JP", "8 digits where nine belong."),
        ("EM123456784JP", "The check digit is wrong. Perhaps EM123456785JP"),
        ("hello", "Not a tracking number"),
        ("UM123456785JP", "A letter without tracking"),
        ("12345678901", "inland post"),
        (f"{FIRST} {SECOND}", "More than one number"),
        (f"order 7 {FIRST}", "More than a number"),
        ("", "The number is missing"),
        (f"{FIRST},XX", "Unknown country “XX”"),
        (f"{FIRST},Germany", "Unknown country “Germany”: two letters such as DE."),
        (f"{FIRST},DE,{'x' * 101}", "order reference has more than 100"),
        (f"{FIRST},DE,1,2,3", "More cells than the header has columns: “3”"),
    ],
)
def test_each_bad_line_has_its_reason(row, problem):
    good, bad = read_lines(f"number,destination,order_reference,note\n{SECOND}\n{row or ',DE'}\n")
    assert not good.problem
    assert bad.line == 3 and problem in bad.problem


def test_a_repeated_number_names_the_first_line():
    assert read_lines(f"{FIRST}\n{SECOND}\n{FIRST}")[2].problem == "The same number as on line 1."


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no number"),
        ("number,colour\n", "Unknown column “colour”"),
        ("number,number\n", "Two columns"),
        (f'number,note\n{FIRST},ok\n{SECOND},"open\n', "Line 3 cannot be read"),
        ("x\n" * 2001, "2001 lines; at most 2000"),
    ],
)
def test_a_text_that_cannot_be_read_says_why(text, reason):
    with pytest.raises(UnreadableFileError, match=reason):
        read_lines(text)


def test_a_picture_is_refused():
    with pytest.raises(UnreadableFileError):
        SHEET.decode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")


def test_known_parcels_are_updated_except_by_empty_cells(standin):
    standin.set_item(FIRST, story(POSTED, number=FIRST))
    look_up(FIRST, now=NOW)
    due = Shipment.objects.get().watch_at
    Shipment.objects.update(note="mind the dog", destination="FR")
    text = f"number,destination,order_reference\n{FIRST},,A-1\n{SECOND},DE,A-2\n"
    assert [line.is_known for line in read_lines(text)] == [True, False]
    assert register_rows(read_lines(text), now=NOW) == (1, 1)
    known, new = Shipment.objects.get(number=FIRST), Shipment.objects.get(number=SECOND)
    assert (known.note, known.destination_id, known.order_reference) == ("mind the dog", "FR", "A-1")
    assert (known.watch_at, known.registered_at) == (due, NOW)
    assert (new.destination_id, new.watch_at, new.registered_at) == ("DE", NOW, NOW)


def test_two_thousand_lines_need_few_queries(django_assert_max_num_queries):
    text = "\n".join(some_numbers(2000))
    with django_assert_max_num_queries(100):
        assert register_rows(read_lines(text), now=NOW) == (2000, 0)


# The page


def test_check_stores_nothing_and_register_stores_the_good_lines(admin_client):
    assert PAGE in admin_client.get(reverse("admin:tracking_shipment_changelist")).content.decode()
    text = f"\n{FIRST}\nEM123456784JP\n{SECOND}"
    page = admin_client.post(PAGE, {"text": text, "check": "Check"}).content.decode()
    assert "Line 3: The check digit is wrong. Perhaps EM123456785JP" in page
    assert "Register 2 parcels" in page
    assert not Shipment.objects.exists()
    page = admin_client.post(PAGE, {"text": text, "register": "1"}).content.decode()
    assert "2 parcels registered, 0 known ones updated. 1 lines were not" in page
    assert "Line 3: The check digit" in page
    assert set(Shipment.objects.values_list("number", flat=True)) == {FIRST, SECOND}


def test_an_upload_is_checked_like_a_pasted_text(admin_client):
    file = SimpleUploadedFile("parcels.csv", f"\ufeffnumber;note\r\n{FIRST};<b>x</b>\r\n".encode())
    page = admin_client.post(PAGE, {"text": "", "file": file, "check": "Check"}).content.decode()
    assert "Register 1 parcel" in page and "&lt;b&gt;x" in page and "<b>x" not in page
    response = admin_client.post(PAGE, {"text": f"number;note\n{FIRST};<b>x</b>", "register": "1"})
    assert response.status_code == 302
    assert Shipment.objects.get().note == "<b>x</b>"


def test_too_large_a_text_or_file_is_refused(admin_client):
    for data in (
        {"text": "x" * 1_100_000},
        {"file": SimpleUploadedFile("big.csv", b"x" * 1_100_000)},
    ):
        assert "More than 1 MiB" in admin_client.post(PAGE, data).content.decode()
    assert "There is no number in it" in admin_client.post(PAGE, {"text": ""}).content.decode()


def test_registration_needs_the_right_to_add_parcels(client):
    assert client.get(PAGE).status_code == 302
    user = User.objects.create_user("reader", password="x", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_shipment"))
    client.force_login(user)
    assert client.get(PAGE).status_code == 403
    assert PAGE not in client.get(reverse("admin:tracking_shipment_changelist")).content.decode()
    user.user_permissions.add(Permission.objects.get(codename="add_shipment"))
    assert client.get(PAGE).status_code == 200


def test_the_first_visit_reads_the_store_and_shows_no_private_note(client, standin):
    standin.set_item(FIRST, story(POSTED, number=FIRST))
    text = f"number,order_reference,note\n{FIRST},ORDER-4711,SECRET-NOTE\n{SECOND},ORDER-4711,SECRET-NOTE"
    now = datetime.now(UTC)
    register_rows(read_lines(text), now=now)
    assert Watch().run_once().asked == 2
    addresses = [f"/track/{number}{end}" for number in (FIRST, SECOND) for end in ("/", ".json")]
    addresses += [f"/track/?number={FIRST},{SECOND}", "/", f"/contact/?number={FIRST}"]
    for address in addresses:
        body = client.get(address).content.decode()
        assert "ORDER-4711" not in body and "SECRET-NOTE" not in body, address
    assert len(standin.requests) == 2


def test_an_edit_by_staff_changes_no_other_column(admin_client, standin):
    standin.set_item(FIRST, story(POSTED, number=FIRST))
    look_up(FIRST, now=NOW)
    before = Shipment.objects.values().get()
    none = {f"{name}-{what}_FORMS": 0 for name in ("events", "fetches") for what in ("TOTAL", "INITIAL")}
    data = {"destination": "", "order_reference": "A-1", "note": "", **none}
    response = admin_client.post(reverse("admin:tracking_shipment_change", args=[before["id"]]), data)
    assert response.status_code == 302
    assert Shipment.objects.values().get() == before | {"order_reference": "A-1"}
