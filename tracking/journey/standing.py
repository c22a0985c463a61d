"""Where a parcel stands, for the desk's lists: worked out by the functions of the tracking page, stored to be searched.

Every answer of Japan Post's stores it anew; an edit of the words' meaning outdates all of them, and `renew_outdated`
of `tracking.journey.renewal` mends that. What changes with time alone is stored as the moment at which it does.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from tracking.journey.route import Place, collect_by, destination_of, travel
from tracking.journey.silence import enquiry_ends_on, patience_for
from tracking.journey.story import Lookup
from tracking.models import Shipment, Standing, Tone
from tracking.models.standings import COLLECT_SOON, ENQUIRY_SOON
from tracking.values import numbers
from tracking.values.places import JAPAN, JAPAN_TIME, LAST_TIME, days_over, instant_of
from tracking.words.glossary import Glossary

_DERIVED = [field.name for field in Standing._meta.fields if not field.primary_key]


def store(shipment: Shipment, lookup: Lookup, glossary: Glossary) -> None:
    """Keep where it stands now."""
    store_all([standing_of(shipment, lookup, glossary)])


def store_all(standings: list[Standing]) -> None:
    """In one statement; what was stored of these parcels before is replaced."""
    Standing.objects.bulk_create(
        standings, update_conflicts=True, unique_fields=["shipment"], update_fields=_DERIVED
    )


def standing_of(shipment: Shipment, lookup: Lookup, glossary: Glossary) -> Standing:
    """Not stored yet. `lookup` is the story of `shipment`."""
    origin = numbers.country(lookup.number)
    journey = travel(lookup.events, origin, glossary)
    newest, destination = journey[-1], destination_of(journey, origin) or lookup.destination
    there = glossary.destinations.get(destination or "")
    standing = Standing(
        shipment=shipment,
        stage=newest.stage,
        tone=newest.tone,
        status=newest.words or newest.status,  # a delivery back to the sender is called so
        destination=there,
        is_over=newest.is_over,
        scanned_on=newest.event.local_date,
        collect_by=collect_by(journey, lookup.number, glossary),
        enquiry_ends_on=None
        if lookup.history_missing or origin != JAPAN  # the months are Japan Post's
        else enquiry_ends_on(lookup.events[0].local_date, there),
        meaning=glossary.meaning,
    )
    silent_from = _silent_from(newest, lookup, glossary, destination, standing.collect_by)
    standing.quiet_from, standing.worry_from = silent_from
    standing.look_from = _look_from(standing, lookup, shipment.handled_at)
    return standing


def _silent_from(
    newest: Place, lookup: Lookup, glossary: Glossary, destination: str | None, last_day: date | None
) -> tuple[datetime | None, datetime | None]:
    """From when on the silence is longer than usual, and far longer; None: never, as things stand."""
    patience = patience_for(newest, glossary, destination, last_day)
    if patience is None:
        return None, None
    event = newest.event
    instant = instant_of(event.local_date, event.local_time, newest.country)
    quiet, worry = (days_over(event.local_date, instant, days) for days in (patience.usual, patience.worry))
    if last_day:
        worry = datetime.combine(last_day + timedelta(days=1), time(), LAST_TIME)
        quiet = min(quiet, worry)
    # Since an ask failed we know nothing: the silence stands where it stood at the last answer.
    known = lookup.checked_at if lookup.stale else worry
    return (quiet if quiet <= known else None), (worry if worry <= known else None)


def _look_from(standing: Standing, lookup: Lookup, handled_at: datetime | None) -> datetime | None:
    """When it needs a look for the first time since somebody looked after it."""
    moments = [one for one in _reasons(standing, lookup) if handled_at is None or one > handled_at]
    return min(moments, default=None)


def _reasons(standing: Standing, lookup: Lookup) -> Iterator[datetime]:
    """The moments at which there is a reason to look at it."""
    if standing.tone == Tone.PROBLEM:
        yield lookup.changed_at or lookup.checked_at
    if standing.worry_from:
        yield standing.worry_from
    if standing.collect_by:
        yield datetime.combine(standing.collect_by - COLLECT_SOON, time(), JAPAN_TIME)
    if standing.enquiry_ends_on and not standing.is_over:
        yield datetime.combine(standing.enquiry_ends_on - ENQUIRY_SOON, time(), JAPAN_TIME)
