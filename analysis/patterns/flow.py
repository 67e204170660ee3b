"""What is watched after what: from genre to genre against each viewer's own taste, and titles watched together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from analysis import engine
from analysis.data import Dataset
from analysis.data.dataset import Tables
from analysis.errors import DataError
from analysis.patterns.events import NO_GENRE, catalogue, check_timed, events
from analysis.patterns.kept import Kept, Rows
from analysis.patterns.seasons import FALSE_DISCOVERIES, MOST_GENRES
from analysis.patterns.words import percent
from analysis.results import Progress, Result
from analysis.stats import clustered, multiplicity, shrinkage
from analysis.workspace import Workspace

Array = npt.NDArray[np.float64]

MOST_TITLES = 80
"""Titles held against each other, the most watched."""
LEAST_EXPECTED = 5
"""Pairs that chance expects less often are not tested."""


@dataclass(frozen=True)
class Flow(Result):
    """From genre to genre.

    Attributes:
        noun: `plays` or `ratings`.
        genres: Genres, the largest first, length G.
        pairs: Pairs of titles one after the other.
        share: Of what follows a title of genre i, the share of genre j, shape (G, G); 1/k for each genre of a title.
        lift: How often j follows i, over how often it would if each viewer's titles came in any order, shape (G, G).
        low: Lower end of its 95 % interval, clustered by viewer.
        high: Upper end.
        shrunk: The lift pulled towards 1 by how little it rests on.
        q: p-value of "lift is 1" after Benjamini and Hochberg over all pairs; NaN where not tested.
        by_taste: How often j follows i in any order of each viewer's titles, over its share among all viewers: what
            taste alone explains.
    """

    noun: str
    genres: tuple[str, ...]
    pairs: int
    share: Array
    lift: Array
    low: Array
    high: Array
    shrunk: Array
    q: Array
    by_taste: Array

    @property
    def claimed(self) -> npt.NDArray[np.bool_]:
        """Pairs whose lift differs from 1 at the false discovery rate."""
        return np.nan_to_num(self.q, nan=1.0) <= FALSE_DISCOVERIES

    @property
    def strongest(self) -> tuple[int, int] | None:
        """The claimed pair with the largest shrunk lift, or None."""
        if not self.claimed.any():
            return None
        i, j = divmod(int(np.where(self.claimed, self.shrunk, -np.inf).argmax()), len(self.genres))
        return i, j

    def to_frame(self) -> pd.DataFrame:
        """One row a pair of genres."""
        size = len(self.genres)
        return pd.DataFrame(
            {
                "after": np.repeat(self.genres, size), "comes": np.tile(self.genres, size), "share": self.share.ravel(),
                "lift": self.lift.ravel(), "low": self.low.ravel(), "high": self.high.ravel(),
                "shrunk": self.shrunk.ravel(), "q": self.q.ravel(), "by_taste": self.by_taste.ravel(),
            }
        )  # fmt: skip

    def headline(self) -> str:
        """The strongest claim."""
        if (found := self.strongest) is None:
            return "What comes next is what each viewer's taste makes it"
        i, j = found
        if i == j:
            return (
                f"{self.genres[i]} is followed by {self.genres[i]} {self.lift[found]:.2f} times as often as by chance"
            )
        return f"After {self.genres[i]} comes {self.genres[j]} {self.lift[found]:.2f} times as often as by chance"

    def summary(self) -> str:
        """The strongest claim with its interval, sample size, and how many claims there are."""
        tested, rate = int(np.isfinite(self.q).sum()), f"false discovery rate {percent(FALSE_DISCOVERIES, 0)}"
        taste = np.mean(np.diag(self.by_taste))
        if (found := self.strongest) is None:
            return (
                f"No genre follows another more or less often than each viewer's own taste explains, in {tested} pairs "
                f"of genres ({self.pairs:,} pairs of titles, {rate})."
            )
        i, j = found
        return (
            f"{self.headline()} (95 % interval {self.low[i, j]:.2f} to {self.high[i, j]:.2f}, each viewer's own taste "
            f"being equal); {int(self.claimed.sum())} of {tested} pairs of genres differ beyond chance ({rate}, "
            f"{self.pairs:,} pairs of titles). Taste alone makes a genre follow itself {taste:.2f} times as often."
        )


@dataclass(frozen=True)
class Together(Result):
    """Titles watched by the same viewers.

    Attributes:
        verb: `watched` or `rated`.
        titles: Titles held against each other.
        viewers: Viewers of at least one of them.
        tested: Pairs tested.
        pairs: One row a tested pair, the strongest first: `title`, `other`, `viewers` (of both), `expected`, `lift`,
            `low`, `high`, `shrunk`, `q`, `claimed`.
    """

    verb: str
    titles: int
    viewers: int
    tested: int
    pairs: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """The pairs."""
        return self.pairs

    def headline(self) -> str:
        """The strongest pair."""
        if not len(self.pairs) or not self.pairs["claimed"].iloc[0]:
            return f"No two titles are {self.verb} together beyond chance"
        first = self.pairs.iloc[0]
        return f"{first['title']} and {first['other']} share {first['lift']:.2f} times the viewers that chance gives"

    def summary(self) -> str:
        """The strongest pair with interval and sample size, and how many there are."""
        rate = f"false discovery rate {percent(FALSE_DISCOVERIES, 0)}"
        claims = int(self.pairs["claimed"].sum()) if len(self.pairs) else 0
        if not claims:
            return f"Of {self.tested:,} pairs of titles none is {self.verb} together beyond chance ({rate})."
        first = self.pairs.iloc[0]
        return (
            f"{self.headline()} (95 % interval {first['low']:.2f} to {first['high']:.2f}, {first['viewers']:,.0f} "
            f"viewers of both); {claims:,} of {self.tested:,} pairs of the {self.titles} most {self.verb} titles "
            f"differ beyond chance ({rate}, {self.viewers:,} viewers)."
        )


def flow(dataset: Dataset, *, workspace: Workspace | None = None, progress: Progress | None = None) -> Flow:
    """Which genre follows which, beyond what each viewer's own taste makes likely.

    A viewer's plays of one title in a row are one; then each title and the next are a pair, and a title of k genres
    counts 1/k in each. Chance is any order of the same viewer's titles, so that who likes horror and watches it twice
    in a row says nothing by that. What remains is mood, the row the next title stood in, and what was new at the time.

    Args:
        dataset: A dataset with genres, and views or timed ratings.
        workspace: Where counts are kept.
        progress: Told about the counting.

    Raises:
        DataError: No title has a genre, or the ratings carry no times.
    """
    what = events(dataset)
    check_timed(dataset, what)
    if "genre" not in what.splits:
        raise DataError(f"The titles of {dataset.name} have no genres.", "Import a catalogue with genres beside them.")
    cells = (FLOW if what.table == "views" else FLOW_RATED).read(dataset, workspace=workspace, progress=progress)
    size = cells.groupby("after")["observed"].sum().sort_values(ascending=False, kind="stable")
    names = [name for name in size.index if name != NO_GENRE][:MOST_GENRES]
    if not names:
        raise DataError(f"None of the titles of {dataset.name} has a genre.", "Import genres beside them.")
    everything = [*names, *(name for name in size.index if name not in names)]
    index = pd.Index(everything)
    sums = np.zeros((clustered.BUCKETS, 2, len(everything), len(everything)))
    where = (cells["bucket"].to_numpy(int), index.get_indexer(cells["after"]), index.get_indexer(cells["comes"]))
    for place, column in enumerate(("observed", "expected")):
        np.add.at(sums[:, place], where, cells[column].to_numpy(float))
    lift, low, high, shrunk, q = against_taste(sums)
    total = sums.sum(axis=0)
    # A genre that is never followed has no shares; half a pair keeps them finite.
    margin = np.maximum(total[0].sum(axis=1), 0.5), np.maximum(total[0].sum(axis=0), 0.5)
    by_taste = total[1] / (margin[0][:, None] * margin[1] / total[0].sum())
    shown = slice(0, len(names))
    share = total[0] / margin[0][:, None]
    shares, lifts, lows, highs, shrunken, qs, tastes = (
        found[shown, shown] for found in (share, lift, low, high, shrunk, q, by_taste)
    )
    pairs = round(float(total[0].sum()))
    return Flow(what.noun, tuple(names), pairs, shares, lifts, lows, highs, shrunken, qs, tastes)


def against_taste(sums: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Observed over expected, with intervals clustered by viewer and q-values.

    Args:
        sums: By viewer bucket: observed and expected, of whatever cells, shape (64, 2, …).

    Returns:
        Ratio, ends of its 95 % interval, the ratio shrunk towards 1, q-values; in the shape of the cells.
    """
    total = sums.sum(axis=0)

    def log_ratio(s: Array) -> Array:
        return np.asarray(np.log(s[:, 0] + 0.5) - np.log(s[:, 1] + 0.5), dtype=np.float64)

    found = clustered.jackknife(sums, log_ratio)
    error = np.sqrt(np.maximum(found.standard_error**2, 1 / (np.maximum(total[1], total[0]) + 0.5)))
    tested = total[1] >= LEAST_EXPECTED
    p = clustered.p_values(found.value, error, found.clusters)
    q = multiplicity.benjamini_hochberg(np.where(tested & (found.clusters >= 2), p, np.nan))
    half = clustered.Jackknife(found.value, error, found.clusters).half_width()
    shrunk, _ = shrinkage.towards_zero(found.value, np.where(tested, error, np.nan))
    return np.exp(found.value), np.exp(found.value - half), np.exp(found.value + half), np.exp(shrunk), q


def together(dataset: Dataset, *, workspace: Workspace | None = None, progress: Progress | None = None) -> Together:
    """Which titles have the same viewers, more often than the activity of viewers and the success of titles explain.

    Chance is the network in which each viewer watches as many of these titles, and each title has as many viewers, as
    they have, and is random otherwise: who watches everything makes no two titles alike. Titles on offer at the same
    time share viewers by that alone.

    Source: Saracco, Straka, Di Clemente, Gabrielli, Caldarelli and Squartini (2017), Inferring monopartite projections
    of bipartite networks, for the chance model.
    """
    what = events(dataset)
    cells = (PAIRS if what.table == "views" else PAIRS_RATED).read(dataset, workspace=workspace, progress=progress)
    pairs, degrees = cells[cells["a"] >= 0], cells[cells["a"] < 0]
    ids = pd.Index(sorted(set(pairs["a"]) | set(pairs["b"])))
    seen = np.zeros((clustered.BUCKETS, len(ids), len(ids)))
    where = (pairs["bucket"].to_numpy(int), ids.get_indexer(pairs["a"]), ids.get_indexer(pairs["b"]))
    np.add.at(seen, where, pairs["viewers"].to_numpy(float))
    largest = int(degrees["b"].max())
    active = np.zeros((clustered.BUCKETS, largest + 1))
    np.add.at(active, (degrees["bucket"].to_numpy(int), degrees["b"].to_numpy(int)), degrees["viewers"].to_numpy(float))
    chance = chance_to_watch(active.sum(axis=0), np.diagonal(seen.sum(axis=0)))
    upper = np.triu_indices(len(ids), 1)
    # Who watches d of the titles has d (d − 1) / 2 pairs, a little fewer than independent draws would have.
    both = chance[:, upper[0]] * chance[:, upper[1]]
    number = np.arange(largest + 1)
    both *= (number * (number - 1) / 2 / np.maximum(both.sum(axis=1), 1e-12))[:, None]
    lift, low, high, shrunk, q = against_taste(np.stack([seen[:, upper[0], upper[1]], active @ both], axis=1))
    names = pd.Series([f"title {i}" for i in ids], index=ids)
    if dataset.has("titles"):
        titles = dataset.frame("titles", ["title_id", "name"]).drop_duplicates("title_id").set_index("title_id")
        names = titles["name"].reindex(ids).fillna("not in the catalogue")
    named = names.to_numpy()
    frame = pd.DataFrame(
        {
            "title": named[upper[0]], "other": named[upper[1]], "viewers": seen.sum(axis=0)[upper],
            "expected": active.sum(axis=0) @ both, "lift": lift, "low": low, "high": high, "shrunk": shrunk, "q": q,
            "claimed": np.nan_to_num(q, nan=1.0) <= FALSE_DISCOVERIES,
        }
    )  # fmt: skip
    frame = frame[np.isfinite(q)]
    frame = frame.sort_values(["claimed", "shrunk"], ascending=False, kind="stable", ignore_index=True)
    verb = "watched" if what.table == "views" else "rated"
    return Together(verb, len(ids), int(active[:, 1:].sum()), len(frame), frame)


def chance_to_watch(viewers: Array, audience: Array) -> Array:
    """Chance that a viewer of so many titles watches each, if only activity and success matter.

    Args:
        viewers: How many viewers watch 0, 1, 2, … of the titles, shape (D + 1,).
        audience: Viewers of each title, shape (T,).

    Returns:
        Shape (D + 1, T): rows add up to the number of titles, columns weighted by viewers to the audience, both nearly.
    """
    number = np.arange(len(viewers), dtype=float)
    there = np.clip(audience / max(viewers.sum(), 1.0), 1e-9, 1 - 1e-9)
    title = np.log(there) - np.log1p(-there)
    level = np.zeros(len(viewers))
    chance = np.zeros((len(viewers), len(audience)))
    inside = np.clip(number, 0.02, len(audience) - 0.02)
    for _ in range(60):
        for _ in range(3):
            chance = 1 / (1 + np.exp(-(level[:, None] + title)))
            level += np.clip((inside - chance.sum(axis=1)) / np.maximum((chance * (1 - chance)).sum(axis=1), 1e-9),
                             -2, 2)  # fmt: skip
        chance = 1 / (1 + np.exp(-(level[:, None] + title)))
        gap = audience - viewers @ chance
        title += np.clip(gap / np.maximum(viewers @ (chance * (1 - chance)), 1e-9), -2, 2)
        if float(np.abs(gap).max(initial=0)) < 1e-3 * max(float(audience.max(initial=1)), 1):
            break
    return np.asarray(chance, dtype=np.float64)


def _time(rows: Rows) -> str:
    return "started_at" if "started_at" in rows.collect_schema().names() else "rated_at"


def _count_flow(rows: Rows, tables: Tables, dataset: Dataset) -> pa.Table:
    """Observed and expected pairs of genres by viewer bucket; numpy does what would take large joins."""
    from scipy.sparse import csr_array

    time = _time(rows)
    rows = rows.filter(~nw.col(time).is_null()).select("bucket", "viewer_id", "title_id", time)
    rows = rows.with_columns(before=nw.col("title_id").shift(1).over("viewer_id", order_by=[time, "title_id"]))
    visits = rows.filter((nw.col("before") != nw.col("title_id")).fill_null(True))
    counted = engine.to_pandas(
        visits.group_by("bucket", "viewer_id", "title_id").agg(nw.len().cast(nw.Int64).alias("visits"))
    )
    pairs = engine.to_pandas(
        visits.filter(~nw.col("before").is_null())
        .group_by("bucket", "before", "title_id")
        .agg(nw.len().cast(nw.Int64).alias("pairs"))
    )
    genres = catalogue(dataset)["genres"].to_pandas()
    names = sorted({*genres["genre"], NO_GENRE})
    ids = pd.Index(sorted({*counted["title_id"]}))
    weight = np.zeros((len(ids), len(names)))
    place = ids.get_indexer(genres["genre_of"])
    there = place >= 0
    weight[place[there], pd.Index(names).get_indexer(genres["genre"])[there]] = genres["weight"].to_numpy(float)[there]
    weight[weight.sum(axis=1) == 0, names.index(NO_GENRE)] = 1.0
    viewer, first = np.unique(counted["viewer_id"], return_index=True)
    bucket = counted["bucket"].to_numpy(int)[first]
    row, column = np.searchsorted(viewer, counted["viewer_id"]), ids.get_indexer(counted["title_id"])
    times = counted["visits"].to_numpy(float)
    size = np.bincount(row, times)
    apart = size**2 - np.bincount(row, times**2)
    # Each viewer's own pairs, spread over all pairs of their different titles.
    each = np.where(apart > 0, (size - 1) / np.maximum(apart, 1), 0.0)
    taste = csr_array((times, (row, column)), shape=(len(viewer), len(ids))) @ weight
    parts: dict[str, list[Any]] = {name: [] for name in ("bucket", "after", "comes", "observed", "expected")}
    for number in np.unique(bucket):
        mine = bucket == number
        expected = (taste[mine] * each[mine, None]).T @ taste[mine]
        here = mine[row]
        same = np.bincount(column[here], (times**2 * each[row])[here], len(ids))
        expected -= (weight * same[:, None]).T @ weight
        chosen = pairs[pairs["bucket"] == number]
        source, target = weight[ids.get_indexer(chosen["before"])], weight[ids.get_indexer(chosen["title_id"])]
        observed = (source * chosen["pairs"].to_numpy(float)[:, None]).T @ target
        parts["bucket"] += [int(number)] * len(names) ** 2
        parts["after"] += list(np.repeat(names, len(names)))
        parts["comes"] += list(np.tile(names, len(names)))
        parts["observed"] += observed.ravel().tolist()
        parts["expected"] += np.maximum(expected, 0).ravel().tolist()
    return pa.table(parts)


def _count_pairs(rows: Rows, tables: Tables, dataset: Dataset) -> pa.Table:
    """Viewers of both titles (a, b) by bucket, their own audience where a = b; a = −1: viewers of b titles."""
    whole = tables["views" if "started_at" in rows.collect_schema().names() else "ratings"]
    sizes = engine.to_pandas(whole.group_by("title_id").agg(nw.len().cast(nw.Int64).alias("plays")))
    top = sizes.sort_values(["plays", "title_id"], ascending=[False, True])["title_id"].head(MOST_TITLES)
    ids = np.sort(top.to_numpy(np.int64))
    chosen = rows.filter(nw.col("title_id").is_in(ids.tolist()))
    found = engine.to_pandas(chosen.group_by("bucket", "viewer_id", "title_id").agg(nw.len().alias("plays")))
    viewer, first = np.unique(found["viewer_id"], return_index=True)
    bucket = found["bucket"].to_numpy(int)[first]
    watched = np.zeros((len(viewer), len(ids)), dtype=np.float32)
    watched[np.searchsorted(viewer, found["viewer_id"]), np.searchsorted(ids, found["title_id"])] = 1
    tables_: list[pa.Table] = []
    a, b = np.triu_indices(len(ids))
    for number in np.unique(bucket):
        mine = watched[bucket == number]
        both = (mine.T @ mine)[a, b]
        seen = both > 0
        degree = np.bincount(mine.sum(axis=1).astype(int))
        active = np.flatnonzero(degree)
        tables_.append(
            pa.table(
                {
                    "bucket": np.full(int(seen.sum()) + len(active), number, dtype=np.int64),
                    "a": np.r_[ids[a[seen]], np.full(len(active), -1)].astype(np.int64),
                    "b": np.r_[ids[b[seen]], active].astype(np.int64),
                    "viewers": np.r_[both[seen], degree[active]].astype(np.int64),
                }
            )
        )
    return pa.concat_tables(tables_)


FLOW = Kept("genre-flow", 1, "views", _count_flow)
FLOW_RATED = Kept("genre-flow-rated", 1, "ratings", _count_flow)
PAIRS = Kept("title-pairs", 1, "views", _count_pairs)
PAIRS_RATED = Kept("title-pairs-rated", 1, "ratings", _count_pairs)
