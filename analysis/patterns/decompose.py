"""What days are made of: a slow trend, the week, the year, and a rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.errors import DataError
from analysis.patterns.daily import DailyTrend
from analysis.patterns.words import MONTHS, WEEKDAYS
from analysis.results import Result
from analysis.stats import clustered
from analysis.stats.clustered import Interval

LEAST_DAYS = 28
"""Four weeks, below which a week can't be told from chance."""
YEAR = 365
_SMOOTH = 29
"""Days over which the year is smoothed: with two or three years, each day of the year was seen two or three times."""
_JUMP = 30
"""Days between the points at which slow curves are fitted; between them they are straight."""
_NOTHING = float("nan")

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Decomposition(Result):
    """Days as trend × week × year × rest.

    Attributes:
        daily: The days.
        trend: In the unit of the measure, shape (N,).
        week: Factor of the week, around 1, shape (N,).
        year: Factor of the year, around 1, shape (N,); None with less than two years, which can't tell it from growth.
        rest: Factor that is left, shape (N,); NaN on days without data.
        weekdays: Of each weekday, Monday first, its part of the week times 7, with intervals over weeks.
        months: Of each month of the year, its factor with an interval over weeks; None with less than two years.
    """

    daily: DailyTrend
    trend: Array
    week: Array
    year: Array | None
    rest: Array
    weekdays: tuple[Interval, ...]
    months: tuple[Interval, ...] | None

    @property
    def strongest(self) -> int:
        """The weekday with the most, 0 is Monday."""
        return int(np.nanargmax([found.value for found in self.weekdays]))

    @property
    def usual_rest(self) -> float:
        """Standard deviation of the rest: how far a day strays, as a share."""
        return float(np.nanstd(np.log(self.rest)))

    def strength(self, part: Array) -> float:
        """Strength of a part, from 0 to 1: how much of the variation is gone when it is taken out.

        Source: Wang, Smith and Hyndman (2006), Characteristic-based clustering for time series data.
        """
        rest = np.log(self.rest)
        both = np.nanvar(rest + np.log(part))
        return float(max(0.0, 1 - np.nanvar(rest) / both)) if both > 0 else 0.0

    def to_frame(self) -> pd.DataFrame:
        """One row a day: value, trend, factors of week, year and rest."""
        frame = pd.DataFrame({"date": self.daily.days, "trend": self.trend, "week": self.week})
        if self.year is not None:
            frame["year"] = self.year
        return frame.assign(rest=self.rest)

    def headline(self) -> str:
        """The strongest weekday in a few words."""
        return f"{WEEKDAYS[self.strongest]} is the strongest day of the week"

    def summary(self) -> str:
        """The strongest weekday and the swing of the year, with intervals, and how far days stray from both."""
        day = self.weekdays[self.strongest]
        words = f"{WEEKDAYS[self.strongest]} has {_times(day)} what a mean day of its week has"
        if self.months is not None:
            values = [month.value for month in self.months]
            top, bottom = int(np.nanargmax(values)), int(np.nanargmin(values))
            words += (
                f"; through the year, {MONTHS[top]} is highest at {_times(self.months[top])} the trend and "
                f"{MONTHS[bottom]} lowest at {_times(self.months[bottom])}"
            )
        rest = f"What neither trend, week nor year explains is {100 * self.usual_rest:.1f} % of a day, up or down"
        if self.year is None:
            rest = f"What neither trend nor week explains is {100 * self.usual_rest:.1f} % of a day, up or down"
        return f"{words}. {rest}."


def decompose(daily: DailyTrend) -> Decomposition:
    """Split days into trend, week, year and rest.

    On logarithms, so that parts are factors: by MSTL with a week and a year from two years on, by STL with a week
    below. Both are robust, so that single odd days stay in the rest; days without data are bridged and have none. The
    year is smoothed over four weeks, for what happens once on a single day is no season. The first and last day are
    cut somewhere and are left out of the weekdays' intervals, which are jackknifed over groups of whole weeks.

    Args:
        daily: Days of one measure.

    Raises:
        DataError: Fewer than four weeks, or days on which nothing is watched are too many for logarithms.

    Source: Cleveland, Cleveland, McRae and Terpenning (1990) for STL; Bandara, Hyndman and Bergmeir (2021) for MSTL.
    """
    values = daily.events if daily.measure == "events" else daily.minutes
    known = np.isfinite(values)
    if known.sum() < LEAST_DAYS:
        raise DataError(
            f"There are {int(known.sum())} days with data; a week needs {LEAST_DAYS}.", "Choose a longer range."
        )
    if (values[known] <= 0).mean() > 0.1:
        raise DataError(
            "On more than one day in ten nothing is counted here.",
            "Choose more of the data: factors of zero say nothing.",
        )
    days = np.arange(len(values))
    # An empty day counts as half of the smallest: its logarithm is low and finite.
    floor = values[known & (values > 0)].min() / 2
    logs = np.interp(days, days[known], np.log(np.maximum(values[known], floor)))
    trend, week, year = _parts(logs)
    rest = np.where(known, logs - trend - week - (year if year is not None else 0), _NOTHING)
    weekday = (np.arange(len(values)) + daily.days[0].weekday()) % 7
    return Decomposition(
        daily, np.exp(trend), np.exp(week), None if year is None else np.exp(year), np.exp(rest),
        _weekdays(values, weekday), None if year is None else _months(daily, year + rest),
    )  # fmt: skip


def _parts(logs: Array) -> tuple[Array, Array, Array | None]:
    from statsmodels.tsa.seasonal import MSTL, STL

    if len(logs) <= 2 * YEAR:
        found = STL(logs, period=7, robust=True).fit()
        return np.asarray(found.trend), np.asarray(found.seasonal), None
    options = {"robust": True, "trend_jump": _JUMP, "low_pass_jump": _JUMP}
    both = MSTL(logs, periods=(7, YEAR), stl_kwargs=options).fit()
    week, year = np.asarray(both.seasonal).T
    padded = np.pad(year, _SMOOTH // 2, mode="edge")
    smooth = np.convolve(padded, np.ones(_SMOOTH) / _SMOOTH, mode="valid")
    # What the year says of its own level belongs to the trend.
    return np.asarray(both.trend) + smooth.mean(), week, smooth - smooth.mean()


def _weekdays(values: Array, weekday: npt.NDArray[np.int64]) -> tuple[Interval, ...]:
    """Each weekday's share of whole weeks, times 7, jackknifed over groups of consecutive weeks."""
    start = 1 + int((-weekday[1]) % 7) if len(values) > 1 else 0
    count = max((len(values) - 1 - start) // 7, 0)
    weeks = values[start : start + 7 * count].reshape(count, 7)
    weeks = weeks[np.isfinite(weeks).all(axis=1) & (np.nansum(weeks, axis=1) > 0)]
    group = np.arange(len(weeks)) * min(clustered.BUCKETS, len(weeks)) // max(len(weeks), 1)
    sums = np.zeros((clustered.BUCKETS, 7))
    np.add.at(sums, group, weeks)
    shares = [clustered.share(sums[:, day], sums.sum(axis=1)) for day in range(7)]
    return tuple(Interval(7 * s.value, 7 * s.low, 7 * s.high, s.standard_error, s.clusters) for s in shares)


def _months(daily: DailyTrend, logs: Array) -> tuple[Interval, ...]:
    """Each month of the year's factor on the trend, with the spread of its weeks."""
    from scipy.special import stdtrit

    months = np.array([day.month for day in daily.days])
    week = np.arange(len(logs)) // 7
    found = []
    for month in range(1, 13):
        here = (months == month) & np.isfinite(logs)
        means = pd.Series(logs[here]).groupby(week[here]).mean().to_numpy()
        if len(means) < 2:
            found.append(Interval(_NOTHING, _NOTHING, _NOTHING, _NOTHING, len(means)))
            continue
        middle, error = float(means.mean()), float(means.std(ddof=1) / np.sqrt(len(means)))
        half = float(stdtrit(len(means) - 1, 0.975)) * error
        low, value, high = np.exp([middle - half, middle, middle + half]).tolist()
        found.append(Interval(value, low, high, error, len(means)))
    return tuple(found)


def _times(found: Interval) -> str:
    ends = f" (95 % interval {found.low:.2f} to {found.high:.2f})" if found.known else ""
    return f"{found.value:.2f} times{ends}"
