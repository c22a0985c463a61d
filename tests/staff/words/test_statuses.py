"""The form of a status: drafts, publishing, which words customers get, counts of parcels, and deletion."""

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from tests.support.desk import StatusPage
from tests.support.stories import ARRIVED, IN_CUSTOMS, POSTED, some_numbers, story
from tracking.models import Event, Phrase, Shipment, Shop, Status, Wording
from tracking.staff.access.groups import SUPPORT
from tracking.staff.words.fallbacks import fallbacks, parcels_by_status
from tracking.values.validators import PLACEHOLDERS
from tracking.words.glossary import Glossary

pytestmark = pytest.mark.django_db

PAGE = "/examples/in-customs/"


@pytest.fixture
def status():
    return Status.objects.get(slug="customs-clearance")


@pytest.fixture
def parcels(client, standin):
    """Three stored parcels in customs, one of them with another spelling of the phrase, and one that is only posted."""
    *customs, posted = some_numbers(4)
    for number in customs:
        standin.set_item(number, story(POSTED, ARRIVED, IN_CUSTOMS, number=number))
    standin.set_item(customs[0], story(POSTED, "HELD BY IMPORT CUSTOMS @ FRANCE", number=customs[0]))
    standin.set_item(posted, story(POSTED, number=posted))
    for number in (*customs, posted):
        client.get(f"/track/{number}/")


def page_of(client, path=PAGE):
    """The source of a page. A test that compares two pages of an example stops the clock, as their times follow it."""
    return client.get(path).content.decode()


def wording_of(status, language="en", destination=None):
    return Wording.objects.get(status=status, language=language, destination=destination)


def test_a_draft_changes_nothing_for_customers(noon, admin_client, status):
    before, old = page_of(admin_client), wording_of(status).texts
    saved = StatusPage(admin_client, status).write(title="Not yet").press("_draft")
    assert "Customers do not see it yet" in saved.content.decode()
    assert wording_of(status).texts == old
    assert wording_of(status).draft == old | {"title": "Not yet"}
    assert page_of(admin_client) == before


@pytest.mark.parametrize("button", ["_draft", "_publish"])
def test_an_added_block_left_empty_is_no_error(admin_client, status, button):
    before = Wording.objects.count()
    empty = dict.fromkeys(("title", "meaning", "what_to_do", "who_has_it"), "")
    saved = StatusPage(admin_client, status).add("en", **empty).press(button)
    assert "Please correct" not in saved.content.decode()
    assert Wording.objects.count() == before


def test_new_words_are_published_hidden_only_when_ticked(admin_client, status):
    StatusPage(admin_client, status).write("en", "FR").press("_draft")
    page = StatusPage(admin_client, status)
    assert [form["hidden"].value() for form in page.formset.initial_forms if form.instance.draft] == [False]
    page.write("en", "FR", hidden="on").press("_publish")
    assert wording_of(status, destination="FR").was_published
    assert wording_of(status, destination="FR").hidden
    StatusPage(admin_client, status).write("en", "US").press("_draft")
    StatusPage(admin_client, status).press("_publish")
    assert not wording_of(status, destination="US").hidden
    assert wording_of(status, destination="FR").hidden


def test_the_form_shows_the_draft_and_marks_it(admin_client, status):
    StatusPage(admin_client, status).write(title="Not yet").press("_draft")
    html = StatusPage(admin_client, status).page.content.decode()
    assert 'value="Not yet"' in html
    assert "Draft, customers do not see it yet." in html


def test_publishing_includes_drafts_saved_before(admin_client, status):
    StatusPage(admin_client, status).write(title="Now").press("_draft")
    StatusPage(admin_client, status).press("_publish")
    wording = wording_of(status)
    assert wording.title == "Now" and wording.draft is None
    assert "Now" in page_of(admin_client)


def test_a_draft_equal_to_the_published_words_is_not_kept(admin_client, status):
    old = wording_of(status).title
    StatusPage(admin_client, status).write(title="Not yet").press("_draft")
    answered = StatusPage(admin_client, status).write(title=old).press("_draft")
    assert wording_of(status).draft is None
    assert "There is no draft" in answered.content.decode()


def test_new_words_are_hidden_until_they_are_published(admin_client, status):
    StatusPage(admin_client, status).write("en", "US", title="For the USA").press("_draft")
    wording = wording_of(status, destination="US")
    assert wording.hidden and not wording.was_published
    assert "For the USA" not in page_of(admin_client)
    StatusPage(admin_client, status).press("_publish")
    assert not wording_of(status, destination="US").hidden
    assert "For the USA" in page_of(admin_client)


def test_a_new_status_can_be_a_draft(admin_client):
    page = StatusPage(admin_client, None)
    page.data |= {"name": "On strike", "slug": "on-strike", "tone": "wait", "usual_days": 3, "worry_days": 9}
    page.write(title="They are on strike").press("_draft")
    status = Status.objects.get(slug="on-strike")
    assert wording_of(status).drafted_texts["title"] == "They are on strike"
    assert "strike" not in page_of(admin_client, "/")
    assert status in Status.objects.without_words()
    StatusPage(admin_client, status).press("_publish")
    assert "They are on strike" in page_of(admin_client, "/")


def test_a_draft_refuses_other_changes_and_keeps_typed_words(admin_client, status):
    page = StatusPage(admin_client, status).write(title="Typed with care")
    page.data["tone"] = "problem"
    refused = page.press("_draft").content.decode()
    assert "A draft holds words only. You have also changed: tone." in refused
    assert 'value="Typed with care"' in refused
    status.refresh_from_db()
    assert status.tone == "wait" and wording_of(status).draft is None


@pytest.mark.parametrize("field", ["hidden", "DELETE"])
def test_a_draft_neither_hides_nor_deletes_words(admin_client, status, field):
    refused = StatusPage(admin_client, status).write(**{field: "on"}).press("_draft").content.decode()
    assert "You have also hidden or deleted some" in refused
    assert not wording_of(status).hidden


@pytest.mark.parametrize("field", ["hidden", "DELETE"])
def test_publishing_hides_or_deletes_words(admin_client, status, field):
    StatusPage(admin_client, status).write(**{field: "on"}).press("_publish")
    assert not Wording.objects.filter(status=status, destination=None, hidden=False).exists()


def test_words_stay_in_their_language_and_country(admin_client, status):
    page = StatusPage(admin_client, status).write(title="Same")
    page.data |= {"wordings-0-language": "fr", "wordings-0-destination": "FR"}
    page.press("_publish")
    assert wording_of(status).title == "Same"


@pytest.mark.parametrize("button", ["_draft", "_publish"])
@pytest.mark.parametrize("place", ["FR", ""])
def test_two_wordings_for_the_same_place_are_refused(admin_client, status, button, place):
    page = StatusPage(admin_client, status).add("fr", place).add("fr", place, title="Again")
    assert "already: edit those" in page.press(button).content.decode()
    assert not Wording.objects.filter(language="fr").exists()
    StatusPage(admin_client, status).add("fr", place).press("_draft")
    page = StatusPage(admin_client, status).add("fr", place, title="Again")
    assert "already: edit those" in page.press(button).content.decode()


def discard_address(wording):
    """The page that discards the draft of these words."""
    return reverse("admin:tracking_status_discard", args=[wording.status_id, wording.pk])


def test_discarding_shows_the_difference_first(admin_client, status):
    StatusPage(admin_client, status).write(title="Your parcel is <b>at</b> customs").press("_draft")
    wording = wording_of(status)
    page = admin_client.get(discard_address(wording))
    assert "<del>with </del><ins>&lt;b&gt;at&lt;/b&gt; </ins>customs" in page.content.decode()
    assert wording_of(status).draft is not None
    admin_client.post(discard_address(wording), {"version_token": page.context["version_token"]})
    assert wording_of(status).draft is None and wording_of(status).title == wording.title


def test_discarding_unpublished_words_deletes_them(admin_client, status):
    StatusPage(admin_client, status).write("en", "FR").press("_draft")
    wording = wording_of(status, destination="FR")
    seen = admin_client.get(discard_address(wording)).context["version_token"]
    admin_client.post(discard_address(wording), {"version_token": seen})
    assert not Wording.objects.filter(pk=wording.pk).exists()
    assert Wording.history.filter(id=wording.pk).exists()


def test_a_draft_that_the_page_did_not_show_is_not_discarded(admin_client, status):
    StatusPage(admin_client, status).write(title="Seen by Ann").press("_draft")
    wording = wording_of(status)
    seen = admin_client.get(discard_address(wording)).context["version_token"]
    StatusPage(admin_client, status).write(title="Newer").press("_draft")
    for token in (
        {"version_token": seen},
        {"version_token": "2999-01-01T00:00:00Z"},
        {"version_token": "no mark"},
        {"version_token": "0001-01-01T00:00:00+23:59 5"},
        {"version_token": "9999-12-31T23:59:59-23:59 5"},
        {},
    ):
        refused = admin_client.post(discard_address(wording), token, follow=True)
        shown = refused.content.decode()
        assert "Nothing is discarded: admin changed these words after you opened this page" in shown
        assert "<ins>Newer</ins>" in shown
        assert wording_of(status).drafted_texts["title"] == "Newer"
    admin_client.post(discard_address(wording), {"version_token": refused.context["version_token"]})
    assert wording_of(status).draft is None


@pytest.mark.parametrize("destination", [None, "FR"])
def test_a_discarded_draft_is_not_discarded_again(admin_client, status, destination):
    StatusPage(admin_client, status).write("en", destination or "", title="A draft").press("_draft")
    wording = wording_of(status, destination=destination)
    address, before = discard_address(wording), Wording.history.count()
    wording.discard_draft()
    for answered in (admin_client.get(address, follow=True), admin_client.post(address, follow=True)):
        assert "These words have no draft any more." in answered.content.decode()
    assert Wording.history.count() == before + 1


def test_english_words_and_any_destination_come_first(admin_client, status):
    for language, code in [("ja", None), ("de", None), ("en", "FR"), ("en", "DE"), ("de", "DE")]:
        Wording.objects.create(status=status, language=language, destination_id=code, title="x", meaning="x")
    forms = StatusPage(admin_client, status).formset.initial_forms
    own = [(form.instance.language, form.instance.destination_id) for form in forms]
    kept = [one for one in own if one[1] in (None, "FR", "DE")]
    assert kept == [("en", None), ("en", "FR"), ("en", "DE"), ("de", None), ("de", "DE"), ("ja", None)]


def test_each_field_shows_its_length(admin_client, status):
    StatusPage(admin_client, status).write(title="Twelve signs", meaning="one\r\ntwo").press("_draft")
    html = StatusPage(admin_client, status).page.content.decode()
    count = '<output class="count" data-fits="60">12</output>'
    assert f"About 60 characters fit on a phone's first screen; now {count}." in html
    assert 'data-fits="240">7<' in html


def test_the_table_shows_which_words_each_customer_gets(status, parcels):
    for language, code in [("en", "DE"), ("ja", None), ("ja", "CN"), ("fr", None)]:
        Wording.objects.create(status=status, language=language, destination_id=code, title="x", meaning="x")
    Wording.objects.filter(status=status, language="ja").exclude(destination="CN").update(hidden=True)
    Wording.objects.create(
        status=Status.objects.get(slug="retention"), language="de", destination=None, title="x", meaning="x"
    )
    Shop.objects.get().save()
    table = fallbacks(status, Glossary.current())
    assert table.languages == ("English", "French", "German", "Japanese")
    rows = {row.destination: row.sources for row in table.rows}
    assert next(iter(rows)) == "Any destination"
    assert rows["Germany"] == (
        "its own words",
        "inherits from any destination in French",
        "nothing written; customers get English for Germany",
        "nothing written; customers get English for Germany",
    )
    # One of the stored parcels is in France.
    assert rows["France"][0] == "inherits from any destination in English"
    assert rows["France"][3] == "nothing written; customers get English"
    assert rows["China"][3] == "its own words"
    assert "Japan" not in rows


def test_the_table_is_on_the_page(admin_client, status, parcels):
    html = StatusPage(admin_client, status).page.content.decode()
    assert '<th scope="row">France</th><td>inherits from any destination in English</td>' in html


def test_without_any_words_customers_get_japan_posts_own(status):
    status.wordings.all().delete()
    table = fallbacks(status, Glossary.current())
    assert table.rows[0].sources == ("nothing written; customers get Japan Post's own words",)


def test_parcels_are_counted_by_their_newest_scan(admin_client, status, parcels):
    counts = parcels_by_status(Glossary.current())
    by_slug = {Status.objects.get(pk=pk).slug: count for pk, count in counts.items()}
    assert by_slug == {"customs-clearance": 3, "posting-collection": 1}
    assert "Shown on 3 parcels now" in StatusPage(admin_client, status).page.content.decode()
    Event.objects.filter(phrase="HELD BY IMPORT CUSTOMS").update(superseded_at="2026-11-20T00:00Z")
    assert parcels_by_status(Glossary.current())[status.pk] == 2


def test_the_queries_of_the_list_do_not_grow_with_parcels(
    admin_client, status, parcels, django_assert_num_queries
):
    address = reverse("admin:tracking_status_changelist")
    listed = admin_client.get(address)
    shown = {one.slug: one.row_context for one in listed.context["cl"].result_list}
    assert shown["customs-clearance"] == 3 and shown["retention"] == 0
    with django_assert_num_queries(8):
        admin_client.get(address)
    for number in some_numbers(5, start=60_000_000):
        shipment = Shipment.objects.create(number=number)
        Event.objects.create(
            shipment=shipment,
            position=0,
            local_date="2026-11-01",
            phrase="Retention",
            first_seen_at="2026-11-01T00:00Z",
        )
    Status.objects.create(name="Another", slug="another")
    admin_client.get(address)
    with django_assert_num_queries(8):
        admin_client.get(address)


def test_the_list_edits_the_guides_order_and_allows_equal_places(admin_client):
    address = reverse("admin:tracking_status_changelist")
    formset = admin_client.get(address).context["cl"].formset
    data = {field.html_name: field.value() for field in formset.management_form}
    for form in formset.forms:
        data |= {field.html_name: "" if field.value() is None else field.value() for field in form}
        if form.instance.slug in ("retention", "collection"):
            data[f"{form.prefix}-guide_order"] = 1
    assert admin_client.post(address, data | {"_save": "Save"}).status_code == 302
    first = list(Status.objects.values_list("slug", flat=True)[:3])
    assert first == ["collection", "posting-collection", "retention"]
    guide = page_of(admin_client, "/")
    places = [guide.index(f'id="{slug}"') for slug in first]
    assert places == sorted(places)
    assert Status.objects.get(slug="retention").history.first().author == "admin"


def test_a_status_in_use_is_not_deleted_and_its_uses_are_named(admin_client, status, parcels):
    address = reverse("admin:tracking_status_delete", args=[status.pk])
    page = admin_client.post(address, {"post": "yes"}, follow=True).content.decode()
    phrases, wordings = status.phrases.count(), status.wordings.count()
    assert f"is in use and was not deleted: {phrases} phrases of Japan Post&#x27;s" in page
    assert f"{wordings} wording" in page and "3 parcels that show it now" in page
    assert "Tick “hidden” instead" in page
    assert Status.objects.filter(pk=status.pk).exists()
    assert admin_client.get(address).status_code == 302


def test_an_unused_seeded_status_cannot_be_deleted(admin_client):
    status = Status.objects.get(slug="returned")
    status.phrases.update(status=None)
    status.wordings.all().delete()
    address = reverse("admin:tracking_status_delete", args=[status.pk])
    page = admin_client.post(address, {"post": "yes"}, follow=True).content.decode()
    assert "would bring it back at its next update" in page
    assert Status.objects.filter(slug="returned").exists()


def test_an_unused_status_of_staff_can_be_deleted(admin_client):
    status = Status.objects.create(name="Mistake", slug="mistake")
    address = reverse("admin:tracking_status_delete", args=[status.pk])
    assert admin_client.post(address, {"post": "yes"}).status_code == 302
    assert not Status.objects.filter(slug="mistake").exists()
    assert "delete_selected" not in page_of(admin_client, reverse("admin:tracking_status_changelist"))


def test_code_cannot_delete_words_with_their_status(status):
    Phrase.objects.filter(status=status).update(status=None)
    with pytest.raises(Exception, match="protected"):
        status.delete()


def test_a_reader_has_no_buttons_and_cannot_post(client, django_user_model, status):
    from django.contrib.auth.models import Permission

    reader = django_user_model.objects.create_user("reader", password="x", is_staff=True)
    reader.user_permissions.add(*Permission.objects.filter(codename__in=["view_status", "view_wording"]))
    client.force_login(reader)
    address = reverse("admin:tracking_status_change", args=[status.pk])
    html = client.get(address).content.decode()
    assert ("Save and publish" not in html and "inherits" in html) or "its own words" in html
    assert client.post(address, {"_publish": "1"}).status_code == 403
    assert client.post(discard_address(wording_of(status))).status_code == 403


def test_a_reader_sees_a_draft_but_cannot_discard_it(admin_client, client, django_user_model, status):
    StatusPage(admin_client, status).write(title="A try").press("_draft")
    reader = django_user_model.objects.create_user("reader", is_staff=True)
    reader.groups.add(Group.objects.get(name=SUPPORT))
    client.force_login(reader)
    page = client.get(discard_address(wording_of(status)))
    assert page.status_code == 200 and "A try" in page.content.decode()
    assert "Discard the draft" not in page.content.decode()
    assert (
        client.post(
            discard_address(wording_of(status)), {"version_token": page.context["version_token"]}
        ).status_code
        == 403
    )
    assert wording_of(status).draft is not None


def test_each_text_names_its_placeholders(admin_client, status):
    (form, *_) = StatusPage(admin_client, status).formset.initial_forms
    for name in ("title", "meaning", "what_to_do", "who_has_it"):
        for placeholder in PLACEHOLDERS:
            assert placeholder in form.fields[name].help_text


def test_the_slug_of_a_stored_status_cannot_be_changed(admin_client):
    inside = Status.objects.get(slug="inside-origin")
    page = StatusPage(admin_client, inside)
    assert "It cannot be changed once it is saved" in page.page.content.decode()
    page.data |= {"slug": "renamed", "worry_days": 44}
    page.press("_publish")
    inside.refresh_from_db()
    assert (inside.slug, inside.worry_days) == ("inside-origin", 44)


def test_the_example_must_be_an_existing_one(admin_client, status):
    page = StatusPage(admin_client, status)
    page.data["example"] = "no-such-parcel"
    assert "no-such-parcel is not one of the available choices" in page.press("_publish").content.decode()
    page.data["example"] = "retention"
    page.press("_publish")
    status.refresh_from_db()
    assert status.example == "retention"


def test_a_removed_example_is_not_linked_and_blocks_no_save(admin_client, status):
    Status.objects.filter(pk=status.pk).update(example="gone")
    assert "/examples/gone/" not in page_of(admin_client, reverse("admin:tracking_status_changelist"))
    saved = StatusPage(admin_client, status).write(title="A draft all the same").press("_draft")
    assert "Customers do not see it yet" in saved.content.decode()


def test_the_page_of_a_status_has_no_programmers_words(admin_client, status):
    page = StatusPage(admin_client, status).page.content.decode()
    assert "Customs clearance (any destination in English)" in page
    assert "Name in links:" in page and "Slug" not in page and "seed" not in page
