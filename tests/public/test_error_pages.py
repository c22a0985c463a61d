"""The error pages: they are rendered without the shop's words, so nothing on them may fail or be empty."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client
from lxml import html

from tracking.staff.access.groups import SUPPORT

pytestmark = pytest.mark.django_db


def too_large(client):
    return client.post("/contact/", CONTENT_LENGTH=str(10**9), data={})


def too_many_fields(client):
    return client.get("/track/?" + "a=&" * 1001)


def forbidden(client):
    user = get_user_model().objects.create_user("ann", is_staff=True)
    user.groups.add(Group.objects.get(name=SUPPORT))
    client.force_login(user)
    return client.get("/admin/tracking/status/add/")


def nothing_here(client):
    return client.get("/nothing-here")


@pytest.mark.parametrize(
    ("ask", "status"), [(too_many_fields, 400), (forbidden, 403), (nothing_here, 404), (too_large, 413)]
)
def test_each_link_has_a_name(ask, status):
    response = ask(Client())
    assert response.status_code == status
    page = html.fromstring(response.content.decode())
    nameless = [html.tostring(one) for one in page.iter("a", "button") if not one.text_content().strip()]
    assert nameless == []
    (foot,) = page.find_class("site-foot")
    assert not " ".join(foot.text_content().split()).startswith("·")


def test_an_outdated_desk_form_is_explained_without_a_contact_link():
    user = get_user_model().objects.create_superuser("ann")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user)
    response = strict.post("/admin/tracking/notice/add/", {"title": "Strike", "text": "Two days"})
    main = html.fromstring(response.content.decode()).get_element_by_id("main")
    assert response.status_code == 403
    assert "Go back, copy what you typed" in main.text_content()
    assert not main.xpath(".//a")
