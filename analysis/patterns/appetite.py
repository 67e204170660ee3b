"""Appetite: which genres are watched more in a month, or in school holidays, than what was available explains.

Horror takes a larger share in October for two reasons: more of it comes out, or people want it more. Here the plays of
a genre on a day are held against the plays that its titles would have had on that day at their usual appeal and age.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.data import Dataset
from analysis.errors import DataError
from analysis.patterns import cubes
from analysis.patterns.appetite_model import LEAST_TITLES, by_month, by_school
from analysis.patterns.events import NO_GENRE, Events, events
from analysis.patterns.panel import Panel, read_panel
from analysis.patterns.supply import Supply, supply
from analysis.patterns.words import MONTHS, percent
from analysis.results import Progress, Result
from analysis.stats import multiplicity
from analysis.workspace import Workspace

FALSE_DISCOVERIES = 0.05
"""The share of false claims that is accepted among all claims."""
LEAST_DAYS = 300
"""Below that, months can't be told from the growth or decline of a genre."""
LEAST_PLAYS = 20
"""Plays that a genre must be expected to have in a month to be tested there."""
SCHOOL = "school holidays"
HALF = 0.5
"""Share of a country's schools from which a day counts as a holiday where plays are only counted."""

Array = npt.NDArray[np.float64]


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
        if not np.isfinite(self.q[g, s]):
            return (
                f"{_when(self.seasons[s])} {self.genres[g]} rests on too few titles or plays to be tested "
                f"({self.plays[g, s]:,.0f} plays, {self.titles[g, s]:.0f} titles of equal weight)."
            )
        times, seen, available = self.appetite[g, s], self.seen[g, s], self.available[g, s]
        supplied = f"the count alone shows {seen:.2f} times, supply explains {available:.2f} times"
        return (
            f"{_when(self.seasons[s])} {self.genres[g]} is watched {times:.2f} times (95 % interval "
            f"{self.low[g, s]:.2f} to {self.high[g, s]:.2f}) as much as its titles would be at other times; {supplied} "
            f"({self.plays[g, s]:,.0f} plays; it rests on {self.titles[g, s]:.0f} titles of equal weight)."
        )

    def verdict(self, genre: int, season: int) -> str:
        """Whether a cell is claimed, in words."""
        q = float(self.q[genre, season])
        if not np.isfinite(q):
            return "Not tested."
        rate = f"q-value {q:.3f}, {percent(FALSE_DISCOVERIES, 0)} is the limit"
        return f"It differs beyond chance ({rate})." if self.claimed[genre, season] else f"It may be chance ({rate})."

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
    bias-reduced variance over titles (CR2), or the model's own where that is larger, with the t distribution of as many
    degrees of freedom as there are titles of equal weight.

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
    available = supply(panel.by_day(), panel.released, panel.kind, panel.weights, panel.month, panel.stretch)
    months = tuple(MONTHS[m] for m in sorted(set(panel.month.tolist())))
    effects = [by_month(panel, available)]
    if panel.school.any():
        effects.append(by_school(panel, available))
    seasons = (*months, SCHOOL) if len(effects) > 1 else months
    value, error, titles = (np.hstack([getattr(e, name) for e in effects]) for name in ("value", "error", "titles"))
    shares = [_shares(panel, available, g) for g in range(len(panel.genres))]
    counted = {name: np.array([each[name] for each in shares]) for name in shares[0]}
    stacked = {**counted, **_tested(value, error, titles, counted)}
    size = counted["plays"][:, : len(months)].sum(axis=1)
    order = [g for g in np.argsort(-size, kind="stable") if panel.genres[g] != NO_GENRE]
    stacked = {name: values[order] for name, values in stacked.items()}
    q = multiplicity.benjamini_hochberg(stacked.pop("p"))
    kinds = np.bincount(panel.kind, panel.by_day().sum(axis=1), minlength=len(available.decay))
    pull = np.average(available.decay, axis=0, weights=kinds)
    years = (panel.first.year, panel.last.year)
    return Appetite(
        what, tuple(panel.genres[g] for g in order), seasons, **stacked, q=q,
        decay=tuple(zip(panel.ages, pull.tolist(), strict=True)), left_out=panel.left_out, years=years,
    )  # fmt: skip


def _tested(effect: Array, error: Array, equal: Array, result: Mapping[str, Array]) -> dict[str, Array]:
    from scipy.special import stdtr, stdtrit

    freedom = np.maximum(equal, 1.0)
    half = stdtrit(freedom, 0.975) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * stdtr(freedom, -np.abs(effect / error))
    enough = (equal >= LEAST_TITLES) & (result["plays"] / np.maximum(result["seen"], 1e-9) >= LEAST_PLAYS)
    p, half = np.where(enough & np.isfinite(p), p, np.nan), np.where(enough, half, np.nan)
    ends = {"low": np.exp(effect - half), "high": np.exp(effect + half)}
    return {"titles": np.nan_to_num(equal), "appetite": np.exp(effect), **ends, "p": p}


def _shares(panel: Panel, available: Supply, genre: int) -> dict[str, Array]:
    """Plays of the genre in each season, and its share there ÷ its share elsewhere, seen and supplied."""
    days, places = panel.days, len(panel.countries)
    weight = panel.weights[:, genre]
    watched = np.asarray(panel.plays.T @ weight).reshape(days, places)
    part = available.expected.T @ weight / np.maximum(available.expected.sum(axis=0), 1e-9)
    supplied = panel.whole * part[:, None]
    masks = [np.repeat((panel.month == m)[:, None], places, axis=1) for m in sorted(set(panel.month.tolist()))]
    if panel.school.any():
        masks.append(panel.school >= HALF)
    lifts = []
    for values in (watched, supplied):
        inside = np.array([values[mask].sum() / max(panel.whole[mask].sum(), 1e-9) for mask in masks])
        outside = np.array([values[~mask].sum() / max(panel.whole[~mask].sum(), 1e-9) for mask in masks])
        lifts.append(np.divide(inside, outside, out=np.full(len(masks), np.nan), where=outside > 0))
    return {"plays": np.array([watched[mask].sum() for mask in masks]), "seen": lifts[0], "available": lifts[1]}


def _when(season: str) -> str:
    return "In school holidays" if season == SCHOOL else f"In {season}"
