"""Standings: the precomputed state of each parcel, which the staff's lists search. Uses the tracking page's functions.

Every answer of Japan Post recomputes the standing. An edit of meanings outdates standings, and `recompute_outdated`
recomputes them. A state that changes with time alone is stored as the moment of the change.
"""

import time
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from datetime import time as day_time

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from tracking.journey.deadlines import enquiry_ends_on
from tracking.journey.reading import Reading
from tracking.journey.silence import thresholds_of
from tracking.journey.story import Story, recall_all
from tracking.models import Shipment, Standing, Tone
from tracking.models.standings import COLLECT_SOON, ENQUIRY_SOON
from tracking.values.clocks import FURTHEST_AHEAD
from tracking.values.pacing import BREATH
from tracking.values.places import JAPAN, JAPAN_TIME, LAST_TIME, days_over
from tracking.words.glossary import Glossary

_DERIVED = [field.name for field in Standing._meta.fields if not field.primary_key]

# Shipments in one transaction: 20 ms of CPU, about 50 ms on a busy machine. An admin page recomputes one batch at most,
# so staff never wait longer.
BATCH = 100


def standing_of(shipment: Shipment, reading: Reading, *, now: datetime) -> Standing:
    """The standing of a shipment at an aware `now`, not stored yet. `reading`: of the shipment's story."""
    story, newest = reading.story, reading.newest
    standing = Standing(
        shipment=shipment,
        stage=newest.stage,
        tone=newest.tone,
        status=newest.explained_as or newest.status,  # a delivery back to the sender has a name of its own
        destination=reading.there,
        is_over=newest.is_over,
        scanned_on=newest.event.local_date,
        collect_by=reading.collect_by,
        enquiry_ends_on=None
        if story.history_missing or reading.origin != JAPAN  # the months are Japan Post's
        else enquiry_ends_on(story.events[0].local_date, reading.there),
        meaning=reading.glossary.meaning,
    )
    standing.quiet_from, standing.worry_from = _silent_from(reading)
    handled_at = shipment.handled_at
    if (
        handled_at and handled_at > now + FURTHEST_AHEAD
    ):  # by a wrong clock: it would hide each reason until then
        handled_at = None
    standing.look_from = _attention_from(standing, story, handled_at)
    return standing


def store_standings(standings: list[Standing]) -> None:
    """Store these in one statement. Replaces the stored standings of the same shipments."""
    Standing.objects.bulk_create(
        standings, update_conflicts=True, unique_fields=["shipment"], update_fields=_DERIVED
    )


def recompute_outdated(*, most: int) -> int:
    """Recompute at most `most` outdated standings, in batches. Returns how many are left."""
    done = 0
    while done < most and (keys := list(_outdated()[: min(most - done, BATCH)])):
        if done:
            time.sleep(BREATH)  # lets other processes take the lock
        recompute(keys)
        done += len(keys)
    return _outdated().count()


@transaction.atomic
def recompute(keys: Collection[int]) -> None:
    """Recompute the standings of the shipments with these keys. Deletes the standing of a shipment without a story.

    Locks the shipments, so that an answer that arrives meanwhile is not overwritten with an older standing.
    """
    glossary, now = Glossary.current(), timezone.now()
    shipments = Shipment.objects.select_for_update().filter(pk__in=keys).order_by("pk")
    parcels = {one.number: one for one in shipments}
    stories = recall_all(parcels)
    store_standings(
        [
            standing_of(parcels[number], Reading.of(story, glossary), now=now)
            for number, story in stories.items()
        ]
    )
    Standing.objects.filter(
        pk__in={one.pk for number, one in parcels.items() if number not in stories}
    ).delete()


def mark_handled(shipments: Sequence[Shipment], *, now: datetime) -> None:
    """Mark these as handled at an aware `now`: they need attention again when there is a new reason."""
    keys = [one.pk for one in shipments]
    with transaction.atomic():
        # One lock order everywhere: two processes that lock rows in different orders deadlock.
        list(Shipment.objects.select_for_update().filter(pk__in=keys).order_by("pk").only("pk"))
        Shipment.objects.filter(pk__in=keys).update(handled_at=now)
        recompute(keys)


def _outdated() -> QuerySet[Standing, int]:
    return Standing.objects.outdated(Glossary.current().meaning).values_list("pk", flat=True)


def _silent_from(reading: Reading) -> tuple[datetime | None, datetime | None]:
    """The moments from which the silence is longer, and far longer, than usual; None: never, unless an answer comes."""
    thresholds = thresholds_of(reading)
    if thresholds is None:
        return None, None
    day, instant = reading.newest.event.local_date, reading.scanned_at
    quiet, worry = (days_over(day, instant, days) for days in (thresholds.usual, thresholds.worry))
    if reading.collect_by:
        worry = datetime.combine(reading.collect_by + timedelta(days=1), day_time(), LAST_TIME)
        quiet = min(quiet, worry)
    # After a failed request the silence counts up to the last answer, as on the tracking page.
    known = reading.story.checked_at if reading.story.stale else worry
    return (quiet if quiet <= known else None), (worry if worry <= known else None)


def _attention_from(standing: Standing, story: Story, handled_at: datetime | None) -> datetime | None:
    """The first moment after `handled_at` that is a reason for attention; None: never, unless an answer comes."""
    moments = [one for one in _reasons(standing, story) if handled_at is None or one > handled_at]
    return min(moments, default=None)


def _reasons(standing: Standing, story: Story) -> Iterator[datetime]:
    """The moments at which a reason for attention begins."""
    if standing.tone == Tone.PROBLEM:
        yield story.changed_at or story.checked_at
    if standing.worry_from:
        yield standing.worry_from
    if standing.collect_by:
        yield datetime.combine(standing.collect_by - COLLECT_SOON, day_time(), JAPAN_TIME)
    if standing.enquiry_ends_on and not standing.is_over:
        yield datetime.combine(standing.enquiry_ends_on - ENQUIRY_SOON, day_time(), JAPAN_TIME)
