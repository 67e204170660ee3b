"""How much of the viewing a few titles hold: Lorenz curve, Gini, effective catalogue size."""

from __future__ import annotations

from dataclasses import dataclass

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.data import Dataset
from analysis.data.dataset import Tables
from analysis.patterns.events import events
from analysis.patterns.kept import Kept, Rows
from analysis.patterns.words import ends, few, with_interval
from analysis.results import Progress, Result
from analysis.stats import clustered
from analysis.stats.clustered import Interval
from analysis.workspace import Workspace

Array = npt.NDArray[np.float64]

TOP = (0.01, 0.1, 0.2)
"""Shares of the titles whose share of the viewing is told."""
POINTS = 101
LISTED = 15


@dataclass(frozen=True)
class Concentration(Result):
    """How unevenly viewing is spread over titles.

    Attributes:
        measure: What is spread: `minutes`, `plays` or `ratings`.
        titles: Titles in the catalogue; those watched where there is none.
        watched: How many of them were watched at all.
        gini: 0 when all titles are watched alike, 1 when one has it all.
        effective: Effective catalogue size: as many equally watched titles would be as concentrated.
        top: Share held by the most watched 1, 10 and 20 % of the titles.
        lorenz: Share held by the least watched 0, 1, … 100 % of the titles, shape (101,).
        low: Lower end of its pointwise 95 % band.
        high: Upper end.
        leaders: The most watched titles: `title`, `share`, `low`, `high`.
    """

    measure: str
    titles: int
    watched: int
    gini: Interval
    effective: Interval
    top: tuple[Interval, ...]
    lorenz: Array
    low: Array
    high: Array
    leaders: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """The numbers with intervals, then the curve; `what` says which."""
        numbers = {
            "Gini": self.gini, "effective catalogue size": self.effective,
            **{f"share of the top {t:.0%}": i for t, i in zip(TOP, self.top, strict=True)},
        }  # fmt: skip
        rows = [(what, i.value, i.low, i.high) for what, i in numbers.items()]
        rows += [
            (f"least watched {place} %", *ends)
            for place, ends in enumerate(zip(self.lorenz, self.low, self.high, strict=True))
        ]
        return pd.DataFrame(rows, columns=["what", "value", "low", "high"])

    def headline(self) -> str:
        """What the most watched tenth holds."""
        return f"The most watched tenth of the titles holds {self.top[1].value * 100:.0f} % of the {self.measure}"

    def summary(self) -> str:
        """Share of the top tenth, Gini and effective size, with intervals and the number of titles."""
        g, e = self.gini, self.effective
        return (
            f"The most watched tenth of {self.titles:,} titles holds {with_interval(self.top[1])} of the "
            f"{self.measure}; the Gini coefficient is {g.value:.2f}{ends(g)}, and the catalogue is as concentrated as "
            f"one of {e.value:.0f} titles{ends(e, digits=0)} watched alike.{few(g)}"
        )


def concentration(
    dataset: Dataset, *, workspace: Workspace | None = None, progress: Progress | None = None
) -> Concentration:
    """Concentration of minutes over titles (of plays or ratings where minutes are unknown).

    Titles of the catalogue that nobody watched count too. Intervals are clustered by viewer (jackknife over buckets):
    they say how sure this is for other viewers and the same titles. Where titles have few plays each, chance alone
    makes them look uneven, and all of these numbers come out too high.

    Args:
        dataset: Any dataset.
        workspace: Where counts are kept.
        progress: Told about the counting.

    Source: Gini (1914) and Lorenz (1905); the effective catalogue size is Gomez-Uribe and Hunt's (2015), section 4.
    """
    what = events(dataset)
    measure = "minutes" if what.has_minutes else what.noun
    cells = (WATCHED if what.table == "views" else RATED).read(dataset, workspace=workspace, progress=progress)
    value = "minutes" if what.has_minutes else "plays"
    ids = pd.Index(cells["title_id"].unique())
    names: dict[int, str] = {}
    if dataset.has("titles"):
        titles = dataset.frame("titles", ["title_id", "name"]).drop_duplicates("title_id")
        names = dict(zip(titles["title_id"].tolist(), titles["name"].tolist(), strict=True))
        ids = ids.union(pd.Index(titles["title_id"]))
    sums = np.zeros((clustered.BUCKETS, len(ids)))
    np.add.at(sums, (cells["bucket"].to_numpy(int), ids.get_indexer(cells["title_id"])), cells[value].to_numpy(float))
    total = sums.sum(axis=0)
    found = clustered.jackknife(sums, _numbers)
    half = found.half_width()
    ends = [
        _expit(number) if place != 1 else np.exp(number)
        for place, number in enumerate(zip(found.value - half, found.value, found.value + half, strict=True))
    ]  # fmt: skip
    intervals = [
        Interval(float(e[1]), float(e[0]), float(e[2]), float(s), found.clusters)
        for e, s in zip(ends, found.standard_error, strict=True)
    ]
    curve = clustered.jackknife(sums, lorenz)
    band = curve.half_width()
    shares = [clustered.share(sums[:, t], sums.sum(axis=1)) for t in np.argsort(-total, kind="stable")[:LISTED]]
    leaders = pd.DataFrame(
        [
            (names.get(int(ids[t]), f"title {ids[t]}"), i.value, i.low, i.high)
            for t, i in zip(np.argsort(-total, kind="stable")[:LISTED], shares, strict=True)
        ],
        columns=["title", "share", "low", "high"],
    )
    return Concentration(
        measure, len(ids), int((total > 0).sum()), intervals[0], intervals[1], tuple(intervals[2:]), curve.value,
        np.clip(curve.value - band, 0, 1), np.clip(curve.value + band, 0, 1), leaders,
    )  # fmt: skip


def gini(values: Array) -> Array:
    """Gini coefficient along the last axis, of values that are not negative.

    >>> float(gini(np.array([1.0, 1.0, 1.0]))), float(gini(np.array([0.0, 0.0, 1.0]))).__round__(4)
    (0.0, 0.6667)
    """
    ordered = np.sort(values, axis=-1)
    size = values.shape[-1]
    place = 2 * np.arange(1, size + 1) - size - 1
    return np.asarray((ordered * place).sum(axis=-1) / (size * ordered.sum(axis=-1)), dtype=np.float64)


def effective_size(values: Array) -> Array:
    """Effective catalogue size along the last axis: 2 Σ i·p(i) − 1 with p falling.

    >>> float(effective_size(np.ones(8))), float(effective_size(np.array([1.0, 0, 0])))
    (8.0, 1.0)
    """
    ordered = -np.sort(-values, axis=-1)
    place = np.arange(1, values.shape[-1] + 1)
    return np.asarray(2 * (ordered * place).sum(axis=-1) / ordered.sum(axis=-1) - 1, dtype=np.float64)


def lorenz(values: Array) -> Array:
    """Share held by the lowest 0, 1, … 100 % along the last axis, shape (…, 101)."""
    ordered = np.sort(values, axis=-1)
    held = np.concatenate([np.zeros((*values.shape[:-1], 1)), ordered.cumsum(axis=-1)], axis=-1)
    held /= held[..., -1:]
    place = np.linspace(0, values.shape[-1], POINTS)
    low = np.minimum(np.floor(place).astype(int), values.shape[-1] - 1)
    inside = place - low
    return np.asarray(held[..., low] * (1 - inside) + held[..., low + 1] * inside, dtype=np.float64)


def _numbers(sums: Array) -> Array:
    """Gini and top shares on the logit scale, the effective size on the log scale, shape (…, 5)."""
    curve = lorenz(sums)
    tops = [1 - curve[..., round(100 * (1 - t))] for t in TOP]
    return np.stack([_logit(gini(sums)), np.log(effective_size(sums)), *map(_logit, tops)], axis=-1)


def _logit(share: Array) -> Array:
    # Where one bucket of viewers holds everything, shares of 0 and 1 stay finite.
    inside = np.clip(share, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(inside) - np.log1p(-inside), dtype=np.float64)


def _expit(numbers: tuple[float, ...]) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.array(numbers))), dtype=np.float64)


def _count_titles(rows: Rows, tables: Tables, dataset: Dataset) -> Rows:
    with_minutes = "minutes" in rows.collect_schema().names()
    minutes = nw.col("minutes").sum().fill_null(0.0) if with_minutes else nw.lit(0.0)
    return rows.group_by("bucket", "title_id").agg(nw.len().cast(nw.Int64).alias("plays"), minutes.alias("minutes"))


WATCHED = Kept("titles-watched", 1, "views", _count_titles)
RATED = Kept("titles-rated", 1, "ratings", _count_titles)
