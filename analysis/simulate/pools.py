"""The logging policy's candidates: once a week, each viewer's best titles for each row of the page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analysis.simulate import calendars, clock, languages
from analysis.simulate.config import ROWS
from analysis.simulate.keyed import TICK, Flags, Floats, Ints, tick
from analysis.simulate.viewers import Viewers
from analysis.simulate.world import World

WISHES = len(ROWS)
"""Row of the pools that holds what the viewer would search for, by true taste and appeal."""

_BONUS, _NEW_DAYS = 2_000, 60
_BEGUN = 3 * TICK
_BLOCK = 64
"""Viewers at once: what is worked on then stays in a core's own cache."""

_LIFT, _TITLES = 32_768, 4_096
_ALL = slice(None)
_REACH = 8 * TICK
"""Farthest that a fit is from 0."""

Columns = slice | Ints


def affinity(world: World, viewers: Viewers, day: int, *, estimated: bool) -> Ints:
    """Fit of each title to each viewer's taste on a day, true or as the service estimates it, ticks."""
    factors, rules = world.catalogue.factors.T, world.config.behaviour
    # By the viewer's language, what each title loses; the service knows it.
    foreign = languages.penalty(rules.foreign, rules.foreign_english)[:, world.catalogue.language]
    fit = np.empty((len(viewers), factors.shape[1]), dtype=np.int16)
    for rows in _blocks(len(viewers)):
        taste = viewers.estimated[rows] if estimated else viewers.taste[rows] + viewers.drift[rows] * (day / 365)
        product = taste @ factors
        np.round(product, 6, out=product)
        product *= rules.taste
        product -= foreign[viewers.language[rows]]
        np.clip(product, -_REACH / TICK, _REACH / TICK, out=product)
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
    # What is popular today, the season's demand included, over all places.
    weights = np.array([[place.share] for place in calendars.PLACES])
    demand = np.round((weights * world.by_day(config.date(day))).sum(axis=0), 6)
    popular = np.rint(demand).astype(np.int32) - tick(config.behaviour.click)
    out = catalogue.released <= day
    closed = np.where(out, 0, -20_000).astype(np.int32)
    pools = np.empty((len(who), len(ROWS) + 1, config.pool), dtype=np.int16)
    pools[:, ROWS.index("trending")] = _best(_in_order(popular + closed)[None], config.pool)
    picks = _in_order(popular * 6 // 10 + closed)
    gems = _in_order(closed - popular * 3 // 10)
    wishes = _in_order(popular + closed)
    recent = catalogue.released > day - _NEW_DAYS
    # How far two titles may be apart in popularity and in stressed fit: what a bonus must make up for.
    apart = int(np.ptp(popular[out])) if out.any() else 0
    reach = 2 * _REACH * (1 + float(known.personal[who].max(initial=0.0)))
    some = _enough(recent & out, config.pool, 0.6 * (apart + reach))
    new = _in_order(np.int32(_BONUS) * recent + closed)[some]
    for rows in _blocks(len(who)):
        ours = who[rows]
        stressed, seen = _stressed(known, ours, _ALL), _seen(known, ours, _ALL)
        fits = stressed * np.int32(_TITLES) + seen
        pools[rows, ROWS.index("top picks")] = _best(fits + picks, config.pool)
        pools[rows, ROWS.index("hidden gems")] = _best(fits + gems, config.pool)
        blend = stressed[:, some] + popular[some]
        blend *= 6
        blend //= 10
        blend = _of_titles(blend)
        blend += seen[:, some]
        blend += new
        pools[rows, ROWS.index("new")] = _best(blend, config.pool)
        wished = _of_titles(known.true_fit[ours].astype(np.int32))
        wished += seen
        wished += wishes
        pools[rows, WISHES] = _best(wished, config.pool)
    favourite = np.argmax(viewers.estimated[who, : len(clock.GENRES)], axis=1)
    for genre in np.unique(favourite).tolist():
        liking, of_genre = np.flatnonzero(favourite == genre), catalogue.genre_weights[:, genre] > 0
        some = _enough(of_genre & out, config.pool, 0.8 * apart + 0.5 * reach)
        in_order = _in_order(np.int32(_BONUS) * of_genre + popular * 8 // 10 + closed)[some]
        for rows in _blocks(len(liking)):
            ours = who[liking[rows]]
            # Halved, rounded down.
            liked = _of_titles(_stressed(known, ours, some) >> 1)
            liked += _seen(known, ours, some)
            liked += in_order
            pools[liking[rows], ROWS.index("because you like")] = _best(liked, config.pool)
    return pools


def _enough(favoured: Flags, pool: int, spread: float) -> Columns:
    """The favoured titles, if they fill a pool and no other makes up for the bonus they get; else all."""
    found = np.flatnonzero(favoured)
    return found if len(found) >= pool and spread + _BEGUN + 2 < _BONUS else _ALL


def _stressed(known: Known, ours: Ints, titles: Columns) -> Ints:
    """Estimated fit of titles to viewers, stressed for those whose rows follow it more closely."""
    fit = known.estimated_fit[ours] if isinstance(titles, slice) else known.estimated_fit[ours[:, None], titles]
    stressed = fit.astype(np.int32)
    pushed = known.personal[ours] != 0
    if pushed.any():
        weight = 1 + known.personal[ours][pushed, None]
        stressed[pushed] = np.rint(stressed[pushed] * weight).astype(np.int32)
    return stressed


def _seen(known: Known, ours: Ints, titles: Columns) -> Ints:
    """What a title loses that the viewer has begun, in the same large numbers as `_of_titles`."""
    started = known.started[ours] if isinstance(titles, slice) else known.started[ours[:, None], titles]
    return np.multiply(started > 0, np.int32(-_BEGUN * _TITLES), dtype=np.int32)


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
