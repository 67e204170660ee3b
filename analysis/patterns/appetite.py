"""Appetite: which genres are watched more in a month, or in school holidays, than what was available explains.

Horror takes a larger share in October for two reasons: more of it comes out, or people want it more. Here the plays of
a genre on a day are held against the plays that its titles would have had on that day at their usual appeal and age.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.data import Dataset
from analysis.errors import DataError
from analysis.patterns import cubes
from analysis.patterns.events import NO_GENRE, Events, events
from analysis.patterns.panel import Panel, read_panel
from analysis.patterns.supply import Supply, supply
from analysis.patterns.words import MONTHS, percent
from analysis.results import Progress, Result
from analysis.stats import multiplicity, strata
from analysis.workspace import Workspace

FALSE_DISCOVERIES = 0.05
"""The share of false claims that is accepted among all claims."""
LEAST_DAYS = 300
"""Below that, months can't be told from the growth or decline of a genre."""
LEAST_PLAYS = 20
"""Plays that a genre must be expected to have in a month to be tested there."""
LEAST_TITLES = 4.0
"""Titles of equal weight that a test must rest on at least."""
SCHOOL = "school holidays"
_LEAST_EXPECTED = 0.5
"""Plays that a title must be expected to have in a month to be counted there."""

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Appetite(Result):
    """How much more than usual each genre is watched in each season, what was available being equal.

    A title of k genres counts 1/k in each. Seasons are the months of the year and, where the calendar knows them,
    school holidays. Arrays have shape (G, S): genres × seasons.

    Attributes:
        what: What was counted.
        genres: Genres, the largest first.
        seasons: Names of months, then `SCHOOL` where known.
        plays: Plays of the genre in the season, at 1/k.
        titles: Number of titles of equal weight that the estimate rests on.
        seen: Share of the genre in the season ÷ its share in the rest: what the count alone shows.
        available: The same of what was available: what supply explains.
        appetite: How many times as much as supply explains, relative to the other months (or to school days).
        low: Lower end of its 95 % interval.
        high: Upper end.
        q: p-value of "appetite is 1" after Benjamini–Hochberg over all tested cells; NaN where not tested.
        decay: Pull of a title by its age in days, relative to one older than a year: (first day of age, pull).
        left_out: Share of plays of titles that are not in the model.
        years: First and last calendar year.
    """

    what: Events
    genres: tuple[str, ...]
    seasons: tuple[str, ...]
    plays: Array
    titles: Array
    seen: Array
    available: Array
    appetite: Array
    low: Array
    high: Array
    q: Array
    decay: tuple[tuple[int, float], ...]
    left_out: float
    years: tuple[int, int]

    @property
    def claimed(self) -> npt.NDArray[np.bool_]:
        """Cells in which appetite differs, shape (G, S)."""
        return np.nan_to_num(self.q, nan=1.0) <= FALSE_DISCOVERIES

    @property
    def tested(self) -> int:
        """Number of cells tested."""
        return int(np.isfinite(self.q).sum())

    def claims(self) -> list[tuple[int, int]]:
        """Genre and season of each claim: more appetite before less, and the surest first."""
        rows, columns = np.nonzero(self.claimed)
        size = np.abs(np.log(self.appetite[rows, columns]))
        order = np.lexsort((-size, self.q[rows, columns], self.appetite[rows, columns] < 1))
        return [(int(rows[i]), int(columns[i])) for i in order]

    def sentence(self, genre: int, season: int) -> str:
        """One cell in words, with interval and sample size."""
        g, s = genre, season
        times, seen, available = self.appetite[g, s], self.seen[g, s], self.available[g, s]
        supplied = f"the count alone shows {seen:.2f} times, supply explains {available:.2f} times"
        return (
            f"{_when(self.seasons[s])} {self.genres[g]} is watched {times:.2f} times (95 % interval "
            f"{self.low[g, s]:.2f} to {self.high[g, s]:.2f}) as much as its titles would be at other times; {supplied} "
            f"({self.plays[g, s]:,.0f} plays; it rests on {self.titles[g, s]:.0f} titles of equal weight)."
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a cell: genre, season, plays, what is seen, what supply explains, appetite, interval, q, claim."""
        return pd.DataFrame(
            {
                "genre": np.repeat(self.genres, len(self.seasons)),
                "season": np.tile(self.seasons, len(self.genres)),
                "plays_at_1_over_k": self.plays.ravel(),
                "titles_of_equal_weight": self.titles.ravel(),
                "seen": self.seen.ravel(),
                "explained_by_supply": self.available.ravel(),
                "appetite": self.appetite.ravel(),
                "appetite_low": self.low.ravel(),
                "appetite_high": self.high.ravel(),
                "q_value": self.q.ravel(),
                "claimed": self.claimed.ravel(),
            }
        )

    def headline(self) -> str:
        """The surest claim in a few words."""
        found = self.claims()
        if not found:
            return "No genre is wanted more or less in any season than what is available explains"
        g, s = found[0]
        return f"{_when(self.seasons[s])} {self.genres[g]} is wanted {self.appetite[g, s]:.2f} times as much as usual"

    def summary(self) -> str:
        """The surest claim with its interval, and the number of claims; or that there is none."""
        tested, found = self.tested, self.claims()
        rate = f"false discovery rate {percent(FALSE_DISCOVERIES, 0)} over {tested} tested cells"
        if not found:
            return f"No season moves the appetite for any genre beyond chance ({rate})."
        g, s = found[0]
        return (
            f"{_when(self.seasons[s])} {self.genres[g]} is wanted {self.appetite[g, s]:.2f} times (95 % interval "
            f"{self.low[g, s]:.2f} to {self.high[g, s]:.2f}) as much as what was available explains; "
            f"{len(found)} {'cell differs' if len(found) == 1 else 'cells differ'} beyond chance ({rate})."
        )


def appetite(dataset: Dataset, *, workspace: Workspace | None = None, progress: Progress | None = None) -> Appetite:
    """Tell more appetite from more supply, for each genre and season.

    Plays of each title in each month follow a negative binomial model whose offset is what was available: the plays
    that the title would have had then at its usual appeal, at its age, on days as busy as these (`patterns.supply`).
    Beside the months stands a linear trend of the genre. School holidays are told from the days and countries of one
    title within one month, where nothing else differs but the country. A title with weight 1/k in a genre is moved
    by 1/k of the effect, so the effect is that on a title wholly of the genre. Intervals are clustered by title: the
    jackknife over titles (CR3), or the model's own variance where that is larger, with the t distribution of as many
    degrees of freedom as there are titles of equal weight, less one.

    Args:
        dataset: A dataset with views, and a catalogue with genres and release dates.
        workspace: Where cubes are kept.
        progress: Told about the building of cubes.

    Raises:
        DataError: There are no views, genres or release dates, or fewer than ten months.
    """
    what = events(dataset)
    if not knows_supply(dataset):
        raise DataError(
            f"{dataset.name} lacks plays, genres or release dates.",
            "Appetite can only be told from supply where the catalogue says what came out when.",
        )
    cube = cubes.build(dataset, cubes.TITLES, what, workspace=workspace, progress=progress)
    return estimate(read_panel(dataset, cube), what)


def knows_supply(dataset: Dataset) -> bool:
    """Whether there are plays, genres and release dates."""
    columns = dataset.columns("titles") if dataset.has("titles") else ()
    return dataset.has("views") and {"genres", "released_on"} <= set(columns)


def planted(dataset: Dataset, found: Appetite) -> dict[tuple[int, int], float]:
    """What a simulated dataset is known to hold: (genre, season) -> factor on the odds of a click; empty without truth.

    It is no factor on plays: about half of the plays go on with something begun before. Over countries it is the
    geometric mean, weighted by their number of viewers.
    """
    truth = dataset.truth()
    if truth is None:
        return {}
    known = truth["parameters"]["multipliers"]
    horror = known["horror in October, by country"]
    share = dataset.frame("viewers", ["country"])["country"].value_counts(normalize=True)
    logs = [part * np.log(horror.get(name, known["horror in October, elsewhere"])) for name, part in share.items()]
    factors = {
        ("Horror", "October"): float(np.exp(sum(logs))),
        ("Family", SCHOOL): float(known["family in school holidays"]),
    }
    return {
        (found.genres.index(genre), found.seasons.index(season)): factor
        for (genre, season), factor in factors.items()
        if genre in found.genres and season in found.seasons and factor != 1
    }


def estimate(panel: Panel, what: Events) -> Appetite:
    """The estimate from a panel of plays by title, day and country."""
    if panel.days < LEAST_DAYS:
        raise DataError(
            f"There are {panel.days} days of plays; seasons need at least {LEAST_DAYS}.",
            "Bring a longer period: months can't be told from growth otherwise.",
        )
    found = supply(panel.by_day(), panel.released, panel.kind, panel.weights, panel.month, panel.stretch)
    months = tuple(MONTHS[m] for m in sorted(set(panel.month.tolist())))
    seasons = (*months, SCHOOL) if panel.school.any() else months
    cells = [_genre(panel, found, g) for g in range(len(panel.genres))]
    stacked = {name: np.array([cell[name] for cell in cells]) for name in cells[0]}
    size = (stacked["plays"][:, : 12 if SCHOOL not in seasons else -1]).sum(axis=1)
    order = [g for g in np.argsort(-size, kind="stable") if panel.genres[g] != NO_GENRE]
    stacked = {name: values[order] for name, values in stacked.items()}
    q = multiplicity.benjamini_hochberg(stacked.pop("p"))
    kinds = np.bincount(panel.kind, panel.by_day().sum(axis=1), minlength=len(found.decay))
    pull = np.average(found.decay, axis=0, weights=kinds)
    years = (panel.first.year, panel.last.year)
    return Appetite(
        what, tuple(panel.genres[g] for g in order), seasons, **stacked, q=q,
        decay=tuple(zip(panel.ages, pull.tolist(), strict=True)), left_out=panel.left_out, years=years,
    )  # fmt: skip


def _genre(panel: Panel, available: Supply, genre: int) -> dict[str, Array]:
    """Everything about one genre, by season; it is held against the titles of other genres."""
    result = _shares(panel, available, genre)
    weight = panel.weights[:, genre]
    inside, outside = np.flatnonzero(weight > 0), np.flatnonzero(weight == 0)
    if len(outside):
        found = _by_month(panel, available, inside, outside, weight[inside])
        if panel.school.any():
            found.append(_by_school(panel, available, inside, outside, weight[inside]))
    else:
        # One genre alone has nothing to be held against.
        found = [(np.nan, np.nan, 0.0)] * len(result["seen"])
    effect, error, equal = np.array(found).T
    return {**result, **_tested(effect, error, equal, result)}


@dataclass(frozen=True)
class _Months:
    """Titles by calendar month; rows are the cells in which a title was expected to be watched."""

    title: Ints
    stretch: Ints
    plays: Array
    expected: Array
    wobble: Array

    @classmethod
    def of(cls, panel: Panel, available: Supply, inside: Ints) -> _Months:
        gather = np.eye(int(panel.stretch.max()) + 1)[panel.stretch]
        plays, expected = available.plays[inside] @ gather, available.expected[inside] @ gather
        young = (available.expected[inside] * available.young[inside]) @ gather > 0.5 * expected
        counted = expected > _LEAST_EXPECTED
        title, stretch = np.nonzero(counted & ((plays * counted).sum(axis=1, keepdims=True) > 0))
        wobble = np.where(young[title, stretch], available.wobble[0], available.wobble[1])
        return cls(title, stretch, plays[title, stretch], expected[title, stretch], wobble)

    def fit(self, design: Array, offset: Array) -> strata.StrataFit:
        title = np.unique(self.title, return_inverse=True)[1]
        return strata.fit(design, self.plays, np.log(self.expected) + offset, title, title, self.wobble)


def _typical(panel: Panel, available: Supply, titles: Ints) -> Array:
    """How a typical one of some titles did in each calendar month, as a log ratio to what was expected of it.

    When a few titles are all the rage (Christmas films in December), the others get less than their share. Genres are
    held against the typical title, not against the sum of all, or each of the others would seem less wanted.
    """
    cells = _Months.of(panel, available, titles)
    stretches = int(panel.stretch.max()) + 1
    seen = np.unique(cells.stretch)
    level = np.zeros(stretches)
    if len(seen) > 1:
        design = _effects(np.searchsorted(seen, cells.stretch), len(seen))
        found = cells.fit(design, np.zeros(len(cells.title))).coefficient
        level[seen] = np.append(found, -found.sum())
    return level


def _by_month(
    panel: Panel, available: Supply, inside: Ints, outside: Ints, weight: Array
) -> list[tuple[float, float, float]]:
    """Effect of each month of the year against the others, from titles by calendar month."""
    cells = _Months.of(panel, available, inside)
    title, stretch = cells.title, cells.stretch
    months = sorted(set(panel.month.tolist()))
    if len(title) < 2 * len(months) or len(months) < 2:
        return [(np.nan, np.nan, 0.0)] * len(months)
    typical = _typical(panel, available, outside)
    of_stretch = np.zeros(len(typical), dtype=np.int64)
    of_stretch[panel.stretch] = np.searchsorted(months, panel.month)
    trend = np.linspace(-1, 1, len(typical))[stretch]
    design = np.column_stack([_effects(of_stretch[stretch], len(months)), trend]) * weight[title, None]
    fitted = cells.fit(design, typical[stretch])
    coding = np.vstack([np.eye(len(months) - 1), -np.ones(len(months) - 1)])
    # A month against the mean of the others, not against the mean of all with itself in it.
    scale = len(months) / (len(months) - 1)
    return [fitted.contrast(np.append(row, 0.0) * scale) for row in coding]


def _by_school(
    panel: Panel, available: Supply, inside: Ints, outside: Ints, weight: Array
) -> tuple[float, float, float]:
    """Effect of school holidays, from the days and countries of one title within one month: nothing else differs."""
    days, places = panel.days, len(panel.countries)
    others = np.asarray(panel.plays[outside].sum(axis=0), dtype=np.float64).reshape(days, places)
    pull = available.expected[inside] / np.maximum(available.expected[outside].sum(axis=0), 1e-9)
    gather = np.eye(int(panel.stretch.max()) + 1)[panel.stretch]
    rows = []
    for place in range(places):
        plays = panel.plays[inside][:, np.arange(days) * places + place].toarray()
        expected = pull * others[:, place]
        for closed in (False, True):
            here = gather * ((panel.school[:, place] > 0) == closed)[:, None]
            title, stretch = np.nonzero(expected @ here > 0)
            rows.append(np.column_stack([
                title, stretch, np.full(len(title), place), np.full(len(title), closed),
                (plays @ here)[title, stretch], (expected @ here)[title, stretch],
            ]))  # fmt: skip
    cells = np.concatenate(rows)
    stratum = cells[:, 0].astype(np.int64) * gather.shape[1] + cells[:, 1].astype(np.int64)
    watched = np.bincount(stratum, cells[:, 4])[stratum] > 0
    cells, stratum = cells[watched], stratum[watched]
    if len(cells) < 100:
        return np.nan, np.nan, 0.0
    title = cells[:, 0].astype(np.int64)
    design = cells[:, 3:4]
    if places > 1:
        design = np.column_stack([design, _effects(cells[:, 2].astype(np.int64), places)])
    design = design * weight[title, None]
    levels, clusters = (np.unique(values, return_inverse=True)[1] for values in (stratum, title))
    fitted = strata.fit(design, cells[:, 4], np.log(cells[:, 5]), levels, clusters, np.zeros(len(cells)))
    return fitted.contrast(np.eye(design.shape[1])[0])


def _tested(effect: Array, error: Array, equal: Array, result: Mapping[str, Array]) -> dict[str, Array]:
    from scipy.special import stdtr, stdtrit

    freedom = np.maximum(equal - 1, 1.0)
    half = stdtrit(freedom, 0.975) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * stdtr(freedom, -np.abs(effect / error))
    enough = (equal >= LEAST_TITLES) & (result["plays"] / np.maximum(result["seen"], 1e-9) >= LEAST_PLAYS)
    p, half = np.where(enough & np.isfinite(p), p, np.nan), np.where(enough, half, np.nan)
    ends = {"low": np.exp(effect - half), "high": np.exp(effect + half)}
    return {"titles": equal, "appetite": np.exp(effect), **ends, "p": p}


def _shares(panel: Panel, available: Supply, genre: int) -> dict[str, Array]:
    """Plays of the genre in each season, and its share there ÷ its share elsewhere, seen and supplied."""
    days, places = panel.days, len(panel.countries)
    weight = panel.weights[:, genre]
    watched = np.asarray(panel.plays.T @ weight).reshape(days, places)
    part = available.expected.T @ weight / np.maximum(available.expected.sum(axis=0), 1e-9)
    supplied = panel.whole * part[:, None]
    masks = [np.repeat((panel.month == m)[:, None], places, axis=1) for m in sorted(set(panel.month.tolist()))]
    if panel.school.any():
        masks.append(panel.school > 0)
    lifts = []
    for values in (watched, supplied):
        inside = np.array([values[mask].sum() / max(panel.whole[mask].sum(), 1e-9) for mask in masks])
        outside = np.array([values[~mask].sum() / max(panel.whole[~mask].sum(), 1e-9) for mask in masks])
        lifts.append(np.divide(inside, outside, out=np.full(len(masks), np.nan), where=outside > 0))
    return {"plays": np.array([watched[mask].sum() for mask in masks]), "seen": lifts[0], "available": lifts[1]}


def _effects(level: npt.NDArray[Any], levels: int) -> Array:
    """Columns that add up to zero over the levels: each coefficient is a level's distance from their mean."""
    coding = np.vstack([np.eye(levels - 1), -np.ones(levels - 1)])
    return np.asarray(coding[level], dtype=np.float64)


def _when(season: str) -> str:
    return "In school holidays" if season == SCHOOL else f"In {season}"
