"""A trend in daily counts: percent a day, with an interval that survives overdispersion and autocorrelation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.errors import DataError

Array = npt.NDArray[np.float64]

_STEPS = 50
_TOLERANCE = 1e-10


@dataclass(frozen=True)
class CountTrend:
    """A log-linear trend of counts.

    Attributes:
        log_growth_per_day: Slope of the log of the mean, per day.
        standard_error: Its Newey–West standard error.
        days: Days used.
        lags: Days of autocorrelation allowed for.
    """

    log_growth_per_day: float
    standard_error: float
    days: int
    lags: int

    def growth(self, days: float) -> tuple[float, float, float]:
        """Relative growth over `days` days, with the ends of its 95 % interval."""
        from scipy.special import stdtrit

        # Eight coefficients are fitted: a level for each weekday and the slope.
        half = float(stdtrit(max(self.days - 8, 1), 0.975)) * self.standard_error
        slope = self.log_growth_per_day
        low, middle, high = np.expm1(np.array([slope - half, slope, slope + half]) * days)
        return float(middle), float(low), float(high)


def count_trend(day: npt.NDArray[np.int64], count: Array, lags: int = 14) -> CountTrend:
    """Poisson regression of daily counts (or minutes) on the day and the weekday, with Newey–West errors.

    Only the mean is assumed right: the sandwich covariance allows any variance and autocorrelation up to `lags` days.

    Args:
        day: Days as integers, increasing; gaps are allowed (day 0 is any Thursday, as in days since 1970).
        count: Count of each day, at least 0.
        lags: Days of autocorrelation allowed for; two weeks by default.

    Raises:
        DataError: Fewer than four weeks of days, or nothing counted.

    Source: Newey and West (1987) with Bartlett weights; quasi-Poisson by iteratively reweighted least squares
    (McCullagh and Nelder 1989, section 2.5).
    """
    if len(day) < 28 or not np.any(count > 0):
        raise DataError(f"A trend needs at least 28 days with data, these are {len(day)}.", "Choose a longer range.")
    centre = float(day.mean())
    scale = max(float(day.max() - day.min()), 1.0)
    weekdays = np.eye(7)[day % 7]
    weekdays = weekdays[:, weekdays.any(axis=0)]
    design = np.column_stack([(day - centre) / scale, weekdays])
    # A weekday that never counts anything has its level at minus infinity: it says nothing of the trend.
    alive = design[:, 1:].T @ count > 0
    keep = design[:, 1:][:, alive].any(axis=1)
    design, count = design[keep][:, np.r_[True, alive]], count[keep]
    coefficient, mean = _fit(design, count)
    bread = np.linalg.inv(design.T @ (mean[:, None] * design))
    score = design * (count - mean)[:, None]
    meat = score.T @ score
    when = day[keep]
    for lag in range(1, lags + 1):
        # Pairs that are `lag` days apart on the calendar, so that gaps don't make strangers into neighbours.
        later = np.searchsorted(when, when + lag)
        found = (later < len(when)) & (when[np.minimum(later, len(when) - 1)] == when + lag)
        pair = score[found].T @ score[later[found]]
        meat += (1 - lag / (lags + 1)) * (pair + pair.T)
    covariance = bread @ meat @ bread
    error = float(np.sqrt(max(covariance[0, 0], 0.0)))
    return CountTrend(float(coefficient[0]) / scale, error / scale, int(keep.sum()), lags)


def _fit(design: Array, count: Array) -> tuple[Array, Array]:
    """Coefficients and fitted means of a Poisson regression with log link."""
    mean = np.maximum(count, count.mean() / 2)
    coefficient = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        working = np.log(mean) + (count - mean) / mean
        weighted = design * mean[:, None]
        new = np.linalg.solve(design.T @ weighted, weighted.T @ working)
        done = float(np.max(np.abs(new - coefficient))) < _TOLERANCE
        coefficient, mean = new, np.exp(np.clip(design @ new, -50, 50))
        if done:
            break
    return coefficient, mean
