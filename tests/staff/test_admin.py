"""The desk: every list and form opens, and the site shows what staff change."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.validators import MaxLengthValidator
from django.db.models import CharField, TextField
from django.urls import reverse

from tests.support.stories import ARRIVED, NUMBER, POSTED, story
from tracking import VERSION
from tracking.models import (
    Destination,
    Event,
    Fetch,
    Message,
    Notice,
    Phrase,
    Shipment,
    Shop,
    Status,
    Wording,
)

pytestmark = pytest.mark.django_db

OURS = [model for model in admin.site._registry if model._meta.app_label == "tracking"]


def test_the_desk_has_all_models_that_staff_use():
    assert set(OURS) >= {Destination, Fetch, Message, Notice, Phrase, Shipment, Shop, Status}


@pytest.fixture
def parcel(client, standin):
    """A stored parcel whose newest phrase has no meaning yet."""
    standin.set_item(NUMBER, story(POSTED, ARRIVED, "Sorted by a drone @ GERMANY"))
    client.get(f"/track/{NUMBER}/")
    return Shipment.objects.get()


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_each_list_and_each_form_opens(admin_client, parcel, model):
    name = f"admin:tracking_{model._meta.model_name}"
    assert admin_client.get(reverse(f"{name}_changelist"), {"q": "a"}).status_code in (200, 302)
    assert admin_client.get(reverse(f"{name}_changelist")).status_code == 200
    if row := model.objects.first():
        assert admin_client.get(reverse(f"{name}_change", args=[row.pk])).status_code == 200


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_each_text_that_staff_write_has_a_limit(model, rf):
    request = rf.get("/")
    request.user = User(is_active=True, is_staff=True, is_superuser=True)
    model_admin = admin.site.get_model_admin(model)
    forms = [model_admin.get_form(request)] if model_admin.has_change_permission(request) else []
    forms += [inline.get_formset(request).form for inline in model_admin.get_inline_instances(request)]
    for form in forms:
        for name in form.base_fields.keys() & {field.name for field in form._meta.model._meta.fields}:
            field = form._meta.model._meta.get_field(name)
            if isinstance(field, CharField | TextField) and not field.choices:
                limits = [one for one in field.validators if isinstance(one, MaxLengthValidator)]
                assert limits, f"{model.__name__}.{name}"


@pytest.mark.parametrize("page", ["index", "tracking_status_changelist", "tracking_status_add"])
def test_the_footer_of_the_desk_shows_the_version(admin_client, client, page):
    foot = f'<p class="version">emsguide {VERSION}</p>'
    assert foot in admin_client.get(reverse(f"admin:{page}")).content.decode()
    assert "emsguide " not in client.get(reverse(f"admin:{page}"), follow=True).content.decode()


def test_a_phrase_gets_its_meaning_and_the_parcel_shows_it(admin_client, parcel):
    inbox = admin_client.get(reverse("admin:tracking_phrase_changelist"), {"meaning": "missing"})
    assert "Sorted by a drone" in inbox.content.decode()
    phrase = Phrase.objects.unmapped().get()
    status = Status.objects.get(slug="en-route")
    address = reverse("admin:tracking_phrase_change", args=[phrase.pk])
    seen = admin_client.get(address).context["adminform"].form["version_token"].value()
    assert admin_client.post(address, {"status": status.pk, "version_token": seen}).status_code == 302
    assert admin_client.get(f"/track/{NUMBER}.json").json()["status"] == "en-route"


def test_the_stored_story_cannot_be_edited_or_lost(admin_client, parcel):
    events = list(Event.objects.values())
    address = reverse("admin:tracking_shipment_change", args=[parcel.pk])
    page = admin_client.get(address).content.decode()
    assert "Sorted by a drone" in page
    data = {
        "destination": "CA",
        "events-TOTAL_FORMS": 0,
        "events-INITIAL_FORMS": 0,
        "fetches-TOTAL_FORMS": 0,
        "fetches-INITIAL_FORMS": 0,
    }
    assert admin_client.post(address, data).status_code == 302
    parcel.refresh_from_db()
    assert parcel.destination_id == "CA"
    assert list(Event.objects.values()) == events


@pytest.mark.parametrize("model", [Phrase, Destination, Shop])
def test_seeded_rows_cannot_be_deleted(admin_client, model):
    row = model.objects.first()
    address = reverse(f"admin:tracking_{model._meta.model_name}_delete", args=[row.pk])
    assert admin_client.post(address, {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


def test_a_second_wording_for_the_same_place_is_refused():
    first = Wording.objects.filter(destination=None).first()
    with pytest.raises(Exception, match="edit those"):
        Wording(status=first.status, language="en", title="x", meaning="x").full_clean()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("tracking_url", "http://post.example/{number}", "must begin with https"),
        ("tracking_url", "https://post.example/", "has {number} in it"),
    ],
)
def test_a_wrong_link_is_refused(field, value, words):
    germany = Destination.objects.get(code="DE")
    setattr(germany, field, value)
    with pytest.raises(Exception, match=words):
        germany.full_clean()


def test_a_new_site_has_no_account(client, django_user_model):
    assert not django_user_model.objects.exists()
    assert client.get("/admin/").status_code == 302
