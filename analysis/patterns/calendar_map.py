"""The calendar: every day by year, and this year against the last."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.data import Dataset
from analysis.patterns.daily import DailyTrend, daily
from analysis.patterns.filters import Filters
from analysis.patterns.selection import Measure
from analysis.patterns.words import MONTHS, WEEKDAYS, percent
from analysis.results import Progress, Result
from analysis.workspace import Workspace

A_YEAR = 364
"""Days between a day and the same weekday a year before."""
LEAST_WEEKS = 8
"""Weeks that can be held against the year before, from which their growth gets an interval."""
_LAGS = 4
"""Weeks over which a good or a bad spell is allowed to last."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CalendarMap(Result):
    """Days by year, and a year's weeks against those of the year before.

    Attributes:
        trend: The days, and what was counted.
        holidays: What the calendar calls each day, with the places in brackets; empty where it is an ordinary day.
        growth: Relative growth of the weeks that have one a year before, with its interval; None with too few.
        weeks: Number of those weeks.
        since: First day of those weeks, or None.
    """

    trend: DailyTrend
    holidays: tuple[str, ...]
    growth: tuple[float, float, float] | None
    weeks: int
    since: dt.date | None

    @property
    def years(self) -> tuple[int, ...]:
        """Calendar years that have days."""
        return tuple(range(self.trend.days[0].year, self.trend.days[-1].year + 1))

    @property
    def counts(self) -> Array:
        """What the measure counts, by day."""
        return self.trend.events if self.trend.measure == "events" else self.trend.minutes

    @property
    def unit(self) -> float:
        """What one play is worth in the measure."""
        return float(np.nansum(self.counts) / max(np.nansum(self.trend.events), 1.0))

    @property
    def busiest(self) -> int:
        """Number of the busiest day."""
        return int(np.nanargmax(self.counts))

    def to_frame(self) -> pd.DataFrame:
        """One row a day: the counts, and the holiday if it is one."""
        frame = self.trend.to_frame()
        frame.insert(1, "weekday", [WEEKDAYS[day.weekday()] for day in self.trend.days])
        return frame.assign(holiday=self.holidays)

    def headline(self) -> str:
        """The busiest day in a few words."""
        day = self.trend.days[self.busiest]
        return f"The busiest day was {named(day)}"

    def growth_sentence(self) -> str:
        """A year against the one before, in words."""
        noun = self.trend.noun
        if self.growth is None or self.since is None:
            return f"There are too few weeks with {noun} a year before to hold one year against the other."
        value, low, high = (100 * number for number in self.growth)
        more = "more" if value > 0 else "less" if noun == "minutes" else "fewer"
        clear = "" if low > 0 or high < 0 else "; that may be chance"
        return (
            f"The {self.weeks} weeks from {self.since} hold {abs(value):.1f} % {more} {noun} than the same weeks a "
            f"year before (95 % interval {low:+.1f} to {high:+.1f} %{clear})."
        )

    def summary(self) -> str:
        """The busiest day, how far it stands out, and the growth over a year."""
        day, values = self.busiest, self.counts
        usual = float(np.nanmedian(values))
        times = f", {values[day] / usual:.1f} times the median day" if usual > 0 else ""
        noun = self.trend.noun if round(values[day]) != 1 else self.trend.noun[:-1]
        busiest = f"The busiest day was {named(self.trend.days[day])} with {values[day]:,.0f} {noun}{times}."
        return f"{busiest} {self.growth_sentence()}" if self.growth else busiest


def calendar_map(
    dataset: Dataset,
    *,
    filters: Filters | None = None,
    zone: str | None = None,
    measure: Measure = "events",
    workspace: Workspace | None = None,
    progress: Progress | None = None,
) -> CalendarMap:
    """Lay out the days by year, and hold the weeks of the last year against those of the year before.

    Weeks of seven days are counted back from the last whole day and held against those 52 weeks earlier, so that
    weekdays meet weekdays. The interval of the ratio of their sums allows good and bad spells of four weeks
    (Newey and West 1987, linearised ratio).

    Args:
        dataset: Any dataset with views, or with timed ratings.
        filters: What to count.
        zone: IANA zone for rating times.
        measure: What days are compared by.
        workspace: Where cubes are kept; the default workspace if None.
        progress: Told about the building of cubes.

    Raises:
        EmptySelection: Nothing is left after the filters.
        ParameterError: Unknown zone or measure.
        DataError: The ratings carry no times, or the days span more than a century.
    """
    trend = daily(dataset, filters=filters, zone=zone, measure=measure, workspace=workspace, progress=progress)
    counts = trend.events if trend.measure == "events" else trend.minutes
    growth, weeks = year_on_year(counts[1:-1])
    since = trend.days[-1] - dt.timedelta(days=7 * weeks) if weeks else None
    return CalendarMap(trend, holiday_names(dataset, trend.days, filters), growth, weeks, since)


def year_on_year(values: Array) -> tuple[tuple[float, float, float] | None, int]:
    """Growth of whole weeks over those a year before, with the ends of its 95 % interval, and their number.

    Args:
        values: Whole days, one after the other; NaN for gaps, whose weeks are left out.
    """
    from scipy.special import stdtrit

    weeks = len(values) // 7
    sums = values[len(values) - 7 * weeks :].reshape(weeks, 7).sum(axis=1)
    back = A_YEAR // 7
    now, before = sums[back:], sums[:-back] if weeks > back else sums[:0]
    known = np.isfinite(now) & np.isfinite(before)
    now, before = now[known], before[known]
    if len(now) < LEAST_WEEKS or now.sum() <= 0 or before.sum() <= 0:
        return None, len(now)
    # How far each week moves the logarithm of the ratio of sums.
    moved = now / now.sum() - before / before.sum()
    variance = float(moved @ moved)
    for lag in range(1, _LAGS + 1):
        variance += 2 * (1 - lag / (_LAGS + 1)) * float(moved[lag:] @ moved[:-lag])
    middle = float(np.log(now.sum() / before.sum()))
    half = float(stdtrit(len(now) - 1, 0.975)) * float(np.sqrt(max(variance, 0.0) * len(now) / (len(now) - 1)))
    low, high = float(np.expm1(middle - half)), float(np.expm1(middle + half))
    return (float(np.expm1(middle)), low, high), len(now)


def holiday_names(dataset: Dataset, days: tuple[dt.date, ...], filters: Filters | None = None) -> tuple[str, ...]:
    """What the calendar calls each day: `Christmas Day (GB, US)`; with a country in the filter, there alone."""
    found = public_holidays(dataset, days)
    country = (filters or Filters()).country
    named_: dict[dt.date, dict[str, list[str]]] = {}
    for region, of_region in found.items():
        if country in (None, region):
            for day, name in of_region.items():
                named_.setdefault(day, {}).setdefault(name, []).append(region)
    texts = {
        day: "; ".join(f"{name} ({', '.join(sorted(places))})" for name, places in sorted(names.items()))
        for day, names in named_.items()
    }
    return tuple(texts.get(day, "") for day in days)


def public_holidays(dataset: Dataset, days: tuple[dt.date, ...]) -> dict[str, dict[dt.date, str]]:
    """Public holidays among the days: country -> day -> name; empty without a calendar.

    Regions of a country (`US-NY`) are left out: plays are counted by country.
    """
    if not dataset.has("calendar") or "holiday" not in dataset.columns("calendar"):
        return {}
    calendar = dataset.frame("calendar", ["date", "region", "holiday"])
    calendar = calendar[calendar["holiday"].notna() & ~calendar["region"].str.contains("-", regex=False)]
    dates = pd.to_datetime(calendar["date"]).dt.date
    calendar = calendar[(dates >= days[0]) & (dates <= days[-1])].assign(day=dates)
    return {
        str(region): dict(zip(rows["day"], rows["holiday"], strict=True)) for region, rows in calendar.groupby("region")
    }


def named(day: dt.date) -> str:
    """A day in words: `Sunday 29 December 2024`."""
    return f"{WEEKDAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]} {day.year}"


def change(ratio: float) -> str:
    """A ratio as a change: `12.0 % more`, `3.1 % less`."""
    return f"{percent(abs(ratio - 1))} {'more' if ratio > 1 else 'less'}"
