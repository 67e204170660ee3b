"""The forecast: how much will be watched on each of the next 56 days, and how far such forecasts were off before.

A method is shown only with its record: at every other week of the past months it is fitted to what was known then and
held against what came. It is compared with the last week repeated, and intervals are stretched by what the record says.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.data import Dataset
from analysis.errors import DataError
from analysis.patterns import cubes
from analysis.patterns.daily import BUSY
from analysis.patterns.events import Events, events
from analysis.patterns.filters import Filters
from analysis.patterns.forecast_backtest import (
    HORIZON,
    LEAST_DAYS,
    LEVELS,
    Projection,
    filled,
    offset,
    project,
    shortest,
)
from analysis.patterns.forecast_calendar import calendar_of
from analysis.patterns.forecast_models import scaled_error, seasonal_naive
from analysis.patterns.selection import Measure, check_measure
from analysis.patterns.words import percent
from analysis.results import Progress, Result
from analysis.workspace import Workspace

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class HeldOut:
    """The last eight weeks, forecast from what was known before them; method and intervals were chosen without them.

    Attributes:
        method: The method that had done best until then.
        days: The days, length 56.
        actual: What happened; NaN on a day without data.
        predicted: What was forecast.
        low: Lower end of the 95 % interval.
        high: Upper end.
        error: Mean absolute scaled error.
        naive_error: That of the last week repeated.
    """

    method: str
    days: tuple[dt.date, ...]
    actual: Array
    predicted: Array
    low: Array
    high: Array
    error: float
    naive_error: float

    @property
    def inside(self) -> int:
        """Days inside of their 95 % interval."""
        return int(((self.actual >= self.low) & (self.actual <= self.high)).sum())

    @property
    def known(self) -> int:
        """Days with data."""
        return int(np.isfinite(self.actual).sum())


@dataclass(frozen=True)
class Forecast(Result):
    """Daily minutes, plays or ratings of the next 56 days.

    Attributes:
        what: What was counted, and on whose clock.
        measure: `events` or `minutes`.
        days: Whole days with data, from the second to the last but one, length N.
        values: What was counted on each, shape (N,); NaN on days on which the data are silent.
        ahead: The days to come, length 56.
        projection: Forecast, intervals and backtests.
        held_out: The last eight weeks as they were forecast, beside what happened.
        knows: What the calendar says of the days to come (`weekday`, `season of the year`, …).
    """

    what: Events
    measure: Measure
    days: tuple[dt.date, ...]
    values: Array
    ahead: tuple[dt.date, ...]
    projection: Projection
    held_out: HeldOut
    knows: tuple[str, ...]

    @property
    def noun(self) -> str:
        """What is measured, in the plural."""
        return "minutes" if self.measure == "minutes" else self.what.noun

    @property
    def beats_naive(self) -> bool:
        """Whether the forecast did better than the last week repeated, on average over the backtests."""
        return self.projection.record.best > 0

    @property
    def gain(self) -> float:
        """By which share the error is smaller than that of the last week repeated."""
        errors = self.projection.record.mean_errors
        return float(1 - errors[self.projection.record.best] / errors[0])

    @property
    def stretched(self) -> bool:
        """Whether the 95 % intervals are wider than the method's own."""
        record = self.projection.record
        return bool(record.stretch(record.best, LEVELS[1]).max() > 1)

    def to_frame(self) -> pd.DataFrame:
        """One row a day: the 56 days ahead, then the 56 days held out, with forecast, intervals and what happened."""
        found, held = self.projection, self.held_out
        ahead = pd.DataFrame({"part": "ahead", "date": self.ahead, f"{self.noun}_forecast": found.mean})
        for place, level in enumerate(LEVELS):
            ahead[f"low_{level:.0%}".rstrip("%")] = found.low[place]
            ahead[f"high_{level:.0%}".rstrip("%")] = found.high[place]
        before = pd.DataFrame(
            {
                "part": "held out", "date": held.days, f"{self.noun}_forecast": held.predicted,
                "low_95": held.low, "high_95": held.high, self.noun: held.actual,
            }
        )  # fmt: skip
        return pd.concat([ahead, before], ignore_index=True).assign(clock=self.what.zone_label)

    def backtests(self) -> pd.DataFrame:
        """One row a method: mean absolute scaled error, origins at which it beats the naive one, own coverage."""
        record = self.projection.record
        rows = range(len(record.methods))
        return pd.DataFrame(
            {
                "method": record.methods,
                "mean_absolute_scaled_error": record.mean_errors,
                "origins": len(record.origins),
                "better_than_naive": [record.better(m) for m in rows],
                **{f"own_coverage_{level * 100:.0f}": [record.coverage(m, level) for m in rows] for level in LEVELS},
                "chosen": [m == record.best for m in rows],
            }
        )

    def headline(self) -> str:
        """Where it goes, and whether the forecast is better than none, for the title of a chart."""
        if not self.beats_naive:
            return "No method beats repeating the last week, so that is all the forecast there is"
        change = self._change
        way = f"{abs(change) * 100:.0f} % {'above' if change > 0 else 'below'}"
        return (
            f"The next eight weeks lie {way} the last eight; the forecast errs {percent(self.gain, 0)} less than "
            "repeating the last week"
        )

    @property
    def _change(self) -> float:
        return float(self.projection.mean.mean() / np.nanmean(self.values[-HORIZON:]) - 1)

    def summary(self) -> str:
        """Level, interval of the last day, the method's record against the naive one, and the held-out weeks."""
        found, record, held = self.projection, self.projection.record, self.held_out
        errors = record.mean_errors
        says = (
            f"{found.mean.mean():,.0f} {self.noun} a day are forecast for {self.ahead[0]} to {self.ahead[-1]} "
            f"({found.mean[-1]:,.0f} on the last day, 95 % interval {found.low[1, -1]:,.0f} to "
            f"{found.high[1, -1]:,.0f}), by {found.method}"
        )
        count = len(record.origins)
        if self.beats_naive:
            proof = (
                f"its mean absolute scaled error in {count} backtests is {errors[record.best]:.2f}, against "
                f"{errors[0]:.2f} for repeating the last week"
            )
        else:
            proof = f"no method did better in {count} backtests (mean absolute scaled error {errors[0]:.2f})"
        return (
            f"{says}; {proof}. Of the last eight weeks, held out, {held.inside} of {held.known} days fell into their "
            f"95 % interval ({self.what.zone_label})."
        )


def forecast(
    dataset: Dataset,
    *,
    measure: Measure | None = None,
    zone: str | None = None,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
) -> Forecast:
    """Forecast the next 56 days.

    Four methods compete on the log scale: the last week repeated; a regression on weekday, season of the year
    (Fourier terms, where the record is long enough), public and school holidays and a linear trend, with
    autoregressive errors; exponential smoothing with a damped trend and a weekly season; and the mean of the latter
    two. The one with the smallest mean absolute scaled error over rolling origins is taken. Intervals are the method's
    own, and wider where they held too little in the backtests, week by week.

    Args:
        dataset: Any dataset with views, or with timed ratings.
        measure: What is forecast; minutes where they are known, by default.
        zone: IANA zone for rating times.
        workspace: Where cubes are kept; the default workspace if None.
        progress: Told about the building of cubes and the backtests.

    Raises:
        DataError: The data span too few days, or hold next to nothing a day, or the ratings carry no times.
        ParameterError: Unknown zone or measure.
    """
    what = events(dataset, zone)
    chosen: Measure = measure or ("minutes" if what.has_minutes else "events")
    check_measure(chosen, what)
    cube = cubes.build(dataset, cubes.DAILY_PLAIN, what, workspace=workspace, progress=progress)
    first, values = whole_days(cube, chosen)
    check_length(dataset.name, values)
    known = calendar_of(dataset, what, first, len(values) + HORIZON, shortest(len(values)), workspace=workspace)
    found = project(values, known, progress=progress)
    days = tuple(first + dt.timedelta(days=i) for i in range(len(values) + HORIZON))
    method, mean, low, high = found.held_out
    actual, history = values[-HORIZON:], values[:-HORIZON]
    naive = np.exp(seasonal_naive(np.log(filled(history) + offset(history)), HORIZON).mean) - offset(history)
    held = HeldOut(
        method, days[-2 * HORIZON : -HORIZON], actual, mean, low, high,
        scaled_error(actual, mean, history), scaled_error(actual, naive, history),
    )  # fmt: skip
    return Forecast(what, chosen, days[:-HORIZON], values, days[-HORIZON:], found, held, known.names)


def whole_days(cube: cubes.Cube, measure: Measure) -> tuple[dt.date, Array]:
    """First whole day, and what was counted on each; NaN where busy data are silent."""
    found = cube.sums(["date"], Filters(), measures=["events", measure] if measure != "events" else ["events"])
    if not len(found):
        return dt.date(1970, 1, 1), np.zeros(0)
    day = found.keys["date"].astype(np.int64)
    lines = {name: np.zeros(int(day[-1] - day[0]) + 1) for name in found.sums}
    for name, line in lines.items():
        line[day - day[0]] = found.sums[name]
    count = lines["events"]
    silent = (count == 0) & (np.median(count[count > 0]) >= BUSY)
    values = np.where(silent, np.nan, lines[measure])
    # The first and the last day are cut somewhere.
    return dt.date(1970, 1, 1) + dt.timedelta(days=int(day[0]) + 1), values[1:-1]


def check_length(name: str, values: Array) -> None:
    """Refuse what can't be forecast with a record.

    Raises:
        DataError: There are too few days, or next to nothing on most of them.
    """
    if len(values) < LEAST_DAYS:
        raise DataError(
            f"{name} has {len(values)} whole days; a forecast that can be checked on the past needs {LEAST_DAYS}.",
            "Bring a longer time, or come back later.",
        )
    if np.nanmedian(values) < 1 or np.isnan(values).mean() > 0.2:
        raise DataError(
            f"{name} has days without data, or with next to nothing, too often to forecast days.",
            "Bring data of more viewers, or without gaps.",
        )
