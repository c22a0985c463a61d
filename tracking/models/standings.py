"""Standings: the precomputed state of each parcel, for lists to search. `tracking.journey.standing` computes them."""

from datetime import date, datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils.timezone import localdate

from tracking.models.words import Stage, Tone
from tracking.values.places import JAPAN, JAPAN_TIME

COLLECT_SOON = timedelta(days=2)  # before the last day, staff should see the parcel
ENQUIRY_SOON = timedelta(days=14)  # likewise


class Reason(models.TextChoices):
    """Why a parcel needs attention."""

    PROBLEM = "problem", "There is a problem"
    SILENT = "silent", "Silent for far longer than usual"
    COLLECT = "collect", "To be collected soon, or too late"
    ENQUIRY = "enquiry", "The sender's enquiry ends soon"

    def holds(self, now: datetime) -> Q:
        """The condition, for shipments, that the reason exists at an aware `now`. Ignores `handled_at`."""
        today = localdate(now, JAPAN_TIME)
        match self:
            case Reason.PROBLEM:
                return Q(standing__tone=Tone.PROBLEM)
            case Reason.SILENT:
                return Q(standing__worry_from__lte=now)
            case Reason.COLLECT:
                return Q(standing__collect_by__lte=today + COLLECT_SOON)
        return Q(
            standing__is_over=False,
            standing__enquiry_ends_on__gte=today,
            standing__enquiry_ends_on__lte=today + ENQUIRY_SOON,
        )


class StandingQuerySet(models.QuerySet["Standing"]):
    def outdated(self, meaning: str) -> "StandingQuerySet":
        """Standings to recompute: computed with words of another meaning than this hash, or marked by `outdate`."""
        return self.filter(Q(meaning__lt=meaning) | Q(meaning__gt=meaning))  # two ranges of the index

    def with_enquiry(self, today: date) -> "StandingQuerySet":
        """Standings of parcels for which the sender may still open an enquiry with Japan Post.

        Where the day of posting is unknown, an enquiry counts as possible for a year after the newest scan: then Japan
        Post deletes the story.
        """
        of_ours = Q(shipment__number__endswith=JAPAN, scanned_on__gte=today - timedelta(days=365))
        return self.filter(Q(enquiry_ends_on__gte=today) | Q(of_ours, enquiry_ends_on=None))

    def outdate(self) -> int:
        """Mark these to be recomputed. Returns how many there are."""
        return self.update(meaning="")


class Standing(models.Model):
    """The facts that lists search by: no texts. What changes with time alone is stored as the moment of the change."""

    shipment = models.OneToOneField("tracking.Shipment", on_delete=models.CASCADE, primary_key=True)
    stage = models.PositiveSmallIntegerField(choices=Stage, null=True, help_text="Empty: no row has one.")
    tone = models.CharField(max_length=10, choices=Tone, default=Tone.NORMAL)
    status = models.ForeignKey(
        "tracking.Status",
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="Of the newest row.",
    )
    destination = models.ForeignKey(
        "tracking.Destination",
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name="destination",
    )
    is_over = models.BooleanField(default=False, help_text="Delivered, or back at the sender.")
    scanned_on = models.DateField(null=True, help_text="Of the newest row, as Japan Post prints it.")
    quiet_from = models.DateTimeField(null=True, help_text="From then on it is silent for longer than usual.")
    worry_from = models.DateTimeField(null=True, help_text="From then on it is silent for far longer.")
    collect_by = models.DateField(null=True, help_text="About the last day on which it can be collected.")
    enquiry_ends_on = models.DateField(null=True, help_text="The sender's last day for an enquiry, in Japan.")
    look_from = models.DateTimeField(
        null=True, help_text="From then on it needs a look. Empty: no reason yet."
    )
    meaning = models.CharField(
        max_length=16, blank=True, help_text="Hash of the meanings with which it was computed."
    )

    objects = StandingQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["meaning"]),
            models.Index(
                fields=["look_from"], condition=Q(look_from__isnull=False), name="standing_needs_a_look"
            ),
            models.Index(
                fields=["worry_from"], condition=Q(worry_from__isnull=False), name="standing_worries"
            ),
            models.Index(fields=["enquiry_ends_on"]),
        ]

    def __str__(self) -> str:
        return f"{self.shipment_id}: {self.stage} {self.tone}"
