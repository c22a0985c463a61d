"""Places as Japan Post prints them: prefectures, countries, and their time zones where these are certain."""

import unicodedata
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from django.utils.timezone import localdate

JAPAN = "JP"
LAST_TIME = timezone(timedelta(hours=-12))  # the zone in which each day ends last
JAPAN_TIME = ZoneInfo("Asia/Tokyo")  # always nine hours ahead of UTC; Japan has no clock changes

PREFECTURES = frozenset(
    """
    HOKKAIDO AOMORI IWATE MIYAGI AKITA YAMAGATA FUKUSHIMA IBARAKI TOCHIGI GUNMA SAITAMA CHIBA TOKYO KANAGAWA
    NIIGATA TOYAMA ISHIKAWA FUKUI YAMANASHI NAGANO GIFU SHIZUOKA AICHI MIE SHIGA KYOTO OSAKA HYOGO NARA WAKAYAMA
    TOTTORI SHIMANE OKAYAMA HIROSHIMA YAMAGUCHI TOKUSHIMA KAGAWA EHIME KOCHI FUKUOKA SAGA NAGASAKI KUMAMOTO OITA
    MIYAZAKI KAGOSHIMA OKINAWA
    北海道 青森県 岩手県 宮城県 秋田県 山形県 福島県 茨城県 栃木県 群馬県 埼玉県 千葉県 東京都 神奈川県
    新潟県 富山県 石川県 福井県 山梨県 長野県 岐阜県 静岡県 愛知県 三重県 滋賀県 京都府 大阪府 兵庫県 奈良県 和歌山県
    鳥取県 島根県 岡山県 広島県 山口県 徳島県 香川県 愛媛県 高知県 福岡県 佐賀県 長崎県 熊本県 大分県
    宮崎県 鹿児島県 沖縄県
    """.split()
)


def japans_day(now: datetime | None = None) -> date:
    """The date in Japan, where the shop is, at an aware `now`; None: at this moment."""
    return localdate(now, JAPAN_TIME)


def comparable(text: str) -> str:
    """A printed name of a place in the form to compare: upper case, single spaces, no full-width letters."""
    return " ".join(unicodedata.normalize("NFKC", text).split()).upper()


def country_index(printed_names: Iterable[tuple[str, str]]) -> dict[str, str]:
    """{comparable printed name: ISO code}, from pairs of (ISO code, names, one per line).

    Prefectures of Japan mean Japan. A name of two countries is left out: unknown is better than wrong.
    """
    index: dict[str, str] = {}
    disputed = set()
    for code, names in printed_names:
        for name in filter(None, map(comparable, names.splitlines())):
            if index.setdefault(name, code) != code:
                disputed.add(name)
    for name in disputed:
        del index[name]
    return index | dict.fromkeys(PREFECTURES, JAPAN)


@cache
def zones_of(country: str) -> tuple[ZoneInfo, ...]:
    """All time zones of a country, from zone.tab of the time-zone database; empty for an unknown code."""
    table = files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    return tuple(ZoneInfo(row[2]) for row in rows if row[0] == country)


def instant_of(local_date: date, local_time: time | None, country: str | None) -> datetime | None:
    """The aware instant of a wall-clock time at a place; None where it is not certain.

    It is certain where there is a time of day, the row itself names the country, all zones of the country have the same
    offset at that time, and no clock change makes that time occur twice or never.
    """
    if local_time is None or country is None:
        return None
    local = datetime.combine(local_date, local_time)
    offsets = {
        local.replace(tzinfo=zone, fold=fold).utcoffset() for zone in zones_of(country) for fold in (0, 1)
    }
    if len(offsets) != 1:
        return None
    zone = zones_of(country)[0]
    return local.replace(tzinfo=zone)


def days_between(local_date: date, instant: datetime | None, now: datetime) -> int:
    """Whole days from a scan to an aware `now`: exact if its instant is known, else by the calendar (maybe one off)."""
    passed: timedelta = now - instant if instant else timedelta(days=(now.date() - local_date).days)
    return max(0, passed.days)


def is_over_everywhere(day: date, now: datetime) -> bool:
    """True where this day has ended everywhere on earth, so that no customer reads "too late" too early."""
    return now.astimezone(LAST_TIME).date() > day


def days_over(local_date: date, instant: datetime | None, days: int) -> datetime:
    """The first moment, aware and in UTC, at which `days_between` returns more than `days`."""
    start = instant.astimezone(UTC) if instant else datetime.combine(local_date, time(), UTC)
    return start + timedelta(days=days + 1)
