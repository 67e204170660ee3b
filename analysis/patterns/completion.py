"""Completion: how far plays get, who bails out in the first minutes and who finishes, pauses, skips and repeats."""

from __future__ import annotations

from dataclasses import dataclass

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.data import Dataset
from analysis.data.dataset import Tables
from analysis.errors import DataError
from analysis.patterns.kept import Kept, Rows, by_bucket
from analysis.patterns.ratios import FINISHED
from analysis.patterns.sessions import need, table
from analysis.patterns.words import ends, few, with_interval
from analysis.results import Progress, Result
from analysis.stats import clustered, ratios
from analysis.stats.clustered import Interval
from analysis.stats.mixtures import shares_of_two
from analysis.workspace import Workspace

Array = npt.NDArray[np.float64]

CLASSES = 50
"""Classes of completion in the histogram."""
RUNNING = 5
"""Width of a class of running time, in minutes."""
EARLY = np.array([0, 0.5, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30], dtype=float)
"""Minutes in which a bail-out may end: within half an hour, whatever the title's length."""
MIDDLE = np.linspace(0.05, FINISHED, 18)
"""Shares of the running time at which a play that did not bail out may stop: not before 5 %."""
FIRST_MINUTES = 30
SHORTEST = 30
"""Minutes below which a title is left out of the mixture: its first minutes are its middle."""
_LEAST = 500
"""Unfinished plays that the mixture needs."""


@dataclass(frozen=True)
class Completion(Result):
    """How far plays get.

    Attributes:
        plays: Plays whose completion is known.
        from_start: Of them, those that began at the beginning of the title or episode.
        finished: Share of plays that reach 90 % of the running time.
        histogram: Share of the plays from the beginning by how far they got, shape (50,), in steps of 2 %.
        bailed: Share of the plays from the beginning, of titles of 30 minutes or more, that bail out, by the mixture;
            NaN where there is too little for one, like the next three.
        middle: Share of them that stop in between.
        through: Share of them that finish.
        bail_minute: Minute within which half of the bail-outs are over.
        leaving: Share of those still watching who stop in each of the first 30 minutes, shape (30,).
        leaving_low: Lower ends of its 95 % interval.
        leaving_high: Upper ends.
        pauses: Pauses an hour watched; NaN where unknown, like the next ones.
        skips: Skips an hour watched.
        repeats: Share of plays of what the viewer had watched before.
        minutes: Minutes watched in a play; NaN where unknown.
    """

    plays: int
    from_start: int
    finished: Interval
    histogram: Array
    bailed: Interval
    middle: Interval
    through: Interval
    bail_minute: Interval
    leaving: Array
    leaving_low: Array
    leaving_high: Array
    pauses: Interval
    skips: Interval
    repeats: Interval
    minutes: Interval

    def to_frame(self) -> pd.DataFrame:
        """Numbers with their intervals, the histogram, and who stops in which minute; `what` says which."""
        numbers = {
            "share of plays finished": self.finished, "bail-outs, of plays from the beginning": self.bailed,
            "stop in between": self.middle, "finish": self.through, "median minute of bail-outs": self.bail_minute,
            "pauses an hour": self.pauses, "skips an hour": self.skips, "share of repeats": self.repeats,
            "minutes a play": self.minutes,
        }  # fmt: skip
        rows = [(what, "", i.value, i.low, i.high) for what, i in numbers.items()]
        rows += [("share by completion", f"from {2 * n} %", v, np.nan, np.nan) for n, v in enumerate(self.histogram)]
        rows += [
            ("stop in the minute", str(minute + 1), *ends)
            for minute, ends in enumerate(zip(self.leaving, self.leaving_low, self.leaving_high, strict=True))
        ]
        return pd.DataFrame(rows, columns=["what", "class", "value", "low", "high"])

    def headline(self) -> str:
        """Bail-outs and finishers, or finishers alone."""
        if not np.isfinite(self.bailed.value):
            return f"{self.finished.value * 100:.0f} % of plays are finished"
        return (
            f"{self.bailed.value * 100:.0f} % of plays from the beginning bail out, half of them within "
            f"{self.bail_minute.value:.1f} minutes, and {self.through.value * 100:.0f} % finish"
        )

    def summary(self) -> str:
        """The parts of the mixture with intervals and sample size."""
        whole = f"{with_interval(self.finished)} of {self.plays:,} plays reach the end"
        if not np.isfinite(self.bailed.value):
            return f"{whole}.{few(self.finished)}"
        return (
            f"{whole}. Of those from the beginning of a title of {SHORTEST} minutes or more, "
            f"{with_interval(self.bailed)} bail out, "
            f"half of them within {self.bail_minute.value:.1f} minutes{ends(self.bail_minute, digits=1)}, and "
            f"{with_interval(self.through)} finish.{few(self.finished)}"
        )


def completion(dataset: Dataset, *, workspace: Workspace | None = None, progress: Progress | None = None) -> Completion:
    """Distribution of completion, and its mixture of bail-outs, plays that stop in between, and finishers.

    Finishers are seen (90 % of the running time). The others are a mixture of two: bail-outs end after so many
    minutes, whatever the length of the title; the rest stop after such a share of it. Titles of different lengths tell
    the two apart. Both distributions are histograms whose heights are estimated by maximum likelihood (EM); the one is
    within half an hour, the other beyond 5 % of the title. Titles of less than 30 minutes are left out of it. Only
    plays from the beginning are used: one that was taken up in the middle has passed its first minutes before.

    Args:
        dataset: A dataset with views and their completion.
        workspace: Where counts are kept.
        progress: Told about the counting.

    Raises:
        DataError: There are no views, or no completion.
    """
    need(dataset, ("completion",))
    cells = PLAYS.read(dataset, workspace=workspace, progress=progress)
    sums = {name: by_bucket(cells, name) for name in _SUMS}
    if not sums["known"].any():
        raise DataError(
            f"No play of {dataset.name} says how far it got.", "Bring running times with the titles on the Data page."
        )
    stops = STOPS.read(dataset, workspace=workspace, progress=progress)
    percent = table(stops, "percent", 101, "plays")
    begun = percent.sum(axis=1)
    reached = percent[:, : CLASSES * 2].reshape(len(percent), CLASSES, 2).sum(axis=2)
    reached[:, -1] += percent[:, 100]
    columns = dataset.columns("views")
    unknown = Interval(np.nan, np.nan, np.nan, np.nan, 0)

    def an_hour(name: str) -> Interval:
        return ratios.ratio(np.column_stack([sums[name], sums["minutes"] / 60])) if name in columns else unknown

    bailed, middle, minute, through = _mixture(stops[stops["running"] >= SHORTEST / RUNNING])
    minutes = MINUTES.read(dataset, workspace=workspace, progress=progress) if "minutes" in columns else None
    return Completion(
        int(sums["known"].sum()), int(begun.sum()), clustered.share(sums["finished"], sums["known"]),
        reached.sum(axis=0) / max(begun.sum(), 1), bailed, middle, through, minute,
        *_leaving(minutes), an_hour("pauses"), an_hour("skips"),
        clustered.share(sums["repeats"], sums["plays"]) if "is_repeat" in columns else unknown,
        ratios.ratio(np.column_stack([sums["minutes"], sums["plays"]])) if "minutes" in columns else unknown,
    )  # fmt: skip


def _mixture(stops: pd.DataFrame) -> tuple[Interval, Interval, Interval, Interval]:
    """Of plays from the beginning: bail-outs, those that stop in between; the median bail-out; those that finish."""
    unknown = Interval(np.nan, np.nan, np.nan, np.nan, 0)
    whole = by_bucket(stops, "plays")
    ended = stops["percent"] >= round(100 * FINISHED)
    through = by_bucket(stops[ended], "plays")
    open_ = stops[~ended]
    lengths = open_.groupby("running")["plays"].sum()
    if lengths.sum() < _LEAST or (lengths > 0.05 * lengths.sum()).sum() < 2:
        # With one length only, minutes and shares of it are the same thing.
        return unknown, unknown, unknown, unknown
    pairs = pd.MultiIndex.from_arrays([open_["running"], open_["percent"] // 2])
    names = pairs.unique()
    counts = np.zeros((clustered.BUCKETS, len(names)))
    np.add.at(counts, (open_["bucket"].to_numpy(int), names.get_indexer(pairs)), open_["plays"].to_numpy(float))
    running = names.get_level_values(0).to_numpy(float) * RUNNING
    start = names.get_level_values(1).to_numpy(float) / CLASSES
    early = _overlap(start * running, (start + 1 / CLASSES) * running, EARLY)
    middle = _overlap(start, start + 1 / CLASSES, MIDDLE)
    keep = (early.sum(axis=1) + middle.sum(axis=1)) > 0
    _, group = np.unique(running[keep], return_inverse=True)
    found = shares_of_two(counts[:, keep], group.astype(np.int64), early[keep], middle[keep], EARLY, whole)
    return found.first, found.second, found.median, clustered.share(through, whole)


def _overlap(low: Array, high: Array, edges: Array) -> Array:
    """Probability of a cell under a uniform distribution on each class, shape (cells, classes)."""
    inside = np.minimum(high[:, None], edges[1:]) - np.maximum(low[:, None], edges[:-1])
    return np.asarray(np.maximum(inside, 0) / np.diff(edges), dtype=np.float64)


def _leaving(minutes: pd.DataFrame | None) -> tuple[Array, Array, Array]:
    """Share of those still watching who stop in each minute, with intervals; who finishes in it does not stop."""
    nothing = np.full(FIRST_MINUTES, np.nan)
    if minutes is None:
        return nothing, nothing, nothing
    stopped = table(minutes[~minutes["finished"]], "minute", FIRST_MINUTES + 1, "plays")
    there = table(minutes, "minute", FIRST_MINUTES + 1, "plays")[:, ::-1].cumsum(axis=1)[:, ::-1]
    found = [clustered.share(stopped[:, m], there[:, m]) for m in range(FIRST_MINUTES)]
    value, low, high = (np.array([getattr(i, end) for i in found]) for end in ("value", "low", "high"))
    return value, low, high


_SUMS = ("plays", "minutes", "known", "finished", "pauses", "skips", "repeats")


def _count_plays(rows: Rows, tables: Tables, dataset: Dataset) -> Rows:
    columns = dataset.columns("views")

    def total(name: str, column: str) -> nw.Expr:
        value = nw.col(column).cast(nw.Float64).sum() if column in columns else nw.lit(0.0)
        return value.fill_null(0.0).alias(name)

    rows = rows.with_columns(ended=(nw.col("completion") >= FINISHED).cast(nw.Float64))
    if "is_repeat" in columns:
        rows = rows.with_columns(again=nw.col("is_repeat").cast(nw.Int64).cast(nw.Float64))
    repeats = nw.col("again").sum() if "is_repeat" in columns else nw.lit(0.0)
    return rows.group_by("bucket").agg(
        nw.len().cast(nw.Int64).alias("plays"),
        total("minutes", "minutes"),
        nw.col("completion").count().cast(nw.Float64).alias("known"),
        nw.col("ended").sum().fill_null(0.0).alias("finished"),
        total("pauses", "pauses"),
        total("skips", "skips"),
        repeats.fill_null(0.0).alias("repeats"),
    )


def _from_start(rows: Rows, tables: Tables, dataset: Dataset) -> Rows:
    """Plays from the beginning, with `running`: what was watched is what was reached, within a minute."""
    rows = rows.filter(~nw.col("completion").is_null())
    known = dataset.has("titles") and "minutes" in dataset.columns("titles")
    if not (known and "minutes" in dataset.columns("views")):
        return rows.with_columns(running=nw.lit(0.0))
    # A title named twice in the catalogue would double its plays.
    titles = tables["titles"].group_by("title_id").agg(nw.col("minutes").max().alias("running"))
    rows = rows.join(titles, on="title_id", how="left").with_columns(nw.col("running").fill_null(0.0))
    ahead = nw.col("completion") * nw.col("running") - nw.col("minutes")
    return rows.filter((ahead < 1).fill_null(True))


def _count_stops(rows: Rows, tables: Tables, dataset: Dataset) -> Rows:
    rows = _from_start(rows, tables, dataset)
    # Rounded: 0.29 · 100 is a little less than 29.
    rows = rows.with_columns(
        percent=(nw.col("completion") * 100 + 1e-6).floor().cast(nw.Int64),
        running=(nw.col("running") / RUNNING).round().cast(nw.Int64),
    )
    return rows.group_by("bucket", "percent", "running").agg(nw.len().cast(nw.Int64).alias("plays"))


def _count_minutes(rows: Rows, tables: Tables, dataset: Dataset) -> Rows:
    rows = _from_start(rows, tables, dataset).filter(~nw.col("minutes").is_null())
    rows = rows.with_columns(
        minute=nw.min_horizontal(nw.col("minutes").floor(), nw.lit(float(FIRST_MINUTES))).cast(nw.Int64),
        finished=nw.col("completion") >= FINISHED,
    )
    return rows.group_by("bucket", "minute", "finished").agg(nw.len().cast(nw.Int64).alias("plays"))


PLAYS = Kept("completion-plays", 1, "views", _count_plays)
STOPS = Kept("completion-stops", 1, "views", _count_stops)
MINUTES = Kept("completion-minutes", 1, "views", _count_minutes)
