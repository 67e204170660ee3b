"""The home page: which titles stand where and with what probability, what of it is seen, and what is clicked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from analysis.errors import ModelError
from analysis.simulate.config import ROWS, Behaviour
from analysis.simulate.keyed import Flags, Floats, Ints, Keys, as_uniform, logistic, step

VISIBLE = 5
"""Titles of a row that are seen without swiping."""

_BLOCK = 256

_POLICY_LUCK, _SCROLL_LUCK, _SWIPE_LUCK, _CLICK_LUCK, _UNIFORM_LUCK = range(100, 105)
_HALF, _LOWER = np.uint64(32), np.uint64(2**32 - 1)


@dataclass(frozen=True)
class Visit:
    """Some visits to the home page, one row each: all that a policy may know.

    Attributes:
        viewer_id: The viewers.
        date: Local day.
        hour: Local hour.
        device: Device, an index into `schema.DEVICES`.
        keys: The visits' own randomness: `visit.luck(slot)` gives a uniform number each.
        candidates: `title_id` of every title that can be watched on that day, rising.
        pools: `title_id` of the logging policy's candidates, visits × rows × pool, best first.
        columns: Titles that a row of the page holds.
    """

    viewer_id: Ints
    date: dt.date
    hour: Ints
    device: Ints
    keys: Keys
    candidates: Ints
    pools: Ints
    columns: int

    def __len__(self) -> int:
        return len(self.viewer_id)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Visits, rows and columns of the pages wanted."""
        return len(self), len(ROWS), self.columns

    def luck(self, slots: int | Ints) -> Floats:
        """Uniform numbers of these visits: visits × the shape of `slots`."""
        slots = np.asarray(slots)
        keys = step(self.keys, _POLICY_LUCK).reshape(-1, *([1] * slots.ndim))
        return as_uniform(step(keys, slots))

    def take(self, rows: Ints | Flags | slice) -> Visit:
        """Some of the visits."""
        return replace(
            self,
            viewer_id=self.viewer_id[rows],
            hour=self.hour[rows],
            device=self.device[rows],
            keys=self.keys[rows],
            pools=self.pools[rows],
        )


@dataclass(frozen=True)
class Page:
    """The pages of some visits.

    Attributes:
        titles: `title_id` in each place, visits × rows × columns; 0 where a place stays empty.
        propensity: Probability of that title in that place, given the titles placed before it.
        randomised: Whether the page was filled uniformly at random.
    """

    titles: Ints
    propensity: Floats
    randomised: Flags


Policy = Callable[[Visit], tuple[Ints, Floats]]
"""Any function from visits to the pages' `title_id`s and propensities, both of `visit.shape`."""


def blocks(visits: int) -> Iterator[slice]:
    """Runs of visits short enough that what is worked on stays in a core's own cache."""
    for start in range(0, visits, _BLOCK):
        yield slice(start, start + _BLOCK)


def rank_weights(pool: int) -> Floats:
    """Weight of each rank of a row's pool: earlier ranks are likelier, none is impossible."""
    return np.round(np.exp(-np.arange(pool) / 7.0), 6)


def logging_policy(visit: Visit) -> tuple[Ints, Floats]:
    """Fill the rows one after the other, drawing from each row's pool without replacement (Plackett–Luce).

    Titles that stand in an earlier row are left out, and the propensity of a place is the weight of its title over the
    weights of all titles that could still have stood there.
    """
    titles, propensity = np.zeros(visit.shape, dtype=np.int64), np.zeros(visit.shape)
    for rows in blocks(len(visit)):
        _fill(visit.take(rows), titles[rows], propensity[rows])
    return titles, np.round(propensity, 6)


def _fill(visit: Visit, titles: Ints, propensity: Floats) -> None:
    """Fill the pages of some visits, given empty."""
    visits, rows, columns = visit.shape
    pool = visit.pools.shape[2]
    weights = rank_weights(pool)
    # The smallest of exponentials with rate w is title i with probability w_i / sum w.
    waiting = np.log(_halves(step(visit.keys, _POLICY_LUCK), rows * pool).reshape(visits, rows, pool)) / -weights
    known = int(visit.candidates[-1]) + 1
    # Flat positions are looked up several times as fast as pairs of rows and columns.
    placed, page = np.zeros(visits * known, dtype=bool), np.arange(visits)[:, None]
    for row in range(rows):
        candidates = visit.pools[:, row]
        free = ~placed[candidates + page * known]
        order = np.argsort(np.where(free, waiting[:, row], np.inf), axis=1)[:, :columns]
        places = order + page * pool
        chosen, weight, real = candidates.ravel()[places], weights[order], free.ravel()[places]
        left = (free * weights).sum(axis=1, keepdims=True) - np.cumsum(weight, axis=1) + weight
        titles[:, row] = np.where(real, chosen, 0)
        propensity[:, row] = np.where(real, np.minimum(weight / np.maximum(left, 1e-9), 1.0), 0.0)
        placed[chosen + page * known] |= real


def _halves(keys: Keys, count: int) -> Floats:
    """`count` uniform numbers in (0, 1) for each key, two from each hash: 32 bits are enough to tell ranks apart."""
    hashes = step(keys[:, None], np.arange((count + 1) // 2))
    both = np.concatenate([hashes >> _HALF, hashes & _LOWER], axis=1)[:, :count]
    return (both + 0.5) * 2.0**-32


def uniform_policy(visit: Visit) -> tuple[Ints, Floats]:
    """Fill the page with titles drawn uniformly without replacement from all that can be watched."""
    _, rows, columns = visit.shape
    available = visit.candidates
    places = min(rows * columns, len(available))
    titles = np.zeros((len(visit), rows * columns), dtype=np.int64)
    propensity = np.zeros(titles.shape)
    for some in blocks(len(visit)):
        luck = step(step(visit.keys[some], _UNIFORM_LUCK)[:, None], available)
        order = np.argpartition(luck, places - 1, axis=1)[:, :places]
        order = np.take_along_axis(order, np.argsort(np.take_along_axis(luck, order, axis=1), axis=1), axis=1)
        titles[some, :places] = available[order]
    propensity[:, :places] = np.round(1.0 / (len(available) - np.arange(places)), 6)
    return titles.reshape(visit.shape), propensity.reshape(visit.shape)


def compose(visit: Visit, policy: Policy, uniform_share: float) -> Page:
    """The pages of some visits: the policy's, and for a randomised share of visits a uniform one.

    Raises:
        ModelError: The policy's pages break the contract.
    """
    if not len(visit):
        return Page(np.zeros(visit.shape, dtype=np.int64), np.zeros(visit.shape), np.zeros(0, dtype=bool))
    randomised = as_uniform(step(visit.keys, _UNIFORM_LUCK)) < uniform_share
    titles, propensity = policy(visit)
    if policy is not logging_policy:
        _check(visit, titles, propensity)
    if randomised.any():
        titles, propensity = titles.copy(), propensity.copy()
        titles[randomised], propensity[randomised] = uniform_policy(visit.take(randomised))
    return Page(titles, propensity, randomised)


def _check(visit: Visit, titles: Ints, propensity: Floats) -> None:
    remedy = "A policy gives title_ids and propensities of the shape visits × rows × columns, 0 for an empty place."
    if titles.shape != visit.shape or propensity.shape != visit.shape:
        raise ModelError(f"A page has the shapes {titles.shape} and {propensity.shape}, not {visit.shape}.", remedy)
    filled = titles != 0
    unknown = ~np.isin(titles[filled], visit.candidates)
    if unknown.any():
        raise ModelError(f"A page holds title {titles[filled][unknown][0]}, which can't be watched then.", remedy)
    wrong = ~((propensity[filled] > 0) & (propensity[filled] <= 1))
    if wrong.any():
        raise ModelError(
            f"A page has the propensity {propensity[filled][wrong][0]}.", f"{remedy} It is over 0, up to 1."
        )
    flat = np.sort(titles.reshape(len(visit), -1), axis=1)
    twice = (flat[:, 1:] == flat[:, :-1]) & (flat[:, 1:] != 0)
    if twice.any():
        raise ModelError(f"A page shows title {flat[:, 1:][twice][0]} twice.", "Place each title once on a page.")


def examined(keys: Keys, rows: int, columns: int, behaviour: Behaviour) -> Floats:
    """Chance that each place is looked at, visits × rows × columns, given how far this visit scrolls and swipes.

    Rows are reached one after the other; places beyond the fifth need a swipe, which is likelier in the upper rows, so
    examination is no product of a row's and a column's factor.
    """
    depth = np.arange(rows)
    scrolled = as_uniform(step(keys, _SCROLL_LUCK))
    reached = scrolled[:, None] < np.round(behaviour.scroll**depth, 9)
    swipes = as_uniform(step(step(keys, _SWIPE_LUCK)[:, None], depth))
    swiped = swipes < np.round(behaviour.swipe * behaviour.swipe_fall**depth, 9)
    column = np.arange(columns)
    attention = np.round(behaviour.attention**column, 9)
    seen = reached[:, :, None] & ((column < VISIBLE) | swiped[:, :, None])
    return np.where(seen, attention, 0.0)


def examination(behaviour: Behaviour, rows: int, columns: int) -> Floats:
    """Chance that each place is looked at, rows × columns, over all that a visit may do; in closed form."""
    row, column = np.arange(rows)[:, None], np.arange(columns)
    swiped = np.where(column < VISIBLE, 1.0, behaviour.swipe * behaviour.swipe_fall**row)
    chance: Floats = behaviour.scroll**row * behaviour.attention**column * swiped
    return chance


def place_keys(keys: Keys, rows: int, columns: int) -> Keys:
    """Randomness of each place of these pages: its upper 53 bits decide on the click, the others on the artwork."""
    slots = np.arange(rows * columns).reshape(rows, columns)
    return step(step(keys, _CLICK_LUCK)[:, None, None], slots)


def clicks(places: Keys, log_odds: Ints, examination: Floats) -> Flags:
    """Which places are clicked: examined, and inviting enough."""
    return as_uniform(places) < examination * logistic(log_odds)


def artworks(places: Keys, variants: int) -> Ints:
    """The artwork variant shown in each place, uniformly at random (to one part in 2,048)."""
    return ((places & np.uint64(2047)).astype(np.int64) * variants) >> 11
