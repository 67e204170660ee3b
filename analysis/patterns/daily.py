"""The daily trend: how much was watched each day, and whether it grows."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.data import Dataset
from analysis.patterns import cubes
from analysis.patterns.events import Events
from analysis.patterns.filters import Filters
from analysis.patterns.selection import Measure, Selection
from analysis.results import Progress, Result
from analysis.stats.trend import CountTrend, count_trend
from analysis.workspace import Workspace

BUSY = 10
"""Plays a day (median) from which a day without any is a gap in the data: by chance e⁻¹⁰ of such days are empty."""
A_MONTH = 30

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class DailyTrend(Result):
    """Plays (or ratings) and minutes of each local day.

    Attributes:
        what: What was counted, and on whose clock.
        filters: What was left out.
        measure: What the trend is of.
        days: Every day from the first to the last with data, length N.
        events: Plays or ratings, shape (N,); NaN on a day on which the whole dataset is silent although it is busy.
        minutes: Minutes watched, shape (N,); NaN likewise; zeros where unknown.
        viewers: Distinct viewers active on the day, shape (N,); NaN on silent days; None with a genre in the filter.
        mean_7: Centred mean of seven days of the measure, shape (N,); NaN where one of the seven is missing.
        gaps: Number of silent days.
        trend: Growth of the measure, or None with fewer than 28 whole days.
    """

    what: Events
    filters: Filters
    measure: Measure
    days: tuple[dt.date, ...]
    events: Array
    minutes: Array
    viewers: Array | None
    mean_7: Array
    gaps: int
    trend: CountTrend | None

    @property
    def values(self) -> Array:
        """What the measure counts, by day."""
        return self.events if self.measure == "events" else self.minutes

    @property
    def noun(self) -> str:
        """What is measured, in the plural."""
        return "minutes" if self.measure == "minutes" else self.what.noun

    def to_frame(self) -> pd.DataFrame:
        """One row a day: date, plays or ratings, minutes if known, seven-day mean, whether the day is a gap."""
        frame = pd.DataFrame({"date": self.days, self.what.noun: self.events})
        if self.what.has_minutes:
            frame["minutes"] = self.minutes
        if self.viewers is not None:
            frame["viewers"] = self.viewers
        frame[f"{self.noun}_mean_of_7_days"] = self.mean_7
        frame["is_gap"] = np.isnan(self.events)
        frame["clock"] = self.what.zone_label
        return frame

    def headline(self) -> str:
        """The finding in a few words, for the title of a chart."""
        mean = f"{np.nanmean(self.values):,.0f} {self.noun} a day"
        if self.trend is None:
            return mean
        growth, low, high = self.trend.growth(A_MONTH)
        if low <= 0 <= high:
            return f"{mean}, with no clear trend"
        return f"{mean}, {'growing' if growth > 0 else 'falling'} by {abs(growth) * 100:.1f} % a month"

    def summary(self) -> str:
        """Mean of a day, growth in 30 days with its interval, and the gaps."""
        gaps = f" {self.gaps} days without any data are left out." if self.gaps > 1 else ""
        gaps = " One day without any data is left out." if self.gaps == 1 else gaps
        span = f"from {self.days[0]} to {self.days[-1]}"
        mean = f"{np.nanmean(self.values):,.0f} {self.noun} a day {span}"
        if self.trend is None:
            return f"{mean}; too few whole days for a trend ({self.what.zone_label}).{gaps}"
        growth, low, high = (100 * g for g in self.trend.growth(A_MONTH))
        return (
            f"{mean}, changing by {growth:+.1f} % in {A_MONTH} days (95 % interval {low:+.1f} to {high:+.1f} %, "
            f"{self.what.zone_label}).{gaps}"
        )


def daily(
    dataset: Dataset,
    *,
    filters: Filters | None = None,
    zone: str | None = None,
    measure: Measure = "events",
    workspace: Workspace | None = None,
    progress: Progress | None = None,
) -> DailyTrend:
    """Count the days.

    A day without a row is a true zero where the rest of the dataset has rows on it, or where days are so quiet that
    one may be empty by chance; otherwise it is a gap in the data and left out. The first and the last day are cut
    somewhere and don't enter the trend.

    Args:
        dataset: Any dataset with views, or with timed ratings.
        filters: What to count.
        zone: IANA zone for rating times.
        measure: What the trend is of.
        workspace: Where cubes are kept; the default workspace if None.
        progress: Told about the building of cubes.

    Raises:
        EmptySelection: Nothing is left after the filters.
        ParameterError: Unknown zone or measure.
        DataError: The ratings carry no times.
    """
    chosen = Selection.of(dataset, filters, zone, measure, workspace, progress)
    what, filters, cube = chosen.what, chosen.filters, chosen.cube(cubes.DAILY)
    found = cube.totals(["date"], filters, measures=("events", "minutes"))
    everything = cube.totals(["date"], Filters(filters.first_month, filters.last_month), measures=["events"])
    first, count = _span(everything)
    sums = {name: _line(found, name, first, count) for name in ("events", "minutes")}
    active = chosen.audience().days(filters)
    if active is not None:
        sums["viewers"] = _line(active, "viewers", first, count)
    whole = _line(everything, "events", first, count)
    silent = (whole == 0) & (np.median(whole[whole > 0]) >= BUSY)
    for line in sums.values():
        line[silent] = np.nan
    values = sums[measure]
    mean = pd.Series(values).rolling(7, center=True).mean().to_numpy()
    start = dt.date(1970, 1, 1) + dt.timedelta(days=first)
    days = tuple(start + dt.timedelta(days=i) for i in range(count))
    inner = np.arange(count)[1:-1][~silent[1:-1]]
    trend = count_trend(inner + first, values[inner]) if len(inner) >= 28 and values[inner].sum() > 0 else None
    gaps = int(silent.sum())
    viewers = sums.get("viewers")
    return DailyTrend(what, filters, measure, days, sums["events"], sums["minutes"], viewers, mean, gaps, trend)


def _day(dates: pd.Series) -> npt.NDArray[np.int64]:
    """Days since 1970."""
    return pd.to_datetime(dates).to_numpy().astype("datetime64[D]").astype(np.int64)


def _line(cells: pd.DataFrame, name: str, first: int, count: int) -> Array:
    """One value a day, 0 where there is no row."""
    line = np.zeros(count)
    line[_day(cells["date"]) - first] = cells[name]
    return line


def _span(cells: pd.DataFrame) -> tuple[int, int]:
    """First day since 1970, and the number of days."""
    days = _day(cells["date"])
    first, count = int(days.min()), int(days.max() - days.min()) + 1
    return first, count
