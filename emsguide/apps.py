"""Makes the staff's desk Django's admin site."""

from django.contrib.admin.apps import AdminConfig


class DeskConfig(AdminConfig):
    """Django's admin, with the desk as its default site."""

    default_site = "tracking.staff.access.admin_site.Desk"
