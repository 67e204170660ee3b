"""Silence and return: how long since the last play, who is back after a silence, who comes back after leaving."""

from __future__ import annotations

from dataclasses import dataclass

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis import engine
from analysis.data import Dataset
from analysis.data.dataset import Tables
from analysis.patterns.binges import finishing_by
from analysis.patterns.kept import Kept, Rows, with_minute
from analysis.patterns.retention import check_followed
from analysis.patterns.sessions import table
from analysis.patterns.words import few, with_interval
from analysis.results import Progress, Result
from analysis.stats import clustered
from analysis.stats.clustered import Interval
from analysis.workspace import Workspace

Array = npt.NDArray[np.float64]

LONGEST = 120
"""Days of silence that are told apart."""
AHEAD = 28
"""Days within which a return is looked for."""
SHOWN = 60
"""Days of silence shown."""
CLASSES = (0, 7, 14, 28, 56)
"""First days of the classes of time since the last play."""


@dataclass(frozen=True)
class Returns(Result):
    """Silence and return.

    Attributes:
        subscribed: Viewers subscribed on the last day who ever played.
        since: Share of them by days since their last play, in the classes 0–6, 7–13, 14–27, 28–55, 56 and more.
        gaps: Silences between two days with a play, or still going on.
        back: Chance to play within 28 days after 0, 1, … 60 days of silence, shape (61,), if still subscribed.
        low: Lower end of its 95 % interval, clustered by viewer.
        high: Upper end.
        left: Leavings whose return can be seen; 0 where the data have no stays of those who came back.
        returned: Share back within 0, 1, … 120 days after leaving, shape (121,); NaN likewise.
        returned_90: Share back within 90 days.
    """

    subscribed: int
    since: tuple[Interval, ...]
    gaps: int
    back: Array
    low: Array
    high: Array
    left: int
    returned: Array
    returned_90: Interval

    def to_frame(self) -> pd.DataFrame:
        """Shares and chances with intervals; `what` says which."""
        rows = [
            ("days since the last play", f"from {start}", i.value, i.low, i.high)
            for start, i in zip(CLASSES, self.since, strict=True)
        ]
        rows += [
            ("back within 28 days after days of silence", str(day), *ends)
            for day, ends in enumerate(zip(self.back, self.low, self.high, strict=True))
        ]
        rows += [("back by days since leaving", str(d), v, np.nan, np.nan) for d, v in enumerate(self.returned)]
        return pd.DataFrame(rows, columns=["what", "class", "value", "low", "high"])

    def headline(self) -> str:
        """Chances after two weeks and after six."""
        return (
            f"After {CLASSES[2]} silent days {self.back[CLASSES[2]] * 100:.0f} % are back within {AHEAD} days, after "
            f"{SHOWN} days {self.back[SHOWN] * 100:.0f} %"
        )

    def summary(self) -> str:
        """Chance after two weeks of silence, time since the last play, and return after leaving."""
        day, silent = CLASSES[2], self.since[3].value + self.since[4].value
        text = (
            f"Who has been silent for {day} days is back within {AHEAD} days with a chance of "
            f"{self.back[day] * 100:.1f} % (95 % interval {self.low[day] * 100:.1f} to {self.high[day] * 100:.1f} %, "
            f"{self.gaps:,} silences); {silent * 100:.1f} % of {self.subscribed:,} subscribed viewers last played four "
            "weeks ago or more"
        )
        if not self.left or not np.isfinite(self.returned_90.value):
            return f"{text}."
        back = f"{with_interval(self.returned_90)} of {self.left:,} who left are back within 90 days"
        return f"{text}, and {back}.{few(self.returned_90)}"


def returns(dataset: Dataset, *, workspace: Workspace | None = None, progress: Progress | None = None) -> Returns:
    """Time since the last play, the chance to be back after a silence, and return after leaving.

    A silence is a number of days without a play between two days with one; the one that goes on when the data, or the
    subscription, end counts as long as it has lasted (Kaplan and Meier). Return after leaving needs the table of
    memberships, which has every stay.

    Args:
        dataset: A dataset with views, and viewers with their days of joining and leaving.
        workspace: Where counts are kept.
        progress: Told about the counting.

    Raises:
        DataError: There are no views, or nothing is known of joining and leaving.
    """
    check_followed(dataset)
    cells = GAPS.read(dataset, workspace=workspace, progress=progress)
    over = table(cells[cells["ended"] == "return"], "days", LONGEST + 2, "gaps")
    lost = table(cells[cells["ended"] != "return"], "days", LONGEST + 2, "gaps")
    found = clustered.jackknife(np.stack([over, lost], axis=1), lambda s: _logit(_back(s[..., 0, :], s[..., 1, :])))
    half = found.half_width()
    back, low, high = (_expit(found.value + side * half) for side in (0, -1, 1))
    still = table(cells[cells["ended"] == "now"], "days", LONGEST + 2, "gaps")
    there = still.sum(axis=1)
    ends = [*CLASSES[1:], LONGEST + 2]
    since = tuple(
        clustered.share(still[:, start:end].sum(axis=1), there) for start, end in zip(CLASSES, ends, strict=True)
    )
    left, returned, returned_90 = _after_leaving(dataset)
    return Returns(
        int(there.sum()), since, int(over.sum() + lost.sum()), np.where(np.isfinite(half), back, _expit(found.value)),
        low, high, left, returned, returned_90,
    )  # fmt: skip


def _back(over: Array, lost: Array) -> Array:
    """Chance to be back within 28 days after each length of silence.

    A gap of g days between two days with a play is a silence of g − 1 days that ends on the g-th.
    """
    staying = 1 - finishing_by(over, lost)
    now = staying[..., : SHOWN + 1]
    later = staying[..., AHEAD : SHOWN + AHEAD + 1]
    return np.asarray(1 - later / np.maximum(now, 1e-12), dtype=np.float64)


def _after_leaving(dataset: Dataset) -> tuple[int, Array, Interval]:
    nothing = np.full(LONGEST + 1, np.nan)
    unknown = Interval(np.nan, np.nan, np.nan, np.nan, 0)
    if not dataset.has("memberships"):
        return 0, nothing, unknown
    with dataset.read() as tables:
        span = tables["views"].select(
            nw.col("started_local").min().alias("first"), nw.col("started_local").max().alias("last")
        )
        ends = engine.to_pandas(span).iloc[0]
        stays = tables["memberships"].with_columns(bucket=clustered.bucket(nw.col("viewer_id")))
        known = engine.to_pandas(stays).sort_values(["viewer_id", "joined_on"], kind="stable")
    left = pd.to_datetime(known["left_on"])
    again = pd.to_datetime(known["joined_on"]).groupby(known["viewer_id"]).shift(-1)
    first, last = ends["first"].normalize(), ends["last"].normalize()
    seen = left.notna() & (left >= first) & (left <= last)
    back = again.notna() & (again <= last)
    days = (again.where(back, last) - left)[seen].dt.days.clip(0, LONGEST + 1)
    if days.empty:
        return 0, nothing, unknown
    cells = pd.DataFrame({"bucket": known.loc[seen, "bucket"], "days": days, "back": back[seen], "n": 1})
    over, lost = (table(cells[cells["back"] == which], "days", LONGEST + 2, "n") for which in (True, False))
    found = clustered.jackknife(
        np.stack([over, lost], axis=1), lambda s: _logit(finishing_by(s[..., 0, :], s[..., 1, :])[..., 90])
    )
    middle, half = float(found.value), float(found.half_width())
    value, low, high = (float(_expit(np.array(middle + side * half if side else middle))) for side in (0, -1, 1))
    interval = Interval(value, low, high, float(found.standard_error), found.clusters)
    return len(cells), finishing_by(over.sum(axis=0), lost.sum(axis=0)), interval


def _logit(share: Array) -> Array:
    # Nobody, or everybody, stays finite, so that differences between buckets do.
    inside = np.clip(share, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(inside) - np.log1p(-inside), dtype=np.float64)


def _expit(number: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-number)), dtype=np.float64)


def _count_gaps(rows: Rows, tables: Tables, dataset: Dataset) -> Rows:
    """Days from one day with a play to the next, to leaving (`left`) or to the end of the data (`now`)."""
    days = rows.select("bucket", "viewer_id", started=nw.col("started_local").dt.date()).unique()
    days = with_minute(days, "started", "at").select("bucket", "viewer_id", "at", plays=nw.lit(1))
    last = tables["views"].select(nw.col("started_local").max().alias("end"))
    last = with_minute(last, "end", "end_at").select(end_at=(nw.col("end_at") / 1440).floor())
    # Leavings stand between the days with plays, so that what follows a play is told by its kind.
    stays = tables["memberships" if dataset.has("memberships") else "viewers"].select("viewer_id", "left_on")
    left = with_minute(stays.filter(~nw.col("left_on").is_null()), "left_on", "at")
    left = left.with_columns(bucket=clustered.bucket(nw.col("viewer_id")), plays=nw.lit(0))
    both = nw.concat([days, left.select("bucket", "viewer_id", "at", "plays")], how="vertical")
    both = both.with_columns(at=nw.col("at") / 1440).join(last, how="cross").filter(nw.col("at") <= nw.col("end_at"))
    following = {
        name: nw.col(column).shift(-1).over("viewer_id", order_by=["at", "plays"])
        for name, column in (("then", "at"), ("played", "plays"))
    }
    gaps = both.with_columns(**following).filter(nw.col("plays") == 1)
    ended = (
        nw.when(nw.col("played") == 1)
        .then(nw.lit("return"))
        .otherwise(nw.when(nw.col("played") == 0).then(nw.lit("left")).otherwise(nw.lit("now")))
    )
    length = nw.when(~nw.col("then").is_null()).then(nw.col("then")).otherwise(nw.col("end_at")) - nw.col("at")
    gaps = gaps.with_columns(
        ended=ended, days=nw.min_horizontal(length, nw.lit(float(LONGEST + 1))).floor().cast(nw.Int64)
    )
    return gaps.group_by("bucket", "ended", "days").agg(nw.len().cast(nw.Int64).alias("gaps"))


GAPS = Kept("silences", 1, "views", _count_gaps)
