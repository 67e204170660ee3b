"""Where viewers live: countries, time zones, public and school holidays."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from analysis.simulate.keyed import Ints


@dataclass(frozen=True)
class Place:
    """A share of the viewers in one zone of one country."""

    country: str
    time_zone: str
    share: float


PLACES = (
    Place("US", "America/New_York", 0.22),
    Place("US", "America/Chicago", 0.11),
    Place("US", "America/Los_Angeles", 0.12),
    Place("GB", "Europe/London", 0.16),
    Place("DE", "Europe/Berlin", 0.13),
    Place("FR", "Europe/Paris", 0.10),
    Place("BR", "America/Sao_Paulo", 0.08),
    Place("IN", "Asia/Kolkata", 0.08),
)
COUNTRIES = tuple(dict.fromkeys(place.country for place in PLACES))

# Stylised school holidays, (month, day) first and last; regions within a country differ in life and not here.
_SCHOOL: dict[str, tuple[tuple[tuple[int, int], tuple[int, int]], ...]] = {
    "US": (((6, 14), (8, 24)), ((12, 22), (1, 2)), ((3, 24), (3, 30)), ((11, 26), (11, 30))),
    "GB": (((7, 22), (9, 1)), ((12, 20), (1, 3)), ((4, 5), (4, 20)), ((10, 25), (11, 2)), ((2, 14), (2, 22))),
    "DE": (((7, 10), (8, 22)), ((12, 22), (1, 5)), ((4, 10), (4, 23)), ((10, 12), (10, 25))),
    "FR": (((7, 5), (8, 31)), ((12, 20), (1, 4)), ((4, 12), (4, 27)), ((10, 18), (11, 2)), ((2, 15), (3, 1))),
    "BR": (((12, 18), (2, 2)), ((7, 5), (7, 31))),
    "IN": (((5, 1), (6, 14)), ((10, 18), (10, 26)), ((12, 24), (1, 2))),
}


def school_holiday(country: str, date: dt.date) -> bool:
    """Whether schools of a country are closed on a day."""
    today = (date.month, date.day)
    for first, last in _SCHOOL[country]:
        if (first <= today <= last) if first <= last else (today >= first or today <= last):
            return True
    return False


def calendar_table(starts_on: dt.date, ends_on: dt.date) -> pa.Table:
    """The `calendar` table: every day in every country, with its public and school holidays."""
    import holidays

    years = range(starts_on.year, ends_on.year + 1)
    rows: list[tuple[dt.date, str, str | None, bool]] = []
    for country in sorted(COUNTRIES):
        # English names where the package has them, so that one language stands in the table.
        language = "en_US" if "en_US" in holidays.country_holidays(country).supported_languages else None
        public = holidays.country_holidays(country, years=years, language=language)
        for offset in range((ends_on - starts_on).days + 1):
            date = starts_on + dt.timedelta(days=offset)
            rows.append((date, country, public.get(date), school_holiday(country, date)))
    rows.sort()
    date_column, region, holiday, school = zip(*rows, strict=True)
    return pa.table(
        {
            "date": pa.array(date_column, pa.date32()),
            "region": list(region),
            "holiday": pa.array(holiday, pa.string()),
            "is_school_holiday": list(school),
        }
    )


@cache
def _transitions(time_zone: str, first_year: int, last_year: int) -> tuple[Ints, Ints]:
    """Instants (UTC seconds) at which the zone's offset changes, and the offsets (seconds) from then on."""
    zone = ZoneInfo(time_zone)
    first = int(dt.datetime(first_year, 1, 1, tzinfo=dt.UTC).timestamp())
    last = int(dt.datetime(last_year + 1, 1, 2, tzinfo=dt.UTC).timestamp())

    def offset(instant: int) -> int:
        found = dt.datetime.fromtimestamp(instant, zone).utcoffset()
        return int(found.total_seconds()) if found is not None else 0

    instants, offsets = [first], [offset(first)]
    for day in range(first, last, 86_400):
        if offset(day + 86_400) != offsets[-1]:
            # Clocks change on a full quarter of an hour; find which one of that day.
            instants.append(next(t for t in range(day, day + 86_401, 900) if offset(t) != offsets[-1]))
            offsets.append(offset(day + 86_400))
    return np.array(instants), np.array(offsets)


def to_local(utc: Ints, time_zone: str, years: tuple[int, int]) -> Ints:
    """Wall-clock seconds of instants given in UTC seconds."""
    instants, offsets = _transitions(time_zone, years[0] - 1, years[1] + 1)
    found: Ints = utc + offsets[np.searchsorted(instants, utc, side="right") - 1]
    return found


def to_utc(local: Ints, time_zone: str, years: tuple[int, int]) -> Ints:
    """Instants of wall-clock seconds; a time that the clocks skip moves on by the gap, of a double one the first."""
    instants, offsets = _transitions(time_zone, years[0] - 1, years[1] + 1)
    before = offsets[np.searchsorted(instants, local - 86_400, side="right") - 1]
    early = local - before
    # The offset of a day earlier is right unless the clocks changed since; then the new offset applies.
    after = offsets[np.searchsorted(instants, early, side="right") - 1]
    late = local - after
    gap = np.searchsorted(instants, late, side="right") != np.searchsorted(instants, early, side="right")
    return np.where(gap, early, late)
