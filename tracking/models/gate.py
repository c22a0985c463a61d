"""State that all processes share to decide whether one of them may ask Japan Post."""

from django.db import models


class Gate(models.Model):
    """One row for the whole installation: when the next request may start. Only `tracking.fetching.gate` writes it."""

    next_start_at = models.DateTimeField(
        null=True, help_text="No request starts before this, so that requests are spaced out."
    )
    visitors_wait_until = models.DateTimeField(
        null=True, help_text="Until then visitors come before the watch. Empty: none has had to wait yet."
    )
    failures_in_a_row = models.PositiveIntegerField(
        default=0, help_text="Requests without an answer since the last answer; at five we pause."
    )
    paused_until = models.DateTimeField(
        null=True, help_text="No request is sent before this; then one request tries. Empty: no pause."
    )
    paused_since = models.DateTimeField(null=True, help_text="Since when there has been no answer.")
    pause_reason = models.CharField(max_length=500, blank=True, help_text="The newest failure.")

    class Meta:
        verbose_name = verbose_name_plural = "Japan Post's health"

    def __str__(self) -> str:
        return "Japan Post"


class VisitorMinute(models.Model):
    """No longer used: `Allowance` counts look-ups. Release 0.1.0 needs the table during an upgrade.

    The release after the next one removes it; until then `prune` deletes the rows that release 0.1.0 left.
    """

    visitor = models.CharField(max_length=64, help_text="Keyed hash of the client address.")
    minute = models.DateTimeField(db_index=True)
    lookups = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["visitor", "minute"], name="one_count_per_visitor_and_minute")
        ]

    def __str__(self) -> str:
        return f"{self.minute:%H:%M} {self.lookups}"
