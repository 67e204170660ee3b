"""Who comes back: how long viewers stay, by segment, and which share of each month's newcomers still watches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.data import Dataset
from analysis.errors import DataError, ParameterError
from analysis.patterns import cubes
from analysis.patterns.events import events
from analysis.patterns.words import percent
from analysis.results import Progress, Result
from analysis.workspace import Workspace

Array = npt.NDArray[np.float64]

SEGMENTS = ("plan", "age_band", "country")
MOST_GROUPS = 6
"""Groups shown, the largest first: more lines can't be told apart."""
LEAST_AT_RISK = 20
"""A curve ends where fewer viewers are left to watch."""
A_YEAR = 365


@dataclass(frozen=True)
class Curve:
    """One group's survival curve.

    Attributes:
        group: Name of the group; `all viewers` without a segment.
        viewers: Viewers in it.
        left: How many of them left.
        days: Days since joining at which somebody left, from 0.
        staying: Share still subscribed after each of them (Kaplan and Meier).
        low: Lower end of the pointwise 95 % band, on the log(−log) scale.
        high: Upper end.
    """

    group: str
    viewers: int
    left: int
    days: Array
    staying: Array
    low: Array
    high: Array

    def at(self, day: int) -> tuple[float, float, float]:
        """Share still subscribed on a day since joining, with its interval; NaN where the curve has ended."""
        if day > self.days[-1]:
            return float("nan"), float("nan"), float("nan")
        place = int(np.searchsorted(self.days, day, side="right")) - 1
        return float(self.staying[place]), float(self.low[place]), float(self.high[place])


@dataclass(frozen=True)
class Retention(Result):
    """How long viewers stay, and which newcomers still watch.

    Attributes:
        segment: What the curves are split by, or None.
        curves: Survival curves, the largest group first.
        p: p-value of "all groups are alike" (log-rank), or None with one group.
        cohorts: Months of joining, as `2024-07`, length C.
        newcomers: Viewers who joined in each, shape (C,).
        active: Share of them with a play in the k-th month after the month of joining, shape (C, K); NaN where that
            month is not over.
        odd: Viewers left out because they left before they joined, or their day of joining is unknown.
    """

    segment: str | None
    curves: tuple[Curve, ...]
    p: float | None
    cohorts: tuple[str, ...]
    newcomers: npt.NDArray[np.int64]
    active: Array
    odd: int

    def to_frame(self) -> pd.DataFrame:
        """The curves and the triangle below each other; `part` says which (stays, active)."""
        stays = [
            pd.DataFrame({
                "part": "stays", "group": curve.group, "days_since_joining": curve.days, "share": curve.staying,
                "low": curve.low, "high": curve.high, "viewers": curve.viewers,
            })
            for curve in self.curves
        ]  # fmt: skip
        cohort, month = np.nonzero(np.isfinite(self.active))
        names = [self.cohorts[c] for c in cohort]
        triangle = pd.DataFrame({
            "part": "active", "group": names, "months_since_joining": month, "share": self.active[cohort, month],
            "viewers": self.newcomers[cohort],
        })  # fmt: skip
        return pd.concat([*stays, triangle], ignore_index=True)

    def headline(self) -> str:
        """How many stay for a year, or as long as is known."""
        whole = self.curves[0]
        day = int(min(A_YEAR, whole.days[-1]))
        return f"{percent(whole.at(day)[0], 0)} are still subscribed {day} days after joining"

    def summary(self) -> str:
        """Share that stays, with its interval, and whether groups differ."""
        whole = self.curves[0]
        day = int(min(A_YEAR, whole.days[-1]))
        value, low, high = (100 * number for number in whole.at(day))
        of = "viewers" if self.segment is None else f"viewers in {whole.group}, the largest group,"
        text = (
            f"{value:.1f} % of {of} are still subscribed {day} days after joining (95 % interval {low:.1f} to "
            f"{high:.1f} %, {whole.viewers:,} viewers)"
        )
        if self.p is None:
            return f"{text}."
        word = (self.segment or "").replace("_", " ")
        verdict = f"groups by {word} differ" if self.p <= 0.05 else f"groups by {word} can't be told apart"
        return f"{text}; {verdict} (log-rank p = {self.p:.3f})."


def retention(
    dataset: Dataset,
    *,
    segment: str | None = None,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
) -> Retention:
    """How long viewers stay (Kaplan and Meier), and which newcomers still watch (cohorts by month of joining).

    Viewers who joined before the data begin enter the curve at the age they had then (delayed entry): those who left
    earlier are not in the data. Viewers who have not left count until the last day of the data.

    Args:
        dataset: A dataset with views, and viewers with their days of joining and leaving.
        segment: Of `SEGMENTS`, or None.
        workspace: Where cubes are kept.
        progress: Told about the building of cubes.

    Raises:
        DataError: Nothing is known of joining and leaving, or too few viewers are.
        ParameterError: The segment is unknown.

    Source: Kaplan and Meier (1958); bands on the log(−log) scale with Greenwood's variance are Kalbfleisch and
    Prentice's (1980).
    """
    check_followed(dataset)
    columns = dataset.columns("viewers")
    if segment is not None and segment not in SEGMENTS:
        raise ParameterError(f"There is no segment {segment!r}.", f"Choose one of: {', '.join(SEGMENTS)}.")
    if segment is not None and segment not in columns:
        raise DataError(f"The viewers of {dataset.name} have no column {segment}.", "Choose another segment.")
    what = events(dataset)
    cube = cubes.build(dataset, cubes.VIEWER_MONTHS, what, workspace=workspace, progress=progress)
    months = cube.totals(["viewer_id", "month"], measures=["events"])
    days = cubes.build(dataset, cubes.DAILY, what, workspace=workspace, progress=progress).values("date")
    first, last = pd.Timestamp(days[0]), pd.Timestamp(days[-1])
    viewers = first_stays(dataset, [segment] if segment else [])
    joined, left = pd.to_datetime(viewers["joined_on"]), pd.to_datetime(viewers["left_on"])
    stayed = (left.fillna(last) - joined).dt.days
    entry = (first - joined).dt.days.clip(lower=0)
    good = (stayed > entry) & joined.notna()
    odd = int((joined.isna() | (stayed < 0)).sum())
    if good.sum() < LEAST_AT_RISK:
        raise DataError(f"Only {int(good.sum())} viewers can be followed.", f"At least {LEAST_AT_RISK} are needed.")
    known = pd.DataFrame({"days": stayed, "entry": entry, "left": left.notna()})[good].astype(float)
    group = (
        viewers.loc[good, segment].fillna("unknown").astype(str) if segment else pd.Series("all viewers", known.index)
    )
    names = group.value_counts().index[:MOST_GROUPS]
    curves = tuple(c for name in names if (c := kaplan_meier(str(name), known[(group == name).to_numpy()])) is not None)
    if not curves:
        raise DataError("No group is large enough for a curve.", "Choose another segment.")
    cohorts, newcomers, active = _triangle(months, viewers["viewer_id"], joined, first, last)
    shown = group.isin([curve.group for curve in curves]).to_numpy()
    p = _log_rank(known[shown], group[shown]) if len(curves) > 1 else None
    return Retention(segment, curves, p, cohorts, newcomers, active, odd)


def check_followed(dataset: Dataset) -> None:
    """Refuse a dataset whose viewers can't be followed from joining to leaving.

    Raises:
        DataError: There are no views, or nothing is known of joining and leaving.
    """
    columns = dataset.columns("viewers") if dataset.has("viewers") else ()
    if not dataset.has("views") or not {"joined_on", "left_on"} <= set(columns):
        raise DataError(
            f"{dataset.name} does not say when viewers joined and left.",
            "Bring a table of viewers with the columns joined_on and left_on.",
        )


def first_stays(dataset: Dataset, columns: list[str]) -> pd.DataFrame:
    """One row a viewer: `viewer_id`, `joined_on`, `left_on` and the columns wanted.

    Where the dataset has every stay of those who left and came back, it is the first one. Without them, such viewers
    have no day of leaving.
    """
    wanted: list[str] = ["viewer_id", "joined_on", "left_on", *columns]
    viewers = dataset.frame("viewers", wanted).drop_duplicates("viewer_id").set_index("viewer_id", drop=False)
    if dataset.has("memberships"):
        stays = dataset.frame("memberships").sort_values(["viewer_id", "joined_on"], kind="stable")
        first = stays.drop_duplicates("viewer_id").set_index("viewer_id")
        there = viewers.index.intersection(first.index)
        viewers.loc[there, ["joined_on", "left_on"]] = first.loc[there, ["joined_on", "left_on"]].to_numpy()
    return viewers.reset_index(drop=True)


def kaplan_meier(name: str, known: pd.DataFrame) -> Curve | None:
    """Survival of one group from `days`, `entry` and `left`; None where too few are followed or nobody left."""
    from statsmodels.duration.survfunc import SurvfuncRight

    if len(known) < LEAST_AT_RISK or not known["left"].any():
        return None
    found = SurvfuncRight(known["days"].to_numpy(), known["left"].to_numpy(), entry=known["entry"].to_numpy())
    enough = found.n_risk >= LEAST_AT_RISK
    time, value, error = (np.asarray(v, dtype=np.float64)[enough] for v in (found.surv_times, found.surv_prob,
                                                                           found.surv_prob_se))  # fmt: skip
    inner = (value > 0) & (value < 1)
    time, value, error = time[inner], value[inner], error[inner]
    if not len(time):
        return None
    log = np.log(-np.log(value))
    half = 1.959963984540054 * error / np.abs(value * np.log(value))
    low, high = np.exp(-np.exp(log + half)), np.exp(-np.exp(log - half))
    ends = (
        np.concatenate([[start], numbers]) for start, numbers in ((0.0, time), (1.0, value), (1.0, low), (1.0, high))
    )
    return Curve(name, len(known), int(known["left"].sum()), *ends)


def _log_rank(known: pd.DataFrame, group: pd.Series) -> float:
    from statsmodels.duration.survfunc import survdiff

    _, p = survdiff(
        known["days"].to_numpy(), known["left"].to_numpy(), group.to_numpy(str), entry=known["entry"].to_numpy()
    )
    return float(p)


def _triangle(
    months: pd.DataFrame, viewer: pd.Series, joined: pd.Series, first: pd.Timestamp, last: pd.Timestamp
) -> tuple[tuple[str, ...], npt.NDArray[np.int64], Array]:
    """Share of each month's newcomers with a play in the months after; months that are not over are left out."""
    end = last.year * 12 + last.month - (0 if last.is_month_end else 1)
    start = first.year * 12 + first.month
    number = (joined.dt.year * 12 + joined.dt.month).where(joined >= first)
    of_viewer = pd.Series(number.to_numpy(), index=viewer.to_numpy()).dropna().astype(np.int64)
    known = months[months["viewer_id"].isin(of_viewer.index)]
    begun = of_viewer.loc[known["viewer_id"]].to_numpy(np.int64)
    calendar = known["month"].to_numpy(np.int64)
    since = calendar // 100 * 12 + calendar % 100 - begun
    size = max(end - start + 1, 0)
    count, watched = np.zeros(size, dtype=np.int64), np.zeros((size, size))
    inside = of_viewer[(of_viewer >= start) & (of_viewer <= end)]
    np.add.at(count, inside.to_numpy() - start, 1)
    use = (since >= 0) & (begun >= start) & (begun + since <= end)
    np.add.at(watched, (begun[use] - start, since[use]), 1)
    over = np.arange(size)[:, None] + np.arange(size)[None, :] < size
    shares = np.where(over & (count[:, None] > 0), watched / np.maximum(count[:, None], 1), np.nan)
    kept = count > 0
    names = tuple(f"{(m - 1) // 12:04d}-{(m - 1) % 12 + 1:02d}" for m in range(start, end + 1))
    return tuple(name for name, there in zip(names, kept, strict=True) if there), count[kept], shares[kept]
