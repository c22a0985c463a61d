"""The addresses of the site. Those for visitors are in tracking/urls.py."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from tracking.staff.access.log_in import log_in

urlpatterns = [
    path(f"{settings.ADMIN_PATH}login/", log_in),  # overrides the admin's
    path(settings.ADMIN_PATH, admin.site.urls),
    path("", include("tracking.urls")),
]

handler400 = "tracking.public.errors.bad_request"
handler403 = "tracking.public.errors.forbidden"
handler404 = "tracking.public.errors.page_not_found"
handler500 = "tracking.public.errors.server_error"
