"""Texts from before their limit: staff can edit the rest of the row, and go back to the text."""

from datetime import date

import pytest
from django.apps import apps
from django.db.models import Model
from django.urls import reverse
from lxml import html

from tracking.models import Destination, Notice, Shop, Status, Wording
from tracking.models.history import KeepsStoredTexts
from tracking.staff.words.history import changes_of, go_back

pytestmark = pytest.mark.django_db

LONG = "\n".join(f"LINE {number}" for number in range(400))
TEXTS = [
    (Destination, "note", "operator"),
    (Destination, "printed_names", "operator"),
    (Notice, "text", "title"),
    (Shop, "contact_text", "phone"),
    (Shop, "guide_introduction", "phone"),
    (Shop, "guide_note", "phone"),
]


def test_each_model_with_a_history_keeps_stored_texts():
    models = [model for model in apps.get_app_config("tracking").get_models() if hasattr(model, "history")]
    assert len(models) >= 6
    assert all(issubclass(model, KeepsStoredTexts) for model in models)


def row_with(model: type[Model], name: str) -> Model:
    """A row of this model with a long text."""
    if model is Notice:
        Notice.objects.create(title="Strike", starts_on=date(2026, 11, 1))
    row = model.objects.first()
    setattr(row, name, LONG)
    row.save()
    return row


def save(client, row: Model, **typed: str) -> str:
    """Send the form of the row with these changes, line ends as browsers send them. Returns the page that follows."""
    address = reverse(f"admin:tracking_{row._meta.model_name}_change", args=[row.pk])
    page = html.fromstring(client.get(address).content.decode())
    form = page.get_element_by_id(f"{row._meta.model_name}_form")
    fields = {name: value for name, value in form.form_values() if not name.startswith("_")} | typed
    sent = {name: value.replace("\r\n", "\n").replace("\n", "\r\n") for name, value in fields.items()}
    return client.post(address, sent | {"_continue": "1"}, follow=True).content.decode()


@pytest.mark.parametrize(("model", "name", "other"), TEXTS)
def test_the_other_fields_can_be_edited(admin_client, model, name, other):
    row = row_with(model, name)
    save(admin_client, row, **{other: "Something else"})
    row.refresh_from_db()
    assert getattr(row, other) == "Something else"
    assert getattr(row, name).splitlines() == LONG.splitlines()
    assert "characters (it has" in save(admin_client, row, **{name: LONG + "\nLINE"})
    row.refresh_from_db()
    assert getattr(row, name).splitlines() == LONG.splitlines()


def test_words_of_a_status_can_be_edited(admin_client):
    status = Status.objects.get(slug="customs-clearance")
    wording = Wording.objects.create(status=status, language="fr", title="Titre", meaning="mot " * 300)
    index = list(status.wordings.in_order()).index(wording)
    address = reverse("admin:tracking_status_change", args=[status.pk])
    form = html.fromstring(admin_client.get(address).content.decode()).get_element_by_id("status_form")
    fields = {name: value for name, value in form.form_values() if not name.startswith("_")}
    admin_client.post(address, fields | {f"wordings-{index}-title": "Autre titre", "_publish": "1"})
    wording.refresh_from_db()
    assert (wording.title, wording.meaning.strip()) == ("Autre titre", ("mot " * 300).strip())


@pytest.mark.parametrize(("model", "name", "other"), TEXTS)
def test_going_back_restores_it(admin_client, model, name, other):
    row = row_with(model, name)
    longer = row.history.first()
    setattr(row, name, "short")
    row.save()
    address = reverse(f"admin:tracking_{model._meta.model_name}_history", args=[row.pk])
    to = f"{model._meta.model_name}:{longer.history_id}"
    assert "back to how it was" in admin_client.post(address, {"to": to}, follow=True).content.decode()
    row.refresh_from_db()
    assert getattr(row, name) == LONG


def test_deleted_words_come_back():
    status = Status.objects.get(slug="customs-clearance")
    wording = Wording.objects.create(status=status, language="fr", title="Titre", meaning="mot " * 300)
    wording.delete()
    go_back(changes_of(Wording.history.filter(language="fr", status_id=status.pk))[-1].record)
    assert status.wordings.get(language="fr").meaning == "mot " * 300


def test_going_back_excuses_the_length_alone(admin_client):
    shop = row_with(Shop, "contact_text")
    longer = shop.history.first()
    Shop.history.filter(pk=longer.pk).update(contact_text=f"\u202e{LONG}")
    shop.contact_text = "short"
    shop.save()
    address = reverse("admin:tracking_shop_history", args=[shop.pk])
    page = admin_client.post(address, {"to": f"shop:{longer.history_id}"}, follow=True).content.decode()
    assert "Nothing was changed" in page and "direction of the text" in page and "at most" not in page
    shop.refresh_from_db()
    assert shop.contact_text == "short"
