"""Everything that we stored about one parcel, for an enquiry with Japan Post: to print, and as a CSV."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from tracking.fetching.storing import USED_AGAIN_AFTER
from tracking.models import Event, Fetch, Shipment
from tracking.models.shipments import FETCHES_ARE_KEPT, FetchQuerySet
from tracking.staff.parcels.details import ShipmentSummary, summaries_of
from tracking.staff.spreadsheets import write_csv
from tracking.values import numbers
from tracking.values.numbers import TrackingNumber
from tracking.values.places import JAPAN
from tracking.words.glossary import Glossary

COLUMNS = (
    *("row", "number", "place_in_history", "local_date", "local_time", "japan_post_says", "details"),
    *("office", "prefecture_or_country", "postal_code", "first_seen_utc", "replaced_utc"),
    *("asked_utc", "milliseconds", "asked_by", "outcome", "remark"),
    *("shop", "order_reference", "requests_kept_since_utc", "made_utc", "made_by", "page"),
)
_CHUNK_ROWS = 500  # rows in memory
# A request within this time after the shipment was created is its first one.
_FIRST_REQUEST_WITHIN = timedelta(days=1)

Row = dict[str, str]


@dataclass(frozen=True)
class Evidence:
    """The evidence of one parcel. Events and requests are read from the database as they are written out,
    so that a long history is never in memory as a whole.
    """

    shipment: Shipment
    shop_name: str
    summary: ShipmentSummary | None
    made_at: datetime  # aware
    made_by: str
    page_url: str  # of the customer's page

    @property
    def is_ems(self) -> bool:
        """True if the number is of an EMS item, and not of another kind of mail."""
        return numbers.is_ems(TrackingNumber(self.shipment.number))

    @property
    def is_sender(self) -> bool:
        """True if the shop sent the parcel from Japan: staff registered it or wrote an order reference.

        Otherwise any visitor may have typed the number.
        """
        of_ours = self.shipment.registered_at or self.shipment.order_reference
        return bool(of_ours) and numbers.country(TrackingNumber(self.shipment.number)) == JAPAN

    @cached_property
    def requests_kept_since(self) -> datetime | None:
        """The aware moment before which requests may have been deleted; None if no request can be missing.

        It is the start of the oldest stored request, or of the time for which we keep requests if there is none.
        """
        known_since, oldest_kept = self.shipment.created_at, self.made_at - FETCHES_ARE_KEPT
        if known_since >= oldest_kept:
            return None
        first = self._requests().values_list("started_at", flat=True).first()
        if first is not None and first - known_since < _FIRST_REQUEST_WITHIN:
            return None
        return first or oldest_kept

    def events(self) -> Iterator[Event]:
        """Yield every event that Japan Post has given, superseded ones included; oldest first.

        Leaves out events of an earlier parcel with the same number.
        """
        rows = Event.objects.filter(shipment=self.shipment)
        begins = rows.current().order_by("position").values_list("local_date", flat=True).first()
        if begins is not None:
            rows = rows.exclude(superseded_at__isnull=False, local_date__lt=begins - USED_AGAIN_AFTER)
        return rows.order_by("position", "first_seen_at", "pk").iterator(_CHUNK_ROWS)

    def fetches(self) -> Iterator[Fetch]:
        """Yield every stored request, oldest first."""
        return self._requests().iterator(_CHUNK_ROWS)

    def _requests(self) -> FetchQuerySet:
        return Fetch.objects.filter(shipment=self.shipment).order_by("started_at", "pk")


def evidence_of(shipment: Shipment, *, now: datetime, made_by: str, page_url: str) -> Evidence:
    """Return the evidence that our store has now. Japan Post is not asked. `page_url`: of the customer's page."""
    return Evidence(
        shipment,
        shop_name=Glossary.current().shop.name,
        summary=summaries_of([shipment.number], now=now).get(shipment.number),
        made_at=now,
        made_by=made_by,
        page_url=page_url,
    )


def csv_of(evidence: Evidence) -> Iterator[bytes]:
    """Yield the CSV line by line: a row about the parcel, then one for each event and one for each request."""
    return write_csv(COLUMNS, _rows(evidence))


def _rows(evidence: Evidence) -> Iterator[Row]:
    number, since = evidence.shipment.number, evidence.requests_kept_since
    yield {
        "row": "parcel",
        "number": number,
        "shop": evidence.shop_name,
        "order_reference": evidence.shipment.order_reference,
        "requests_kept_since_utc": _utc(since) if since else "",
        "made_utc": _utc(evidence.made_at),
        "made_by": evidence.made_by,
        "page": evidence.page_url,
    }
    for event in evidence.events():
        yield {"row": "event", "number": number} | _event_cells(event)
    for fetch in evidence.fetches():
        yield {"row": "request", "number": number} | _fetch_cells(fetch)


def _event_cells(event: Event) -> Row:
    return {
        "place_in_history": str(event.position + 1),
        "local_date": event.local_date.isoformat(),
        "local_time": event.local_time.strftime("%H:%M") if event.local_time else "",
        "japan_post_says": event.phrase,
        "details": event.details,
        "office": event.office,
        "prefecture_or_country": event.region,
        "postal_code": event.postal_code,
        "first_seen_utc": _utc(event.first_seen_at),
        "replaced_utc": _utc(event.superseded_at) if event.superseded_at else "",
    }


def _fetch_cells(fetch: Fetch) -> Row:
    return {
        "asked_utc": _utc(fetch.started_at),
        "milliseconds": str(fetch.milliseconds),
        "asked_by": fetch.get_asked_by_display(),
        "outcome": fetch.get_outcome_display(),
        "remark": fetch.note,
    }


def _utc(moment: datetime) -> str:
    """UTC to the second; the name of the column says that it is UTC."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"
