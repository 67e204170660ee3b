"""Where watching begins: rows, search, taking up again, notifications; from the home page to the first play."""

from __future__ import annotations

from dataclasses import dataclass

import narwhals as nw
import numpy as np
import pandas as pd

from analysis.data import Dataset
from analysis.data.dataset import Tables
from analysis.patterns.events import UNKNOWN
from analysis.patterns.kept import Kept, Rows, by_bucket, with_minute
from analysis.patterns.ratios import FINISHED
from analysis.patterns.sessions import need, table
from analysis.patterns.words import few, with_interval
from analysis.results import Progress, Result
from analysis.stats import clustered
from analysis.stats.clustered import Interval
from analysis.stats.quantiles import quantile
from analysis.workspace import Workspace

LONGEST = 600
"""Seconds from which on all are one class."""
QUERIES = 12
"""Searches listed."""

_UNKNOWN = Interval(float("nan"), float("nan"), float("nan"), float("nan"), 0)


@dataclass(frozen=True)
class Surfaces(Result):
    """Where watching begins.

    Attributes:
        measure: What shares are of: `minutes`, or `plays` where minutes are unknown.
        names: Surfaces, the largest first, length S.
        share: Share of the measure that began on each.
        finished: Share of the plays from each that were finished; NaN where completion is unknown.
        plays: Plays from each.
        visits: Visits to the home page whose impressions are kept.
        led: Share of them with a play from the page, a search or a title taken up again in the same session.
        seconds: Median seconds from the page to the first play of its session; NaN where unknown.
        searches: Searches made.
        without: Share of searches after which nothing was chosen.
        failing: Queries that ended without a choice most often: `query`, `searches`, `without_result`.
    """

    measure: str
    names: tuple[str, ...]
    share: tuple[Interval, ...]
    finished: tuple[Interval, ...]
    plays: tuple[int, ...]
    visits: int
    led: Interval
    seconds: Interval
    searches: int
    without: Interval
    failing: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Shares with intervals; `what` says of what."""
        rows = [(f"share of {self.measure}", n, i.value, i.low, i.high) for n, i in zip(self.names, self.share,
                                                                                       strict=True)]  # fmt: skip
        rows += [
            ("share finished", name, i.value, i.low, i.high) for name, i in zip(self.names, self.finished, strict=True)
        ]
        rows += [
            (what, "", i.value, i.low, i.high)
            for what, i in (
                ("visits that lead to a play", self.led),
                ("median seconds from page to play", self.seconds),
                ("searches without a choice", self.without),
            )
        ]
        return pd.DataFrame(rows, columns=["what", "surface", "value", "low", "high"])

    def headline(self) -> str:
        """The two largest surfaces."""
        parts = [f"{i.value * 100:.0f} % of {self.measure} begin {WORDS.get(n, n)}" for n, i in
                 zip(self.names[:2], self.share[:2], strict=True)]  # fmt: skip
        return ", ".join(parts)

    def summary(self) -> str:
        """Shares of the surfaces, of visits that lead to a play, and of searches without a result."""
        of = f"of {self.measure}"
        parts = [f"{with_interval(i)} {of if n == 0 else ''} begin {WORDS.get(name, name)}".replace("  ", " ")
                 for n, (name, i) in enumerate(zip(self.names, self.share, strict=True))]  # fmt: skip
        text = f"{', '.join(parts)} ({sum(self.plays):,} plays)."
        if self.visits:
            text += f" {with_interval(self.led)} of {self.visits:,} visits to the home page lead to a play."
        if self.searches:
            text += f" {with_interval(self.without)} of {self.searches:,} searches end without a choice."
        return text + few(self.share[0])


WORDS = {
    "row": "in a row of the home page", "search": "with a search", "continue": "by taking something up again",
    "notification": "with a notification", UNKNOWN: "somewhere unknown",
}  # fmt: skip
"""How each surface reads in a sentence."""


def surfaces(dataset: Dataset, *, workspace: Workspace | None = None, progress: Progress | None = None) -> Surfaces:
    """Where watching begins, whether the home page leads to a play and how soon, and searches without a result.

    Raises:
        DataError: There are no views, or they don't say where they began.
    """
    need(dataset, ("surface",))
    columns = dataset.columns("views")
    measure = "minutes" if "minutes" in columns else "plays"
    cells = PLAYS.read(dataset, workspace=workspace, progress=progress)
    sizes = cells.groupby("surface")[measure].sum().sort_values(ascending=False, kind="stable")
    names = tuple(str(name) for name in sizes.index)
    place = pd.Index(names).get_indexer(pd.Index(cells["surface"]))
    sums = {name: table(cells.assign(place=place), "place", len(names), name)
            for name in {measure, "plays", "known", "finished"}}  # fmt: skip
    whole = sums[measure].sum(axis=1)
    visits, led, seconds = _visits(dataset, workspace, progress)
    searches, without, failing = _searches(dataset, workspace, progress)
    return Surfaces(
        measure, names, tuple(clustered.share(sums[measure][:, s], whole) for s in range(len(names))),
        tuple(clustered.share(sums["finished"][:, s], sums["known"][:, s]) for s in range(len(names))),
        tuple(int(n) for n in sums["plays"].sum(axis=0)), visits, led, seconds, searches, without, failing,
    )  # fmt: skip


def _visits(dataset: Dataset, workspace: Workspace | None, progress: Progress | None) -> tuple[int, Interval, Interval]:
    if not dataset.has("impressions") or "session_id" not in dataset.columns("views"):
        return 0, _UNKNOWN, _UNKNOWN
    cells = VISITS.read(dataset, workspace=workspace, progress=progress)
    classes = LONGEST + 1
    waited = table(cells[cells["waited"] >= 0], "waited", classes, "visits")
    whole = by_bucket(cells, "visits")
    # Waits are whole seconds, so that of 45 stands for 44.5 to 45.5.
    edges = np.arange(classes + 1, dtype=float) - 0.5
    return int(whole.sum()), clustered.share(waited.sum(axis=1), whole), quantile(waited, edges)


def _searches(
    dataset: Dataset, workspace: Workspace | None, progress: Progress | None
) -> tuple[int, Interval, pd.DataFrame]:
    if not dataset.has("searches") or "title_id" not in dataset.columns("searches"):
        return 0, _UNKNOWN, pd.DataFrame(columns=["query", "searches", "without_result"])
    cells = SEARCHES.read(dataset, workspace=workspace, progress=progress)
    sums = {name: by_bucket(cells, name) for name in ("searches", "failed")}
    found = FAILING.read(dataset, workspace=workspace, progress=progress)
    # A query of many slices of viewers has a row in each.
    found = found.groupby("query", as_index=False)[["searches", "failed"]].sum()
    found = found.sort_values(["failed", "query"], ascending=[False, True], ignore_index=True).head(QUERIES)
    found = found.assign(without_result=found["failed"] / found["searches"]).drop(columns="failed")
    return int(sums["searches"].sum()), clustered.share(sums["failed"], sums["searches"]), found


def _count_plays(rows: Rows, tables: Tables, dataset: Dataset) -> Rows:
    columns = dataset.columns("views")
    completion = nw.col("completion") if "completion" in columns else nw.lit(None, nw.Float64)
    minutes = nw.col("minutes").fill_null(0.0) if "minutes" in columns else nw.lit(0.0)
    rows = rows.with_columns(completion=completion, minutes=minutes, surface=nw.col("surface").fill_null(UNKNOWN))
    rows = rows.with_columns(ended=(nw.col("completion") >= FINISHED).cast(nw.Float64))
    return rows.group_by("bucket", "surface").agg(
        nw.len().cast(nw.Int64).alias("plays"),
        nw.col("minutes").sum().alias("minutes"),
        nw.col("completion").count().cast(nw.Float64).alias("known"),
        nw.col("ended").sum().fill_null(0.0).alias("finished"),
    )


def _count_visits(rows: Rows, tables: Tables, dataset: Dataset) -> Rows:
    """Visits by seconds until the first play of their session; -1 where there was none."""
    shown = with_minute(rows, "shown_at", "at").group_by("bucket", "session_id").agg(nw.col("at").min())
    plays = with_minute(tables["views"].select("session_id", "started_at"), "started_at", "began")
    plays = plays.filter(~nw.col("session_id").is_null()).group_by("session_id").agg(nw.col("began").min())
    both = shown.join(plays, on="session_id", how="left")
    seconds = nw.max_horizontal((nw.col("began") - nw.col("at")) * 60, nw.lit(0.0))
    classed = nw.min_horizontal(seconds.round(), nw.lit(float(LONGEST)))
    waited = nw.when(~nw.col("began").is_null()).then(classed).otherwise(nw.lit(-1.0)).cast(nw.Int64)
    return both.with_columns(waited=waited).group_by("bucket", "waited").agg(nw.len().cast(nw.Int64).alias("visits"))


def _count_searches(rows: Rows, tables: Tables, dataset: Dataset) -> Rows:
    rows = rows.with_columns(failed=nw.col("title_id").is_null().cast(nw.Int64))
    return rows.group_by("bucket").agg(nw.len().cast(nw.Int64).alias("searches"), nw.col("failed").sum().cast(nw.Int64))


def _count_failing(rows: Rows, tables: Tables, dataset: Dataset) -> Rows:
    rows = rows.with_columns(
        failed=nw.col("title_id").is_null().cast(nw.Int64), query=nw.col("query").str.to_lowercase()
    )
    found = rows.group_by("query").agg(nw.len().cast(nw.Int64).alias("searches"), nw.col("failed").sum().cast(nw.Int64))
    return found.filter(nw.col("failed") > 0).sort("failed", descending=True).head(1_000)


PLAYS = Kept("surface-plays", 1, "views", _count_plays)
VISITS = Kept("surface-visits", 1, "impressions", _count_visits)
SEARCHES = Kept("surface-searches", 1, "searches", _count_searches)
FAILING = Kept("surface-failing", 1, "searches", _count_failing)
