"""Makes the staff's desk Django's admin site, and forms of clients plain."""

from django.contrib.admin.apps import AdminConfig

from emsguide.incoming import refuse_codecs_in_parts


class DeskConfig(AdminConfig):
    """Django's admin, with the desk as its default site."""

    default_site = "tracking.staff.access.admin_site.Desk"

    def ready(self) -> None:
        """Find the pages of the desk, and let no part of a form choose a codec."""
        super().ready()
        refuse_codecs_in_parts()
