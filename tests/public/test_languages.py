"""The language that each page names for browsers and screen readers, on a site with English and French."""

import re

import pytest
from django.test import Client

from tests.support.stories import NUMBER, POSTED, story

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("asked", ["fr", "en"])
@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/", 200),
        (f"/track/{NUMBER}/", 200),
        ("/track/EM123456789JP/", 404),
        ("/contact/", 200),
        ("/examples/in-customs/", 200),
        ("/nowhere/", 404),
    ],
)
def test_each_page_names_the_language_it_is_in(client, standin, settings, address, status, asked):
    settings.LANGUAGES = [("en", "English"), ("fr", "Français")]
    standin.set_item(NUMBER, story(POSTED))
    page = client.get(address, headers={"accept-language": asked})
    assert page.status_code == status
    assert re.findall(r'<html lang="([^"]*)"', page.content.decode()) == [asked]


def test_a_refused_form_names_its_language_too(settings):
    settings.LANGUAGES = [("en", "English"), ("fr", "Français")]
    client = Client(enforce_csrf_checks=True, headers={"accept-language": "fr"})
    assert b'<html lang="fr"' in client.post("/contact/", {"text": "x"}).content
