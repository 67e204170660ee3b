"""Backtests of forecasting methods on one series of days, and the forecast of the one that did best.

At every other week of the past months each method is fitted to what was known then and held against what came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.patterns.forecast_calendar import Calendar
from analysis.patterns.forecast_models import (
    WEEK,
    Prediction,
    harmonic,
    mean_of,
    scaled_error,
    seasonal_naive,
    smoothing,
    widening,
)
from analysis.results import Progress

HORIZON = 56
"""Days ahead."""
STEP = 14
"""Days between the origins of backtests."""
MOST_ORIGINS, LEAST_ORIGINS = 12, 4
LEAST_TRAINING = 84
"""Days that a method is fitted to at the least: a dozen weeks."""
LEAST_DAYS = LEAST_TRAINING + HORIZON + STEP * (LEAST_ORIGINS - 1)
LEVELS = (0.80, 0.95)
NAIVE = "the last week again"
REGRESSION = "harmonic regression"
SMOOTHING = "exponential smoothing"
BOTH = "mean of regression and smoothing"

Array = npt.NDArray[np.float64]
Method = Callable[[Array], Prediction]


@dataclass(frozen=True)
class Record:
    """How the methods did in backtests.

    Attributes:
        methods: Names, the naive one first, length M.
        origins: Days of history at each origin, the earliest first, length O.
        errors: Mean absolute scaled error of each method at each origin, shape (M, O).
        scores: Error on the log scale in the method's own standard deviations, shape (M, O, 56); NaN on days without
            data.
    """

    methods: tuple[str, ...]
    origins: tuple[int, ...]
    errors: Array
    scores: Array

    @property
    def mean_errors(self) -> Array:
        """Mean absolute scaled error of each method over the origins, shape (M,)."""
        return np.asarray(np.nanmean(self.errors, axis=1), dtype=np.float64)

    @property
    def best(self) -> int:
        """The method with the smallest mean error; the naive one where none is better."""
        return int(np.argmin(self.mean_errors))

    def better(self, method: int) -> int:
        """At how many origins a method did better than the naive one."""
        return int((self.errors[method] < self.errors[0]).sum())

    def coverage(self, method: int, level: float) -> float:
        """Share of days inside of the method's own intervals."""
        from scipy.special import ndtri

        scores = self.scores[method][np.isfinite(self.scores[method])]
        return float(np.mean(np.abs(scores) <= ndtri(0.5 + level / 2)))

    def stretch(self, method: int, level: float) -> Array:
        """By how much intervals are widened at each step, shape (56,): 1 where the method's own hold enough.

        Steps are taken by weeks, each with its neighbours, as there are few origins.
        """
        if self.coverage(method, level) >= level:
            return np.ones(HORIZON)
        weeks = np.arange(HORIZON) // WEEK
        near = [np.abs(weeks - week) <= 1 for week in range(HORIZON // WEEK)]
        by_week = np.array([widening(self.scores[method][:, steps].ravel(), level) for steps in near])
        return np.asarray(by_week[weeks], dtype=np.float64)


@dataclass(frozen=True)
class Projection:
    """A forecast of one series of numbers, with its record.

    Attributes:
        method: The method with the smallest error in backtests.
        record: How all methods did.
        mean: Forecast of each of the 56 days (the median: as likely above as below).
        low: Lower ends at each of `LEVELS`, shape (2, 56).
        high: Upper ends.
        held_out: The same for the last 56 days: method, mean, low and high at 95 %.
    """

    method: str
    record: Record
    mean: Array
    low: Array
    high: Array
    held_out: tuple[str, Array, Array, Array]


def shortest(days: int) -> int:
    """Days of history at the earliest origin."""
    return _origins(days)[0]


def _origins(days: int) -> tuple[int, ...]:
    last = days - HORIZON
    return tuple(last - STEP * i for i in range(MOST_ORIGINS) if last - STEP * i >= LEAST_TRAINING)[::-1]


def offset(values: Array) -> float:
    """What is added before logs are taken: nothing, or one where a day counts nothing."""
    return 1.0 if np.nanmin(values) <= 0 else 0.0


def filled(values: Array) -> Array:
    """Silent days as the mean of the same weekday before and after; methods need every day."""
    found = values.copy()
    for place in np.flatnonzero(np.isnan(values)):
        same = values[place % WEEK :: WEEK]
        at = place // WEEK
        before, after = same[:at][np.isfinite(same[:at])], same[at + 1 :][np.isfinite(same[at + 1 :])]
        near = [*before[-1:], *after[:1]]
        found[place] = np.mean(near) if near else np.nanmean(values)
    return found


def methods(calendar: Calendar) -> Mapping[str, Method]:
    """The methods by name; each takes a history on the log scale."""

    def regression(y: Array) -> Prediction:
        return harmonic(y, *calendar.split(len(y), HORIZON))

    def smooth(y: Array) -> Prediction:
        return smoothing(y, HORIZON)

    return {NAIVE: lambda y: seasonal_naive(y, HORIZON), REGRESSION: regression, SMOOTHING: smooth}


def project(values: Array, calendar: Calendar, *, progress: Progress | None = None) -> Projection:
    """Backtest all methods on a series, and forecast 56 days with the best.

    Args:
        values: One number a day, at least `LEAST_DAYS`; NaN where unknown.
        calendar: What is known of these days and the 56 to come.
        progress: Called with the share of the backtests done.
    """
    plus = offset(values)
    logs = np.log(filled(values) + plus)
    ways, origins = methods(calendar), _origins(len(values))
    names = (*ways, BOTH)
    errors = np.full((len(names), len(origins)), np.nan)
    scores = np.full((len(names), len(origins), HORIZON), np.nan)
    past: list[dict[str, Prediction]] = []
    for number, origin in enumerate(origins):
        if progress:
            progress(number / len(origins), f"Backtest {number + 1} of {len(origins)}")
        made = {name: way(logs[:origin]) for name, way in ways.items()}
        made[BOTH] = mean_of(made[REGRESSION], made[SMOOTHING])
        past.append(made)
        actual = values[origin : origin + HORIZON]
        for place, name in enumerate(names):
            guess = made[name]
            errors[place, number] = scaled_error(actual, np.exp(guess.mean) - plus, values[:origin])
            scores[place, number] = (np.log(np.maximum(actual + plus, 1e-9)) - guess.mean) / guess.sd
    record = Record(names, origins, errors, scores)
    now = {name: way(logs) for name, way in ways.items()} if record.best < len(ways) else {}
    if names[record.best] == BOTH:
        now = {BOTH: mean_of(ways[REGRESSION](logs), ways[SMOOTHING](logs))}
    guess = now[names[record.best]]
    mean, low, high = _bands(guess, [record.stretch(record.best, level) for level in LEVELS], plus)
    return Projection(names[record.best], record, mean, low, high, _held_out(record, past[-1], plus))


def _bands(guess: Prediction, stretch: list[Array], plus: float) -> tuple[Array, Array, Array]:
    from scipy.special import ndtri

    half = np.stack([ndtri(0.5 + level / 2) * guess.sd * wide for level, wide in zip(LEVELS, stretch, strict=True)])
    # The wider interval holds the narrower one, whatever the backtests of each say.
    half = np.maximum.accumulate(half, axis=0)
    low, high = np.exp(guess.mean - half) - plus, np.exp(guess.mean + half) - plus
    return np.maximum(np.exp(guess.mean) - plus, 0), np.maximum(low, 0), high


def _held_out(record: Record, made: dict[str, Prediction], plus: float) -> tuple[str, Array, Array, Array]:
    """The last origin, with method and intervals from what was known at it."""
    origin = record.origins[-1]
    earlier = np.array(record.origins[:-1])
    known = (earlier[:, None] + np.arange(HORIZON)) < origin
    scores = np.where(known, record.scores[:, :-1], np.nan)
    then = Record(record.methods, record.origins[:-1], record.errors[:, :-1], scores)
    # Errors of an origin count by the days that had come by then.
    seen = known.any(axis=1)
    weights = known.sum(axis=1) / HORIZON
    errors = (record.errors[:, :-1] * weights)[:, seen].sum(axis=1) / weights[seen].sum()
    best = int(np.argmin(errors))
    mean, low, high = _bands(made[record.methods[best]], [then.stretch(best, level) for level in LEVELS], plus)
    return record.methods[best], mean, low[1], high[1]
