"""The groups Editors and Support: what their members may do at the desk, and the log of what they did."""

import json
from datetime import date

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from lxml import html

from tests.support.standin import StandIn
from tests.support.stories import NUMBER, POSTED, some_numbers, story
from tracking.fetching.lookup import look_up
from tracking.models import FailedLogIn, Message, Notice, Shipment, Shop, Status
from tracking.staff.access import groups

pytestmark = pytest.mark.django_db

OURS = list(apps.get_app_config("tracking").get_models())
MEMBERS = [groups.EDITORS, groups.SUPPORT]
ACTIONS = ("view", "add", "change", "delete")


def member_of(*names: str) -> User:
    """A new member of staff in these groups."""
    user = User.objects.create_user(f"one of {names}", is_staff=True)
    user.groups.set(Group.objects.filter(name__in=names))
    return user


@pytest.fixture
def log_in(client):
    """A function that logs in a new member of these groups; returns the client."""

    def log_in_member(*names: str):
        client.force_login(member_of(*names))
        return client

    return log_in_member


def name_of(model) -> str:
    return model._meta.model_name


# The table


@pytest.mark.parametrize("model", OURS, ids=name_of)
def test_each_model_is_in_the_table_of_rights(model):
    assert len(groups.rights_of(name_of(model))) == 2, "write the model into tracking/staff/access/groups.py"


def test_a_model_missing_from_the_table_is_an_error():
    with pytest.raises(KeyError):
        groups.rights_of("newmodel")


def test_only_editors_may_read_former_versions():
    assert groups.rights_of("historicalwording") == (groups.LOOK, groups.NOTHING)


def test_the_groups_may_delete_nothing_and_not_touch_accounts():
    for name in MEMBERS:
        rights = Group.objects.get(name=name).permissions.values_list("content_type__app_label", "codename")
        assert {app for app, _ in rights} == {"tracking"}
        assert not [codename for _, codename in rights if codename.startswith("delete")]


@pytest.mark.parametrize("place", [0, 1], ids=MEMBERS)
@pytest.mark.parametrize("model", OURS, ids=name_of)
def test_a_member_has_exactly_the_rights_of_the_table(place, model):
    user = member_of(MEMBERS[place])
    name = name_of(model)
    rights = {action for action in ACTIONS if user.has_perm(f"tracking.{action}_{name}")}
    assert rights == set(groups.rights_of(name)[place])


def test_editors_change_words_and_support_handles_parcels():
    editor, support = member_of(groups.EDITORS), member_of(groups.SUPPORT)
    words = ("phrase", "status", "wording", "destination", "shop")
    for name in words:
        assert editor.has_perm(f"tracking.change_{name}")
        assert support.has_perm(f"tracking.view_{name}")
    for name in ("shipment", "message", "notice"):
        assert support.has_perm(f"tracking.change_{name}")
    for right in ("view_shipment", "view_message", "add_shipment", "view_fetch", "view_event"):
        assert not editor.has_perm(f"tracking.{right}")
    for name in words:
        assert not support.has_perm(f"tracking.change_{name}")
    assert editor.has_perm("tracking.view_notice")
    assert not editor.has_perm("tracking.add_notice") and not editor.has_perm("tracking.change_notice")


def test_migrate_restores_rights_and_keeps_members():
    editors, other = Group.objects.get(name=groups.EDITORS), Group.objects.create(name="Translators")
    user = member_of(groups.EDITORS)
    before = set(editors.permissions.all())
    deletion = Permission.objects.get(codename="delete_shop")
    editors.permissions.set([deletion, Permission.objects.get(codename="change_notice")])
    other.permissions.set([deletion])
    Group.objects.filter(name=groups.SUPPORT).delete()
    for _ in range(2):
        call_command("migrate", verbosity=0)
    assert set(editors.permissions.all()) == before
    assert list(other.permissions.all()) == [deletion]
    assert list(user.groups.all()) == [editors]
    assert Group.objects.get(name=groups.SUPPORT).permissions.exists()


def test_a_right_of_a_deleted_model_is_given_to_no_group():
    kind = Permission.objects.get(codename="view_shop").content_type
    kind.pk, kind.model = None, "bygone"
    kind.save()
    left = Permission.objects.create(codename="view_bygone", content_type=kind, name="x")
    groups.keep_groups(apps)
    assert not left.group_set.exists()


# The desk


@pytest.mark.parametrize("place", [0, 1], ids=MEMBERS)
def test_each_list_opens_only_for_groups_with_rights(log_in, place):
    client = log_in(MEMBERS[place])
    index = client.get(reverse("admin:index")).content.decode()
    for model in admin.site._registry:
        label = model._meta.app_label
        address = reverse(f"admin:{label}_{name_of(model)}_changelist")
        rights = groups.rights_of(name_of(model))[place] if label == "tracking" else ()
        assert client.get(address).status_code == (200 if rights else 403), address
        assert (address in index) == bool(rights), address


def test_an_editor_cannot_register_parcels_and_support_can(log_in, client):
    page = reverse("admin:tracking_shipment_register")
    assert log_in(groups.EDITORS).get(page).status_code == 403
    client.logout()
    assert log_in(groups.SUPPORT).get(page).status_code == 200


def test_support_reads_words_and_cannot_save_them(log_in):
    client = log_in(groups.SUPPORT)
    status = Status.objects.first()
    address = reverse("admin:tracking_status_change", args=[status.pk])
    assert 'name="_save"' not in client.get(address).content.decode()
    assert client.post(address, {"name": "hacked"}).status_code == 403
    status.refresh_from_db()
    assert status.name != "hacked"


def test_support_sees_the_story_of_a_parcel(log_in, standin: StandIn):
    standin.set_item(NUMBER, story(POSTED))
    look_up(NUMBER, now=timezone.now())
    page = log_in(groups.SUPPORT).get(
        reverse("admin:tracking_shipment_change", args=[Shipment.objects.get().pk])
    )
    assert POSTED.split(" @")[0] in page.content.decode()


def test_staff_without_a_group_see_nothing(log_in):
    client = log_in()
    assert "have permission to view or edit anything" in client.get(reverse("admin:index")).content.decode()


def test_the_two_groups_cannot_be_edited_but_others_can(admin_client):
    editors, other = Group.objects.get(name=groups.EDITORS), Group.objects.create(name="Translators")
    for group, code in ((editors, 403), (other, 302)):
        address = reverse("admin:auth_group_change", args=[group.pk])
        assert admin_client.get(address).status_code == 200
        assert admin_client.post(address, {"name": group.name}).status_code == code
        deletion = reverse("admin:auth_group_delete", args=[group.pk])
        assert admin_client.post(deletion, {"post": "yes"}).status_code == code
    chosen = {"action": "delete_selected", "_selected_action": editors.pk, "post": "yes"}
    admin_client.post(reverse("admin:auth_group_changelist"), chosen)
    assert set(Group.objects.values_list("name", flat=True)) == set(MEMBERS)


def test_a_new_colleague_gets_rights_and_cannot_be_deleted(admin_client):
    editors = Group.objects.get(name=groups.EDITORS)
    page = html.fromstring(admin_client.get(reverse("admin:auth_user_add")).content)
    assert page.get_element_by_id("id_is_staff").checked
    secret = "correct horse 7 battery"
    form = {"username": "eve", "password1": secret, "password2": secret}
    admin_client.post(reverse("admin:auth_user_add"), form | {"is_staff": "on", "groups": editors.pk})
    eve = User.objects.get(username="eve")
    assert eve.is_staff and eve.has_perm("tracking.change_wording")
    assert admin_client.get(reverse("admin:auth_user_change", args=[eve.pk])).status_code == 200
    address = reverse("admin:auth_user_delete", args=[eve.pk])
    assert admin_client.post(address, {"post": "yes"}).status_code == 403


# The log


def facts_of(entry: LogEntry) -> tuple[str, str, str]:
    """The model, the action and the name of the row."""
    return entry.content_type.model, entry.get_action_flag_display(), entry.object_repr


def test_the_log_records_each_registered_parcel(admin_client, admin_user):
    known, new = some_numbers(2)
    Shipment.objects.create(number=known)
    lines = f"{known}\n{new}\nEM123456784JP"
    admin_client.post(reverse("admin:tracking_shipment_register"), {"text": lines, "register": "1"})
    assert sorted(map(facts_of, LogEntry.objects.filter(user=admin_user))) == [
        ("shipment", "Addition", new),
        ("shipment", "Change", known),
    ]


@pytest.fixture
def message(db) -> Message:
    return Message.objects.create(email="ann@example.com", text="Hello?", created_at=timezone.now())


def test_the_log_records_a_button_pressed_in_a_list(admin_client, message):
    admin_client.post(reverse("admin:tracking_message_answered", args=[message.pk]))
    message.refresh_from_db()
    assert message.answered
    assert facts_of(LogEntry.objects.get()) == ("message", "Change", str(message))


def test_the_log_records_a_deletion_from_a_list(admin_client):
    notice = Notice.objects.create(title="Strike", starts_on=date(2026, 1, 1))
    chosen = {"action": "delete_selected", "_selected_action": notice.pk, "post": "yes"}
    admin_client.post(reverse("admin:tracking_notice_changelist"), chosen)
    assert not Notice.objects.exists()
    assert facts_of(LogEntry.objects.get()) == ("notice", "Deletion", "Strike")


def test_superusers_can_read_the_log_but_not_change_it(admin_client, admin_user, shop: Shop):
    change = json.dumps([{"changed": {"fields": ["Guide title"]}}])
    LogEntry.objects.log_actions(admin_user.pk, [shop], 2, change)
    address = reverse("admin:tracking_edit_changelist")
    (row,) = html.fromstring(admin_client.get(address).content).xpath("//table[@id='result_list']/tbody/tr")
    cells = [" ".join(cell.text_content().split()) for cell in row.xpath("*")]
    assert cells[1:] == ["admin", "Change", "shop", "Our shop", "Changed Guide title."]
    entry = LogEntry.objects.get()
    assert admin_client.get(reverse("admin:tracking_edit_add")).status_code == 403
    for what in ("change", "delete"):
        page = reverse(f"admin:tracking_edit_{what}", args=[entry.pk])
        assert admin_client.post(page, {"post": "yes"}).status_code == 403
    assert LogEntry.objects.count() == 1


def test_names_of_rows_are_escaped_in_the_log(admin_client, admin_user, shop: Shop):
    shop.name = "<script>alert(1)</script>"
    LogEntry.objects.log_actions(admin_user.pk, [shop], 2, "<b>bold</b>")
    page = admin_client.get(reverse("admin:tracking_edit_changelist")).content.decode()
    assert "<script>alert" not in page and "<b>bold" not in page and "&lt;script&gt;alert" in page


def test_deleting_a_failed_log_in_ends_the_pause(admin_client, client, django_user_model):
    django_user_model.objects.create_superuser("ann", password="correct horse 7 battery")
    form = {"username": "ann", "password": "wrong", "next": "/admin/"}
    codes = [client.post("/admin/login/", form).status_code for _ in range(5)]
    assert codes[-1] == 429
    failed = FailedLogIn.objects.get()
    page = admin_client.get(reverse("admin:tracking_failedlogin_changelist")).content.decode()
    assert "ann" in page and "127.0.0.1" in page
    deletion = reverse("admin:tracking_failedlogin_delete", args=[failed.pk])
    assert admin_client.post(deletion, {"post": "yes"}).status_code == 302
    right = form | {"password": "correct horse 7 battery"}
    assert client.post("/admin/login/", right).status_code == 302


def test_a_refused_member_reads_that_the_account_lacks_rights(client):
    client.force_login(member_of(groups.SUPPORT))
    page = client.get(reverse("admin:tracking_status_add"))
    assert page.status_code == 403
    assert "Your account may not do this." in page.content.decode()
    assert "cookie" not in page.content.decode()
