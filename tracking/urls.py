"""The visitors' addresses. E-mails and programs use them, so they must not change."""

from django.urls import path, re_path, register_converter

from tracking.ops import views as machine_views
from tracking.public import assets, contact, guide, views
from tracking.values.numbers import TrackingNumber


class TrackingNumberConverter:
    """A tracking number in canonical form. The view checks the check digit."""

    regex = "[A-Z]{2}[0-9]{9}[A-Z]{2}"

    def to_python(self, value: str) -> TrackingNumber:
        """Return the path's text, which matches `regex`, as a number."""
        return TrackingNumber(value)

    def to_url(self, value: str) -> str:
        """Return the number unchanged: it is canonical."""
        return value


register_converter(TrackingNumberConverter, "number")

urlpatterns = [
    path("", guide.guide, name="guide"),
    path("track/", views.track, name="track"),
    path("track/<number:number>/", views.shipment, name="shipment"),
    path("track/<number:number>.json", views.shipment_json, name="shipment_json"),
    re_path(r"^track/(?P<text>(?s:.+))$", views.pasted, name="pasted"),
    re_path(r"^services/srv/search/direct/?$", views.japan_post_address, name="japan_post_address"),
    path("examples/", views.examples, name="examples"),
    path("examples/<slug:slug>/", views.example, name="example"),
    path("contact/", contact.contact, name="contact"),
    re_path(r"^accent-(?P<digits>[0-9a-f]{6})\.css$", assets.accent, name="accent"),
    re_path(r"^logo-(?P<digest>[0-9a-f]{16})\.(?P<extension>png|jpg|webp)$", assets.logo, name="logo"),
    path("robots.txt", assets.robots, name="robots"),
    path("sitemap.xml", assets.sitemap, name="sitemap"),
    path("healthz", machine_views.healthz, name="healthz"),
    path("readyz", machine_views.readyz, name="readyz"),
    path("metrics", machine_views.metrics, name="metrics"),
]
