"""python -m tests.tools.bench_store STORE PARCELS: fills a store for benchmarks, as large as a shop's after years.

It inserts rows with plain SQL, a million parcels in a minute or two. The same arguments give the same rows.
"""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

from tracking.values.numbers import check_digit

FIRST_SERIAL = 20_000_000
OLDEST = timedelta(days=400)  # since the first parcel was posted
KEPT = timedelta(days=90)  # how long requests are stored

# (phrase, office, hours since posting); the region is a prefecture until the parcel has left, then a country.
IN_JAPAN = (
    ("Posting/Collection", "SHIBUYA", 0),
    ("Arrival at outward office of exchange", "TOKYO INT", 20),
    ("Item presented to export Customs/Security", "TOKYO INT", 23),
    ("Dispatch from outward office of exchange", "TOKYO INT", 37),
)
ABROAD = (
    ("Arrival at inward office of exchange", "", 90),
    ("Held by import Customs", "", 97),
    ("Item returned from import Customs", "", 128),
    ("Departure from inward office of exchange", "", 133),
    ("Processing at delivery Post Office", "", 152),
)
LAST_HOURS = 178
ENDS = ("Final delivery",) * 16 + (
    "Retention",
    "Absence. Attempted delivery.",
    "Returned to sender",
    "Lost in the mist",
)
PREFECTURES = ("TOKYO", "OSAKA", "KYOTO", "AICHI", "FUKUOKA")
COUNTRIES = (
    "UNITED STATES OF AMERICA",
    "GERMANY",
    "FRANCE",
    "AUSTRALIA",
    "CANADA",
    "GREAT BRITAIN",
    "SINGAPORE",
)

Row = tuple[object, ...]


def number_of(place: int) -> str:
    """The number of the parcel at this place. The first place is 0."""
    digits = str(FIRST_SERIAL + place)
    return f"EM{digits}{check_digit(digits)}JP"


def fill(
    database: Path, *, parcels: int, events_each: int = 8, fetches_each: int = 3, now: datetime | None = None
) -> None:
    """Insert parcels into a migrated SQLite store without parcels. Their numbers are `number_of(0)`, `number_of(1)` …

    The parcels were posted over the last 400 days. Nothing happened after `now` (aware; None: the present moment).
    A finished story has `events_each` rows, 2 to 10. One parcel in a hundred is unknown to Japan Post, one
    request in fifty failed. Every story is fresh for a day, so that a visit sends no request to Japan Post.
    """
    plan = Plan(
        parcels, events_each, fetches_each, (now or datetime.now(UTC)).astimezone(UTC).replace(tzinfo=None)
    )
    with closing(sqlite3.connect(database, isolation_level=None)) as store:
        for setting in ("synchronous = OFF", "cache_size = -200000"):
            store.execute(f"PRAGMA {setting}")
        store.execute("BEGIN IMMEDIATE")
        places = range(parcels)
        _insert(store, "shipment", SHIPMENT, map(plan.shipment, places))
        _insert(store, "event", EVENT, chain.from_iterable(map(plan.events, places)))
        _insert(store, "fetch", FETCH, chain.from_iterable(map(plan.fetches, places)))
        # As a look-up does it: new phrases wait in the inbox.
        store.execute(
            "INSERT OR IGNORE INTO tracking_phrase (text, ambiguous, first_seen_at, last_seen_at)"
            " SELECT phrase, FALSE, min(first_seen_at), max(first_seen_at) FROM tracking_event GROUP BY phrase"
        )
        store.execute("COMMIT")
        store.execute("ANALYZE")


SHIPMENT = (
    "id number item_class history_missing last_outcome last_answer asked_at answered_at story_at changed_at"
    " ask_again_at watch_at registered_at created_at order_reference note lease_token"
)
EVENT = "shipment_id position local_date local_time phrase office region details postal_code first_seen_at"
FETCH = "shipment_id started_at milliseconds size outcome asked_by note"


class Plan:
    """The rows of each parcel by its place. Times are naive and in UTC, as SQLite stores them."""

    def __init__(self, parcels: int, events_each: int, fetches_each: int, now: datetime) -> None:
        self.parcels, self.fetches_each, self.now = parcels, fetches_each, now
        self.steps = [
            *((phrase, office, timedelta(hours=hours), False) for phrase, office, hours in IN_JAPAN),
            *((phrase, office, timedelta(hours=hours), True) for phrase, office, hours in ABROAD),
        ][: events_each - 1]

    def shipment(self, place: int) -> Row:
        posted, now = self._posted(place), self.now
        checked = now - timedelta(seconds=place % 840)
        is_known, is_over = not self._is_unknown(place), self._is_over(posted)
        return (
            place + 1,
            number_of(place),
            "EMS" if is_known else "",
            False,
            *(["tracked" if is_known else "not-found"] * 2),
            str(checked),
            str(checked),
            str(checked) if is_known else None,
            str(min(checked, posted + timedelta(hours=LAST_HOURS))) if is_known else None,
            str(checked + timedelta(days=1)),
            None if is_over or not is_known else str(now + timedelta(minutes=place % 240)),
            str(posted) if place % 2 else None,
            str(posted),
            f"#{100_000 + place}" if place % 2 else "",
            "",
            "",
        )

    def events(self, place: int) -> Iterator[Row]:
        if self._is_unknown(place):
            return
        posted, prefecture, country = self._posted(place), PREFECTURES[place % 5], COUNTRIES[place % 7]
        ending = (ENDS[place // 7 % len(ENDS)], "", timedelta(hours=LAST_HOURS), True)
        for position, (phrase, office, later, is_abroad) in enumerate([*self.steps, ending]):
            if posted + later > self.now:
                return
            happened = str(posted + later)
            region = country if is_abroad else prefecture
            day, clock = happened[:10], f"{happened[11:16]}:00"
            yield place + 1, position, day, clock, phrase, office, region, "", "", happened

    def fetches(self, place: int) -> Iterator[Row]:
        since = max(self._posted(place), self.now - KEPT)
        for turn in range(self.fetches_each):
            when = since + (self.now - since) * ((turn + place % 97 / 97) / self.fetches_each)
            failed = (place + turn) % 50 == 49
            outcome = "unavailable" if failed else "not-found" if self._is_unknown(place) else "tracked"
            size = 0 if failed else 19_000 + place % 4000
            asked_by = ("visitor", "watch", "watch")[turn % 3]
            note = "no answer within 8 s" if failed else ""
            started_at = str(when)
            yield place + 1, started_at, 8000 if failed else 300 + place % 1700, size, outcome, asked_by, note

    def _posted(self, place: int) -> datetime:
        """The moment of posting. Evenly spaced, the oldest first; no two parcels have the same moment."""
        return self.now - OLDEST + OLDEST * ((place + 0.5) / self.parcels)

    def _is_over(self, posted: datetime) -> bool:
        return posted + timedelta(hours=LAST_HOURS) <= self.now

    def _is_unknown(self, place: int) -> bool:
        return place % 100 == 99


def _insert(store: sqlite3.Connection, table: str, columns: str, rows: Iterator[Row]) -> None:
    names = columns.split()
    statement = f"INSERT INTO tracking_{table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    store.executemany(statement, rows)


if __name__ == "__main__":
    fill(Path(sys.argv[1]), parcels=int(sys.argv[2]))
