"""Where viewers live: countries, time zones, public and school holidays."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from analysis.simulate.keyed import Ints


@dataclass(frozen=True)
class Place:
    """A share of the viewers: one region, with holidays of its own, in one time zone of one country."""

    country: str
    subdivision: str
    time_zone: str
    share: float

    @property
    def region(self) -> str:
        """Code of the region, after ISO 3166-2."""
        return f"{self.country}-{self.subdivision}"


PLACES = (
    Place("US", "NY", "America/New_York", 0.14),
    Place("US", "FL", "America/New_York", 0.08),
    Place("US", "TX", "America/Chicago", 0.11),
    Place("US", "CA", "America/Los_Angeles", 0.12),
    Place("GB", "ENG", "Europe/London", 0.13),
    Place("GB", "SCT", "Europe/London", 0.03),
    Place("DE", "NW", "Europe/Berlin", 0.06),
    Place("DE", "BY", "Europe/Berlin", 0.04),
    Place("DE", "BE", "Europe/Berlin", 0.03),
    Place("FR", "IDF", "Europe/Paris", 0.04),
    Place("FR", "ARA", "Europe/Paris", 0.03),
    Place("FR", "PAC", "Europe/Paris", 0.03),
    Place("BR", "SP", "America/Sao_Paulo", 0.08),
    Place("IN", "MH", "Asia/Kolkata", 0.08),
)
COUNTRIES = tuple(dict.fromkeys(place.country for place in PLACES))

_Span = tuple[tuple[int, int], tuple[int, int]]
_FRENCH: tuple[_Span, ...] = (((7, 5), (8, 31)), ((10, 18), (11, 2)), ((12, 20), (1, 4)))

# School holidays, (month, day) first and last: those of a typical year, stylised to be the same in every year.
_SCHOOL: dict[str, tuple[_Span, ...]] = {
    "US-NY": (((6, 27), (9, 3)), ((12, 24), (1, 1)), ((2, 16), (2, 20)), ((4, 3), (4, 10)), ((11, 26), (11, 29))),
    "US-FL": (((5, 30), (8, 10)), ((12, 22), (1, 5)), ((3, 16), (3, 20)), ((11, 24), (11, 29))),
    "US-TX": (((5, 29), (8, 13)), ((12, 22), (1, 5)), ((3, 16), (3, 20)), ((11, 24), (11, 29))),
    "US-CA": (((6, 12), (8, 13)), ((12, 22), (1, 9)), ((3, 30), (4, 3)), ((11, 24), (11, 29))),
    "GB-ENG": (((7, 22), (9, 1)), ((12, 20), (1, 3)), ((4, 5), (4, 20)), ((10, 25), (11, 2)), ((2, 14), (2, 22))),
    "GB-SCT": (((6, 27), (8, 17)), ((12, 20), (1, 5)), ((4, 3), (4, 19)), ((10, 11), (10, 19)), ((2, 14), (2, 18))),
    "DE-NW": (((7, 14), (8, 26)), ((12, 22), (1, 6)), ((4, 13), (4, 26)), ((10, 13), (10, 25))),
    "DE-BY": (((8, 1), (9, 15)), ((12, 22), (1, 5)), ((4, 13), (4, 25)), ((6, 10), (6, 20)), ((11, 3), (11, 7))),
    "DE-BE": (((7, 24), (9, 6)), ((12, 22), (1, 2)), ((4, 13), (4, 25)), ((2, 3), (2, 8)), ((10, 20), (11, 1))),
    "FR-IDF": (*_FRENCH, ((2, 15), (3, 2)), ((4, 12), (4, 27))),
    "FR-ARA": (*_FRENCH, ((2, 22), (3, 9)), ((4, 19), (5, 4))),
    "FR-PAC": (*_FRENCH, ((2, 8), (2, 23)), ((4, 5), (4, 21))),
    "BR-SP": (((12, 18), (2, 2)), ((7, 5), (7, 31))),
    "IN-MH": (((5, 1), (6, 14)), ((10, 18), (10, 26)), ((12, 24), (1, 2))),
}


def school_holiday(region: str, date: dt.date) -> bool:
    """Whether the schools of a region are closed on a day."""
    today = (date.month, date.day)
    for first, last in _SCHOOL[region]:
        if (first <= today <= last) if first <= last else (today >= first or today <= last):
            return True
    return False


def school_share(country: str, date: dt.date) -> float:
    """Share of a country's viewers who live where schools are closed on a day."""
    ours = [(place.share, school_holiday(place.region, date)) for place in PLACES if place.country == country]
    return round(sum(share for share, closed in ours if closed) / sum(share for share, _ in ours), 6)


def calendar_table(starts_on: dt.date, ends_on: dt.date) -> pa.Table:
    """The `calendar` table: every day in every country and in each of its regions, with public and school holidays.

    A country's schools count as closed where those of at least half of its viewers are.
    """
    dates = [starts_on + dt.timedelta(days=offset) for offset in range((ends_on - starts_on).days + 1)]
    years = range(starts_on.year, ends_on.year + 1)
    rows: list[tuple[dt.date, str, str | None, bool, float]] = []
    for country in COUNTRIES:
        public = _public(country, None, years)
        for date in dates:
            share = school_share(country, date)
            rows.append((date, country, public.get(date), share >= 0.5, share))
    for place in PLACES:
        public = _public(place.country, place.subdivision, years)
        for date in dates:
            closed = school_holiday(place.region, date)
            rows.append((date, place.region, public.get(date), closed, float(closed)))
    rows.sort()
    date_column, region, holiday, school, share_column = zip(*rows, strict=True)
    return pa.table(
        {
            "date": pa.array(date_column, pa.date32()),
            "region": list(region),
            "holiday": pa.array(holiday, pa.string()),
            "is_school_holiday": list(school),
            "school_share": list(share_column),
        }
    )


def _public(country: str, subdivision: str | None, years: range) -> Mapping[dt.date, str]:
    """Public holidays by day, of a country or of one of its regions where the package tells them apart."""
    import holidays

    plain = holidays.country_holidays(country)
    # English names where the package has them, so that one language stands in the table.
    language = "en_US" if "en_US" in plain.supported_languages else None
    known = subdivision if subdivision in plain.subdivisions else None
    return dict(holidays.country_holidays(country, subdiv=known, years=years, language=language))


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
