"""Destinations and notices at the desk: refused values, links to verify, and when customers see a notice."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.urls import reverse
from lxml import html

from tracking.models import Destination, Notice
from tracking.staff.access import groups
from tracking.values import links
from tracking.values.places import japans_day
from tracking.words.glossary import Glossary

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]

LIST = reverse("admin:tracking_destination_changelist")
NOTICES = reverse("admin:tracking_notice_changelist")


@pytest.fixture
def germany() -> Destination:
    return Destination.objects.get(code="DE")


def today():
    return japans_day()


def rows_of(response) -> list[str]:
    """The names in the list."""
    return html.fromstring(response.content).xpath("//table[@id='result_list']/tbody/tr/th/a/text()")


def fields_of(page) -> dict[str, str]:
    """What a browser would send of the unchanged form of a destination."""
    form = html.fromstring(page.content.decode()).get_element_by_id("destination_form")
    return {name: value for name, value in form.form_values() if not name.startswith("_")}


# The link


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("http://post.example/{number}", "must begin with https"),
        ("javascript:alert(1)//{number}", "must begin with https"),
        ("https://post.example/{number}/{zip}", "Only {number}, in small letters"),
        ("https://post.example/{Number}", "Only {number}, in small letters"),
        ("https://post.example/{number}}", "take out every other"),
        ("https://{number}.post.example/", "belongs behind the host"),
        ("https://post.example@evil.example/{number}", "before the @"),
        ("https://192.0.2.1/{number}", "must be a name"),
        ("https://[2001:db8::1]/{number}", "must be a name"),
        ("https://2130706433/{number}", "must be a name"),
        ("https://0x7f.1/{number}", "must be a name"),
        ("https://127.0.0.1.:443/{number}", "must be a name"),
        ("https://localhost/{number}", "must be a name"),
        ("https:///{number}", "must be a name"),
        ("https://post.example/track {number}", "cannot open this"),
        ("https://post..example/{number}", "cannot open this"),
        ("https://[post.example/{number}", "cannot open this"),
        ("https://post.example:port/{number}", "cannot open this"),
        ("https://post.example:99999/{number}", "cannot open this"),
        ("https://post.example:0/{number}", "cannot open this"),
        ("https://post.example/\u202egro.live/{number}", "turn the direction"),
        ("https://post.example/\u200b{number}", "invisible signs"),
    ],
)
def test_a_link_that_cannot_work_is_refused_with_its_reason(germany, link, words):
    germany.tracking_url, germany.link_kind = link, Destination.LinkKind.DEEP
    with pytest.raises(ValidationError) as refused:
        germany.full_clean()
    assert words in refused.value.message_dict["tracking_url"][0]


@pytest.mark.parametrize(
    "link",
    [
        "https://post.example/?id={number}&lang=en#/{number}",
        "https://post.example:8443/a/{number}",
        "https://post.xn--p1ai/",
        "https://Post.Example",
    ],
)
def test_a_link_that_works_is_accepted(link):
    assert links.problem_of(link) == ""


def test_every_seeded_destination_can_be_saved():
    for destination in Destination.objects.all():
        destination.full_clean()


def test_a_direct_link_without_a_number_is_refused(germany):
    germany.tracking_url = "https://post.example/"
    with pytest.raises(ValidationError, match=r"has \{number\} in it"):
        germany.full_clean()


# Printed names


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("france", "“france” means France already"),
        ("ＦＲＡＮＣＥ", "means France already"),
        ("TOKYO", "“TOKYO” is a prefecture of Japan"),
    ],
)
def test_a_printed_name_of_another_place_is_refused(germany, name, words):
    germany.printed_names += f"\n\n{name}\n"
    with pytest.raises(ValidationError, match=words):
        germany.full_clean()


def test_a_new_printed_name_counts_at_the_next_request(admin_client, germany):
    address = reverse("admin:tracking_destination_change", args=["DE"])
    fields = fields_of(admin_client.get(address))
    fields["printed_names"] += "\nGERMANY (F.R.)"
    assert admin_client.post(address, fields).status_code == 302
    assert Glossary.current().country_of("Germany (F.R.)") == "DE"


# Links to verify


def test_links_opened_never_or_long_ago_are_to_be_verified(admin_client):
    Destination.objects.update(link_verified_on=today())
    days = {"DE": 180, "FR": 181, "US": 0}
    for code, ago in days.items():
        Destination.objects.filter(code=code).update(link_verified_on=today() - timedelta(days=ago))
    Destination.objects.filter(code="GB").update(link_verified_on=None)
    Destination.objects.filter(code="IT").update(link_verified_on=None, tracking_url="", link_kind="page")
    assert rows_of(admin_client.get(LIST, {"link": "verify"})) == ["France", "United Kingdom"]
    text = admin_client.get(LIST, {"q": "france"}).content.decode()
    assert "please try it again" in text


def test_verified_links_are_logged_and_renew_the_pages(admin_client, admin_user):
    version = Glossary.current().shop.words_version
    Destination.objects.filter(code="IT").update(tracking_url="", link_kind="page")
    chosen = {"action": "link_works", "_selected_action": ["DE", "FR", "IT"]}
    page = admin_client.post(LIST, chosen, follow=True).content.decode()
    assert "2 links are verified." in page
    verified = Destination.objects.filter(link_verified_on=today())
    assert {one.code for one in verified} == {"DE", "FR"}
    entries = LogEntry.objects.filter(user=admin_user)
    assert {(one.object_id, one.get_change_message()) for one in entries} == {
        ("DE", "Opened the link: it works."),
        ("FR", "Opened the link: it works."),
    }
    assert Glossary.current().shop.words_version != version


def test_support_cannot_verify_links(client):
    user = User.objects.create_user("support", is_staff=True)
    user.groups.add(Group.objects.get(name=groups.SUPPORT))
    client.force_login(user)
    assert "link_works" not in client.get(LIST).content.decode()
    client.post(LIST, {"action": "link_works", "_selected_action": ["DE"]})
    assert not Destination.objects.filter(link_verified_on=today()).exists()


def test_a_changed_link_is_no_longer_verified(admin_client, germany):
    Destination.objects.filter(pk="DE").update(link_verified_on=today())
    address = reverse("admin:tracking_destination_change", args=["DE"])
    fields = fields_of(admin_client.get(address))
    admin_client.post(address, fields | {"note": "asked them"})
    germany.refresh_from_db()
    assert germany.link_verified_on == today()
    fields = fields_of(admin_client.get(address))
    page = admin_client.post(address, fields | {"tracking_url": "https://post.example/{number}"}, follow=True)
    germany.refresh_from_db()
    assert (germany.tracking_url, germany.link_verified_on) == ("https://post.example/{number}", None)
    assert "The link is new: open it once" in page.content.decode()


def test_the_link_can_be_tried_with_an_example_number(admin_client, germany):
    for address in (LIST + "?q=germany", reverse("admin:tracking_destination_change", args=["DE"])):
        (link,) = html.fromstring(admin_client.get(address).content).xpath(
            "//a[contains(., 'EM123456785JP')]"
        )
        assert link.get("href") == germany.link_for("EM123456785JP")
        assert "noopener" in link.get("rel")


def test_a_link_cannot_break_out_of_the_page(admin_client):
    Destination.objects.filter(code="DE").update(
        tracking_url='https://post.example/"><script>alert(1)</script>'
    )
    assert "<script>alert" not in admin_client.get(LIST, {"q": "germany"}).content.decode()


# Long texts


@pytest.mark.parametrize("name", ["note", "printed_names"])
def test_a_text_has_a_limit_and_nothing_typed_is_lost(admin_client, germany, name):
    address = reverse("admin:tracking_destination_change", args=["DE"])
    typed = "\n".join(f"DEUTSCHLAND {number}" for number in range(200))
    page = admin_client.post(address, fields_of(admin_client.get(address)) | {name: typed})
    assert f"Ensure this value has at most 2000 characters (it has {len(typed)})." in page.content.decode()
    assert fields_of(page)[name].strip() == typed
    germany.refresh_from_db()
    assert getattr(germany, name) != typed


# Notices


@pytest.fixture
def notices() -> None:
    """Notices that are over, shown now, and planned."""
    for title, first, last in (
        ("Old strike", -9, -1),
        ("Strike today", 0, 0),
        ("Open end", -3, None),
        ("Next holidays", 1, 5),
    ):
        ends_on = None if last is None else japans_day() + timedelta(days=last)
        Notice.objects.create(title=title, starts_on=japans_day() + timedelta(days=first), ends_on=ends_on)


@pytest.mark.parametrize(
    ("time", "titles", "state"),
    [
        ("now", {"Strike today", "Open end"}, "up now"),
        ("planned", {"Next holidays"}, "planned"),
        ("over", {"Old strike"}, "over"),
    ],
)
def test_the_list_filters_notices_by_time(admin_client, notices, time, titles, state):
    response = admin_client.get(NOTICES, {"time": time})
    assert set(rows_of(response)) == titles
    states = html.fromstring(response.content).xpath("//td[@class='field-state']/text()")
    assert set(states) == {state}


def test_a_notice_that_ends_before_it_begins_is_refused(admin_client):
    form = {"title": "x", "severity": "info", "starts_on": "2026-11-20", "ends_on": "2026-11-19"}
    page = admin_client.post(reverse("admin:tracking_notice_add"), form)
    assert "The last day is before the first." in page.content.decode()
    assert not Notice.objects.exists()
