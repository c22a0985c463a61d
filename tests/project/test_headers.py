"""The security headers of every answer: sources, frames and permissions. And the largest body that the site reads."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import Client, FakePayload
from django.urls import reverse

from tests.support.stories import NUMBER
from tracking.models import Status

POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
}
ANSWERS = {
    "/": 200,
    "/examples/in-customs/": 200,
    f"/track/{NUMBER}/": 503,
    f"/track/{NUMBER}.json": 503,
    "/track/?number=EM+123456785+JP": 302,
    "/contact/": 200,
    "/accent-0b6e4f.css": 200,
    "/robots.txt": 200,
    "/nothing/": 404,
    "/admin/login/": 200,
    "/admin/": 302,
    "/readyz": 200,
}


def policy_of(response) -> set[str]:
    """The directives of the answer's Content-Security-Policy."""
    return set(response["Content-Security-Policy"].split("; "))


@pytest.mark.django_db
@pytest.mark.parametrize("address", ANSWERS)
def test_every_answer_carries_the_whole_policy(client, no_network, address):
    response = client.get(address, headers={"origin": "https://evil.example"})
    assert response.status_code == ANSWERS[address]
    assert [name for name in response.headers if name.startswith("Access-Control-")] == []
    assert policy_of(response) == POLICY
    assert response["X-Frame-Options"] == "DENY"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert {"camera=()", "geolocation=()", "payment=()"} <= set(response["Permissions-Policy"].split(", "))


@pytest.mark.django_db
def test_a_cached_page_carries_the_policy_and_no_nonce(client):
    first, again = client.get("/examples/in-customs/"), client.get("/examples/in-customs/")
    guides = [client.get("/") for _ in range(2)]
    for response in (first, again, *guides):
        assert policy_of(response) == POLICY
        assert "nonce" not in response.content.decode()


def test_only_the_preview_may_frame_and_only_its_frame_may_be_framed(admin_client):
    status = Status.objects.get(slug="customs-clearance")
    page = admin_client.get(reverse("admin:tracking_status_preview", args=[status.pk]))
    frame = admin_client.get(reverse("admin:tracking_status_preview_frame", args=[status.pk]))
    assert policy_of(page) == POLICY | {"frame-src 'self'"}
    assert policy_of(frame) == POLICY - {"frame-ancestors 'none'"} | {"frame-ancestors 'self'"}
    other = admin_client.get(reverse("admin:tracking_status_change", args=[status.pk]))
    assert policy_of(other) == POLICY


@pytest.mark.parametrize(
    "name", ["index", "tracking_status_changelist", "auth_user_add", "jsi18n", "tracking_nothing"]
)
def test_search_engines_and_caches_keep_no_page_of_the_desk(admin_client, client, name):
    address = "/admin/nothing/" if name == "tracking_nothing" else reverse(f"admin:{name}")
    for response in (admin_client.get(address), client.get(address)):
        assert response["X-Robots-Tag"] == "noindex"
        assert {"no-store", "private"} <= set(response["Cache-Control"].split(", "))


@pytest.mark.django_db
def test_a_body_of_more_than_4_megabytes_is_refused_before_it_is_read(client, settings):
    file = SimpleUploadedFile("large.bin", b"x" * settings.MOST_BODY_BYTES)
    response = client.post("/contact/", {"text": "Hello", "file": file})
    assert response.status_code == 413
    assert "larger than the 4.0" in response.content.decode()
    assert client.post("/contact/", {"text": "Hello"}).status_code == 400
    assert client.post("/contact/", CONTENT_LENGTH="many", data={}).status_code == 400


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/contact/", "/healthz", "/admin/login/"])
@pytest.mark.parametrize(("size", "left"), [(100_000, 0), (5_000_000, 0), (6_000_000, 6_000_000)])
def test_what_a_view_leaves_of_a_body_is_read_up_to_5_mib(path, size, left):
    """Otherwise gunicorn closes the connection while a proxy still sends, and the proxy answers 502."""
    body = FakePayload(b"x" * size)
    client = Client(enforce_csrf_checks=True)
    response = client.generic(
        "POST", path, content_type="text/plain", CONTENT_LENGTH=str(size), **{"wsgi.input": body}
    )
    assert response.status_code in (403, 405, 413)
    assert len(body) == left


@pytest.mark.django_db
@pytest.mark.parametrize(("more", "status"), [(0, 400), (1, 413)])
def test_a_body_of_exactly_4_megabytes_is_read(client, settings, more, status):
    body = b"x" * (settings.MOST_BODY_BYTES + more)
    assert client.post("/contact/", body, content_type="text/plain").status_code == status


@pytest.mark.django_db
@pytest.mark.parametrize("data", [{"text": "x" * 3_000_000}, {f"field{i}": "x" for i in range(1001)}])
def test_a_form_with_too_much_text_or_too_many_fields_is_refused(client, data):
    body = "&".join(f"{name}={value}" for name, value in data.items())
    response = client.post("/contact/", body, content_type="application/x-www-form-urlencoded")
    assert response.status_code == 400


LONG = "a" * 3500
REDIRECTS = {
    "a log-in with `next`": (f"/admin/?{LONG}", "/admin/login/"),
    "a page of the desk without its slash": (f"/admin/tracking/notice?q={LONG}", "/admin/login/"),
    "a page without its slash": (f"/contact?number={LONG}", "/contact/"),
    "an example without its slash": (f"/examples/in-customs?{'%FF' * 2600}", "/examples/in-customs/"),
}


@pytest.mark.django_db
@pytest.mark.parametrize(("address", "target"), REDIRECTS.values(), ids=REDIRECTS)
def test_a_redirection_drops_a_query_that_is_too_long(client, address, target):
    response = client.get(address)
    assert response.status_code in (301, 302)
    assert response["Location"] == target


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "secure"), [("/examples/{}", True), ("/track/{}", False), ("/{}?a=b", False)]
)
def test_a_redirection_to_a_path_that_is_too_long_is_414(client, settings, address, secure):
    settings.SECURE_SSL_REDIRECT = True
    response = client.get(address.format(LONG), secure=secure)
    assert response.status_code == 414
    assert "Location" not in response
    assert "This address is too long" in response.content.decode()
    assert policy_of(response) == POLICY
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Length"] == str(len(response.content))


@pytest.mark.django_db
@pytest.mark.parametrize(("more", "is_kept"), [(0, True), (1, False)])
def test_a_redirection_has_2000_bytes_at_most(client, more, is_kept):
    query = "a" * (2000 - len("/contact/?") + more)
    location = client.get(f"/contact?{query}")["Location"]
    assert location == (f"/contact/?{query}" if is_kept else "/contact/")
