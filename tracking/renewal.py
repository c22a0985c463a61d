"""After an edit of what the words mean, parcels stand elsewhere: work out anew where, some at a time."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from tracking.glossary import Glossary
from tracking.lookup import recall_all
from tracking.models import Shipment, Standing
from tracking.standing import standing_of, store_all

AT_ONCE = 250  # parcels, in one transaction of some 50 ms


def renew_outdated(*, most: int) -> int:
    """Work out anew up to so many of the outdated; says how many are left."""
    meaning = Glossary.current().meaning
    while most > 0 and renew_some(min(most, AT_ONCE)):
        most -= AT_ONCE
    return Standing.objects.outdated(meaning).count()


def renew_some(count: int) -> bool:
    """One batch; False where there was none to do. Parcels are locked, so that no answer comes in between and is undone
    by what it has made old.
    """
    glossary = Glossary.current()
    outdated = Standing.objects.outdated(glossary.meaning).values_list("pk", flat=True)[:count]
    with transaction.atomic():
        shipments = list(Shipment.objects.select_for_update().filter(pk__in=list(outdated)).order_by("pk"))
        stories = recall_all([one.number for one in shipments])
        told = [one for one in shipments if one.number in stories]
        store_all([standing_of(one, stories[one.number], glossary) for one in told])
        Standing.objects.filter(pk__in={one.pk for one in shipments} - {one.pk for one in told}).delete()
    return bool(shipments)


def look_after(shipments: Sequence[Shipment], *, now: datetime) -> None:
    """Somebody has looked after these: they need a look again when there is another reason."""
    keys = [one.pk for one in shipments]
    with transaction.atomic():
        Shipment.objects.filter(pk__in=keys).update(handled_at=now)
        Standing.objects.filter(pk__in=keys).outdate()
