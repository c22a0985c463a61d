"""After an edit of what the words mean, parcels stand elsewhere: work out anew where, some at a time."""

import time
from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from tracking.journey.standing import standing_of, store_all
from tracking.journey.story import recall_all
from tracking.models import Shipment, Standing
from tracking.values.pacing import BREATH
from tracking.words.glossary import Glossary

# Parcels, in one transaction: 20 ms of a core, and some 50 ms on a machine with much else to do. Somebody at the desk who
# waits for a page waits for no more.
RENEWED_AT_ONCE = 100


def renew_outdated(*, most: int) -> int:
    """Work out anew up to so many of the outdated; says how many are left."""
    done = 0
    while done < most and (keys := list(_outdated()[: min(most - done, RENEWED_AT_ONCE)])):
        if done:
            time.sleep(BREATH)  # others get the lock
        renew(keys)
        done += len(keys)
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
        # In the order of everybody: two who lock in different orders wait for each other.
        list(Shipment.objects.select_for_update().filter(pk__in=keys).order_by("pk").only("pk"))
        Shipment.objects.filter(pk__in=keys).update(handled_at=now)
        renew(keys)


def _outdated() -> QuerySet[Standing, int]:
    return Standing.objects.outdated(Glossary.current().meaning).values_list("pk", flat=True)
