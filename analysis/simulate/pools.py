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
_BLOCK = 512


def affinity(world: World, viewers: Viewers, day: int, *, estimated: bool) -> Ints:
    """Fit of each title to each viewer's taste on a day, true or as the service estimates it, ticks."""
    taste = viewers.estimated if estimated else viewers.taste + viewers.drift * (day / 365)
    product = np.round(taste @ world.catalogue.factors.T, 6)
    return ticks(np.clip(world.config.behaviour.taste * product, -8, 8)).astype(np.int16)


def make_pools(
    world: World, viewers: Viewers, day: int, *, true_fit: Ints, estimated_fit: Ints, begun: Flags, personal: Floats
) -> Ints:
    """Candidates for the rows of the page and, last, for searches: viewers × (rows + 1) × pool, best first.

    Args:
        world: The world.
        viewers: Whose candidates.
        day: Day whose catalogue, freshness and season count.
        true_fit: Fit of each title to each viewer's taste, ticks.
        estimated_fit: The same, as the service estimates it.
        begun: Whether the viewer has begun the title.
        personal: Extra weight of estimated taste in the rows, as a share.
    """
    catalogue, config = world.catalogue, world.config
    # What is popular today, the season's demand included, over all countries.
    popular = np.rint(world.by_day(config.date(day)).mean(axis=0)).astype(np.int32) - tick(config.behaviour.click)
    closed = np.where(catalogue.released <= day, 0, -20_000).astype(np.int32)
    recent = (_BONUS * (catalogue.released > day - _NEW_DAYS)).astype(np.int32)
    favourite = np.argmax(viewers.estimated[:, : len(clock.GENRES)], axis=1)
    of_genre = (_BONUS * (catalogue.genre_weights.T > 0)).astype(np.int32)
    pools = np.empty((len(viewers), len(ROWS) + 1, config.pool), dtype=np.int16)
    pools[:, ROWS.index("trending")] = _best((popular + closed)[None], config.pool)
    # In blocks that stay in the processor's cache.
    for start in range(0, len(viewers), _BLOCK):
        rows = slice(start, start + _BLOCK)
        seen = np.multiply(begun[rows], np.int32(-3 * 64), dtype=np.int32) + closed
        stressed = estimated_fit[rows].astype(np.int32)
        pushed = personal[rows] != 0
        stressed[pushed] = np.rint(stressed[pushed] * (1 + personal[rows][pushed, None])).astype(np.int32)
        pools[rows, ROWS.index("top picks")] = _best(stressed + (popular * 6 // 10) + seen, config.pool)
        pools[rows, ROWS.index("new")] = _best((stressed + popular) * 6 // 10 + recent + seen, config.pool)
        liked = of_genre[favourite[rows]]
        pools[rows, ROWS.index("because you like")] = _best(
            stressed // 2 + (popular * 8 // 10) + liked + seen, config.pool
        )
        pools[rows, ROWS.index("hidden gems")] = _best(stressed - (popular * 3 // 10) + seen, config.pool)
        pools[rows, WISHES] = _best(true_fit[rows] + popular + seen, config.pool)
    return pools


def _best(score: Ints, count: int) -> Ints:
    """The titles with the highest scores, best first; of equal ones the earlier."""
    titles = score.shape[1]
    # Score and title in one integer, so that a sort has no ties to break.
    keyed = (score + 32_768) * 4_096 + (4_095 - np.arange(titles, dtype=np.int32))
    keyed.partition(titles - count, axis=1)
    top = np.sort(keyed[:, titles - count :], axis=1)[:, ::-1]
    best: Ints = 4_095 - top % 4_096
    return best
