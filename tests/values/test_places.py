"""Countries as Japan Post prints them, and instants only where the time zone is certain."""

from datetime import UTC, date, datetime, time

import pytest

from tracking.values.places import PREFECTURES, country_index, days_between, instant_of
from tracking.words.glossary import Glossary

DAY = date(2026, 11, 20)
NINE = time(9, 0)


@pytest.mark.parametrize(
    ("country", "offset"),
    [
        ("JP", "+09:00"),
        ("DE", "+01:00"),  # two entries, one offset
        ("IN", "+05:30"),
        ("NP", "+05:45"),
        ("US", None),
        ("CA", None),
        ("AU", None),
        ("BR", None),
        ("ES", None),
        ("PT", None),
        ("CN", None),
        ("ZZ", None),
        (None, None),
    ],
)
def test_the_offset_is_known_only_where_all_zones_agree(country, offset):
    instant = instant_of(DAY, NINE, country)
    assert (instant and instant.isoformat()[-6:]) == offset


def test_a_date_alone_is_no_instant():
    assert instant_of(DAY, None, "JP") is None


def test_no_instant_where_clocks_change():
    assert instant_of(date(2026, 10, 25), time(2, 30), "DE") is None  # happens twice
    assert instant_of(date(2026, 3, 29), time(2, 30), "DE") is None  # never happens
    assert instant_of(date(2026, 10, 25), time(3, 30), "DE").isoformat() == "2026-10-25T03:30:00+01:00"


def test_the_offset_follows_summer_time():
    assert instant_of(date(2026, 7, 1), NINE, "DE").isoformat()[-6:] == "+02:00"


def test_a_name_shared_by_two_countries_names_neither():
    index = country_index([("AA", "ONELAND\nSHARED"), ("BB", "TWOLAND\nshared"), ("CC", "SHARED")])
    assert (index.get("ONELAND"), index.get("TWOLAND"), index.get("SHARED")) == ("AA", "BB", None)


def test_there_are_47_prefectures_in_two_scripts():
    assert len(PREFECTURES) == 94


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("region", "country"),
    [
        ("TOKYO", "JP"),
        ("神奈川県", "JP"),
        ("GERMANY", "DE"),
        ("ドイツ", "DE"),
        (" united  kingdom ", "GB"),
        ("GREAT BRITAIN", "GB"),
        ("UNITED STATES OF AMERICA", "US"),
        ("U.S.A.", "US"),
        ("HONG KONG", "HK"),
        ("REPUBLIC OF KOREA", "KR"),
        ("TAIWAN", "TW"),
        ("MALTA", "MT"),
        ("INDIA", "IN"),
        ("CZECH REPUBLIC", "CZ"),
        ("VIET NAM", "VN"),
        ("ATLANTIS", None),
        ("", None),
    ],
)
def test_a_printed_name_is_read_as_its_country(region, country):
    assert Glossary.current().country_of(region) == country


def test_days_are_exact_with_an_instant_else_by_the_calendar():
    now = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
    assert days_between(DAY, datetime(2026, 11, 20, 9, 0, tzinfo=UTC), now) == 0
    assert days_between(DAY, None, now) == 1
    assert days_between(date(2026, 11, 22), None, now) == 0
