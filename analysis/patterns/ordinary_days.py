"""What an ordinary day has: every day held against the same weekday in the four weeks before and after it."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.data import Dataset
from analysis.patterns import cubes
from analysis.patterns.daily import DailyTrend
from analysis.results import Progress
from analysis.workspace import Workspace

LEAST_A_DAY = 15
"""Plays of a median day below which single days say nothing: too few for the tests to keep their rate."""
LEAST_DAYS = 60
"""Days that an ordinary day's spread must be seen on."""
WEEKS = (-4, -3, -2, -1, 1, 2, 3, 4)
_LEAST_WEEKS = 4
"""Of the eight days that a day is held against, how many must be there."""
_MOST_FREEDOM = 30.0
_ANSCOMBE = 0.375

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def held_against(values: Array, unit: float = 1.0) -> tuple[Array, Array, Array, Array]:
    """Hold every day against the same weekdays around it.

    Differences of square roots are as wide for few plays as for many. Their spread is read off all days by their
    median, and how heavy their tails are by the distance of their 95th percentile, so that odd days don't hide
    themselves.

    Args:
        values: One value a day; NaN for gaps. The first and last day are cut somewhere and not tested.
        unit: What one play is worth in `values`.

    Returns:
        Expected, ends of what 95 % of ordinary days have, and p-values; NaN where not known or not tested.

    Source: Anscombe (1948), The transformation of Poisson, binomial and negative-binomial data.
    """
    from scipy.special import stdtr, stdtrit

    inner = values.copy()
    inner[[0, -1]] = np.nan
    expected = around(inner, np.isfinite(inner))
    shift = _ANSCOMBE * unit
    away = np.sqrt(inner + shift) - np.sqrt(expected + shift)
    known = np.isfinite(away)
    nothing = np.full(len(values), np.nan)
    if known.sum() < LEAST_DAYS or np.nanmedian(inner) < LEAST_A_DAY * unit:
        return expected, nothing, nothing, nothing
    centre = float(np.median(away[known]))
    middle, far = np.quantile(np.abs(away[known] - centre), [0.5, 0.95])
    freedom = _freedom(far / middle) if middle > 0 else _MOST_FREEDOM
    scale = max(float(middle) / float(stdtrit(freedom, 0.75)), 1e-12)
    p = np.where(known, 2 * stdtr(freedom, -np.abs(away - centre) / scale), np.nan)
    half = float(stdtrit(freedom, 0.975)) * scale
    root = np.sqrt(expected + shift) + centre
    low, high = (np.maximum(np.maximum(root + side * half, 0) ** 2 - shift, 0) for side in (-1, 1))
    return expected, low, high, p


def around(values: Array, usable: Flags) -> Array:
    """Median of the same weekday in the four weeks before and after, over usable days; NaN with fewer than four."""
    days = np.arange(len(values))
    near = np.full((len(WEEKS), len(values)), np.nan)
    for row, weeks in enumerate(WEEKS):
        day = days + 7 * weeks
        inside = (day >= 0) & (day < len(values))
        inside[inside] &= usable[day[inside]]
        near[row, inside] = values[day[inside]]
    enough = np.isfinite(near).sum(axis=0) >= _LEAST_WEEKS
    found = np.full(len(values), np.nan)
    if enough.any():
        found[enough] = np.nanmedian(near[:, enough], axis=0)
    return found


def _freedom(ratio: float) -> float:
    """Degrees of freedom of a t distribution with this 95th percentile ÷ median of absolute values."""
    from scipy.special import stdtrit

    freedom = np.array([3.0, 4.0, 5.0, 6.0, 8.0, 12.0, 20.0, _MOST_FREEDOM])
    ratios = stdtrit(freedom, 0.975) / stdtrit(freedom, 0.75)
    return float(np.interp(ratio, ratios[::-1], freedom[::-1]))


def by_split(
    dataset: Dataset,
    trend: DailyTrend,
    split: Literal["country", "device"],
    *,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
) -> dict[str, Array]:
    """The days of a trend for each country or device, under its filters; NaN on its gaps."""
    cube = cubes.build(dataset, cubes.DAILY, trend.what, workspace=workspace, progress=progress)
    cells = cube.totals(["date", split], trend.filters, measures=[trend.measure])
    day = (pd.to_datetime(cells["date"]) - pd.Timestamp(trend.days[0])).dt.days.to_numpy()
    found = {}
    for name in sorted(cells[split].unique()):
        line = np.zeros(len(trend.days))
        here = (cells[split] == name).to_numpy() & (day >= 0) & (day < len(line))
        line[day[here]] = cells[trend.measure].to_numpy(float)[here]
        line[np.isnan(trend.events)] = np.nan
        found[str(name)] = line
    return found
