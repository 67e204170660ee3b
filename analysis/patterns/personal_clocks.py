"""Personal clocks: viewers grouped by when they watch, and whether they stay in their group."""

from __future__ import annotations

from dataclasses import dataclass

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.data import Dataset
from analysis.data.dataset import Tables
from analysis.errors import DataError
from analysis.patterns.events import events
from analysis.patterns.kept import Kept, Rows, with_minute
from analysis.patterns.sessions import need
from analysis.patterns.words import few, with_interval
from analysis.results import Progress, Result
from analysis.stats import clustered, multinomials
from analysis.stats.clustered import Interval
from analysis.workspace import Workspace

LEAST = 10
"""Sittings that a viewer must have in each half of their time to be grouped."""
FEWEST_VIEWERS = 40
MOST_GROUPS = 5
AT_MOST = 2_000_000
"""Plays from which only some viewers are looked at, drawn by a hash of their number."""
HOURS = 3
PARTS = ("nights", "small hours", "early mornings", "mornings", "middays", "afternoons", "evenings", "late evenings")
"""Names of three hours each, from midnight on."""
CELLS = tuple(f"{days} {part}" for days in ("weekday", "weekend") for part in PARTS)

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PersonalClocks(Result):
    """Groups of viewers with like clocks. K groups, 16 cells: weekdays, then the weekend, in three hours each.

    Attributes:
        viewers: Viewers grouped.
        left_out: Viewers with too few sittings.
        zone_label: On whose clock hours are.
        names: When each group watches more than others, the largest group first, length K.
        share: Share of the viewers in each.
        profile: Share of a group's sittings in each cell, shape (K, 16).
        lift: That over the same share of all viewers, shape (K, 16).
        stay: Of the viewers who are in a group by the first half of their time, the share in it by the second half.
        same: Share of all viewers who are in the same group by both halves.
        by_chance: The same if the halves had nothing to do with each other.
        gain: How much better 1, 2, … groups foretell odd days from even ones than one does: log-likelihood a sitting.
    """

    viewers: int
    left_out: int
    zone_label: str
    names: tuple[str, ...]
    share: tuple[Interval, ...]
    profile: Array
    lift: Array
    stay: tuple[Interval, ...]
    same: Interval
    by_chance: float
    gain: tuple[float, ...]

    def to_frame(self) -> pd.DataFrame:
        """One row a group and cell: shares, lift, and how many stay in the group."""
        groups, cells = self.profile.shape
        return pd.DataFrame(
            {
                "group": np.repeat(self.names, cells),
                "share_of_viewers": np.repeat([i.value for i in self.share], cells),
                "time": np.tile(CELLS, groups),
                "share_of_sittings": self.profile.ravel(),
                "lift": self.lift.ravel(),
                "stay_share": np.repeat([i.value for i in self.stay], cells),
                "stay_low": np.repeat([i.low for i in self.stay], cells),
                "stay_high": np.repeat([i.high for i in self.stay], cells),
            }
        )

    def headline(self) -> str:
        """How many groups there are."""
        if len(self.names) == 1:
            return "Viewers don't fall into groups by when they watch"
        return f"{len(self.names)} groups of viewers, told apart by when they watch"

    def summary(self) -> str:
        """The groups, and how many viewers stay in theirs, against chance."""
        if len(self.names) == 1:
            return (
                f"By when they watch, {self.viewers:,} viewers don't fall into groups: none foretell one half of their "
                f"days from the other better than the clock of all viewers does ({self.zone_label})."
            )
        groups = [f"{name} ({i.value * 100:.0f} %)" for name, i in zip(self.names, self.share, strict=True)]
        return (
            f"{self.viewers:,} viewers fall into {len(groups)} groups, by when they watch more than others: "
            f"{', '.join(groups)}. {with_interval(self.same)} are in the same group by the first and by the second "
            f"half of their time, where chance gives {self.by_chance * 100:.0f} % ({self.zone_label}).{few(self.same)}"
        )


def personal_clocks(
    dataset: Dataset, *, workspace: Workspace | None = None, progress: Progress | None = None
) -> PersonalClocks:
    """Group viewers by when they watch.

    Days on which a viewer watched in three hours of the clock are counted (sittings), for weekdays and the weekend, in
    the first and the second half of each viewer's time. Groups are a mixture of multinomials. Their number is the
    smallest whose groups, fitted to even days, foretell the odd ones as well as the best number does, within one
    standard error over viewers. How stable they are is read off the two halves, each by itself.

    Args:
        dataset: A dataset with views and times of day.
        workspace: Where counts are kept.
        progress: Told about the counting.

    Raises:
        DataError: There are no views or no times of day, or too few viewers with enough sittings.

    Source: McLachlan and Peel (2000), Finite Mixture Models, for the mixture; the one-standard-error rule is Breiman,
    Friedman, Olshen and Stone (1984).
    """
    need(dataset, ("started_local",))
    what = events(dataset)
    if not what.has_hours:
        raise DataError(
            f"{dataset.name} has dates without times of day.", "Nothing can be said about hours without them."
        )
    counts, viewer_bucket, left_out = _halves(SITTINGS.read(dataset, workspace=workspace, progress=progress))
    if len(counts) < FEWEST_VIEWERS:
        raise DataError(
            f"{len(counts)} viewers have {LEAST} sittings or more in each half of their time; groups need "
            f"{FEWEST_VIEWERS}.",
            "Bring a longer period, or more viewers.",
        )
    chosen, gain = _number(counts[:, :, 0].sum(axis=1), counts[:, :, 1].sum(axis=1))
    first, second = counts.sum(axis=2).transpose(1, 0, 2)
    fit = multinomials.fit(first + second, chosen + 1, seed=chosen)
    whole, by_first, by_second = (fit.most_likely(part) for part in (first + second, first, second))
    order = np.argsort(-np.bincount(whole, minlength=chosen + 1), kind="stable")
    place = np.argsort(order)
    whole, by_first, by_second = place[whole], place[by_first], place[by_second]
    profile = np.stack([(first + second)[whole == g].sum(axis=0) for g in range(chosen + 1)])
    profile = profile / np.maximum(profile.sum(axis=1, keepdims=True), 1)
    overall = (first + second).sum(axis=0)
    lift = profile / np.maximum(overall / overall.sum(), 1e-12)
    size = [np.bincount(labels, minlength=chosen + 1) / len(labels) for labels in (by_first, by_second)]

    def part(inside: npt.NDArray[np.bool_], of: npt.NDArray[np.bool_]) -> Interval:
        counted = [np.bincount(viewer_bucket[mask], minlength=clustered.BUCKETS) for mask in (inside & of, of)]
        return clustered.share(counted[0].astype(float), counted[1].astype(float))

    everybody, same = np.ones(len(first), dtype=bool), by_first == by_second
    return PersonalClocks(
        len(first), left_out, what.zone_label, _names(profile, lift),
        tuple(part(whole == g, everybody) for g in range(chosen + 1)), profile, lift,
        tuple(part(same, by_first == g) for g in range(chosen + 1)), part(same, everybody),
        float(size[0] @ size[1]), gain,
    )  # fmt: skip


def _number(even: Array, odd: Array) -> tuple[int, tuple[float, ...]]:
    """Groups beyond the first, and how much better each number foretells a sitting of odd days than one group does."""
    fits = [multinomials.fit(even, groups, seed=groups) for groups in range(1, MOST_GROUPS + 1)]
    told = np.stack([fit.foretold(even, odd) for fit in fits])
    sittings = odd.sum()
    best = int(told.sum(axis=1).argmax())
    behind = told[best] - told
    # The loss against the best, viewer by viewer: they differ much in how much they watch, their losses less so.
    error = behind.std(axis=1, ddof=1) * np.sqrt(behind.shape[1])
    chosen = int(np.flatnonzero(behind.sum(axis=1) <= error)[0]) if best else 0
    return chosen, tuple(((told - told[0]).sum(axis=1) / sittings).tolist())


def _names(profile: Array, lift: Array) -> tuple[str, ...]:
    """When each group watches more than others: the cell that tells most of it, no two alike."""
    with np.errstate(divide="ignore", invalid="ignore"):
        telling = np.nan_to_num(profile * np.log(lift), nan=-1.0, neginf=-1.0)
    names: list[str] = []
    for row in telling:
        ranked = [CELLS[cell] for cell in np.argsort(-row, kind="stable")]
        names.append(next(name for name in ranked if name not in names))
    return tuple(names)


def _halves(cells: pd.DataFrame) -> tuple[Array, Ints, int]:
    """Sittings by viewer, half, even or odd days, and cell; each viewer's bucket; and how many viewers have too few."""
    viewers = pd.Index(np.unique(cells["viewer_id"]))
    counts = np.zeros((len(viewers), 2, 2, len(CELLS)))
    at = viewers.get_indexer(cells["viewer_id"])
    where = (at, *(cells[name].to_numpy(int) for name in ("half", "odd", "cell")))
    np.add.at(counts, where, cells["sittings"].to_numpy(float))
    bucket = np.zeros(len(viewers), dtype=np.int64)
    bucket[at] = cells["bucket"].to_numpy(np.int64)
    enough = (counts.sum(axis=(2, 3)) >= LEAST).all(axis=1)
    return counts[enough], bucket[enough], int((~enough).sum())


def _count(rows: Rows, tables: Tables, dataset: Dataset) -> Rows:
    some = -(-dataset.info.rows("views") // AT_MOST)
    rows = rows.filter(~nw.col("started_local").is_null())
    if some > 1:
        # Not the buckets' own hash, or whole buckets would be left out.
        rows = rows.filter((nw.col("viewer_id") % 1_000_003 * 7_919 % 1_000_003) % some == 0)
    timed = with_minute(rows, "started_local", "at")
    day, hour = (nw.col("at") // 1440).cast(nw.Int64), (nw.col("at") % 1440 // 60).cast(nw.Int64)
    # Day 0, the first of January 1970, was a Thursday.
    weekend = (((nw.col("day") + 3) % 7) >= 5).cast(nw.Int64)
    timed = timed.with_columns(day=day, block=hour // HOURS).with_columns(cell=weekend * len(PARTS) + nw.col("block"))
    sat = timed.select("bucket", "viewer_id", "day", "cell").unique()
    spans = sat.group_by("viewer_id").agg(((nw.col("day").min() + nw.col("day").max()) / 2).alias("middle"))
    sat = sat.join(spans, on="viewer_id").with_columns(half=(nw.col("day") > nw.col("middle")).cast(nw.Int64))
    by = ("bucket", "viewer_id", "half", "odd", "cell")
    counted = sat.with_columns(odd=nw.col("day") % 2).group_by(*by).agg(nw.len().cast(nw.Int64).alias("sittings"))
    return counted.sort(*by[1:])


SITTINGS = Kept("personal-clocks", 1, "views", _count)
