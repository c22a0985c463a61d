"""Sessions, log-ins and messages are the desk's: a customer's page neither reads nor sets any."""

import pytest
from django.core.checks import run_checks
from django.test import RequestFactory

from tracking.staff.access import middleware

pytestmark = pytest.mark.django_db


@pytest.fixture
def passed():
    """What a view finds on the request, at that address."""

    def through(path):
        request, seen = RequestFactory().get(path), {}

        def view(request):
            seen.update(request.__dict__)

        for layer in (middleware.DeskMessages, middleware.DeskLogin, middleware.DeskSessions):
            view = _without_response(layer, view)
        view(request)
        return {name for name in ("session", "user", "_messages") if name in seen}

    return through


def _without_response(layer, view):
    made = layer(view)
    made.process_response = lambda request, response: response
    return made


@pytest.mark.parametrize("path", ["/", "/track/", "/contact/", "/administration/", "/x/admin/", "/healthz"])
def test_elsewhere_nobody_is_known(passed, path):
    assert passed(path) == set()


@pytest.mark.parametrize("path", ["/admin/", "/admin/login/", "/admin/tracking/status/"])
def test_at_the_desk_everybody_is(passed, path):
    assert passed(path) == {"session", "user", "_messages"}


def test_wherever_the_desk_is(passed, settings):
    settings.ADMIN_PATH = "back-office/"
    assert passed("/back-office/") == {"session", "user", "_messages"}
    assert passed("/admin/") == set()


def test_django_finds_all_that_its_admin_needs():
    assert [found for found in run_checks() if not found.is_silenced()] == []


def test_a_log_in_is_no_part_of_a_customers_page(admin_client):
    response = admin_client.get("/")
    assert "Cookie" not in response["Vary"]
    assert not hasattr(response.wsgi_request, "user")
    assert admin_client.get("/admin/").wsgi_request.user.is_superuser
