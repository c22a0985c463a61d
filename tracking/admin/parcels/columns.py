"""Columns of the list of parcels: the state, the destination, the newest scan, the enquiry and others."""

from django.contrib import admin
from django.utils import timezone
from django.utils.formats import date_format

from tracking.journey.deadlines import enquiry_days_left
from tracking.journey.times import day_count
from tracking.models import Shipment, Standing, Tone


class StandingColumnsMixin:
    """For the shipments' admin: the columns of the list that show the parcel's state."""

    @admin.display(description="state", ordering="standing__tone")
    def state(self, shipment: Shipment) -> str:
        standing = _standing(shipment)
        if standing is None:
            return shipment.get_last_outcome_display() or "not asked yet"
        status = standing.status.name if standing.status else "words without a meaning"
        stage = f" ({standing.stage} of 5)" if standing.stage else ""
        loud = standing.tone in (Tone.ACT, Tone.PROBLEM)
        return (
            f"{standing.get_tone_display().partition(':')[0]}: {status}{stage}"
            if loud
            else f"{status}{stage}"
        )

    @admin.display(description="destination")
    def goes_to(self, shipment: Shipment) -> str:
        standing = _standing(shipment)
        return str((standing and standing.destination) or shipment.destination or "not known")

    @admin.display(description="newest scan", ordering="standing__scanned_on")
    def newest_scan(self, shipment: Shipment) -> str:
        standing = _standing(shipment)
        if standing is None or standing.scanned_on is None:
            return "none yet"
        silence = _silence(standing)
        return date_format(standing.scanned_on, "j M Y") + (f": {silence}" if silence else "")

    @admin.display(description="enquiry", ordering="standing__enquiry_ends_on")
    def enquiry(self, shipment: Shipment) -> str:
        standing = _standing(shipment)
        if standing is None or standing.enquiry_ends_on is None:
            return "not known"
        left = enquiry_days_left(standing.enquiry_ends_on, timezone.now())
        return f"{day_count(left)} left" if left > 0 else "last day today" if left == 0 else "too late"


def _silence(standing: Standing) -> str:
    """How long the newest scan has been the last. Empty if that is usual."""
    now = timezone.now()
    if standing.worry_from and standing.worry_from <= now:
        return "far longer than usual"
    return "longer than usual" if standing.quiet_from and standing.quiet_from <= now else ""


def _standing(shipment: Shipment) -> Standing | None:
    return getattr(shipment, "standing", None)
