"""Devices: what people watch on at which hour, and how often they go on to another one."""

from __future__ import annotations

from dataclasses import dataclass

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.data import Dataset
from analysis.data.dataset import Tables
from analysis.patterns.events import UNKNOWN, events
from analysis.patterns.kept import Kept, Rows
from analysis.patterns.ratios import FINISHED
from analysis.patterns.sessions import need, table
from analysis.patterns.words import PLAIN, Habits, few, with_interval
from analysis.results import Progress, Result
from analysis.stats import clustered
from analysis.stats.clustered import Interval
from analysis.workspace import Workspace

Array = npt.NDArray[np.float64]

MOST = 8
"""Different devices of one viewer that are told apart; more are counted as so many."""


@dataclass(frozen=True)
class Devices(Result):
    """What people watch on.

    Attributes:
        measure: What shares are of: `minutes`, or `plays` where minutes are unknown.
        zone_label: On whose clock the hours are.
        has_hours: Whether times of day are known.
        names: Names of devices, the most used first, length D.
        share: Share of the measure on each.
        by_hour: Share of the measure of each hour on each device, shape (24, D); NaN in an hour without plays.
        peaks: Hour in which each device's share is largest, with that share.
        several: Share of viewers who used two devices or more.
        switched: Share of plays that follow one on another device, of all that follow a play of the same viewer.
        carried: Share of titles gone on with, unfinished in the play before, that were gone on with on another device.
        moves: Of plays after one on device i, the share on device j, shape (D, D).
        plays: Plays counted.
        viewers: Viewers counted.
    """

    measure: str
    zone_label: str
    has_hours: bool
    names: tuple[str, ...]
    share: tuple[Interval, ...]
    by_hour: Array
    peaks: tuple[tuple[int, Interval], ...]
    several: Interval
    switched: Interval
    carried: Interval
    moves: Array
    plays: int
    viewers: int

    def to_frame(self) -> pd.DataFrame:
        """Shares with intervals, shares by hour, and moves; `what` says which."""
        rows = [("share", name, "", i.value, i.low, i.high) for name, i in zip(self.names, self.share, strict=True)]
        rows += [
            (what, "", "", i.value, i.low, i.high)
            for what, i in (
                ("viewers with several devices", self.several),
                ("plays after one on another device", self.switched),
                ("titles gone on with on another device", self.carried),
            )
        ]
        rows += [
            ("share in the hour", name, f"{hour}:00", float(self.by_hour[hour, d]), np.nan, np.nan)
            for d, name in enumerate(self.names)
            for hour in range(24)
            if self.has_hours
        ]
        rows += [
            ("next play", name, f"on {other}", float(self.moves[i, j]), np.nan, np.nan)
            for i, name in enumerate(self.names)
            for j, other in enumerate(self.names)
        ]
        return pd.DataFrame(rows, columns=["what", "device", "class", "value", "low", "high"])

    def headline(self, habits: Habits = PLAIN) -> str:
        """Where the largest device stands, and when the next one has its hour."""
        first = f"{self.share[0].value * 100:.0f} % of {self.measure} are on {self.names[0]}"
        if len(self.names) < 2 or not self.has_hours:
            return first
        hour, at = self.peaks[1]
        return f"{first}; {self.names[1]} is strongest at {habits.hour(hour)}, with {at.value * 100:.0f} %"

    def summary(self) -> str:
        """Largest device, several devices, and switching, with intervals and sample size."""
        text = (
            f"{with_interval(self.share[0])} of {self.measure} are on {self.names[0]}; {with_interval(self.several)} "
            f"of {self.viewers:,} viewers used two devices or more"
        )
        unsure = few(self.share[0])
        if not np.isfinite(self.switched.value):
            return f"{text}.{unsure}"
        return (
            f"{text}, and {with_interval(self.switched)} of plays follow one on another device "
            f"({self.plays:,} plays, {self.zone_label}).{unsure}"
        )


def devices(dataset: Dataset, *, workspace: Workspace | None = None, progress: Progress | None = None) -> Devices:
    """Shares of devices overall and by hour, and switching between them, with intervals clustered by viewer.

    Raises:
        DataError: There are no views, or no devices.
    """
    need(dataset, ("device",))
    what = events(dataset)
    measure = "minutes" if what.has_minutes else "plays"
    cells = HOURS.read(dataset, workspace=workspace, progress=progress)
    sizes = cells.groupby("device")[measure].sum().sort_values(ascending=False, kind="stable")
    names = [name for name in sizes.index if name != UNKNOWN] or [UNKNOWN]
    sums = np.zeros((clustered.BUCKETS, 24, len(names)))
    known = cells[cells["device"].isin(names)]
    where = (known["bucket"].to_numpy(int), known["hour"].to_numpy(int), pd.Index(names).get_indexer(known["device"]))
    np.add.at(sums, where, known[measure].to_numpy(float))
    whole = sums.sum(axis=(1, 2))
    total = sums.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        by_hour = total / total.sum(axis=1, keepdims=True)
    peaks = []
    for d in range(len(names)):
        hour = int(np.nan_to_num(by_hour[:, d]).argmax())
        peaks.append((hour, clustered.share(sums[:, hour, d], sums[:, hour].sum(axis=1))))
    moves = MOVES.read(dataset, workspace=workspace, progress=progress)
    moves = moves[moves["before"].isin(names) & moves["device"].isin(names)]
    ones = np.ones(len(moves), dtype=int)
    other = (moves["before"] != moves["device"]).astype(int)
    steps = table(moves.assign(other=other), "other", 2, "plays")
    carried = table(moves.assign(other=other), "other", 2, "carried")
    matrix = np.zeros((len(names), len(names)))
    index = pd.Index(names)
    np.add.at(matrix, (index.get_indexer(moves["before"]), index.get_indexer(moves["device"])), moves["plays"] * ones)
    used = VIEWERS.read(dataset, workspace=workspace, progress=progress)
    by_number = table(used, "devices", MOST + 1, "viewers")
    return Devices(
        measure, what.zone_label, what.has_hours, tuple(names),
        tuple(clustered.share(sums[:, :, d].sum(axis=1), whole) for d in range(len(names))), by_hour, tuple(peaks),
        clustered.share(by_number[:, 2:].sum(axis=1), by_number.sum(axis=1)),
        clustered.share(steps[:, 1], steps.sum(axis=1)), clustered.share(carried[:, 1], carried.sum(axis=1)),
        matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1), int(known["plays"].sum()),
        int(by_number.sum()),
    )  # fmt: skip


def _count_hours(rows: Rows, tables: Tables, dataset: Dataset) -> Rows:
    minutes = nw.col("minutes").sum() if "minutes" in dataset.columns("views") else nw.lit(0.0)
    rows = rows.with_columns(nw.col("device").fill_null(UNKNOWN), hour=nw.col("started_local").dt.hour())
    return rows.group_by("bucket", "hour", "device").agg(
        nw.len().cast(nw.Int64).alias("plays"), minutes.fill_null(0.0).alias("minutes")
    )


def _count_moves(rows: Rows, tables: Tables, dataset: Dataset) -> Rows:
    completion = nw.col("completion") if "completion" in dataset.columns("views") else nw.lit(None, nw.Float64)
    rows = rows.with_columns(completion=completion)
    before = {"before": "device", "title_before": "title_id", "reached": "completion"}
    rows = rows.with_columns(
        **{name: nw.col(column).shift(1).over("viewer_id", order_by="started_at") for name, column in before.items()}
    )
    rows = rows.filter(~nw.col("before").is_null(), ~nw.col("device").is_null())
    same = (nw.col("title_before") == nw.col("title_id")) & (nw.col("reached") < FINISHED)
    return (
        rows.with_columns(carried=same.fill_null(False).cast(nw.Int64))
        .group_by("bucket", "before", "device")
        .agg(nw.len().cast(nw.Int64).alias("plays"), nw.col("carried").sum().cast(nw.Int64))
    )


def _count_viewers(rows: Rows, tables: Tables, dataset: Dataset) -> Rows:
    rows = rows.filter(~nw.col("device").is_null())
    each = rows.group_by("bucket", "viewer_id", "device").agg(nw.len().alias("plays"))
    each = each.group_by("bucket", "viewer_id").agg(nw.len().alias("devices"))
    each = each.with_columns(devices=nw.min_horizontal(nw.col("devices"), nw.lit(MOST)).cast(nw.Int64))
    return each.group_by("bucket", "devices").agg(nw.len().cast(nw.Int64).alias("viewers"))


HOURS = Kept("device-hours", 1, "views", _count_hours)
MOVES = Kept("device-moves", 1, "views", _count_moves)
VIEWERS = Kept("device-viewers", 1, "views", _count_viewers)
