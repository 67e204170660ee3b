"""The home page: which titles stand where and with what probability, what of it is seen, and what is clicked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from analysis.simulate.config import ROWS, Behaviour
from analysis.simulate.keyed import Flags, Floats, Ints, Keys, as_uniform, logistic, step

VISIBLE = 5
"""Titles of a row that are seen without swiping."""

_ROW_LUCK, _SCROLL_LUCK, _SWIPE_LUCK, _CLICK_LUCK, _ART_LUCK, _UNIFORM_LUCK = range(100, 106)


@dataclass(frozen=True)
class Visit:
    """Some visits to the home page, one row each: all that a policy may know.

    Attributes:
        viewer: Row of the viewer among those simulated.
        day: Day, counted from the first simulated day.
        hour: Local hour.
        device: Device, 0 television, 1 computer, 2 phone, 3 tablet.
        keys: The visits' own randomness; draw with `keyed.step(keys, slot)`.
        candidates: Whether each title can be watched on that day.
        pools: The logging policy's candidates, visits × rows × pool, best first.
    """

    viewer: Ints
    day: int
    hour: Ints
    device: Ints
    keys: Keys
    candidates: Flags
    pools: Ints


@dataclass(frozen=True)
class Page:
    """The pages of some visits.

    Attributes:
        titles: Title in each place, visits × rows × columns; -1 where a place stays empty.
        propensity: Probability of that title in that place, given the titles placed before it.
        policy: Name of the policy of each visit.
    """

    titles: Ints
    propensity: Floats
    policy: Ints


Policy = Callable[[Visit], tuple[Ints, Floats]]
"""Any function from visits to titles and propensities, both visits × rows × columns."""


def rank_weights(pool: int) -> Floats:
    """Weight of each rank of a row's pool: earlier ranks are likelier, none is impossible."""
    return np.round(np.exp(-np.arange(pool) / 7.0), 6)


def logging_policy(visit: Visit, columns: int) -> tuple[Ints, Floats]:
    """Fill the rows one after the other, drawing from each row's pool without replacement (Plackett–Luce).

    Titles that stand in an earlier row are left out, and the propensity of a place is the weight of its title over the
    weights of all titles that could still have stood there.
    """
    visits, rows, pool = visit.pools.shape
    weights = rank_weights(pool)
    slots = np.arange(rows * pool).reshape(rows, pool)
    luck = as_uniform(step(step(visit.keys, _ROW_LUCK)[:, None, None], slots))
    # The smallest of exponentials with rate w is title i with probability w_i / sum w.
    waiting = -np.log1p(-luck) / weights
    placed = np.zeros((visits, len(visit.candidates)), dtype=bool)
    each = np.arange(visits)[:, None]
    titles = np.full((visits, rows, columns), -1, dtype=np.int64)
    propensity = np.zeros((visits, rows, columns))
    for row in range(rows):
        candidates = visit.pools[:, row]
        free = ~placed[each, candidates]
        clock = np.where(free, waiting[:, row], np.inf)
        order = np.argsort(clock, axis=1)[:, :columns]
        chosen = candidates[each, order]
        weight = weights[order]
        open_weight = (free * weights).sum(axis=1, keepdims=True) - np.cumsum(weight, axis=1) + weight
        real = free[each, order]
        titles[:, row] = np.where(real, chosen, -1)
        propensity[:, row] = np.where(real, np.minimum(weight / np.maximum(open_weight, 1e-9), 1.0), 0.0)
        placed[each, chosen] |= real
    return titles, np.round(propensity, 6)


def uniform_policy(visit: Visit, rows: int, columns: int) -> tuple[Ints, Floats]:
    """Fill the page with titles drawn uniformly without replacement from all that can be watched."""
    available = np.flatnonzero(visit.candidates)
    places = min(rows * columns, len(available))
    luck = step(step(visit.keys, _UNIFORM_LUCK)[:, None], available)
    order = np.argpartition(luck, places - 1, axis=1)[:, :places]
    order = np.take_along_axis(order, np.argsort(np.take_along_axis(luck, order, axis=1), axis=1), axis=1)
    titles = np.full((len(visit.keys), rows * columns), -1, dtype=np.int64)
    propensity = np.zeros(titles.shape)
    titles[:, :places] = available[order]
    propensity[:, :places] = np.round(1.0 / (len(available) - np.arange(places)), 6)
    shape = (len(visit.keys), rows, columns)
    return titles.reshape(shape), propensity.reshape(shape)


def compose(visit: Visit, policy: Policy | None, columns: int, uniform_share: float) -> Page:
    """The pages of some visits: the policy's, and for a randomised share of visits a uniform one."""
    rows = len(ROWS)
    randomised = as_uniform(step(visit.keys, _UNIFORM_LUCK)) < uniform_share
    titles, propensity = logging_policy(visit, columns) if policy is None else policy(visit)
    if randomised.any():
        some = Visit(
            visit.viewer[randomised],
            visit.day,
            visit.hour[randomised],
            visit.device[randomised],
            visit.keys[randomised],
            visit.candidates,
            visit.pools[randomised],
        )
        titles, propensity = titles.copy(), propensity.copy()
        titles[randomised], propensity[randomised] = uniform_policy(some, rows, columns)
    return Page(titles, propensity, randomised.astype(np.int64))


def examined(keys: Keys, rows: int, columns: int, behaviour: Behaviour) -> Floats:
    """Chance that each place is looked at, visits × rows × columns, given how far this visit scrolls and swipes.

    Rows are reached one after the other; places beyond the fifth need a swipe, which is likelier in the upper rows, so
    examination is no product of a row's and a column's factor.
    """
    depth = np.arange(rows)
    scrolled = as_uniform(step(keys, _SCROLL_LUCK))
    reached = scrolled[:, None] < np.round(behaviour.scroll**depth, 9)
    swipes = as_uniform(step(step(keys, _SWIPE_LUCK)[:, None], depth))
    swiped = swipes < np.round(behaviour.swipe * 0.8**depth, 9)
    column = np.arange(columns)
    attention = np.round(behaviour.attention**column, 9)
    seen = reached[:, :, None] & ((column < VISIBLE) | swiped[:, :, None])
    return np.where(seen, attention, 0.0)


def clicks(keys: Keys, log_odds: Ints, examination: Floats) -> Flags:
    """Which places are clicked: examined, and inviting enough."""
    slots = np.arange(log_odds.shape[1] * log_odds.shape[2]).reshape(log_odds.shape[1:])
    luck = as_uniform(step(step(keys, _CLICK_LUCK)[:, None, None], slots))
    return luck < examination * logistic(log_odds)


def artworks(keys: Keys, rows: int, columns: int, variants: int) -> Ints:
    """The artwork variant shown in each place, uniformly at random."""
    slots = np.arange(rows * columns).reshape(rows, columns)
    luck = as_uniform(step(step(keys, _ART_LUCK)[:, None, None], slots))
    return (luck * variants).astype(np.int64)
