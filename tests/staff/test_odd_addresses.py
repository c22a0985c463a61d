"""Odd values in the addresses and forms of the desk get a page with a sentence, and never an error 500."""

from contextlib import suppress
from itertools import product

import pytest
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.options import IncorrectLookupParameters, ModelAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import SuspiciousOperation
from django.db import DatabaseError, transaction
from django.db.models import DateField, DateTimeField, ForeignKey, IntegerField
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.support.stories import NUMBER
from tracking.admin.base import OddInputMixin
from tracking.models import Destination, Fetch, KeptPage, Message, Notice, Phrase, Shipment

pytestmark = pytest.mark.django_db

HUGE = "9" * 20  # more than any integer column holds
VALUES = {"NUL": "\0", "a word": "x", "a huge number": HUGE, "a late year": "99999", "a bracket": "["}
PARAMETERS = ("q", "o", "p", "_to_field", "pk__in", "pk__regex")
ENDS = sorted(
    {*ForeignKey.get_lookups(), *DateTimeField.get_lookups(), *IntegerField.get_lookups(), "date__gte"}
)


@pytest.fixture
def desk(admin_client: Client, admin_user) -> Client:
    """A client that gets the page of an error as visitors do. Most lists have a row."""
    now = timezone.now()
    parcel = Shipment.objects.create(number=NUMBER, note="seen")
    Fetch.objects.create(shipment=parcel, started_at=now, milliseconds=1, outcome="tracked")
    Message.objects.create(email="ann@example.com", text="Where?", created_at=now)
    Notice.objects.create(title="Slow", starts_on=now)
    Phrase.objects.create(text="Sorted by a drone")
    KeptPage.objects.keep(html="x", number=NUMBER, kind="x", reason="x", kept_at=now)
    Group.objects.create(name="Readers")
    LogEntry.objects.log_actions(str(admin_user.pk), [parcel], CHANGE, "Seen.")
    admin_client.raise_request_exception = False
    return admin_client


def admins() -> list[tuple[str, ModelAdmin]]:
    """The name of each model's addresses, and its ModelAdmin."""
    return [
        (f"admin:{model._meta.app_label}_{model._meta.model_name}", one)
        for model, one in admin.site._registry.items()
    ]


def filters_of(model_admin: ModelAdmin) -> set[str]:
    """The parameters of the list's filters, and of its calendar."""
    named = {name for name in model_admin.list_filter if isinstance(name, str)}
    named |= {
        name
        for one in model_admin.list_filter
        if isinstance(one, tuple)
        for name in (f"{one[0]}__id__exact",)
    }
    named |= {one.parameter_name for one in model_admin.list_filter if hasattr(one, "parameter_name")}
    dates = [one.name for one in model_admin.model._meta.fields if isinstance(one, DateField)][:1]
    return {f"{name}{end}" for name in named for end in ("", "__exact")} | {
        f"{name}__{end}" for name in dates for end in ("gte", "year", "day")
    }


def asked(desk: Client, address: str, query: dict[str, str]) -> HttpResponse:
    """The response, in a transaction of its own, because an error of the database ends the one of the test."""
    with transaction.atomic():
        response = desk.get(address, query)
        transaction.set_rollback(True)
    return response


@pytest.mark.parametrize("value", [HUGE, "99999", "["])
def test_no_parameter_of_a_list_is_an_error(desk, admin_user, rf, value):
    for name, model_admin in admins():
        for parameter in (*PARAMETERS, *sorted(filters_of(model_admin))):
            request = rf.get(reverse(f"{name}_changelist"), {parameter: value})
            request.user = admin_user
            with transaction.atomic(), suppress(IncorrectLookupParameters, SuspiciousOperation):
                list(model_admin.get_changelist_instance(request).result_list)
                transaction.set_rollback(True)


def is_error(request: HttpRequest, model_admin: ModelAdmin) -> bool:
    """Whether the list fails. A refusal that Django answers with a page is no failure."""
    try:
        with transaction.atomic(), suppress(IncorrectLookupParameters, SuspiciousOperation):
            list(model_admin.get_changelist_instance(request).result_list)
            transaction.set_rollback(True)
    except (ArithmeticError, LookupError, TypeError, ValueError, DatabaseError):
        return True
    return False


def test_no_lookup_of_any_column_is_an_error(desk, admin_user, rf):
    columns = {type(field): (field.name, one) for one in admins() for field in one[1].model._meta.fields}
    wrong = []
    for column, (name, model_admin) in columns.values():
        for end, value in product(ENDS, ["", "99999", HUGE]):
            request = rf.get(reverse(f"{name}_changelist"), {f"{column}__{end}": value})
            request.user = admin_user
            if is_error(request, model_admin):
                wrong.append(request.get_full_path())
    assert not wrong


@pytest.mark.parametrize(
    "query",
    [
        "shipment__id__exact=1",
        "started_at__gte=2026-11-01 00:00Z&started_at__lt=2026-12-01 00:00Z",
        "outcome__exact=tracked",
    ],
)
def test_a_lookup_of_the_desks_own_links_works(desk, query):
    assert desk.get(f"{reverse('admin:tracking_fetch_changelist')}?{query}").status_code == 200


def test_the_days_of_the_calendar_work(desk):
    address, now = reverse("admin:tracking_edit_changelist"), timezone.localtime()
    query = {"action_time__year": now.year, "action_time__month": now.month, "action_time__day": now.day}
    assert desk.get(address, query).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        {"pk": list(range(999))},
        {"pk__exact": ["x"] * 500},
        {"q": "a " * 1500},
        {"q": '"a b" ' * 600},
    ],
    ids=["numbers", "words", "a long text", "quotations"],
)
def test_no_number_of_values_and_words_is_an_error(desk, admin_user, rf, query):
    for name, model_admin in admins():
        request = rf.get(reverse(f"{name}_changelist"), query)
        request.user = admin_user
        assert not is_error(request, model_admin), name


def test_a_long_search_finds_what_its_first_words_name(desk):
    response = desk.get(
        reverse("admin:tracking_phrase_changelist"), {"q": "drone " * 600, "meaning": "missing"}
    )
    assert "Sorted by a drone" in response.content.decode()


@pytest.mark.parametrize("page", ["ask", "looked_after", "evidence", "evidence_csv"])
def test_a_key_that_no_column_holds_is_404(desk, page):
    for key in (2**63, int("9" * 400)):
        ask = desk.get if page.startswith("evidence") else desk.post
        assert (
            ask(reverse(f"admin:tracking_shipment_{page}", args=[1]).replace("/1/", f"/{key}/")).status_code
            == 404
        )


def test_a_huge_key_of_words_and_messages_is_404(desk):
    for address in (
        f"status/{2**63}/discard/1/",
        f"status/1/discard/{2**63}/",
        f"status/{HUGE}/discard/{HUGE}/",
    ):
        assert desk.get(f"/admin/tracking/{address}").status_code == 404
        assert desk.post(f"/admin/tracking/{address}").status_code == 404
    for address in (f"message/{2**63}/answered/", f"phrase/{2**63}/meaning/", f"phrase/{HUGE}/undo/"):
        assert desk.post(f"/admin/tracking/{address}").status_code == 404


@pytest.mark.parametrize("model", [Phrase, Notice, Destination])
def test_no_address_of_a_row_and_no_first_value_of_a_form_is_an_error(desk, model):
    name = f"admin:tracking_{model._meta.model_name}"
    for value in VALUES.values():
        pages = [(reverse(f"{name}_{page}", args=[value]), {}) for page in ("change", "history")]
        pages.append((reverse(f"{name}_add"), {field.name: value for field in model._meta.fields}))
        for address, query in pages:
            assert asked(desk, address, query).status_code < 500, address


@pytest.mark.parametrize("value", ["x", HUGE, "[", "\0"])
def test_a_ticked_row_that_cannot_exist_is_refused(desk, value):
    for model, action in (
        (Shipment, "looked_after"),
        (Notice, "delete_selected"),
        (Fetch, "delete_selected"),
    ):
        sent = {"action": action, "_selected_action": value}
        with transaction.atomic():
            response = desk.post(reverse(f"admin:tracking_{model._meta.model_name}_changelist"), sent)
            transaction.set_rollback(True)
        assert response.status_code == 400
        assert "Something was wrong with this address" in response.content.decode()


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_no_search_for_a_related_row_is_an_error(desk, value):
    named = {
        "app_label": "tracking",
        "model_name": "notice",
        "field_name": "destination",
        "term": "a",
        "page": "1",
    }
    for name in named:
        assert asked(desk, reverse("admin:autocomplete"), named | {name: value}).status_code < 500, name


@pytest.mark.parametrize("where", ["address", "path", "name", "field"])
def test_a_nul_is_refused_with_a_sentence(desk, where):
    address = reverse("admin:tracking_notice_add")
    match where:
        case "address":
            response = desk.get(address, {"title": "a\0b"})
        case "path":
            response = desk.get(reverse("admin:tracking_notice_change", args=["\0"]))
        case "name":
            response = desk.get(address, {"a\0b": "x"})
        case _:
            response = desk.post(address, {"title": "a\0b"})
    assert response.status_code == 400
    assert "Something was wrong with this address" in response.content.decode()


def test_an_odd_filter_leads_to_the_whole_list(desk):
    address = reverse("admin:tracking_phrase_changelist")
    response = asked(desk, address, {"last_seen_at__year": "99999"})
    assert (response.status_code, response.headers["Location"]) == (302, f"{address}?e=1")


def test_every_list_of_the_desk_refuses_odd_values():
    assert all(isinstance(one, OddInputMixin) for _, one in admins())
