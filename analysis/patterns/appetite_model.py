"""The model behind `patterns.appetite`: all genres are fitted at once, and each is held against the typical other one.

One genre at a time would do two things wrong. A drama that is horror too rises in October, and drama with it; and what
drama is held against rises with horror, and drama falls. So every title's genres are in one model, and the yardstick of
a month is a robust mean over genres: one that moves much by itself has no weight in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.patterns.panel import Panel
from analysis.patterns.supply import Supply
from analysis.stats import strata

LEAST_TITLES = 4.0
"""Titles of equal weight that a test, or a part of the yardstick, must rest on at least."""
_LEAST_EXPECTED = 0.5
"""Plays that a title must be expected to have in a month to be counted there."""
_LEAST_ROWS = 100
_TUNING = 4.685
"""Distance, in standard errors, from which a cell has no weight: 95 % as efficient as a mean where nothing stands out.
"""
_SWEEPS = 25
_NORMAL = 1.4826
"""Standard deviations in a median absolute deviation, for normal errors."""

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Effects:
    """Log effects of genres × seasons; NaN where there is nothing to estimate from, or to hold it against.

    Attributes:
        value: Shape (G, S).
        error: Standard errors, shape (G, S).
        titles: Titles of equal weight that each rests on, shape (G, S).
    """

    value: Array
    error: Array
    titles: Array


def by_month(panel: Panel, available: Supply) -> Effects:
    """Effect of each month of the year against the others, from plays of titles by calendar month.

    Negative binomial, with a level for each title, what was available as offset, and for each genre the months and a
    linear trend.
    """
    months = sorted(set(panel.month.tolist()))
    genres, count = panel.weights.shape[1], len(months)
    gather = np.eye(int(panel.stretch.max()) + 1)[panel.stretch]
    plays, expected = available.plays @ gather, available.expected @ gather
    young = (available.expected * available.young) @ gather > 0.5 * expected
    counted = expected > _LEAST_EXPECTED
    title, stretch = np.nonzero(counted & ((plays * counted).sum(axis=1, keepdims=True) > 0))
    if count < 2 or len(title) < max(_LEAST_ROWS, 2 * count):
        return _nothing(genres, count)
    wobble = np.where(young[title, stretch], available.wobble[0], available.wobble[1])
    of_stretch = np.zeros(gather.shape[1], dtype=np.int64)
    of_stretch[panel.stretch] = np.searchsorted(months, panel.month)
    trend = np.linspace(-1, 1, gather.shape[1])[stretch]
    feature = np.column_stack([_coding(count)[of_stretch[stretch]], trend])
    used, level = np.unique(title, return_inverse=True)
    found = strata.fit(
        feature, panel.weights[used], plays[title, stretch], np.log(expected[title, stretch]), level, level, wobble
    )
    return _against_others(found, np.column_stack([_coding(count), np.zeros(count)]))


def by_school(panel: Panel, available: Supply) -> Effects:
    """Effect of school holidays, from the days and countries of one title within one month: nothing else differs.

    Conditional Poisson, with a level for each title and month, the volume of each day and country as offset, and for
    each genre the countries. Where only some of a country's schools are closed, the effect counts by their share.
    """
    days, places = panel.days, len(panel.countries)
    gather = np.eye(int(panel.stretch.max()) + 1)[panel.stretch]
    pull = available.expected / np.maximum(available.expected.sum(axis=0), 1e-9)
    school = np.round(panel.school, 1)
    rows = []
    for place in range(places):
        plays = panel.plays[:, np.arange(days) * places + place].toarray()
        expected = pull * panel.whole[:, place]
        for closed in np.unique(school[:, place]):
            here = gather * (school[:, place] == closed)[:, None]
            sums = expected @ here
            title, stretch = np.nonzero(sums > 0)
            rows.append(np.column_stack([
                title, stretch, np.full(len(title), place), np.full(len(title), closed),
                (plays @ here)[title, stretch], sums[title, stretch],
            ]))  # fmt: skip
    cells = np.concatenate(rows)
    stratum = cells[:, 0].astype(np.int64) * gather.shape[1] + cells[:, 1].astype(np.int64)
    cells = cells[watched := np.bincount(stratum, cells[:, 4])[stratum] > 0]
    stratum = stratum[watched]
    if len(cells) < _LEAST_ROWS:
        return _nothing(panel.weights.shape[1], 1)
    feature = cells[:, 3:4]
    if places > 1:
        feature = np.column_stack([feature, _coding(places)[cells[:, 2].astype(np.int64)]])
    used, cluster = np.unique(cells[:, 0].astype(np.int64), return_inverse=True)
    levels = np.unique(stratum, return_inverse=True)[1]
    offset = np.log(cells[:, 5])
    found = strata.fit(feature, panel.weights[used], cells[:, 4], offset, levels, cluster, np.zeros(len(cells)))
    return _against_others(found, np.eye(1, feature.shape[1]))


def _against_others(found: strata.StrataFit, coding: Array) -> Effects:
    """Effects of seasons against the other seasons of the genre, and against the other genres in the same season.

    Args:
        found: The fit; loadings are genres.
        coding: Coefficients that add up to each season's effect, seasons × features.
    """
    genres, seasons = len(found.coefficient), len(coding)
    cells = [[_cell(found, coding, g, s) for s in range(seasons)] for g in range(genres)]
    value, error, equal = np.moveaxis(np.array(cells), 2, 0)
    weight, ordinary = _yardstick(value, error, equal)
    result = Effects(*(np.full((genres, seasons), np.nan) for _ in range(3)))
    for g in range(genres):
        others = np.where(np.arange(genres)[:, None] == g, 0.0, weight)
        whole = others.sum(axis=0)
        # What the genre did in each season, less what the others did: genres × seasons, for each season.
        gaps = -others / np.where(whole > 0, whole, 1.0)
        gaps[g] = 1.0
        for s in range(seasons):
            usual = np.where((np.arange(seasons) != s) & (whole > 0), ordinary[g], 0.0)
            if whole[s] <= 0 or (seasons > 1 and usual.sum() <= 0):
                continue
            share = -usual / usual.sum() if seasons > 1 else np.zeros(1)
            share[s] = 1.0
            found_here = found.contrast(gaps * share @ coding)
            result.value[g, s], result.error[g, s], result.titles[g, s] = found_here
    return result


def _cell(found: strata.StrataFit, coding: Array, genre: int, season: int) -> tuple[float, float, float]:
    weights = np.zeros_like(found.coefficient)
    weights[genre] = coding[season]
    return found.contrast(weights)


def _yardstick(value: Array, error: Array, equal: Array) -> tuple[Array, Array]:
    """How ordinary each cell is, from 0 where it stands out to 1; and that times its precision, which comes first.

    A two-way fit (genre and season) with Tukey's biweight. Where everything moves, distances are counted in the spread
    of the cells and not in their errors.

    Source: Beaton and Tukey (1974); the starting point is a median polish (Tukey 1977).
    """
    known = (error > 0) & np.isfinite(value) & (equal >= LEAST_TITLES)
    precision = np.where(known, 1 / np.where(known, error, 1.0) ** 2, 0.0)
    season = np.array([_median(column, w) for column, w in zip(value.T, precision.T, strict=True)])
    single = value.shape[1] == 1
    genre = np.zeros(len(value))
    if not single:
        genre = np.array([_median(row, w) for row, w in zip(value - season, precision, strict=True)])
    weight, ordinary = precision, known.astype(np.float64)
    for _ in range(_SWEEPS):
        away = (value - season - genre[:, None]) / np.where(known, error, 1.0)
        spread = max(1.0, _NORMAL * float(np.median(np.abs(away[known])))) if known.any() else 1.0
        ordinary = known * np.clip(1 - (away / (spread * _TUNING)) ** 2, 0, None) ** 2
        weight = precision * ordinary
        season = _mean(value - genre[:, None], weight, axis=0)
        if not single:
            genre = _mean(value - season, weight, axis=1)
    return weight, ordinary


def _median(values: Array, weight: Array) -> float:
    """Weighted median; 0 without weights."""
    order = np.argsort(values, kind="stable")
    running = np.cumsum(weight[order])
    if not len(running) or running[-1] <= 0:
        return 0.0
    return float(values[order][np.searchsorted(running, running[-1] / 2)])


def _mean(values: Array, weight: Array, axis: int) -> Array:
    whole = weight.sum(axis=axis)
    return np.asarray((weight * values).sum(axis=axis) / np.where(whole > 0, whole, 1.0), dtype=np.float64)


def _coding(levels: int) -> Array:
    """Columns that add up to zero over the levels: each coefficient is a level's distance from their mean."""
    return np.vstack([np.eye(levels - 1), -np.ones(levels - 1)])


def _nothing(genres: int, seasons: int) -> Effects:
    return Effects(*(np.full((genres, seasons), np.nan) for _ in range(3)))
