"""After an edit of what the words mean, parcels stand elsewhere: work out anew where, some at a time."""

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from tracking.glossary import Glossary
from tracking.lookup import recall_all
from tracking.models import Shipment, Standing
from tracking.standing import standing_of, store_all

RENEWED_AT_ONCE = 500  # parcels, while somebody at the desk waits for a page: some 100 ms
AT_ONCE = 250  # parcels, in one transaction of some 50 ms


def renew_outdated(*, most: int) -> int:
    """Work out anew up to so many of the outdated; says how many are left."""
    while most > 0 and (keys := list(_outdated()[: min(most, AT_ONCE)])):
        renew(keys)
        most -= AT_ONCE
    return _outdated().count()


@transaction.atomic
def renew(keys: Collection[int]) -> None:
    """These parcels. They are locked, so that no answer comes in between and is undone by what it has made old."""
    glossary = Glossary.current()
    shipments = Shipment.objects.select_for_update().filter(pk__in=keys).order_by("pk")
    parcels = {one.number: one for one in shipments}
    stories = recall_all(parcels)
    store_all([standing_of(parcels[number], story, glossary) for number, story in stories.items()])
    Standing.objects.filter(
        pk__in={one.pk for number, one in parcels.items() if number not in stories}
    ).delete()


def look_after(shipments: Sequence[Shipment], *, now: datetime) -> None:
    """Somebody has looked after these: they need a look again when there is another reason."""
    keys = [one.pk for one in shipments]
    with transaction.atomic():
        Shipment.objects.filter(pk__in=keys).update(handled_at=now)
        renew(keys)


def _outdated() -> QuerySet[Standing, int]:
    return Standing.objects.outdated(Glossary.current().meaning).values_list("pk", flat=True)
