"""Stored parcels for tests of the staff's desk, and logged-in members of staff."""

from datetime import timedelta

from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from tests.support.kept import keep
from tests.support.stories import ARRIVED, DELIVERED, IN_CUSTOMS, POSTED, event
from tracking.journey.standing import recompute
from tracking.models import Shipment, Standing

DAY = timedelta(days=1)


def parcel(*rows: tuple[str, int], **more) -> Shipment:
    """Store a parcel with its standing. Each row is `phrase @ REGION` and its age in days."""
    today = timezone.now().date()
    shipment = keep(
        *(event(text, today - days * DAY, None) for text, days in rows), at=timezone.now(), **more
    )
    Standing.objects.create(shipment=shipment)
    recompute([shipment.pk])
    return shipment


def one_of_each() -> dict[str, Shipment]:
    """Store a parcel for each reason that it needs a look, and some that need none. Returns them by name."""
    return {
        "moving": parcel((POSTED, 3), (ARRIVED, 1)),
        "silent": parcel((POSTED, 60), (IN_CUSTOMS, 50)),
        "problem": parcel((POSTED, 30), ("Returned to sender @ GERMANY", 1)),
        "kept": parcel((POSTED, 20), ("Retention @ GERMANY", 5)),
        "closing": parcel((POSTED, 178), ("Retention @ FRANCE", 0)),
        "delivered": parcel((POSTED, 300), (DELIVERED, 290)),
        "too late": parcel((POSTED, 300), (IN_CUSTOMS, 290)),
        "unknown": Shipment.objects.create(number="EM700100325JP", last_outcome="not-found"),
    }


def member(group: str) -> Client:
    """Return a client that is logged in as a new user in this group."""
    user = User.objects.create_user("ann", is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client
