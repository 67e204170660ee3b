"""The logging policy's candidates: once a week, each viewer's best titles for each row of the page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analysis.simulate import clock
from analysis.simulate.config import ROWS
from analysis.simulate.keyed import TICK, Floats, Ints, tick
from analysis.simulate.viewers import Viewers
from analysis.simulate.world import World

WISHES = len(ROWS)
"""Row of the pools that holds what the viewer would search for, by true taste and appeal."""

_BONUS, _NEW_DAYS = 2_000, 60
_BLOCK = 64
"""Viewers at once: what is worked on then stays in a core's own cache."""

_LIFT, _TITLES = 32_768, 4_096


def affinity(world: World, viewers: Viewers, day: int, *, estimated: bool) -> Ints:
    """Fit of each title to each viewer's taste on a day, true or as the service estimates it, ticks."""
    factors = world.catalogue.factors.T
    fit = np.empty((len(viewers), factors.shape[1]), dtype=np.int16)
    for rows in _blocks(len(viewers)):
        taste = viewers.estimated[rows] if estimated else viewers.taste[rows] + viewers.drift[rows] * (day / 365)
        product = taste @ factors
        np.round(product, 6, out=product)
        product *= world.config.behaviour.taste
        np.clip(product, -8, 8, out=product)
        product *= TICK
        fit[rows] = np.rint(product, out=product)
    return fit


@dataclass(frozen=True)
class Known:
    """What candidates are chosen by, for all viewers of a service; the arrays are viewers × titles but for `personal`.

    Attributes:
        true_fit: Fit of each title to each viewer's taste, ticks.
        estimated_fit: The same, as the service estimates it.
        started: Latest episode begun; 0 where the viewer has not begun the title.
        personal: Extra weight of estimated taste in the rows, as a share; one for each viewer.
    """

    true_fit: Ints
    estimated_fit: Ints
    started: Ints
    personal: Floats


def make_pools(world: World, viewers: Viewers, who: Ints, day: int, known: Known) -> Ints:
    """Candidates for the rows of the page and, last, for searches: viewers × (rows + 1) × pool, best first.

    Args:
        world: The world.
        viewers: The service's viewers.
        who: Rows of those whose candidates are wanted.
        day: Day whose catalogue, freshness and season count.
        known: What is known of the service's viewers.
    """
    catalogue, config = world.catalogue, world.config
    # What is popular today, the season's demand included, over all countries.
    popular = np.rint(world.by_day(config.date(day)).mean(axis=0)).astype(np.int32) - tick(config.behaviour.click)
    closed = np.where(catalogue.released <= day, 0, -20_000).astype(np.int32)
    recent = (_BONUS * (catalogue.released > day - _NEW_DAYS)).astype(np.int32)
    of_genre = _of_titles((_BONUS * (catalogue.genre_weights.T > 0)).astype(np.int32))
    favourite = np.argmax(viewers.estimated[who, : len(clock.GENRES)], axis=1)
    pools = np.empty((len(who), len(ROWS) + 1, config.pool), dtype=np.int16)
    pools[:, ROWS.index("trending")] = _best(_in_order(popular + closed)[None], config.pool)
    by_title = {
        "top picks": _in_order(popular * 6 // 10 + closed),
        "new": _in_order(recent + closed),
        "because you like": _in_order(popular * 8 // 10 + closed),
        "hidden gems": _in_order(closed - popular * 3 // 10),
        "wishes": _in_order(popular + closed),
    }
    for rows in _blocks(len(who)):
        ours = who[rows]
        seen = np.multiply(known.started[ours] > 0, np.int32(-3 * TICK * _TITLES), dtype=np.int32)
        stressed = known.estimated_fit[ours].astype(np.int32)
        pushed = known.personal[ours] != 0
        if pushed.any():
            weight = 1 + known.personal[ours][pushed, None]
            stressed[pushed] = np.rint(stressed[pushed] * weight).astype(np.int32)
        fits = stressed * np.int32(_TITLES) + seen
        pools[rows, ROWS.index("top picks")] = _best(fits + by_title["top picks"], config.pool)
        pools[rows, ROWS.index("hidden gems")] = _best(fits + by_title["hidden gems"], config.pool)
        blend = stressed + popular
        blend *= 6
        blend //= 10
        blend = _of_titles(blend)
        blend += seen
        blend += by_title["new"]
        pools[rows, ROWS.index("new")] = _best(blend, config.pool)
        # Halved, rounded down.
        stressed >>= 1
        liked = _of_titles(stressed)
        liked += seen
        liked += of_genre[favourite[rows]]
        liked += by_title["because you like"]
        pools[rows, ROWS.index("because you like")] = _best(liked, config.pool)
        wished = _of_titles(known.true_fit[ours].astype(np.int32))
        wished += seen
        wished += by_title["wishes"]
        pools[rows, WISHES] = _best(wished, config.pool)
    return pools


def _of_titles(score: Ints) -> Ints:
    """Scores made so large that a title's number fits beside them in one integer; in place."""
    score *= _TITLES
    return score


def _in_order(score: Ints) -> Ints:
    """Scores of all titles with the titles' numbers in them, so that a sort has no ties to break."""
    titles = np.arange(score.shape[-1], dtype=np.int32)
    return (score + _LIFT) * np.int32(_TITLES) + (_TITLES - 1 - titles)


def _best(keyed: Ints, count: int) -> Ints:
    """The titles with the highest scores, best first; of equal ones the earlier. Changes the order of `keyed`."""
    titles = keyed.shape[1]
    keyed.partition(titles - count, axis=1)
    top = keyed[:, titles - count :]
    top.sort(axis=1)
    best: Ints = _TITLES - 1 - top[:, ::-1] % _TITLES
    return best


def _blocks(count: int) -> Iterator[slice]:
    for start in range(0, count, _BLOCK):
        yield slice(start, start + _BLOCK)
