"""What the first week predicts: Cox's model of leaving on what newcomers did in their first seven days."""

from __future__ import annotations

from dataclasses import dataclass

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.data import Dataset
from analysis.data.dataset import Tables
from analysis.errors import DataError
from analysis.patterns import cubes
from analysis.patterns.events import events
from analysis.patterns.kept import Kept, Rows, with_minute
from analysis.patterns.ratios import FINISHED
from analysis.patterns.retention import Curve, check_followed, first_stays, kaplan_meier
from analysis.results import Progress, Result
from analysis.stats.cox import proportional_hazards
from analysis.workspace import Workspace

Array = npt.NDArray[np.float64]

WEEK = 7
LEAST = 100
"""Newcomers that the model needs, and a tenth as many who left."""
MOST = 20_000
"""Newcomers in the model; of more, some are drawn."""
GROUPS = ((0, 0, "no day"), (1, 1, "one day"), (2, 3, "two or three"), (4, WEEK, "four or more"))
"""Groups by days with a play in the first week."""
_Z = 1.959963984540054


@dataclass(frozen=True)
class FirstWeek(Result):
    """What the first week predicts.

    Attributes:
        newcomers: Viewers who joined within the data and were still there after a week.
        left: How many of them left later.
        effects: One row a thing done in the first week: `what`, `unit`, `hazard` (times the rate of leaving, for one
            unit more and the others equal), `low`, `high`, `p`.
        groups: Survival after the first week, by days with a play in it; days count from the end of the week.
    """

    newcomers: int
    left: int
    effects: pd.DataFrame
    groups: tuple[Curve, ...]

    def to_frame(self) -> pd.DataFrame:
        """The effects."""
        return self.effects

    def headline(self) -> str:
        """The strongest predictor."""
        sure = self.effects[self.effects["p"] <= 0.05]
        if sure.empty:
            return "Nothing in the first week tells who leaves"
        first = sure.loc[np.log(sure["hazard"]).abs().idxmax()]
        more = "less" if first["hazard"] < 1 else "more"
        return f"Each {first['unit']} in the first week goes with leaving {_times(first['hazard'])} {more} often"

    def summary(self) -> str:
        """The strongest predictor with interval and sample size."""
        sample = f"{self.newcomers:,} newcomers, {self.left:,} left"
        sure = self.effects[self.effects["p"] <= 0.05]
        if sure.empty:
            return f"Nothing that newcomers do in their first week tells beyond chance who leaves later ({sample})."
        first = sure.loc[np.log(sure["hazard"]).abs().idxmax()]
        return (
            f"Of what newcomers do in their first week, {first['what']} tells most: each {first['unit']} goes with "
            f"{first['hazard']:.2f} times the rate of leaving (95 % interval {first['low']:.2f} to "
            f"{first['high']:.2f}, all else in the week being equal; {sample}). It predicts and need not be a cause."
        )


def first_week(
    dataset: Dataset, *, seed: int = 0, workspace: Workspace | None = None, progress: Progress | None = None
) -> FirstWeek:
    """How much the rate of leaving after the first week goes with what was done in it.

    Newcomers are viewers who joined on or after the first day of the data; those still subscribed after seven days are
    followed from then on (a landmark, so that nobody is counted as active for having stayed). Cox's proportional
    hazards with Efron's ties; days with a play, hours watched (as doublings), the share of plays finished and whether
    something was searched for are in one model.

    Args:
        dataset: A dataset with views, and viewers with their days of joining and leaving.
        seed: Draws the newcomers where there are more than 20,000.
        workspace: Where counts are kept.
        progress: Told about the counting.

    Raises:
        DataError: Nothing is known of joining and leaving, or too few newcomers can be followed.

    Source: Cox (1972), Efron (1977); the landmark is Anderson, Cain and Gelber's (1983).
    """
    check_followed(dataset)
    what = events(dataset)
    days = cubes.build(dataset, cubes.DAILY, what, workspace=workspace, progress=progress).values("date")
    first, last = pd.Timestamp(days[0]), pd.Timestamp(days[-1])
    viewers = first_stays(dataset, [])
    joined, left = pd.to_datetime(viewers["joined_on"]), pd.to_datetime(viewers["left_on"])
    gone = left.notna() & (left <= last)
    stayed = (left.where(gone, last) - joined).dt.days - WEEK
    use = (joined >= first) & (stayed > 0)
    known = pd.DataFrame({"viewer_id": viewers["viewer_id"], "days": stayed, "left": gone})[use].astype(np.int64)
    if len(known) < LEAST or known["left"].sum() < LEAST / 10:
        raise DataError(
            f"Only {len(known)} newcomers of {dataset.name} can be followed beyond their first week, "
            f"{int(known['left'].sum())} of whom left.",
            f"At least {LEAST} are needed, and {LEAST // 10} who left.",
        )
    if len(known) > MOST:
        known = known.sample(MOST, random_state=np.random.default_rng(seed)).sort_values("viewer_id")
    done = WEEKS.read(dataset, workspace=workspace, progress=progress).groupby("viewer_id").sum()
    found = done.reindex(known["viewer_id"], fill_value=0)
    design, units = _design(found, what.has_minutes, what.has_completion, "surface" in dataset.columns("views"))
    effects = hazards(design, known["days"].to_numpy(float), known["left"].to_numpy(float))
    active = found["days"].to_numpy()
    follow = known[["days", "left"]].assign(entry=0).astype(float).reset_index(drop=True)
    groups = tuple(
        curve
        for low, high, name in GROUPS
        if (curve := kaplan_meier(name, follow[(active >= low) & (active <= high)])) is not None
    )
    effects.insert(1, "unit", [units[name] for name in effects["what"]])
    return FirstWeek(len(known), int(known["left"].sum()), effects, groups)


def hazards(design: pd.DataFrame, days: Array, left: Array) -> pd.DataFrame:
    """Cox's hazard ratios with 95 % intervals, one row a column of the design.

    Columns that hardly vary are left out.

    Raises:
        DataError: No column varies, or the model can't be fitted.
    """
    from scipy import special

    kept = [name for name in design.columns if design[name].std() > 1e-6]
    if not kept:
        raise DataError("All newcomers did the same in their first week.", "Nothing can be told from it.")
    slope, error = proportional_hazards(design[kept].to_numpy(float), days, left)
    p = special.erfc(np.abs(slope / error) / np.sqrt(2))
    return pd.DataFrame(
        {
            "what": kept, "hazard": np.exp(slope), "low": np.exp(slope - _Z * error),
            "high": np.exp(slope + _Z * error), "p": p,
        }
    )  # fmt: skip


def _design(
    found: pd.DataFrame, has_minutes: bool, has_completion: bool, has_surface: bool
) -> tuple[pd.DataFrame, dict[str, str]]:
    plays = np.maximum(found["plays"].to_numpy(float), 1)
    columns = {"days with a play": found["days"].to_numpy(float)}
    units = {"days with a play": "day with a play"}
    if has_minutes:
        columns["hours watched"] = np.log2(1 + found["minutes"].to_numpy(float) / 60)
        units["hours watched"] = "doubling of the hours watched (plus one)"
    if has_completion:
        # In tenths, as nobody goes from none to all.
        columns["plays finished"] = 10 * found["finished"].to_numpy(float) / plays
        units["plays finished"] = "tenth of the plays finished more"
    if has_surface:
        columns["a search"] = (found["searched"].to_numpy(float) > 0).astype(float)
        units["a search"] = "viewer who found something by search"
    return pd.DataFrame(columns), units


def _times(hazard: float) -> str:
    return f"{abs(1 - hazard) * 100:.0f} %"


def _count_weeks(rows: Rows, tables: Tables, dataset: Dataset) -> Rows:
    columns = dataset.columns("views")
    viewers = with_minute(tables["viewers"].select("viewer_id", "joined_on"), "joined_on", "begun")
    viewers = viewers.group_by("viewer_id").agg(nw.col("begun").min())
    rows = with_minute(rows, "started_local", "at").join(viewers, on="viewer_id", how="inner")
    since = nw.col("at") - nw.col("begun")
    rows = rows.filter(since >= 0, since < WEEK * 1440).with_columns(
        day=nw.col("started_local").dt.date(),
        minutes=nw.col("minutes").fill_null(0.0) if "minutes" in columns else nw.lit(0.0),
        finished=(nw.col("completion") >= FINISHED).fill_null(False).cast(nw.Int64)
        if "completion" in columns
        else nw.lit(0),
        searched=(nw.col("surface") == "search").fill_null(False).cast(nw.Int64) if "surface" in columns else nw.lit(0),
    )
    sums = [nw.col(name).sum() for name in ("minutes", "finished", "searched")]
    each = rows.group_by("viewer_id", "day").agg(nw.len().cast(nw.Int64).alias("plays"), *sums)
    return each.group_by("viewer_id").agg(
        nw.len().cast(nw.Int64).alias("days"),
        nw.col("plays").sum(),
        *sums,
    )


WEEKS = Kept("first-weeks", 1, "views", _count_weeks)
