"""Staff's edits and failed log-ins: tables of other packages, under names that staff understand."""

from axes.models import AccessAttempt
from django.contrib.admin.models import LogEntry


class Edit(LogEntry):
    """One change that a member of staff made in the admin."""

    class Meta:
        proxy = True
        default_permissions = ("view",)
        verbose_name_plural = "who changed what"


class FailedLogIn(AccessAttempt):
    """Failed log-ins of one name from one address with one browser, in the last quarter of an hour."""

    class Meta:
        proxy = True
        default_permissions = ("view", "delete")
        verbose_name = "failed log-in"

    def __str__(self) -> str:
        return f"{self.username} from {self.ip_address or 'this machine'}"
