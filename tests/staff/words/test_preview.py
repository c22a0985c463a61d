"""The preview: a real page with unpublished words, for staff only. It stores nothing and sends no request."""

import re
from datetime import date, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.urls import reverse

from tests.support.desk import StatusPage
from tests.support.stories import IN_CUSTOMS, NUMBER, POSTED, story
from tracking.models import Event, Fetch, Notice, Shipment, Shop, Status, Wording
from tracking.public.answers import answered

pytestmark = pytest.mark.django_db

DRAFT = "A title that is not published"


@pytest.fixture
def status():
    return Status.objects.get(slug="customs-clearance")


@pytest.fixture
def drafted(admin_client, status):
    """A status whose English words have a draft with the title DRAFT."""
    StatusPage(admin_client, status).write(title=DRAFT).press("_draft")
    return status


@pytest.fixture
def notice():
    """A notice for France that customers do not see yet."""
    later = date.today() + timedelta(days=30)
    return Notice.objects.create(title="Strike soon", text="Wait.", starts_on=later, destination_id="FR")


def frame(row, client, **chosen):
    """The previewed page itself, which the page of the desk shows in frames."""
    name = f"admin:tracking_{row._meta.model_name}_preview_frame"
    return client.get(reverse(name, args=[row.pk]), chosen)


def page(row, client, **chosen):
    """The page of the desk with the frames."""
    name = f"admin:tracking_{row._meta.model_name}_preview"
    return client.get(reverse(name, args=[row.pk]), chosen)


def title_of(response):
    return re.search(r"<h1>(.*?)</h1>", response.content.decode())[1]


def test_the_draft_is_on_the_same_page_as_customers_get(admin_client, drafted):
    shown = frame(drafted, admin_client)
    assert "public/shipment.html" in [one.name for one in shown.templates]
    assert title_of(shown) == DRAFT
    assert title_of(admin_client.get("/examples/in-customs/")) != DRAFT


def test_the_preview_page_has_two_frames(admin_client, drafted):
    html = page(drafted, admin_client).content.decode()
    address = reverse("admin:tracking_status_preview_frame", args=[drafted.pk])
    assert re.findall(r'<iframe class="(\w+)" title="[^"]*" src="([^"?]+)', html) == [
        ("phone", address),
        ("desktop", address),
    ]
    assert "style=" not in html and "<script>" not in html


def test_only_the_site_may_frame_it_and_it_is_not_indexed(admin_client, drafted):
    shown = frame(drafted, admin_client)
    assert shown["X-Frame-Options"] == "SAMEORIGIN" and shown["X-Robots-Tag"] == "noindex"
    assert page(drafted, admin_client)["X-Frame-Options"] == "DENY"
    assert admin_client.get("/examples/in-customs/")["X-Frame-Options"] == "DENY"


def test_a_preview_of_a_parcel_requests_and_stores_nothing(admin_client, standin, drafted):
    standin.set_item(NUMBER, story(POSTED, IN_CUSTOMS))
    admin_client.get(f"/track/{NUMBER}/")
    Shipment.objects.update(ask_again_at=None)
    asked, version = len(standin.requests), Shop.objects.get().words_version
    cache.clear()
    counts = [model.objects.count() for model in (Shipment, Event, Fetch)]
    assert title_of(frame(drafted, admin_client, number=f" {NUMBER.lower()} ")) == DRAFT
    assert len(standin.requests) == asked
    assert [model.objects.count() for model in (Shipment, Event, Fetch)] == counts
    assert Shop.objects.get().words_version == version
    assert not [key for key in cache._cache if "page:" in key]
    assert title_of(admin_client.get(f"/track/{NUMBER}/")) != DRAFT


def test_a_preview_is_not_counted_as_a_look_up(admin_client, standin, drafted, notice):
    standin.set_item(NUMBER, story(POSTED, IN_CUSTOMS))
    admin_client.get(f"/track/{NUMBER}/")
    Shipment.objects.update(ask_again_at=None, asked_at=None)
    seen = []

    def count(sender, outcome, **more):
        seen.append(outcome)

    answered.connect(count)
    try:
        for row in (drafted, notice):
            assert frame(row, admin_client, number=NUMBER).status_code == 200
            page(row, admin_client, number=NUMBER)
    finally:
        answered.disconnect(count)
    assert seen == [] and len(standin.requests) == 1


def test_a_parcel_without_a_story_has_no_preview(admin_client, standin, drafted):
    Shipment.objects.create(number=NUMBER)
    assert "no story of this parcel" in page(drafted, admin_client, number=NUMBER).content.decode()
    assert frame(drafted, admin_client, number=NUMBER).status_code == 404
    assert not standin.requests


def test_a_preview_does_not_poll_or_remember_the_parcel(admin_client, standin, drafted, notice):
    standin.set_item(NUMBER, story(POSTED, IN_CUSTOMS))
    customers = admin_client.get(f"/track/{NUMBER}/").content.decode()
    for row in (drafted, notice):
        html = frame(row, admin_client, number=NUMBER).content.decode()
        for hook in ("data-live=", "data-remember="):
            assert hook in customers and hook not in html


def test_a_preview_does_not_use_the_page_cache(admin_client, standin, drafted):
    standin.set_item(NUMBER, story(POSTED, IN_CUSTOMS))
    assert DRAFT not in admin_client.get(f"/track/{NUMBER}/").content.decode()
    assert title_of(frame(drafted, admin_client, number=NUMBER)) == DRAFT


@pytest.mark.parametrize("typed", [NUMBER, "hello", "<script>alert(1)</script>"])
def test_a_parcel_that_is_not_stored_causes_no_request(admin_client, standin, drafted, typed):
    html = page(drafted, admin_client, number=typed).content.decode()
    assert "no story of this parcel" in html and "<iframe" not in html and "<script>alert" not in html
    assert frame(drafted, admin_client, number=typed).status_code == 404
    assert not standin.requests and not Shipment.objects.exists()


def test_the_first_view_has_the_drafts_example_and_country(admin_client, status):
    StatusPage(admin_client, status).write("en", "FR", title="For {country}").press("_draft")
    assert title_of(frame(status, admin_client)) == "For France"
    chosen = page(status, admin_client).context["form"].data
    assert chosen == {"example": status.example, "to": "FR", "language": "en"}


def test_an_example_can_be_sent_to_any_country(admin_client, drafted):
    Wording.objects.create(
        status=drafted, language="en", destination_id="IT", title="In {country}: {operator}", meaning="x"
    )
    html = frame(drafted, admin_client, example="in-customs", to="IT").content.decode()
    assert "In Italy: " in html and "CHICAGO" not in html.upper()
    assert title_of(frame(drafted, admin_client, example="in-customs", to="US")) == DRAFT


def test_hidden_words_stay_hidden_in_the_preview(admin_client, drafted):
    Wording.objects.create(
        status=drafted, language="en", destination_id="US", title="x", meaning="x", hidden=True
    )
    StatusPage(admin_client, drafted).write("en", "US", title="Hidden on purpose").press("_draft")
    assert title_of(frame(drafted, admin_client, to="US")) == DRAFT


def test_a_draft_is_shown_in_its_own_language(admin_client, status):
    StatusPage(admin_client, status).write("fr", "", title="Chez la douane").press("_draft")
    assert title_of(frame(status, admin_client)) == "Chez la douane"
    assert title_of(frame(status, admin_client, language="en")) == "Your parcel is with customs"


@pytest.mark.parametrize("example", ["out-for-delivery", "delivered", "unknown-phrase"])
def test_a_parcel_in_another_status_is_shown_as_in_this_one(admin_client, drafted, example):
    assert (
        "takes its newest scan to mean this status"
        in page(drafted, admin_client, example=example).content.decode()
    )
    assert frame(drafted, admin_client, example=example).status_code == 200
    html = page(drafted, admin_client, example="in-customs").content.decode()
    assert "its newest scan is taken" not in html


def test_a_new_status_without_a_phrase_can_be_previewed(admin_client):
    status = Status.objects.create(name="On strike", slug="on-strike", tone="wait")
    StatusPage(admin_client, status).write(title=DRAFT).press("_draft")
    assert title_of(frame(status, admin_client)) == DRAFT


@pytest.mark.parametrize("example", ["not-found", "returned", "just-posted"])
def test_the_page_says_where_it_does_not_lead_with_the_status(admin_client, drafted, example):
    html = page(drafted, admin_client, example=example).content.decode()
    assert "does not lead with this status" in html
    assert frame(drafted, admin_client, example=example).status_code == 200


@pytest.mark.parametrize("slug", list(range(0, 30, 5)))
def test_every_status_has_a_first_view(admin_client, slug):
    status = Status.objects.all()[slug]
    assert frame(status, admin_client).status_code == 200


def test_the_button_saves_the_draft_and_leads_to_the_preview(admin_client, status):
    shown = StatusPage(admin_client, status).write(title=DRAFT).press("_preview")
    assert shown.request["PATH_INFO"] == reverse("admin:tracking_status_preview", args=[status.pk])
    assert title_of(frame(status, admin_client)) == DRAFT


def test_a_notice_can_be_previewed_before_its_first_day(admin_client, notice):
    shown = frame(notice, admin_client).content.decode()
    assert "Strike soon" in shown and "France" in shown
    assert "Strike soon" not in frame(notice, admin_client, to="US").content.decode()
    assert "Strike soon" not in admin_client.get("/").content.decode()
    html = page(notice, admin_client).content.decode()
    assert "Customers do not see this notice today" in html


def test_the_guide_has_all_notices_and_names_their_countries(admin_client, notice):
    assert "France: Strike soon" in frame(notice, admin_client, where="guide").content.decode()
    notice.destination = None
    notice.save()
    shown = frame(notice, admin_client, where="guide").content.decode()
    assert "Strike soon" in shown and "France: Strike soon" not in shown
    assert "Strike soon" not in admin_client.get("/").content.decode()


def test_the_form_of_a_notice_links_to_its_preview(admin_client, notice):
    form = admin_client.get(reverse("admin:tracking_notice_change", args=[notice.pk])).content.decode()
    assert reverse("admin:tracking_notice_preview", args=[notice.pk]) in form


def test_hostile_drafts_are_escaped_in_the_frame(admin_client, status):
    StatusPage(admin_client, status).write(title="<script>alert(1)</script>").press("_draft")
    html = frame(status, admin_client).content.decode()
    assert "&lt;script&gt;alert(1)" in html and "<script>alert" not in html


def test_only_staff_who_may_view_a_row_can_preview_it(client, django_user_model, drafted, notice):
    for look in (frame, page):
        assert look(drafted, client).status_code == 302  # to the log-in
    reader = django_user_model.objects.create_user("reader", password="x", is_staff=True)
    client.force_login(reader)
    for look in (frame, page):
        for row in (drafted, notice):
            assert look(row, client).status_code == 403
    reader.user_permissions.add(Permission.objects.get(codename="view_status"))
    for look in (frame, page):
        assert look(drafted, client).status_code == 200
        assert look(notice, client).status_code == 403


def test_the_preview_of_a_missing_row_is_a_404(admin_client, drafted):
    drafted.pk = 99_999
    assert frame(drafted, admin_client).status_code == 404


def test_only_links_in_a_preview_open_a_new_tab(admin_client, drafted, notice):
    base = '<base target="_blank">'
    for shown in (frame(drafted, admin_client), frame(notice, admin_client, where="guide")):
        assert base in shown.content.decode()
    for address in ("/", "/examples/in-customs/"):
        assert base not in admin_client.get(address).content.decode()
