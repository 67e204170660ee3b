"""The logging policy's candidates: once a week, each viewer's best titles for each row of the page."""

from __future__ import annotations

import numpy as np

from analysis.simulate import clock
from analysis.simulate.config import ROWS
from analysis.simulate.keyed import Flags, Floats, Ints, tick, ticks
from analysis.simulate.viewers import Viewers
from analysis.simulate.world import World

WISHES = len(ROWS)
"""Row of the pools that holds what the viewer would search for, by true taste and appeal."""

_BONUS, _NEW_DAYS = 2_000, 60


def affinity(world: World, viewers: Viewers, day: int, *, estimated: bool) -> Ints:
    """Fit of each title to each viewer's taste on a day, true or as the service estimates it, ticks."""
    taste = viewers.estimated if estimated else viewers.taste + viewers.drift * (day / 365)
    product = np.round(taste @ world.catalogue.factors.T, 6)
    return ticks(np.clip(world.config.behaviour.taste * product, -8, 8)).astype(np.int16)


def make_pools(
    world: World,
    viewers: Viewers,
    day: int,
    *,
    true_fit: Ints,
    estimated_fit: Ints,
    begun: Flags,
    personal: Floats,
) -> Ints:
    """Candidates for the rows of the page and, last, for searches: viewers × (rows + 1) × pool, best first."""
    catalogue, config = world.catalogue, world.config
    date = config.date(day)
    # What is popular today, the season's demand included, over all countries.
    popular = np.rint(world.by_day(date).mean(axis=0)).astype(np.int32)
    popular -= tick(config.behaviour.click)
    open_now = catalogue.released <= day
    recent = open_now & (catalogue.released > day - _NEW_DAYS)
    favourite = np.argmax(viewers.estimated[:, : len(clock.GENRES)], axis=1)
    in_favourite = catalogue.genre_weights.T[favourite] > 0
    fit = estimated_fit.astype(np.int32)
    seen = begun * np.int32(3 * 64)
    stressed = np.rint(fit * (1 + personal[:, None])).astype(np.int32)
    scores = (
        stressed + (popular * 6) // 10 - seen,
        np.broadcast_to(popular, fit.shape),
        (stressed * 6) // 10 + (popular * 6) // 10 - seen + _BONUS * recent,
        stressed // 2 + (popular * 8) // 10 - seen + _BONUS * in_favourite,
        stressed - (popular * 3) // 10 - seen,
        true_fit + popular - seen,
    )
    pools = [_best(np.where(open_now, score, -20_000), config.pool) for score in scores]
    return np.stack(pools, axis=1).astype(np.int16)


def _best(score: Ints, count: int) -> Ints:
    """The titles with the highest scores, best first; of equal ones the earlier."""
    titles = score.shape[1]
    # Score and title in one integer, so that a sort has no ties to break.
    keyed = (score.astype(np.int32) + 32_768) * 4_096 + (4_095 - np.arange(titles, dtype=np.int32))
    keyed.partition(titles - count, axis=1)
    top = np.sort(keyed[:, titles - count :], axis=1)[:, ::-1]
    best: Ints = 4_095 - top % 4_096
    return best
