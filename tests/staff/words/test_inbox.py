"""The inbox: staff give a new phrase of Japan Post its meaning with one click, and customers see it at once."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.urls import reverse
from lxml import html

from tests.support.stories import ARRIVED, NUMBER, POSTED, some_numbers, story
from tracking.models import Event, Phrase, Shipment, Status
from tracking.staff.access import groups
from tracking.staff.words.inbox import MeaningChangedError, give_meaning, take_back
from tracking.words.glossary import Glossary

NOW = datetime(2026, 11, 20, tzinfo=UTC)
LIST = "/admin/tracking/phrase/"
NEW = "Arrived at inward office of exchange"
HOSTILE = "<script>alert(1)</script>\u202e & “x”"

pytestmark = pytest.mark.django_db


@pytest.fixture
def new_phrase(client, standin):
    """A phrase without a meaning, which is the newest row of one stored parcel."""
    standin.set_item(NUMBER, story(POSTED, f"{NEW} @ GERMANY"))
    client.get(f"/track/{NUMBER}/")
    return Phrase.objects.unmapped().get()


@pytest.fixture
def inward():
    return Status.objects.get(slug="arrival-at-inward-office")


def act(client, phrase, what="meaning", **data):
    """Press a button of the phrase; returns the page that follows."""
    return client.post(reverse(f"admin:tracking_phrase_{what}", args=[phrase.pk]), data, follow=True)


def messages_of(response):
    """The messages at the top of the page."""
    found = html.fromstring(response.content.decode()).xpath("//ul[@class='messagelist']/li")
    return [" ".join(one.text_content().split()) for one in found]


def staff(django_user_model, client, *rights):
    """Log in a member of staff with these rights; returns the client."""
    user = django_user_model.objects.create_user("bob", password="bob", is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=rights))
    client.force_login(user)
    return client


def texts(client, query=""):
    """The phrases in the list, in its order."""
    page = html.fromstring(client.get(f"{LIST}{query}").content.decode())
    return [one.text_content() for one in page.xpath("//bdi[@class='phrase']")]


def test_the_list_opens_on_waiting_phrases_newest_first(admin_client):
    for text, seen in (
        ("B", NOW),
        ("A", NOW - timedelta(days=1)),
        ("C", NOW + timedelta(days=1)),
        ("0", None),
    ):
        Phrase.objects.create(text=text, last_seen_at=seen)
    assert texts(admin_client) == ["C", "B", "A", "0"]
    assert "Out for delivery" in texts(admin_client, "?meaning=given&p=2") + texts(
        admin_client, "?meaning=given&p=3"
    )
    assert "C" not in texts(admin_client, "?meaning=given")
    assert texts(admin_client, "?meaning=two") == ["国際交換局から発送", "国際交換局に到着"]


def test_a_search_finds_phrases_with_a_meaning_too(admin_client):
    assert "Out for delivery" in texts(admin_client, "?q=out+for")


def test_an_empty_inbox_says_so(admin_client):
    page = admin_client.get(LIST).content.decode()
    assert "Nothing waits for a meaning" in page
    assert "Nothing waits for a meaning" not in admin_client.get(f"{LIST}?meaning=given").content.decode()


def test_a_row_shows_usage_and_suggestions_of_the_phrase(admin_client, new_phrase, inward):
    for address in (LIST, reverse("admin:tracking_phrase_change", args=[new_phrase.pk])):
        page = html.fromstring(admin_client.get(address).content.decode())
        facts = " ".join(page.xpath("//dl[@class='facts']")[0].text_content().split())
        assert "Parcels 1, shown to customers now on 1 · see one Countries Germany (1)" in facts
        button = page.xpath("//button[@name='means']")[0]
        assert button.text_content() == f"Means: {inward}" and button.get("value") == str(inward.pk)
        assert "very similar to “Arrival at inward office of exchange”" in page.text_content()


def test_the_words_of_japan_post_are_escaped(admin_client):
    phrase = Phrase.objects.create(text=HOSTILE)
    row = {"phrase": HOSTILE, "region": "<b>ATLANTIS", "office": "<b>", "local_date": "2026-11-20"}
    shipment = Shipment.objects.create(number=NUMBER)
    Event.objects.create(shipment=shipment, position=0, first_seen_at=NOW, **row)
    change = admin_client.get(reverse("admin:tracking_phrase_change", args=[phrase.pk]))
    given = act(admin_client, phrase, means="two")
    undone = act(admin_client, phrase, "undo", was="two")
    for response in (admin_client.get(LIST), change, given, undone):
        page = response.content.decode()
        assert "<script>alert" not in page and "<b>" not in page
        assert "&lt;script&gt;alert(1)" in page
    assert "ATLANTIS" in admin_client.get(LIST).content.decode()


def test_more_phrases_cost_no_more_queries(admin_client, django_assert_num_queries):
    Phrase.objects.create(text="New 0")
    admin_client.get(LIST)
    with django_assert_num_queries(11):
        admin_client.get(LIST)
    for count in range(1, 25):
        Phrase.objects.create(text=f"New {count}")
    admin_client.get(LIST)
    with django_assert_num_queries(11):
        assert len(texts(admin_client)) == 25


def test_one_click_changes_the_customers_page_at_once(admin_client, client, new_phrase, inward):
    address = f"/track/{NUMBER}/"
    for _ in range(2):  # the second comes from the cache
        assert f"Japan Post says: “{NEW}”" in client.get(address).content.decode()
    response = act(admin_client, new_phrase, means=inward.pk)
    (message,) = messages_of(response)
    assert message.startswith(f"“{NEW}” now means “{inward}”. 1 parcel shows it at once")
    assert f'href="{address}"' in response.content.decode()
    assert client.get(f"/track/{NUMBER}.json").json()["status"] == inward.slug
    assert "Japan Post says:" not in client.get(address).content.decode()

    undone = act(admin_client, new_phrase, "undo", was=inward.pk)
    assert messages_of(undone) == [f"“{NEW}” waits for a meaning again."]
    assert f"Japan Post says: “{NEW}”" in client.get(address).content.decode()
    assert texts(admin_client) == [NEW]
    log = LogEntry.objects.filter(object_id=new_phrase.pk).order_by("pk")
    assert [entry.change_message for entry in log] == [
        f"It means “{inward}”.",
        "Undone: it waits for a meaning again.",
    ]


def test_the_message_counts_parcels_with_the_phrase_in_the_history(admin_client, client, standin, inward):
    standin.set_item(NUMBER, story(POSTED, NEW, ARRIVED))
    client.get(f"/track/{NUMBER}/")
    (message,) = messages_of(act(admin_client, Phrase.objects.unmapped().get(), means=inward.pk))
    assert "1 parcel has it in the history" in message


def test_any_status_can_be_chosen_and_choosing_none_changes_nothing(admin_client, new_phrase):
    other = Status.objects.get(slug="investigation")
    response = act(admin_client, new_phrase, **{f"status-{new_phrase.pk}": ""})
    assert messages_of(response) == ["Nothing was changed: choose a meaning from the list first."]
    act(admin_client, new_phrase, **{f"status-{new_phrase.pk}": other.pk})
    new_phrase.refresh_from_db()
    assert new_phrase.status == other


def test_a_phrase_with_two_meanings_leaves_the_inbox_until_undone(admin_client, client, new_phrase):
    act(admin_client, new_phrase, means="two")
    assert texts(admin_client) == []
    assert "both for leaving a country" in client.get(f"/track/{NUMBER}/").content.decode()
    act(admin_client, new_phrase, "undo", was="two")
    assert texts(admin_client) == [NEW]


def test_the_second_of_two_colleagues_changes_nothing(admin_client, new_phrase, inward):
    other = Status.objects.get(slug="investigation")
    give_meaning(new_phrase.pk, other)
    late = act(admin_client, new_phrase, means=inward.pk)
    assert messages_of(late) == [
        f"Nothing was changed. A colleague was quicker: “{NEW}” means “{other}” now."
    ]
    assert len(messages_of(act(admin_client, new_phrase, "undo", was=inward.pk))) == 1
    new_phrase.refresh_from_db()
    assert new_phrase.status == other
    with pytest.raises(MeaningChangedError):
        take_back(new_phrase.pk, None)


@pytest.mark.parametrize("sent", ["0", "999999", "9" * 5000, "x", "²"])
def test_a_missing_status_is_a_404(admin_client, new_phrase, sent):
    assert act(admin_client, new_phrase, means=sent).status_code == 404
    assert act(admin_client, new_phrase, "undo", was=sent).status_code == 404


def test_a_reader_gets_no_buttons_and_403(django_user_model, client, new_phrase, inward):
    reader = staff(django_user_model, client, "view_phrase", "add_status")
    page = client.get(LIST).content.decode()
    assert NEW in page and "formaction" not in page and "Write a new status" not in page
    for what in ("meaning", "undo"):
        assert act(reader, new_phrase, what, means=inward.pk, was=inward.pk).status_code == 403
    assert reader.get(f"/admin/tracking/status/add/?phrase={new_phrase.pk}").status_code == 403
    new_phrase.refresh_from_db()
    assert new_phrase.waits


def test_a_meaning_needs_a_post_with_a_csrf_token(admin_client, admin_user, new_phrase, inward, client):
    address = reverse("admin:tracking_phrase_meaning", args=[new_phrase.pk])
    assert admin_client.get(address, {"means": inward.pk}).status_code == 405
    strict = type(client)(enforce_csrf_checks=True)
    strict.force_login(admin_user)
    assert strict.post(address, {"means": inward.pk}).status_code == 403
    new_phrase.refresh_from_db()
    assert new_phrase.waits


def form_of(client, address):
    """What a browser would send of the unchanged form."""
    form = html.fromstring(client.get(address).content.decode()).get_element_by_id("status_form")
    return {name: value or "" for name, value in form.form_values()}


def test_a_new_status_becomes_the_meaning_of_its_phrase(admin_client, new_phrase):
    address = f"/admin/tracking/status/add/?phrase={new_phrase.pk}"
    assert address.rsplit("/", maxsplit=1)[-1] in admin_client.get(LIST).content.decode()
    data = form_of(admin_client, address)
    assert (data["name"], data["slug"]) == (NEW, "arrived-at-inward-office-of-exchange")
    response = admin_client.post(
        address, data | {"slug": "arrived-there", "_publish": "Save and publish"}, follow=True
    )
    assert response.redirect_chain == [(LIST, 302)]
    new_phrase.refresh_from_db()
    assert new_phrase.status.slug == "arrived-there"
    assert "has no English words yet" in messages_of(response)[0]


def test_save_and_continue_gives_the_new_status_its_phrase(admin_client, new_phrase):
    address = f"/admin/tracking/status/add/?phrase={new_phrase.pk}"
    response = admin_client.post(address, form_of(admin_client, address) | {"_continue": "Save"})
    new_phrase.refresh_from_db()
    assert response["Location"].startswith(f"/admin/tracking/status/{new_phrase.status_id}/change/")


def test_words_of_a_new_status_are_on_the_customers_page(admin_client, client, new_phrase):
    address = f"/admin/tracking/status/add/?phrase={new_phrase.pk}"
    words = {"wordings-0-title": "It has reached {country}", "wordings-0-meaning": "It is there."}
    data = form_of(admin_client, address) | words
    assert data["wordings-TOTAL_FORMS"] == "1"
    admin_client.post(address, data | {"_publish": "Save and publish"})
    assert "It has reached Germany" in client.get(f"/track/{NUMBER}/").content.decode()


def test_a_draft_status_has_its_phrase_but_no_words_for_customers(admin_client, client, new_phrase):
    address = f"/admin/tracking/status/add/?phrase={new_phrase.pk}"
    words = {"wordings-0-title": "Not finished", "wordings-0-meaning": "It is there."}
    response = admin_client.post(address, form_of(admin_client, address) | words | {"_draft": "1"})
    new_phrase.refresh_from_db()
    assert response["Location"] == f"/admin/tracking/status/{new_phrase.status_id}/change/"
    page = client.get(f"/track/{NUMBER}/").content.decode()
    assert "Not finished" not in page and "leaving a country" not in page
    assert "We do not have our own words for this yet." in page


def test_a_refused_status_form_leaves_the_phrase_in_the_inbox(admin_client, new_phrase):
    address = f"/admin/tracking/status/add/?phrase={new_phrase.pk}"
    refused = admin_client.post(
        address, form_of(admin_client, address) | {"slug": "", "_publish": "Save and publish"}
    )
    assert refused.status_code == 200
    new_phrase.refresh_from_db()
    assert new_phrase.waits


@pytest.mark.parametrize("query", ["", "?phrase=0", "?phrase=x", "?phrase=" + "9" * 5000])
def test_the_status_form_works_without_a_phrase(admin_client, query):
    data = form_of(admin_client, f"/admin/tracking/status/add/{query}") | {"name": "New", "slug": "new"}
    response = admin_client.post(
        f"/admin/tracking/status/add/{query}", data | {"_publish": "Save and publish"}
    )
    assert (response.status_code, response["Location"]) == (302, "/admin/tracking/status/")


def test_the_text_of_a_phrase_in_use_cannot_be_changed(admin_client, new_phrase, inward):
    address = reverse("admin:tracking_phrase_change", args=[new_phrase.pk])
    seen = admin_client.get(address).context["adminform"].form["version_token"].value()
    admin_client.post(address, {"text": "Something else", "status": inward.pk, "version_token": seen})
    new_phrase.refresh_from_db()
    assert (new_phrase.text, new_phrase.status) == (NEW, inward)


def test_several_parcels_are_counted_in_the_message(admin_client, client, standin, inward):
    for number in some_numbers(2):
        standin.set_item(number, story(POSTED, NEW, number=number))
        client.get(f"/track/{number}/")
    (message,) = messages_of(act(admin_client, Phrase.objects.unmapped().get(), means=inward.pk))
    assert "2 parcels show it at once" in message


# Two spellings of one phrase


def add(client, text, **fields):
    """Send the form for a new phrase; returns the response."""
    return client.post("/admin/tracking/phrase/add/", {"text": text} | fields)


def errors_of(response):
    """The errors in the form."""
    found = html.fromstring(response.content.decode()).xpath("//ul[contains(@class, 'errorlist')]/li")
    return [" ".join(one.text_content().split()) for one in found]


@pytest.mark.parametrize("text", ["Retention.", "  Retention ", "Retention ."])
def test_another_spelling_of_a_known_phrase_is_refused(django_user_model, client, text, inward):
    editor = staff(django_user_model, client)
    django_user_model.objects.get(username="bob").groups.add(Group.objects.get(name=groups.EDITORS))
    before = Glossary.current().status_of("Retention")
    refused = add(editor, text, status=inward.pk)
    assert refused.status_code == 200 and len(errors_of(refused)) == 1
    if text.strip() != "Retention":  # for an equal text Django has its own sentence
        (error,) = errors_of(refused)
        assert error == (
            f"This is the phrase “Retention”, which means “{before}”: "
            "spaces and a final full stop make no other phrase. "
            "Find that one and change its meaning."
        )
    assert Glossary.current().status_of("Retention") == before


def test_a_phrase_cannot_become_another_spelling_of_a_known_one(admin_client):
    phrase = Phrase.objects.create(text="Retenton")
    address = reverse("admin:tracking_phrase_change", args=[phrase.pk])
    seen = admin_client.get(address).context["adminform"].form["version_token"].value()
    (error,) = errors_of(admin_client.post(address, {"text": "Retention.", "version_token": seen}))
    assert "the phrase “Retention”" in error
    assert admin_client.post(address, {"text": "Retained", "version_token": seen}).status_code == 302
    assert Phrase.objects.get(pk=phrase.pk).text == "Retained"


def test_a_phrase_that_differs_in_case_is_another_one(admin_client):
    assert add(admin_client, "RETENTION").status_code == 302


def test_two_stored_spellings_cannot_get_different_meanings(admin_client, new_phrase, inward):
    twin = Phrase.objects.create(text=f"{NEW}.")
    other = Status.objects.get(slug="investigation")
    act(admin_client, new_phrase, means=inward.pk)
    for means in (other.pk, "two"):
        assert messages_of(act(admin_client, twin, means=means)) == [
            f"Nothing was changed. A colleague was quicker: “{NEW}” means “{inward}” now."
        ]
    address = reverse("admin:tracking_phrase_change", args=[twin.pk])
    seen = admin_client.get(address).context["adminform"].form["version_token"].value()
    sent = {"text": twin.text, "version_token": seen}
    (error,) = errors_of(admin_client.post(address, sent | {"status": other.pk}))
    assert f"the phrase “{NEW}”, which means “{inward}”" in error
    assert Glossary.current().status_of(NEW) == inward
    assert admin_client.post(address, sent | {"status": inward.pk}).status_code == 302


def test_a_story_with_two_spellings_adds_one_phrase(client, standin):
    standin.set_item(NUMBER, story(POSTED, f"{NEW}.", NEW))
    client.get(f"/track/{NUMBER}/")
    assert Phrase.objects.unmapped().count() == 1
