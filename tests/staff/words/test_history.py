"""The history: who changed which words and when, the difference, and how staff restore an older version."""

from datetime import date

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.support.desk import StatusPage
from tests.support.stories import NUMBER, POSTED, story
from tracking.models import Destination, Notice, Phrase, Shop, Status, Wording
from tracking.staff.words.difference import Piece, word_difference
from tracking.staff.words.history import changes_of, go_back
from tracking.words import seed
from tracking.words.version import renew_words_version

pytestmark = pytest.mark.django_db

PAGE = "/examples/in-customs/"


@pytest.fixture
def status():
    return Status.objects.get(slug="customs-clearance")


def address_of(row):
    return reverse(f"admin:tracking_{row._meta.model_name}_history", args=[row.pk])


def lines(client, row):
    """Subject, event and author of each line, the newest first."""
    changes = client.get(address_of(row)).context["changes"]
    return [(one.what, one.happened, one.who) for one in changes]


def key_of(client, row, happened, what=""):
    """The key of the newest line with this event and with `what` in its subject."""
    changes = client.get(address_of(row)).context["changes"]
    return next(one.key for one in changes if one.happened == happened and what in one.what)


def back_to(client, row, key):
    """Restore the version of this line; returns the page that follows."""
    return client.post(address_of(row), {"to": key}, follow=True)


@pytest.mark.parametrize("model", [Status, Wording, Phrase, Destination, Notice, Shop])
def test_each_row_has_a_first_line_by_the_installation(model):
    assert model.history.count() == model.objects.count()
    for record in model.history.all()[:3]:
        assert changes_of([record])[0].who == "by the installation"


def test_a_second_migrate_adds_no_line(status):
    before = Status.history.count() + Wording.history.count() + Destination.history.count()
    call_command("migrate", verbosity=0)
    assert Status.history.count() + Wording.history.count() + Destination.history.count() == before
    Wording.history.filter(status_id=status.pk).delete()
    seed.fill_gaps(apps)
    assert Wording.history.filter(status_id=status.pk).count() == status.wordings.count()


def test_a_published_change_shows_its_author_and_difference(admin_client, status):
    StatusPage(admin_client, status).write(title="Your parcel is at customs").press("_publish")
    page = admin_client.get(address_of(status)).content.decode()
    assert lines(admin_client, status)[0] == ("Words, any destination in English", "changed", "admin")
    assert "Your parcel is <del>with </del><ins>at </ins>customs" in page


def test_the_authors_name_stays_when_the_account_is_deleted(admin_client, admin_user, status):
    StatusPage(admin_client, status).write(title="By ann").press("_publish")
    author = Wording.history.first()
    admin_user.delete()
    author.refresh_from_db()
    assert author.history_user is None
    assert changes_of([author])[0].who == "admin"


def test_saving_without_a_change_adds_no_line(admin_client, status):
    before = lines(admin_client, status)
    StatusPage(admin_client, status).press("_publish")
    StatusPage(admin_client, status).press("_draft")
    assert lines(admin_client, status) == before


def test_going_back_publishes_old_words_and_adds_a_line(admin_client, status):
    old = Wording.objects.get(status=status, destination=None).title
    StatusPage(admin_client, status).write(title="A mistake").press("_publish")
    assert "A mistake" in admin_client.get(PAGE).content.decode()
    key = key_of(admin_client, status, "written", "any destination")
    answered = back_to(admin_client, status, key)
    assert "Customers see it now" in answered.content.decode()
    page = admin_client.get(PAGE).content.decode()
    assert old in page and "A mistake" not in page
    assert lines(admin_client, status)[0] == ("Words, any destination in English", "changed", "admin")
    assert [one.is_newest for one in answered.context["changes"]][:2] == [True, False]


def test_the_status_itself_goes_back_too(admin_client, status):
    page = StatusPage(admin_client, status)
    page.data |= {"tone": "problem", "worry_days": 55}
    page.press("_publish")
    status.refresh_from_db()
    assert (status.tone, status.worry_days) == ("problem", 55)
    back_to(admin_client, status, key_of(admin_client, status, "written", "status itself"))
    status.refresh_from_db()
    assert status.tone == "wait" and status.worry_days != 55


def test_deleted_words_come_back(admin_client, status):
    wording = Wording.objects.create(
        status=status, language="fr", destination_id="FR", title="A", meaning="B"
    )
    wording.delete()
    assert lines(admin_client, status)[0] == ("Words, France in French", "deleted", "by the site itself")
    back_to(admin_client, status, key_of(admin_client, status, "written", "France in French"))
    again = Wording.objects.get(status=status, language="fr")
    assert (again.title, again.destination_id, again.hidden) == ("A", "FR", False)


def test_words_of_a_draft_come_back_as_a_draft(admin_client, status):
    StatusPage(admin_client, status).write(title="First try").press("_draft")
    StatusPage(admin_client, status).write(title="Second try").press("_draft")
    key = admin_client.get(address_of(status)).context["changes"][1].key
    answered = back_to(admin_client, status, key)
    assert "It is a draft" in answered.content.decode()
    wording = Wording.objects.get(status=status, destination=None, language="en")
    assert wording.drafted_texts["title"] == "First try"
    assert "try" not in wording.title


def test_going_back_to_a_draft_keeps_what_is_published(admin_client, status):
    StatusPage(admin_client, status).write(title="A try").press("_draft")
    StatusPage(admin_client, status).write(title="Published since").press("_publish")
    back_to(admin_client, status, key_of(admin_client, status, "draft saved"))
    wording = Wording.objects.get(status=status, destination=None, language="en")
    assert wording.title == "Published since" and wording.drafted_texts["title"] == "A try"
    assert "Published since" in admin_client.get(PAGE).content.decode()


def test_going_back_to_published_words_keeps_a_waiting_draft(admin_client, status):
    old = Wording.objects.get(status=status, destination=None).title
    StatusPage(admin_client, status).write(title="A mistake").press("_publish")
    StatusPage(admin_client, status).write(title="A colleague is writing").press("_draft")
    answered = back_to(admin_client, status, key_of(admin_client, status, "written", "any destination"))
    wording = Wording.objects.get(status=status, destination=None, language="en")
    assert (wording.title, wording.drafted_texts["title"]) == (old, "A colleague is writing")
    shown = answered.content.decode()
    assert "Customers see it now. A draft of these words still waits." in shown
    assert "It is a draft" not in shown


def test_going_back_to_published_words_restores_no_old_draft(admin_client, status):
    StatusPage(admin_client, status).write(title="An old draft").press("_draft")
    wording = Wording.objects.get(status=status, destination=None, language="en")
    wording.hidden = True
    wording.save()  # a line that is not about the draft, while there is a draft
    record = wording.history.first()
    StatusPage(admin_client, status).write(title="A newer draft").press("_draft")
    back_to(admin_client, status, f"wording:{record.history_id}")
    wording.refresh_from_db()
    assert wording.hidden and wording.drafted_texts["title"] == "A newer draft"


@pytest.mark.parametrize("line", ["begun as a draft", "deleted"])
def test_unpublished_words_come_back_as_a_draft(admin_client, status, line):
    StatusPage(admin_client, status).write("en", "FR", title="For France").press("_draft")
    Wording.objects.get(status=status, destination="FR").discard_draft()
    back_to(admin_client, status, key_of(admin_client, status, line))
    wording = Wording.objects.get(status=status, destination="FR")
    assert wording.hidden and not wording.was_published and wording.drafted_texts["title"] == "For France"


def test_going_back_to_an_invalid_row_is_refused(admin_client):
    france = Destination.objects.get(code="FR")
    Destination.history.filter(code="FR").update(tracking_url="http://insecure.example/")
    france.note = "newer"
    france.save()
    answered = back_to(admin_client, france, key_of(admin_client, france, "written"))
    assert "Nothing was changed" in answered.content.decode() and "https://" in answered.content.decode()


@pytest.mark.parametrize(
    ("model", "field", "value"),
    [(Destination, "operator", "Another post"), (Shop, "name", "Tea"), (Phrase, "status_id", None)],
)
def test_other_models_can_go_back_too(admin_client, model, field, value):
    row = model.objects.exclude(**{field: value}).first()
    old = getattr(row, field)
    setattr(row, field, value)
    row.save()
    back_to(admin_client, row, key_of(admin_client, row, "written"))
    row.refresh_from_db()
    assert getattr(row, field) == old


def test_a_verified_link_is_in_the_history_with_its_author(admin_client):
    germany = Destination.objects.get(code="DE")
    before = germany.link_verified_on
    chosen = {"action": "link_works", "_selected_action": "DE"}
    admin_client.post(reverse("admin:tracking_destination_changelist"), chosen)
    assert lines(admin_client, germany)[0] == ("The destination itself", "changed", "admin")
    back_to(admin_client, germany, key_of(admin_client, germany, "written"))
    germany.refresh_from_db()
    assert germany.link_verified_on == before


def test_hostile_words_are_escaped_in_the_history(admin_client, status):
    StatusPage(admin_client, status).write(title="<script>alert(1)</script>").press("_draft")
    page = admin_client.get(address_of(status)).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page and "<script>alert" not in page


def test_renewing_the_words_and_reading_a_parcel_write_no_history(client, standin):
    standin.set_item(NUMBER, story(POSTED))
    counts = [model.history.count() for model in (Shop, Phrase)]
    renew_words_version()
    client.get(f"/track/{NUMBER}/")
    Phrase.objects.filter(text="Posting/Collection").update(last_seen_at=None)
    assert [model.history.count() for model in (Shop, Phrase)] == counts
    assert not any(field.name == "words_version" for field in Shop.history.model._meta.fields)


def test_only_staff_who_may_change_words_can_go_back(client, django_user_model, status):
    reader = django_user_model.objects.create_user("reader", password="x", is_staff=True)
    client.force_login(reader)
    assert client.get(address_of(status)).status_code == 403
    reader.user_permissions.add(permission("view_status"))
    page = client.get(address_of(status))
    assert page.status_code == 200 and "Go back to this" not in page.content.decode()
    key = page.context["changes"][0].key
    assert client.post(address_of(status), {"to": key}).status_code == 403


def permission(name):
    return apps.get_model("auth", "Permission").objects.get(codename=name)


def test_a_line_of_another_row_is_not_found(admin_client, status):
    other = Status.objects.get(slug="retention").history.first()
    assert admin_client.post(address_of(status), {"to": f"status:{other.history_id}"}).status_code == 404


def test_going_back_shows_a_hidden_wording_again(status):
    wording = status.wordings.get(destination=None)
    first = wording.history.first()
    wording.hidden = True
    wording.save()
    go_back(first)
    wording.refresh_from_db()
    assert not wording.hidden


def test_the_difference_is_word_by_word():
    pieces = word_difference("It is with customs now", "It is with the customs")
    assert [(piece.kind, piece.text) for piece in pieces] == [
        ("kept", "It is with "),
        ("removed", "customs now"),
        ("added", "the customs"),
    ]
    assert word_difference("", "new")[0].kind == "added"
    assert word_difference("same", "same")[0].kind == "kept"


@pytest.mark.parametrize("words", ["a b ", "a ", "customs post "])
def test_the_difference_of_repetitive_texts_is_the_whole_texts(words):
    old, new = words * 500, f"{words}and " * 400
    assert word_difference(old, new) == (Piece("removed", old), Piece("added", new))


def test_two_edits_of_a_text_of_the_longest_kind_are_shown_word_by_word():
    meanings = Wording.objects.filter(language="en").order_by("pk").values_list("meaning", flat=True)
    old = f"First. {' '.join(meanings)[:2000]} Last."
    assert len(old) > 2000
    new = old.replace("First.", "1.").replace("Last.", "2.")
    changed = [piece.text for piece in word_difference(old, new) if piece.kind != "kept"]
    assert changed == ["First. ", "1. ", "Last.", "2."]


def test_a_page_of_the_history_compares_the_texts_of_its_own_lines_only(admin_client, monkeypatch):
    notice = Notice.objects.create(title="Version 0", starts_on=date(2026, 11, 1))
    for number in range(1, 6):
        notice.title = f"Version {number}"
        notice.save()
    monkeypatch.setattr("tracking.admin.words.history.PER_PAGE", 2)
    compared = []
    monkeypatch.setattr(
        "tracking.staff.words.history.word_difference", lambda *texts: compared.append(texts) or ()
    )
    admin_client.get(address_of(notice), {"page": 2})
    assert compared == [("Version 2", "Version 3"), ("Version 1", "Version 2")]


@pytest.mark.parametrize(
    ("hidden", "words"),
    [(True, "These words are hidden: customers do not see them."), (False, "Customers see it now.")],
)
def test_going_back_says_whether_customers_see_the_words(admin_client, status, hidden, words):
    wording = status.wordings.get(destination=None)
    wording.hidden = hidden
    wording.save()
    record = wording.history.first()
    wording.title = "Newer"
    wording.save()
    answered = back_to(admin_client, status, f"wording:{record.history_id}").content.decode()
    assert words in answered and answered.count("Customers see it now.") == (not hidden)


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (date(2999, 12, 1), None, "Customers see it from 1 December 2999 on."),
        (date(2020, 1, 1), date(2020, 1, 2), "Its last day is gone: customers do not see it."),
        (date(2020, 1, 1), None, "Customers see it now."),
    ],
)
def test_going_back_with_a_notice_says_when_customers_see_it(admin_client, first, last, words):
    notice = Notice.objects.create(title="A strike", starts_on=first, ends_on=last)
    record = notice.history.first()
    notice.title = "Newer"
    notice.save()
    answered = back_to(admin_client, notice, f"notice:{record.history_id}").content.decode()
    assert words in answered and answered.count("Customers see it now.") == words.count("see it now")


def test_going_back_to_a_hidden_status_says_where_customers_see_it(admin_client, status):
    Status.objects.filter(pk=status.pk).update(hidden=True)
    status.refresh_from_db()
    status.save()
    record = status.history.first()
    status.tone = "problem"
    status.save()
    answered = back_to(admin_client, status, f"status:{record.history_id}").content.decode()
    assert "the guide leaves it out; on parcels&#x27; pages customers see it now" in answered


def test_going_back_keeps_the_slug(status):
    line = status.history.first()
    line.slug = "from-a-time-when-it-could-be-renamed"
    go_back(line)
    status.refresh_from_db()
    assert status.slug == "customs-clearance"


def test_queries_do_not_grow_with_the_number_of_changes(admin_client, django_assert_num_queries):
    notice = Notice.objects.create(destination_id="US", title="Slow", starts_on=date(2026, 11, 1))
    address = address_of(notice)
    with CaptureQueriesContext(connection) as few:
        admin_client.get(address)
    for number in range(5):
        notice.title = f"Slow {number}"
        notice.save()
    with django_assert_num_queries(len(few)):
        page = admin_client.get(address).content.decode()
    assert "<del>3</del><ins>4</ins>" in page
