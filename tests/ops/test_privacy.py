"""`export` and `forget` find all data about a parcel in every table, and docs/privacy.md names these tables."""

import json
import re
from datetime import UTC, datetime
from importlib import import_module
from io import StringIO

import pytest
from axes.models import AccessAttempt
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection
from django.db.models import CharField, JSONField, Model, TextField
from django.urls import reverse

from tests import PROJECT
from tests.support.standin import StandIn
from tests.support.stories import ARRIVED, IN_CUSTOMS, NUMBER, POSTED, some_numbers, story
from tracking.fetching.gate import current_gate
from tracking.fetching.lookup import look_up
from tracking.models import Alarm, Event, Fetch, Gate, KeptPage, Message, Notice, Shipment, Wording
from tracking.ops.privacy import ABOUT_NEITHER, ABOUT_PEOPLE, HOLDS, REPLACEMENT
from tracking.values.numbers import find_numbers

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
(OTHER,) = some_numbers(1)
SPELLINGS = [
    *(
        NUMBER,
        "em 123 456 785 jp",
        "EM-123-456-785-JP",
        "ＥＭ１２３４５６７８５ＪＰ",
        "EM%20123%20456%20785%20JP",
    ),
    *("EM\u2011123\u2011456\u2011785\u2011JP", "EM 123–456–785 JP", "EM－１２３－456－785－JP"),
    *("\u200eEM1234\u200b56785JP\u200e", "EM1234\u00ad5678\u00ad5JP", "EM123\n456\n785\nJP"),
]
MODELS = [model for model in apps.get_models(include_auto_created=True) if not model._meta.proxy]
PRIVACY = (PROJECT / "docs" / "privacy.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.django_db


def run(command: str, *arguments: str) -> str:
    """Run the command; returns what it prints."""
    out = StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


def create_message(**facts: str) -> Message:
    """Store a message of a customer."""
    return Message.objects.create(
        **{"email": "ann@example.com", "text": "Where is it?", "created_at": NOW} | facts
    )


def database_texts() -> dict[str, list[str]]:
    """Every value of every table as text, by model. Packed pages are unpacked, drafts are split into their texts."""
    found = {}
    for model in MODELS:
        values = [value for row in model._base_manager.values_list() for value in row]
        drafts = [text for value in values if isinstance(value, dict) for text in value.values()]
        pages = [page.text for page in KeptPage.objects.all()] if model is KeptPage else []
        found[model._meta.label] = [str(value) for value in [*values, *drafts, *pages]]
    return found


def models_with_the_number() -> set[str]:
    """The models with NUMBER in any of their texts."""
    tables = database_texts().items()
    return {label for label, texts in tables if any(NUMBER in find_numbers(text) for text in texts)}


@pytest.fixture
def number_everywhere(standin: StandIn, admin_client) -> None:
    """Store NUMBER in every place where a tracking number can be stored."""
    for number in (NUMBER, OTHER):
        standin.set_item(number, story(POSTED, ARRIVED, number=number))
        look_up(number, now=NOW)
    standin.set_item(NUMBER, story(POSTED, IN_CUSTOMS))
    look_up(NUMBER, now=NOW.replace(hour=18))  # replaces a row
    parcel = Shipment.objects.get(number=NUMBER)
    message = create_message(number=NUMBER)
    admin_client.post(reverse("admin:tracking_shipment_change", args=[parcel.pk]), {"note": "for Ann"})
    admin_client.post(reverse("admin:tracking_message_answered", args=[message.pk]))
    for number, html in ((NUMBER, "cut"), (OTHER, f"<p>{NUMBER}</p>"), (OTHER, "cut")):
        KeptPage.objects.keep(html=html, number=number, kind="cut", reason="cut: in 'x'", kept_at=NOW)
    Shipment.objects.filter(number=OTHER).update(note="Goes with em 123 456 785 jp.", order_reference="A 7")
    Fetch.objects.filter(shipment__number=OTHER).update(note=f"another number than ours: {NUMBER}")
    Event.objects.filter(shipment__number=OTHER, position=0).update(details=f"Repacked, see {NUMBER}.")
    notice = Notice.objects.create(title=f"About {NUMBER}", text=f"{NUMBER} is found.", starts_on=NOW.date())
    notice.title = "A parcel is found"
    notice.save()  # now only the history has the former title
    words = Wording.objects.filter(language="en", destination=None).first()
    words.what_to_do = f"Do as with {NUMBER}."
    words.draft = words.texts | {"title": f"Like {NUMBER.lower()}"}
    words.save()
    current_gate()
    Gate.objects.update(pause_reason=f"redirected elsewhere: 'https://x.example/?reqCodeNo1={NUMBER}'")
    AccessAttempt.objects.create(username="ann", get_data=f"next=/admin/?q={NUMBER}", failures_since_start=1)


# The tables


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_each_model_is_in_exactly_one_table(model) -> None:
    places = [model._meta.label in table for table in (HOLDS, ABOUT_PEOPLE, ABOUT_NEITHER)]
    assert places.count(True) == 1, "write the model into exactly one table of tracking/ops/privacy.py"


def test_the_tables_name_only_models_that_exist() -> None:
    assert {*HOLDS, *ABOUT_PEOPLE, *ABOUT_NEITHER} == {model._meta.label for model in MODELS}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_holds_finds_the_rows_of_each_model_with_a_parcel(model) -> None:
    names = {field.name for field in model._meta.concrete_fields if field.related_model is Shipment}
    names |= {field.name for field in model._meta.concrete_fields if field.name == "number"}
    if names:
        assert HOLDS[model._meta.label].about is not None


# export


def test_an_export_has_everything_about_the_parcel(number_everywhere) -> None:
    held = json.loads(run("export", NUMBER))
    about = held["about"]
    assert held["number"] == NUMBER
    assert [one["number"] for one in about["tracking.Shipment"]] == [NUMBER]
    assert len(about["tracking.Event"]) == 3
    assert sum(bool(row["superseded_at"]) for row in about["tracking.Event"]) == 1
    assert len(about["tracking.Fetch"]) == 2
    assert [row["email"] for row in about["tracking.Message"]] == ["ann@example.com"]
    assert [row["body"] for row in about["tracking.KeptPage"]] == ["cut", f"<p>{NUMBER}</p>"]
    assert len(about["admin.LogEntry"]) == LogEntry.objects.count() == 2


def test_an_export_quotes_other_parcels_only_where_they_name_it(number_everywhere) -> None:
    mentions = json.loads(run("export", NUMBER))["mentions"]
    (other,) = mentions["tracking.Shipment"]
    assert other["note"] == "Goes with em 123 456 785 jp." and "number" not in other
    (row,) = mentions["tracking.Event"]
    assert set(row) == {"pk", "details"} and row["details"] == f"Repacked, see {NUMBER}."
    written = {
        "tracking.Notice",
        "tracking.Wording",
        "tracking.HistoricalNotice",
        "tracking.HistoricalWording",
    }
    elsewhere = {
        "tracking.Shipment",
        "tracking.Event",
        "tracking.Fetch",
        "tracking.Gate",
        "axes.AccessAttempt",
    }
    assert set(mentions) == elsewhere | written


def test_an_export_of_an_unknown_number_is_empty() -> None:
    held = json.loads(run("export", NUMBER))
    assert held["about"] == held["mentions"] == {}


# forget


def insert_number(model: type[Model], spelt: str) -> None:
    """Write the number into each text column of the newest row that is long enough."""
    columns = {
        field.name: {"title": f"See {spelt}."} if isinstance(field, JSONField) else spelt
        for field in model._meta.concrete_fields
        if isinstance(field, CharField | TextField | JSONField) and not (field.primary_key or field.choices)
        if (field.max_length or len(spelt)) >= len(spelt)
    }
    newest = model._base_manager.order_by("-pk").first()
    assert model._base_manager.filter(pk=newest.pk).update(**columns)


@pytest.mark.parametrize("spelt", [NUMBER.lower(), "ＥＭ１２３４５６７８５ＪＰ"])
def test_forget_finds_the_number_in_every_text_column(number_everywhere, admin_user, spelt) -> None:
    Alarm.objects.create(kind="cut", day=NOW.date(), claimed_at=NOW)
    LogEntry.objects.log_actions(admin_user.pk, [admin_user], CHANGE, "Something else")
    create_message(text="About nothing")
    searched = [model for model in MODELS if model._meta.label not in ABOUT_PEOPLE | ABOUT_NEITHER]
    for model in searched:
        insert_number(model, spelt)
    assert models_with_the_number() == {model._meta.label for model in searched}
    run("forget", NUMBER, "--yes")
    assert models_with_the_number() == set()


def test_nothing_of_a_forgotten_parcel_is_left_in_any_table(number_everywhere) -> None:
    # A standing has no number, only its parcel.
    named = {label for label, place in HOLDS.items() if place.about} - {"tracking.Standing"}
    assert named < models_with_the_number()
    said = run("forget", NUMBER, "--yes")
    assert models_with_the_number() == set()
    assert "ann@example.com" not in repr(database_texts())
    for words in (
        "shipments: 1 deleted",
        "events: 3 deleted, number removed from 1",
        "messages: 1 deleted",
        "kept pages: 2 deleted",
    ):
        assert words in said
    assert "the site asks Japan Post again" in said


def test_another_parcel_keeps_everything_but_the_number(number_everywhere) -> None:
    run("forget", NUMBER, "--yes")
    other = Shipment.objects.get()
    assert (other.number, other.note, other.order_reference) == (OTHER, f"Goes with {REPLACEMENT}.", "A 7")
    assert Event.objects.count() == 2 and KeptPage.objects.count() == 1
    assert Event.objects.get(position=0).details == f"Repacked, see {REPLACEMENT}."
    assert Fetch.objects.get().note == f"another number than ours: {REPLACEMENT}"


def test_texts_of_staff_lose_only_the_number_also_for_customers(number_everywhere, client) -> None:
    assert f"{NUMBER} is found." in client.get("/").content.decode()
    said = run("forget", NUMBER, "--yes")
    assert "notices: number removed from 1" in said and "wordings: number removed from 1" in said
    notice = Notice.objects.get()
    assert (notice.title, notice.text) == ("A parcel is found", f"{REPLACEMENT} is found.")
    words = Wording.objects.get(what_to_do=f"Do as with {REPLACEMENT}.")
    assert words.draft["title"] == f"Like {REPLACEMENT}" and words.draft["meaning"] == words.meaning
    assert notice.history.last().title == f"About {REPLACEMENT}"
    page = client.get("/").content.decode()
    assert f"{REPLACEMENT} is found." in page and f"{NUMBER} is found." not in page


def test_log_lines_keep_who_and_when_but_not_the_parcel(number_everywhere, admin_user) -> None:
    run("forget", NUMBER, "--yes")
    assert LogEntry.objects.filter(user=admin_user).count() == 2
    assert {(entry.object_repr, str(entry.get_change_message())) for entry in LogEntry.objects.all()} == {
        (REPLACEMENT, REPLACEMENT)
    }


def test_the_log_never_names_the_customer_who_wrote(admin_client) -> None:
    message = create_message(number=f"see {NUMBER.lower()}")
    admin_client.post(reverse("admin:tracking_message_answered", args=[message.pk]))
    admin_client.post(reverse("admin:tracking_message_delete", args=[message.pk]), {"post": "yes"})
    assert not Message.objects.exists()
    assert {entry.object_repr for entry in LogEntry.objects.all()} == {f"2026-11-24 21:00, {NUMBER}"}
    assert "ann@example.com" not in repr(database_texts())
    run("forget", NUMBER, "--yes")  # the message was deleted before
    assert {entry.object_repr for entry in LogEntry.objects.all()} == {f"2026-11-24 21:00, {REPLACEMENT}"}


def test_a_migration_removes_customers_addresses_from_the_log(admin_user) -> None:
    for row, title in (
        (create_message(), "2026-11-24 12:00 ann@example.com"),
        (create_message(), f"2026-11-24 12:00, {NUMBER}"),
        (admin_user, "ann@example.com"),
    ):
        LogEntry.objects.log_actions(admin_user.pk, [row], CHANGE, "")
        LogEntry.objects.filter(pk=LogEntry.objects.latest("pk").pk).update(object_repr=title)
    step = import_module("tracking.migrations.0020_log_lines_without_addresses")
    step.take_addresses_out(apps, connection.schema_editor())
    titles = [entry.object_repr for entry in LogEntry.objects.order_by("pk")]
    assert titles == ["2026-11-24 12:00", f"2026-11-24 12:00, {NUMBER}", "ann@example.com"]


def test_without_yes_forget_lists_deletions_and_changes_nothing(number_everywhere) -> None:
    before = database_texts()
    said = run("forget", NUMBER)
    assert "would be forgotten" in said and "events: 3 deleted" in said and "Nothing was changed" in said
    assert database_texts() == before


def test_a_forgotten_number_is_stored_again_at_the_next_look_up(number_everywhere, client) -> None:
    run("forget", NUMBER, "--yes")
    assert client.get(f"/track/{NUMBER}/").status_code == 200
    assert Shipment.objects.filter(number=NUMBER).exists()


@pytest.mark.parametrize("spelt", SPELLINGS)
def test_a_message_with_the_number_in_any_spelling_is_deleted(spelt) -> None:
    create_message(text=f"My parcel {spelt} is late")
    create_message(text=f"My parcel {OTHER} is late")
    run("forget", NUMBER, "--yes")
    assert OTHER in Message.objects.get().text


@pytest.mark.parametrize("spelt", SPELLINGS)
def test_both_commands_take_the_number_in_any_spelling(spelt, number_everywhere) -> None:
    assert json.loads(run("export", spelt))["about"]
    assert "events: 3 deleted" in run("forget", spelt)


@pytest.mark.parametrize("command", ["export", "forget"])
@pytest.mark.parametrize("typed", ["EM12345", f"{NUMBER} {OTHER}", ""])
def test_anything_but_one_number_is_refused(command, typed) -> None:
    with pytest.raises(CommandError, match="is not one tracking number"):
        run(command, typed)


def test_forget_says_when_nothing_is_held_about_a_number() -> None:
    assert run("forget", NUMBER, "--yes") == f"Nothing is held about {NUMBER}.\n"


def test_forget_deletes_everything_or_nothing(number_everywhere) -> None:
    with connection.cursor() as cursor:  # a row that refers to the parcel, which is deleted last
        cursor.execute("CREATE TABLE holder (parcel bigint REFERENCES tracking_shipment (id))")
        cursor.execute("INSERT INTO holder SELECT id FROM tracking_shipment WHERE number = %s", [NUMBER])
    before = database_texts()
    with pytest.raises(IntegrityError):
        run("forget", NUMBER, "--yes")
    assert database_texts() == before


# docs/privacy.md


def test_the_document_names_exactly_the_models_with_personal_data() -> None:
    named = set(re.findall(r"`([a-z_]+\.[A-Z]\w+)`", PRIVACY))
    assert named == {*HOLDS, *ABOUT_PEOPLE}
