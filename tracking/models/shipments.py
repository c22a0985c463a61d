"""Shipments: what Japan Post said about a parcel, in its own words, and every request to Japan Post."""

from datetime import date, datetime, time, timedelta

from django.db import models
from django.db.models import Count, Exists, OuterRef, Q
from django.utils.timezone import localdate, localtime

from tracking.japanpost.records import TrackedEvent
from tracking.models.standings import Reason
from tracking.values.clocks import has_passed, impossible, is_ahead, is_impossible
from tracking.values.places import JAPAN_TIME


class Outcome(models.TextChoices):
    """How a request to Japan Post ended. Pages and JSON use the same values."""

    TRACKED = "tracked", "Answered with a story"
    NOT_FOUND = "not-found", "Answered: no such item"
    REJECTED = "rejected", "Answered: malformed number"
    UNAVAILABLE = "unavailable", "No answer"
    UNEXPECTED = "unexpected-page", "An answer we cannot read"


FAILURES = frozenset({Outcome.UNAVAILABLE, Outcome.UNEXPECTED})  # without information about the parcel
FETCHES_ARE_KEPT = timedelta(days=90)  # and for as long as the sender may open an enquiry


class AskedBy(models.TextChoices):
    """On whose behalf we ask Japan Post. Visitors come first."""

    VISITOR = "visitor", "A visitor"
    WATCH = "watch", "The watch"
    STAFF = "staff", "Staff"


def may_be_asked(now: datetime) -> Q:
    """The condition that `Shipment.is_due` is True at an aware `now`."""
    return has_passed("ask_again_at", now) | impossible("asked_at", now)


class ShipmentQuerySet(models.QuerySet["Shipment"]):
    def due(self, at: datetime) -> "ShipmentQuerySet":
        """Shipments that the watch should ask about at this moment, the longest overdue first."""
        return self.filter(watch_at__lte=at).order_by("watch_at", "pk")

    def registered(self) -> "ShipmentQuerySet":
        """Shipments that staff registered."""
        return self.filter(registered_at__isnull=False)

    def typed(self) -> "ShipmentQuerySet":
        """Shipments that staff did not register: visitors looked them up, and may do so with any number."""
        return self.filter(registered_at__isnull=True)

    def free(self, at: datetime) -> "ShipmentQuerySet":
        """Shipments without a request in flight, and which Japan Post may be asked about at this moment."""
        return self.filter(has_passed("lease_until", at), may_be_asked(at))

    def needing_attention(self, now: datetime) -> "ShipmentQuerySet":
        """Shipments with a reason for attention that is newer than `handled_at`, while an enquiry is still possible.

        Where the day of posting is unknown, an enquiry counts as possible for a year after the newest scan: then Japan
        Post deletes the story.
        """
        today = localdate(now, JAPAN_TIME)
        maybe_open = Q(standing__enquiry_ends_on=None, standing__scanned_on__gte=today - timedelta(days=365))
        open_until = maybe_open | Q(standing__enquiry_ends_on__gte=today)
        return self.filter(open_until, standing__look_from__lte=now)

    def count_reasons(self, now: datetime) -> dict[Reason, int]:
        """The number of these shipments per reason; reasons without one are left out. A shipment may have several."""
        counted = self.aggregate(**{one.name: Count("pk", filter=one.holds(now)) for one in Reason})
        return {one: counted[one.name] for one in Reason if counted[one.name]}


class Shipment(models.Model):
    """One EMS item that a visitor looked up or staff registered."""

    number = models.CharField(max_length=13, unique=True, verbose_name="tracking number")
    item_class = models.CharField(max_length=100, blank=True, verbose_name="class of goods")
    destination = models.ForeignKey(
        "tracking.Destination",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        help_text="The country it is sent to, if you know it. Empty: unknown until a scan abroad names the country.",
    )
    history_missing = models.BooleanField(
        default=False, help_text="Japan Post gave only the newest status, without the history."
    )
    last_outcome = models.CharField(max_length=20, choices=Outcome, blank=True)
    last_answer = models.CharField(
        max_length=20,
        choices=Outcome,
        blank=True,
        db_default="",
        editable=False,
        help_text="How the last request with an answer ended: a failure after it changes nothing.",
    )
    asked_at = models.DateTimeField(
        null=True, blank=True, help_text="When the last request was sent to Japan Post."
    )
    answered_at = models.DateTimeField(
        null=True, blank=True, help_text="When Japan Post last gave an answer we could read."
    )
    story_at = models.DateTimeField(
        null=True, blank=True, help_text="When Japan Post last confirmed the events below."
    )
    changed_at = models.DateTimeField(null=True, blank=True, help_text="When the events last changed.")
    ask_again_at = models.DateTimeField(
        null=True, blank=True, help_text="Japan Post is not asked again before this."
    )
    lease_until = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Until then at the latest, a request about it is in flight. Empty: none is.",
    )
    lease_token = models.CharField(max_length=32, blank=True, editable=False, help_text="Who is asking.")
    watch_at = models.DateTimeField(
        null=True,
        blank=True,
        db_index=True,
        help_text="When the watch asks about it next. Empty: never, for it is delivered, long silent or unknown, or "
        "staff did not register it and no visitor has looked it up for a week.",
    )
    visited_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When a visitor's look-up last reached Japan Post. Empty: none, or before we stored it.",
    )
    order_reference = models.CharField(
        max_length=100, blank=True, help_text="Your order number. For staff only: customers never see it."
    )
    note = models.CharField(max_length=500, blank=True, help_text="For staff only: customers never see it.")
    registered_at = models.DateTimeField(
        null=True, blank=True, help_text="When staff registered it. Empty: a visitor was first."
    )
    handled_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When staff last handled it. Empty: never."
    )
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    objects = ShipmentQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(
                fields=["lease_until"], condition=Q(lease_until__isnull=False), name="shipment_being_asked"
            ),
            models.Index(  # finds the shop's own parcels, however many numbers of visitors are due
                fields=["watch_at"],
                condition=Q(registered_at__isnull=False, watch_at__isnull=False),
                name="shipment_watched_own",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def newest_answer(self) -> str:
        """The outcome of the last request that was not a failure; empty where there is none.

        Reads `last_outcome` too, because older releases stored it only there.
        """
        is_answer = self.last_outcome and self.last_outcome not in FAILURES
        return self.last_outcome if is_answer else self.last_answer

    def is_due(self, now: datetime) -> bool:
        """True where the last answer is no longer fresh, or the rest after a failure is over.

        Also where a clock that was ahead asked last. `answered_at` does not count: a failure would get no rest.
        """
        return not is_ahead(self.ask_again_at, now) or is_impossible(self.asked_at, now)


class EventQuerySet(models.QuerySet["Event"]):
    def current(self) -> "EventQuerySet":
        """The rows of the current stories, without rows that a later answer replaced."""
        return self.filter(superseded_at=None)

    def newest(self) -> "EventQuerySet":
        """The newest row of each story."""
        later = Event.objects.current().filter(
            shipment=OuterRef("shipment"), position__gt=OuterRef("position")
        )
        return self.current().filter(~Exists(later))


class Event(models.Model):
    """One row of Japan Post's history, in Japan Post's words and order."""

    shipment = models.ForeignKey(Shipment, on_delete=models.CASCADE, related_name="events")
    position = models.PositiveSmallIntegerField(help_text="Place on Japan Post's page; 0 is the oldest.")
    local_date = models.DateField(help_text="Wall-clock date at the place; no zone is known.")
    local_time = models.TimeField(null=True, blank=True, help_text="Empty: Japan Post gave the date alone.")
    phrase = models.CharField(max_length=200)
    details = models.CharField(max_length=500, blank=True)
    office = models.CharField(max_length=200, blank=True)
    region = models.CharField(max_length=100, blank=True, verbose_name="prefecture or country")
    postal_code = models.CharField(max_length=20, blank=True)
    first_seen_at = models.DateTimeField()
    superseded_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="A later answer replaced this row; kept for staff. Empty: part of the story.",
    )

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["shipment", "position", "first_seen_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["shipment", "position"],
                condition=Q(superseded_at=None),
                name="one_current_event_per_position",
            )
        ]
        indexes = [models.Index(fields=["phrase"])]

    def __str__(self) -> str:
        return f"{self.local_date} {self.phrase}"

    @property
    def as_tracked(self) -> TrackedEvent:
        """The row as Japan Post gave it, for comparison with a new answer."""
        return TrackedEvent(**{name: getattr(self, name) for name in TRACKED_FIELDS})


TRACKED_FIELDS = ("local_date", "local_time", "phrase", "details", "office", "region", "postal_code")


class FetchQuerySet(models.QuerySet["Fetch"]):
    def older_than(self, when: datetime) -> "FetchQuerySet":
        """Requests that began before this moment."""
        return self.filter(started_at__lt=when)


class Fetch(models.Model):
    """One request to Japan Post."""

    shipment = models.ForeignKey(Shipment, on_delete=models.CASCADE, related_name="fetches")
    started_at = models.DateTimeField()
    milliseconds = models.PositiveIntegerField()
    size = models.PositiveIntegerField(default=0, help_text="Bytes of the answer, unpacked.")
    outcome = models.CharField(max_length=20, choices=Outcome)
    asked_by = models.CharField(max_length=10, choices=AskedBy, default=AskedBy.VISITOR)
    note = models.CharField(
        max_length=500, blank=True, help_text="Why it failed, or what we kept instead of the answer."
    )

    objects = FetchQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at"]
        verbose_name, verbose_name_plural = "request to Japan Post", "requests to Japan Post"
        indexes = [  # covers all columns that Japan Post's health counts, so it reads no rows
            models.Index(fields=["started_at", "outcome", "milliseconds"], name="fetch_by_time")
        ]

    def __str__(self) -> str:
        return f"{localtime(self.started_at, JAPAN_TIME):%Y-%m-%d %H:%M} {self.outcome}"

    @property
    def ended_at(self) -> datetime:
        """When we had the answer, or gave up."""
        return self.started_at + timedelta(milliseconds=self.milliseconds)


def row_of(event: TrackedEvent) -> dict[str, date | time | str | None]:
    """The columns of an Event for one row of Japan Post's history: {name: value}."""
    return {name: getattr(event, name) for name in TRACKED_FIELDS}
