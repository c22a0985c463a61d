"""Edit conflicts: a form opened before the row changed is refused once and shows the change; nothing is lost."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.forms import modelform_factory
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from lxml import html

from tests.support.desk import StatusPage
from tests.support.stories import NUMBER
from tracking.admin.edit_conflicts import ConflictAwareForm
from tracking.models import Destination, Message, Notice, Phrase, Shipment, Shop, Status, Wording
from tracking.staff.words import translation

pytestmark = pytest.mark.django_db

SENTENCE = "Nothing is saved yet: since you opened this page it was changed elsewhere."

OUTSIDE = ["0001-01-01T00:00:00+23:59 5", "9999-12-31T23:59:59-23:59 5"]  # of the calendar, in UTC


@pytest.fixture
def status():
    return Status.objects.get(slug="customs-clearance")


@pytest.fixture
def bob(django_user_model):
    """The client of a second superuser."""
    client = Client()
    client.force_login(django_user_model.objects.create_superuser("bob"))
    return client


def wording_of(status, language="en", destination=None):
    return Wording.objects.get(status=status, language=language, destination=destination)


class RowPage:
    """The form of a row without inlines, filled in with the values of the row."""

    def __init__(self, client, row):
        self.client = client
        self.address = reverse(f"admin:tracking_{row._meta.model_name}_change", args=[row.pk])
        self.data = sent_by(client.get(self.address))

    def save(self, **typed):
        return self.client.post(self.address, self.data | typed)


def sent_by(page):
    """What a browser would send of the unchanged form on the page."""
    form = next(
        one for one in html.fromstring(page.content.decode()).forms if one.get("id", "").endswith("_form")
    )
    empty = form.xpath(".//input[@type='text' or @type='hidden'][not(@value)]/@name")  # lxml leaves these out
    values = dict.fromkeys(empty, "") | dict(form.form_values())
    return {name: value for name, value in values.items() if not name.startswith("_")}


def text_of(page):
    return " ".join(html.fromstring(page.content.decode()).text_content().split())


@pytest.mark.parametrize("button", ["_draft", "_publish"])
def test_the_later_save_is_refused_and_names_the_other_change(admin_client, bob, status, button):
    page = StatusPage(bob, status).write(title="What Bob typed")
    StatusPage(admin_client, status).write(title="Your parcel is at customs").press("_publish")
    refused = page.press(button)
    shown = text_of(refused)
    assert SENTENCE in shown
    assert "admin, " in shown and "Words, any destination in English, changed" in shown
    assert "<del>with </del><ins>at </ins>customs" in refused.content.decode()
    assert wording_of(status).title == "Your parcel is at customs" and wording_of(status).draft is None


def test_typed_words_are_kept_and_the_next_save_stores_them(admin_client, bob, status):
    page = StatusPage(bob, status).write(title="What Bob typed")
    StatusPage(admin_client, status).write(title="A", who_has_it="The customs").press("_publish")
    sent = sent_by(page.press("_publish"))
    assert sent["wordings-0-title"] == "What Bob typed"
    assert sent["wordings-0-who_has_it"] == "The customs"  # Bob typed nothing there
    assert bob.post(page.address, sent | {"_publish": "1"}).status_code == 302
    assert (wording_of(status).title, wording_of(status).who_has_it) == ("What Bob typed", "The customs")


def test_a_save_keeps_the_colleagues_changes_of_other_fields(admin_client, bob, status):
    Wording.objects.create(status=status, language="fr", title="Douane", meaning="La douane.")
    page = StatusPage(bob, status).write("fr", title="En douane")
    other = StatusPage(admin_client, status).write(title="A")
    other.data |= {"tone": "problem"}
    other.press("_publish")
    StatusPage(admin_client, status).write(meaning="A draft of it").press("_draft")
    sent = sent_by(page.press("_draft"))
    bob.post(page.address, sent | {"_draft": "1"})
    status.refresh_from_db()
    assert status.tone == "problem" and wording_of(status).title == "A"
    assert wording_of(status).draft["meaning"] == "A draft of it"
    assert wording_of(status, "fr").draft["title"] == "En douane"


def test_each_save_is_checked_for_conflicts_again(admin_client, bob, status):
    page = StatusPage(bob, status).write(title="What Bob typed")
    StatusPage(admin_client, status).write(title="A").press("_publish")
    sent = sent_by(page.press("_publish"))
    StatusPage(admin_client, status).write(title="B").press("_publish")
    again = bob.post(page.address, sent | {"_publish": "1"})
    assert SENTENCE in text_of(again)
    assert "<del>A</del><ins>B</ins>" in again.content.decode()
    assert wording_of(status).title == "B"


def test_an_import_of_words_is_a_conflict_too(bob, status):
    page = StatusPage(bob, status).write(title="What Bob typed")
    text = translation.SHEET.decode(translation.export_all()).replace(
        wording_of(status).title, "From the file"
    )
    translation.import_wording(text, shown=translation.plan_import(text).fingerprint)
    assert SENTENCE in text_of(page.press("_publish"))
    assert wording_of(status).title == "From the file"


def test_words_deleted_since_the_page_opened_can_be_saved(admin_client, bob, status):
    StatusPage(admin_client, status).write("en", "FR", title="For France").press("_draft")
    page = StatusPage(bob, status).write("en", "FR", title="What Bob typed")
    wording_of(status, destination="FR").discard_draft()
    refused = page.press("_draft")
    assert SENTENCE in text_of(refused) and "deleted" in text_of(refused)
    assert bob.post(page.address, sent_by(refused) | {"_draft": "1"}).status_code == 302
    assert wording_of(status, destination="FR").draft["title"] == "What Bob typed"


def test_words_deleted_since_the_page_opened_can_be_published(admin_client, bob, status):
    StatusPage(admin_client, status).write("en", "FR", title="For France").press("_publish")
    page = StatusPage(bob, status).write("en", "FR", title="What Bob typed")
    wording_of(status, destination="FR").delete()
    bob.post(page.address, sent_by(page.press("_publish")) | {"_publish": "1"})
    assert wording_of(status, destination="FR").title == "What Bob typed"


@pytest.mark.parametrize(
    ("model", "theirs", "mine"),
    [
        (Destination, ("operator", "Their post"), ("note", "My note")),
        (Notice, ("title", "Their title"), ("text", "My text")),
        (Shop, ("name", "Their shop"), ("contact_text", "My text")),
    ],
)
def test_every_form_of_words_detects_conflicts(admin_client, bob, model, theirs, mine):
    row = model.objects.first() or model.objects.create(title="A strike", starts_on=date(2026, 11, 1))
    page = RowPage(bob, row)
    assert RowPage(admin_client, row).save(**dict([theirs])).status_code == 302
    refused = page.save(**dict([mine]))
    assert SENTENCE in text_of(refused) and theirs[1] in text_of(refused)
    row.refresh_from_db()
    assert getattr(row, mine[0]) != mine[1]
    assert bob.post(page.address, sent_by(refused)).status_code == 302
    row.refresh_from_db()
    assert (getattr(row, theirs[0]), getattr(row, mine[0])) == (theirs[1], mine[1])


def test_the_form_of_a_phrase_detects_conflicts(admin_client, bob):
    phrase = Phrase.objects.exclude(status=None).first()
    page = RowPage(bob, phrase)
    phrase.status = Status.objects.exclude(pk=phrase.status_id).first()
    phrase.save()
    assert SENTENCE in text_of(page.save())


@pytest.mark.parametrize(
    "token", ["", "yesterday", "2026-13-45T00:00", "2026-11-25T10:00", "9" * 400, *OUTSIDE]
)
def test_a_page_without_a_valid_token_shows_all_changes(bob, status, token):
    page = StatusPage(bob, status).write(title="What Bob typed")
    page.data["version_token"] = token
    refused = page.press("_publish")
    assert SENTENCE in text_of(refused) and "by the installation" in text_of(refused)
    assert sent_by(refused)["wordings-0-title"] == "What Bob typed"
    assert wording_of(status).title != "What Bob typed"


@pytest.mark.parametrize("model", [Phrase, Status])
def test_a_change_of_the_future_hides_no_later_one(bob, model):
    """As after a clock that was ahead: its record is the newest by time for as long."""
    row = model.objects.first()
    with time_machine.travel(timezone.now() + timedelta(days=365), tick=False):
        row.save()
    page = RowPage(bob, row)
    row.save()
    assert SENTENCE in text_of(page.save())


def test_words_changed_after_a_status_of_the_future_conflict(bob, status):
    with time_machine.travel(timezone.now() + timedelta(days=365), tick=False):
        status.save()
    page = StatusPage(bob, status).write(title="What Bob typed")
    words = wording_of(status)
    words.title = "Your parcel is at customs"
    words.save()
    assert SENTENCE in text_of(page.press("_publish"))
    assert wording_of(status).title == "Your parcel is at customs"


def test_a_save_without_a_change_causes_no_conflict(admin_client, bob, status):
    page = StatusPage(bob, status).write(title="What Bob typed")
    StatusPage(admin_client, status).press("_publish")
    page.press("_publish")
    assert wording_of(status).title == "What Bob typed"


def test_hostile_words_are_escaped_in_the_difference(admin_client, bob, status):
    page = StatusPage(bob, status)
    StatusPage(admin_client, status).write(title="<script>alert(1)</script>").press("_publish")
    refused = page.press("_publish").content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in refused and "<script>alert" not in refused


def test_a_reader_gets_no_version_token(client, django_user_model, status):
    from django.contrib.auth.models import Permission

    reader = django_user_model.objects.create_user("reader", password="x", is_staff=True)
    reader.user_permissions.add(*Permission.objects.filter(codename__in=["view_status", "view_notice"]))
    client.force_login(reader)
    notice = Notice.objects.create(title="A strike", starts_on=date(2026, 11, 1))
    for row in (status, notice):
        page = client.get(reverse(f"admin:tracking_{row._meta.model_name}_change", args=[row.pk]))
        assert page.status_code == 200 and "Version token" not in text_of(page)


# Parcels and messages have no history: their token holds the value of each field that the page showed


@pytest.fixture
def parcel():
    return Shipment.objects.create(number=NUMBER, order_reference="A 7")


@pytest.fixture
def message():
    return Message.objects.create(
        email="ann@example.com", text="Where is it?", created_at=datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    )


def test_edits_of_different_fields_of_a_parcel_are_merged(admin_client, bob, parcel):
    page = RowPage(bob, parcel)
    assert RowPage(admin_client, parcel).save(note="The customer rang").status_code == 302
    assert page.save(destination="DE").status_code == 302
    parcel.refresh_from_db()
    assert (parcel.note, parcel.destination_id, parcel.order_reference) == ("The customer rang", "DE", "A 7")


def test_a_message_stays_answered_when_a_colleague_ticks_spam(admin_client, bob, message):
    page = RowPage(bob, message)
    admin_client.post(reverse("admin:tracking_message_answered", args=[message.pk]))
    assert page.save(suspected_spam="on").status_code == 302
    message.refresh_from_db()
    assert message.answered and message.suspected_spam


def test_a_tick_can_be_removed(admin_client, message):
    Message.objects.update(answered=True)
    page = RowPage(admin_client, message)
    del page.data["answered"]
    assert page.save().status_code == 302
    message.refresh_from_db()
    assert not message.answered


@pytest.mark.parametrize(
    ("field", "theirs", "now", "mine"),
    [
        ("note", "The customer rang", "became “The customer rang”", "Lost?"),
        ("destination", "FR", "became “France”", "DE"),
        ("order_reference", "", "was emptied", "B 8"),
    ],
)
def test_an_edit_of_the_same_field_is_refused_once(admin_client, bob, parcel, field, theirs, now, mine):
    page = RowPage(bob, parcel)
    assert RowPage(admin_client, parcel).save(**{field: theirs}).status_code == 302
    refused = page.save(**{field: mine})
    sentence = f"Nothing is saved yet: since you opened this page this {now}. What you typed is still here"
    assert text_of(refused).count(sentence) == 1
    parcel.refresh_from_db()
    assert (getattr(parcel, column_of(field)) or "") == theirs
    sent = sent_by(refused)
    assert sent[field] == mine
    assert bob.post(page.address, sent).status_code == 302  # after reading the change, Bob may save
    parcel.refresh_from_db()
    assert getattr(parcel, column_of(field)) == mine


def column_of(field):
    """The column of the table for a field of the form."""
    return "destination_id" if field == "destination" else field


def test_a_refused_page_shows_the_colleagues_other_fields(admin_client, bob, parcel):
    page = RowPage(bob, parcel)
    RowPage(admin_client, parcel).save(note="Theirs", order_reference="C 9", destination="FR")
    sent = sent_by(page.save(note="Mine"))
    assert (sent["note"], sent["order_reference"], sent["destination"]) == ("Mine", "C 9", "FR")


def test_two_equal_edits_cause_no_conflict(admin_client, bob, parcel):
    page = RowPage(bob, parcel)
    RowPage(admin_client, parcel).save(note="The customer rang")
    assert page.save(note="The customer rang").status_code == 302


@pytest.mark.parametrize("token", ["", "[]", "{", "[" * 100_000, '{"unknown": 7}', '{"destination": {}}'])
def test_a_parcels_form_without_a_valid_token_saves(admin_client, parcel, token):
    page = RowPage(admin_client, parcel)
    assert page.save(note="Typed", version_token=token).status_code == 302
    parcel.refresh_from_db()
    assert (parcel.note, parcel.order_reference) == ("Typed", "A 7")


def test_a_made_up_token_is_refused_once(admin_client, parcel):
    page = RowPage(admin_client, parcel)
    refused = page.save(note="Typed", version_token='{"note": [1]}')
    assert "Nothing is saved yet" in text_of(refused)
    assert admin_client.post(page.address, sent_by(refused)).status_code == 302


def test_the_token_of_a_parcel_is_what_its_page_shows(admin_client, parcel):
    assert RowPage(admin_client, parcel).data["version_token"] == (
        '{"destination": null, "order_reference": "A 7", "note": ""}'
    )


def test_hostile_words_are_escaped_in_the_refusal(admin_client, bob, parcel):
    page = RowPage(bob, parcel)
    RowPage(admin_client, parcel).save(note="<script>alert(1)</script>")
    refused = page.save(note="Mine").content.decode()
    assert "&lt;script&gt;alert(1)" in refused and "<script>alert(1)" not in refused


def test_a_change_after_the_row_was_loaded_is_merged():
    form_class = modelform_factory(Destination, ConflictAwareForm, fields=["operator", "note"])
    loaded = Destination.objects.get(code="US")
    data = form_class(instance=loaded).initial | {"note": "Mine"}
    theirs = Destination.objects.get(code="US")
    theirs.operator = "Theirs"
    theirs.save()
    form = form_class(data, instance=loaded)
    assert not form.is_valid()
    assert (form["operator"].value(), form["note"].value()) == ("Theirs", "Mine")
