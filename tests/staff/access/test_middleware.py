"""Sessions, log-ins and messages are for the desk only: a customer's page neither reads nor sets any."""

import pytest
from django.core.checks import run_checks
from django.test import RequestFactory

from tracking.staff.access import middleware

pytestmark = pytest.mark.django_db


@pytest.fixture
def request_attributes():
    """A function that returns which of session, user and messages a view at that path finds on its request."""

    def attributes_at(path):
        request, seen = RequestFactory().get(path), {}

        def view(request):
            seen.update(request.__dict__)

        for layer in (middleware.DeskMessages, middleware.DeskLogin, middleware.DeskSessions):
            view = _without_response(layer, view)
        view(request)
        return {name for name in ("session", "user", "_messages") if name in seen}

    return attributes_at


def _without_response(layer, view):
    """The view in this middleware, which leaves the response as it is."""
    made = layer(view)
    made.process_response = lambda request, response: response
    return made


@pytest.mark.parametrize("path", ["/", "/track/", "/contact/", "/administration/", "/x/admin/", "/healthz"])
def test_pages_outside_the_desk_have_no_session_or_user(request_attributes, path):
    assert request_attributes(path) == set()


@pytest.mark.parametrize("path", ["/admin/", "/admin/login/", "/admin/tracking/status/"])
def test_pages_of_the_desk_have_a_session_and_a_user(request_attributes, path):
    assert request_attributes(path) == {"session", "user", "_messages"}


def test_sessions_follow_admin_path(request_attributes, settings):
    settings.ADMIN_PATH = "back-office/"
    assert request_attributes("/back-office/") == {"session", "user", "_messages"}
    assert request_attributes("/admin/") == set()


def test_djangos_checks_accept_the_middleware():
    assert [found for found in run_checks() if not found.is_silenced()] == []


def test_a_customers_page_ignores_a_log_in(admin_client):
    response = admin_client.get("/")
    assert "Cookie" not in response["Vary"]
    assert not hasattr(response.wsgi_request, "user")
    assert admin_client.get("/admin/").wsgi_request.user.is_superuser
