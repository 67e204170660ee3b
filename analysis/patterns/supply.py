"""What was available: how much each title would be watched on each day if nobody's appetite changed.

A title is watched by its own appeal, and much more in its first weeks. Both are estimated together with what the month
does to its genres, so that a film that came out in October is not taken for a better film because October liked it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

AGES = (0, 3, 7, 14, 21, 28, 42, 56, 84, 112, 168, 252, 364)
"""First day of each class of age, in days since release; the last one is open."""
YOUNG = 84
_SWEEPS = 60
_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Supply:
    """Expected plays of each title if appetite were the same all year.

    Attributes:
        plays: Titles × days: what was watched.
        expected: Titles × days; 0 before the release. Each day adds up to its plays when appetite is flat.
        decay: Kinds × classes of age: pull of a title by its age, 1 in the oldest class.
        wobble: How far plays of a title in a month stray from this beyond Poisson, as a variance of their ratio: in
            months in which the title is mostly younger than twelve weeks, and in later ones.
        young: Titles × days: whether the title is younger than twelve weeks.
    """

    plays: Array
    expected: Array
    decay: Array
    wobble: tuple[float, float]
    young: npt.NDArray[np.bool_]


def supply(plays: Array, released: Ints, kind: Ints, weights: Array, month: Ints, stretch: Ints) -> Supply:
    """Estimate appeal, decay by age and, beside them, each genre's month effects, from plays of titles by day.

    The model is Poisson: log mean = appeal(title) + decay(kind, age) + volume(day) + Σ weight(genre) season(genre,
    month). It is fitted by scaling each factor's margin in turn. Decay is flat after a year, which sets age, release
    date and calendar apart.

    Args:
        plays: Titles × days.
        released: Day on which each title came out, counted like the columns of `plays`; far negative where unknown.
        kind: Number of each title's kind.
        weights: Titles × genres, rows adding up to 1.
        month: Month of the year of each day, 0–11.
        stretch: Number of the calendar month of each day, counted from the first.

    Source: iterative proportional fitting is Darroch and Ratcliff (1972); the identification of age, period and
    cohort by a flat stretch is Fienberg and Mason (1979).
    """
    titles, days = plays.shape
    age: Ints = np.arange(days)[None, :] - released[:, None]
    seen = age >= 0
    group = np.clip(np.searchsorted(AGES, age, side="right") - 1, 0, len(AGES) - 1)
    classes = kind[:, None] * len(AGES) + group
    of_title, of_day = plays.sum(axis=1), plays.sum(axis=0)
    counted = np.where(seen, plays, 0.0)
    by_class = np.bincount(classes.ravel(), counted.ravel(), (int(kind.max()) + 1) * len(AGES)).astype(np.float64)
    masks = np.zeros((12, days))
    masks[month, np.arange(days)] = 1.0
    watched = weights.T @ (plays @ masks.T)
    appeal, volume = np.ones(titles), np.maximum(of_day, 1e-9) / max(titles, 1)
    decay, season = np.ones(len(by_class)), np.zeros((weights.shape[1], 12))
    for _ in range(_SWEEPS):
        lift = np.exp(weights @ season)[:, month]
        shape = seen * decay[classes]
        before = np.concatenate([decay, season.ravel()])
        appeal = _ratio(of_title, (shape * lift) @ volume)
        rest = appeal[:, None] * shape * lift
        volume = _ratio(of_day, rest.sum(axis=0))
        mean = rest * volume
        decay = decay * _ratio(
            by_class, np.bincount(classes.ravel(), mean.ravel(), len(by_class)).astype(np.float64), 1.0
        )
        decay = (decay.reshape(-1, len(AGES)) / np.maximum(decay.reshape(-1, len(AGES))[:, -1:], 1e-9)).ravel()
        # A title of k genres carries 1/k of each one's season, so the step is a Newton step and no plain ratio.
        due = weights.T @ (mean @ masks.T)
        curvature = (weights**2).T @ (mean @ masks.T)
        season = np.clip(season + 0.7 * (watched - due) / np.maximum(curvature, 1.0), -3, 3)
        season = season - season[:, masks.any(axis=1)].mean(axis=1, keepdims=True)
        if np.max(np.abs(np.concatenate([decay, season.ravel()]) - before)) < _TOLERANCE:
            break
    flat = appeal[:, None] * seen * decay[classes]
    expected = flat * _ratio(of_day, flat.sum(axis=0))
    young = seen & (age < YOUNG)
    return Supply(plays, expected, decay.reshape(-1, len(AGES)), _wobble(counted, expected, young, stretch), young)


def _wobble(plays: Array, expected: Array, young: npt.NDArray[np.bool_], stretch: Ints) -> tuple[float, float]:
    """Excess relative variance of titles' months, by moments; each title's own level is taken out of it.

    Seasons are not taken out: a genre that rests on one title would hide that title's ups and downs.
    """
    gather = np.eye(int(stretch.max()) + 1)[stretch]
    seen, mean, new = plays @ gather, expected @ gather, (expected * young) @ gather
    share = mean / np.maximum(mean.sum(axis=1, keepdims=True), 1e-9)
    level = seen.sum(axis=1, keepdims=True) / np.maximum(mean.sum(axis=1, keepdims=True), 1e-9)
    mean = mean * level
    excess = (seen - mean) ** 2 - mean * (1 - share)
    room = mean**2 * (1 - 2 * share + (share**2).sum(axis=1, keepdims=True))
    is_new = new > 0.5 * (expected @ gather)
    old, newer = (_moments(excess[which], room[which], mean[which]) for which in (~is_new, is_new))
    return newer, old


def _moments(excess: Array, room: Array, mean: Array) -> float:
    """Relative variance τ², with the weights 1 / (1/mean + τ²)² that make the estimate steadiest."""
    known = mean > 1
    excess, room, mean = excess[known], room[known], mean[known]
    value = 0.1
    for _ in range(8 if len(mean) else 0):
        weight = 1 / (1 + value * mean) ** 2
        value = max(0.0, float((weight * excess).sum() / max((weight * room).sum(), 1e-9)))
    return value


def genre_weights(genres: Sequence[Sequence[str]]) -> tuple[list[str], Array]:
    """Names of genres and titles × genres weights, 1/k in each of a title's k genres."""
    names = sorted({genre for listed in genres for genre in listed})
    weights = np.zeros((len(genres), len(names)))
    for row, listed in enumerate(genres):
        for genre in listed:
            weights[row, names.index(genre)] = 1 / len(listed)
    return names, weights


def _ratio(top: Array, bottom: Array, otherwise: float = 0.0) -> Array:
    return np.asarray(np.where((bottom > 0) & (top > 0), top / np.maximum(bottom, 1e-300), otherwise), dtype=np.float64)
