"""Sessions: how many, how long, how many titles, and how long it takes from the home page to the first play."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis import engine
from analysis.data import Dataset
from analysis.data.dataset import Tables
from analysis.errors import DataError
from analysis.patterns.kept import Kept, Rows, by_bucket, with_minute
from analysis.patterns.words import ends, few, with_interval
from analysis.results import Progress, Result
from analysis.stats import clustered, ratios
from analysis.stats.clustered import Interval
from analysis.stats.quantiles import quantile
from analysis.workspace import Workspace

Array = npt.NDArray[np.float64]

BREAK = 30
"""Minutes without a play that end a session, where the data name no sessions."""
CLASS = 5
"""Minutes in a class of length."""
LONGEST = 300
"""Lengths from here on are one class."""
MOST_PLAYS = 20


@dataclass(frozen=True)
class Sessions(Result):
    """How people sit down to watch.

    Attributes:
        named: Whether the data name their sessions; otherwise a break of half an hour ends one.
        sessions: How many.
        viewers: How many viewers have one.
        per_week: Sessions a week of a viewer, from the first play to the last.
        minutes: Median minutes watched in a session.
        plays: Plays in a session, on average.
        titles: Different titles in a session, on average.
        several: Share of sessions with two or more plays.
        switched: Share of sessions on more than one device; NaN where devices are unknown.
        lengths: Share of sessions by minutes watched, in classes of five minutes, shape (C,); the last one is open.
        by_plays: Share of sessions with 1, 2, … plays, shape (20,); the last one is open.
        devices: Names of devices, the most used first.
        minutes_on: Median minutes watched in a session that began on each device.
    """

    named: bool
    sessions: int
    viewers: int
    per_week: Interval
    minutes: Interval
    plays: Interval
    titles: Interval
    several: Interval
    switched: Interval
    lengths: Array
    by_plays: Array
    devices: tuple[str, ...]
    minutes_on: tuple[Interval, ...]

    def to_frame(self) -> pd.DataFrame:
        """The numbers with their intervals, then the two distributions; `what` says of what."""
        numbers = {
            "sessions a week": self.per_week, "median minutes in a session": self.minutes,
            "plays in a session": self.plays, "titles in a session": self.titles,
            "share of sessions with several plays": self.several,
            "share of sessions on several devices": self.switched,
            **{f"median minutes on {d}": i for d, i in zip(self.devices, self.minutes_on, strict=True)},
        }  # fmt: skip
        rows = [(what, "", i.value, i.low, i.high) for what, i in numbers.items()]
        rows += [("share by minutes", f"from {n * CLASS}", v, np.nan, np.nan) for n, v in enumerate(self.lengths)]
        rows += [("share by plays", str(n + 1), v, np.nan, np.nan) for n, v in enumerate(self.by_plays)]
        return pd.DataFrame(rows, columns=["what", "class", "value", "low", "high"])

    def headline(self) -> str:
        """How long half of the sessions are at most."""
        return f"Half of all sessions are over within {self.minutes.value:.0f} minutes of watching"

    def summary(self) -> str:
        """Length, plays and how often, with intervals and sample size."""
        m, p, s = self.minutes, self.plays, self.several
        return (
            f"Half of the {self.sessions:,} sessions hold less than {m.value:.1f} minutes of "
            f"watching{ends(m, digits=1)}; a session has {p.value:.2f} plays on average{ends(p)}, and "
            f"{with_interval(s)} have more than one.{few(m)}"
        )


def sessions(dataset: Dataset, *, workspace: Workspace | None = None, progress: Progress | None = None) -> Sessions:
    """Length and number of sessions, with intervals clustered by viewer.

    Where plays carry no number of their session, a break of 30 minutes since the end of the play before ends one.

    Args:
        dataset: A dataset with views and their minutes.
        workspace: Where counts are kept.
        progress: Told about the counting.

    Raises:
        DataError: There are no views, or no minutes.
    """
    need(dataset, ("minutes",))
    cells = SESSIONS.read(dataset, workspace=workspace, progress=progress)
    span = SPANS.read(dataset, workspace=workspace, progress=progress)
    weeks, viewers = by_bucket(span, "weeks"), int(span["viewers"].sum())
    count = by_bucket(cells, "sessions")

    def mean(column: str) -> Interval:
        return ratios.ratio(np.column_stack([by_bucket(cells, column), count]))

    several = by_bucket(cells[cells["plays_class"] > 1], "sessions")
    unknown = Interval(np.nan, np.nan, np.nan, np.nan, 0)
    devices = [d for d in cells.groupby("device")["sessions"].sum().sort_values(ascending=False).index if d]
    edges = np.arange(0, LONGEST + 2 * CLASS, CLASS, dtype=float)
    whole = table(cells, "minutes_class", len(edges) - 1, "sessions")
    on = [table(cells[cells["device"] == d], "minutes_class", len(edges) - 1, "sessions") for d in devices]
    plays = table(cells, "plays_class", MOST_PLAYS + 1, "sessions")[:, 1:].sum(axis=0)
    total = float(count.sum())
    return Sessions(
        named=_named(dataset),
        sessions=int(total),
        viewers=viewers,
        per_week=ratios.ratio(np.column_stack([count, weeks])),
        minutes=quantile(whole, edges),
        plays=mean("plays"),
        titles=mean("titles"),
        several=clustered.share(several, count),
        switched=clustered.share(by_bucket(cells, "switched"), count) if devices else unknown,
        lengths=whole.sum(axis=0) / total,
        by_plays=plays / total,
        devices=tuple(devices),
        minutes_on=tuple(quantile(one, edges) for one in on),
    )


def in_sessions(rows: Rows, dataset: Dataset) -> Rows:
    """The plays with `at` (minutes since 1970) and `session`: the data's own number, or one made of breaks."""
    rows = with_minute(rows, "started_at", "at")
    if _named(dataset):
        return rows.with_columns(session=nw.col("session_id"))
    ended = (nw.col("at") + nw.col("minutes").fill_null(0.0)).shift(1).over("viewer_id", order_by="at")
    begins = (nw.col("at") - nw.col("ended") > BREAK).fill_null(True).cast(nw.Int64)
    rows = rows.with_columns(ended=ended).with_columns(begins=begins)
    return rows.with_columns(session=nw.col("begins").cum_sum().over("viewer_id", order_by="at"))


def need(dataset: Dataset, columns: tuple[str, ...]) -> None:
    """Refuse a dataset without views, or whose views lack a column.

    Raises:
        DataError: It has none.
    """
    if not dataset.has("views"):
        raise DataError(
            f"{dataset.name} has ratings and no plays.",
            "Sessions, devices and completion are about plays: bring views on the Data page.",
        )
    if lacking := sorted(set(columns) - set(dataset.columns("views"))):
        raise DataError(
            f"The views of {dataset.name} have no column {lacking[0]}.", "Import them again with that column."
        )


def table(cells: pd.DataFrame, column: str, size: int, value: str) -> Array:
    """Sums of a value by viewer bucket and class, shape (64, size)."""
    found = np.zeros((clustered.BUCKETS, size))
    np.add.at(found, (cells["bucket"].to_numpy(int), cells[column].to_numpy(int)), cells[value].to_numpy(float))
    return found


def _named(dataset: Dataset) -> bool:
    if "session_id" not in dataset.columns("views"):
        return False
    with dataset.read() as tables:
        lacking = tables["views"].select("session_id").filter(nw.col("session_id").is_null()).head(1)
        return len(engine.to_arrow(lacking)) == 0


def _count_sessions(rows: Rows, tables: Tables, dataset: Dataset) -> Rows:
    columns = dataset.columns("views")
    rows = rows.with_columns(device=nw.col("device").fill_null("") if "device" in columns else nw.lit(""))
    rows = in_sessions(rows, dataset)
    # In two steps, as counting different titles at once takes twice as long.
    each = rows.group_by("bucket", "viewer_id", "session", "title_id").agg(
        nw.len().alias("plays"),
        nw.col("minutes").sum(),
        nw.col("device").min(),
        nw.col("device").max().alias("other"),
    )
    each = each.group_by("bucket", "viewer_id", "session").agg(
        nw.len().alias("titles"),
        nw.col("plays").sum(),
        nw.col("minutes").sum(),
        nw.col("device").min(),
        nw.col("other").max(),
    )
    # A session on two devices stands under the first of their names; the other one is told by `switched`.
    each = each.with_columns(
        minutes_class=(nw.min_horizontal(nw.col("minutes").fill_null(0.0), nw.lit(float(LONGEST))) // CLASS).cast(
            nw.Int64
        ),
        plays_class=nw.min_horizontal(nw.col("plays"), nw.lit(MOST_PLAYS)).cast(nw.Int64),
        switched=(nw.col("device") != nw.col("other")).cast(nw.Int64),
    )
    sums: list[Any] = [nw.col(name).sum().cast(nw.Int64) for name in ("plays", "titles", "switched")]
    return each.group_by("bucket", "device", "minutes_class", "plays_class").agg(
        nw.len().cast(nw.Int64).alias("sessions"), *sums
    )


def _count_spans(rows: Rows, tables: Tables, dataset: Dataset) -> Rows:
    """Weeks from each viewer's first play to the last, one at least."""
    rows = with_minute(rows, "started_at", "at")
    each = rows.group_by("bucket", "viewer_id").agg(nw.col("at").min().alias("first"), nw.col("at").max().alias("last"))
    weeks = nw.max_horizontal((nw.col("last") - nw.col("first")) / (7 * 1440), nw.lit(1.0))
    return each.group_by("bucket").agg(nw.len().cast(nw.Int64).alias("viewers"), weeks.sum().alias("weeks"))


SESSIONS = Kept("sessions", 1, "views", _count_sessions)
SPANS = Kept("spans", 1, "views", _count_spans)
