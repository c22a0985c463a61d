"""How long parcels really waited: computed from the stored stories, never entered by staff."""

from django.db import models
from django.db.models import Q


class UsualWait(models.Model):
    """How long parcels wait at a status before their next scan, for one destination or for all together."""

    status = models.ForeignKey("tracking.Status", on_delete=models.CASCADE, related_name="usual_waits")
    destination = models.ForeignKey(
        "tracking.Destination",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        help_text="Parcels to this country. Empty: parcels to all countries together.",
    )
    parcels = models.PositiveIntegerField(
        help_text="So many parcels moved on from here within the last 180 days; with fewer than 20 nothing is learnt."
    )
    median_days = models.PositiveSmallIntegerField(
        verbose_name="half move on within (days)",
        help_text="Half of the parcels had their next scan within so many days. 0: on the same day.",
    )
    nine_in_ten_days = models.PositiveSmallIntegerField(
        verbose_name="9 of 10 move on within (days)",
        help_text="9 of 10 parcels had their next scan within so many days. The tracking page says this number.",
    )
    learned_at = models.DateTimeField(
        verbose_name="learnt at", help_text="When the parcels were last counted (manage.py learn)."
    )

    class Meta:
        ordering = ["status", models.F("destination").asc(nulls_first=True)]
        constraints = [
            models.UniqueConstraint(
                fields=["status", "destination"], name="one_usual_wait_per_status_and_destination"
            ),
            models.UniqueConstraint(
                fields=["status"], condition=Q(destination=None), name="one_usual_wait_per_status"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} ({self.destination or 'all destinations'})"
