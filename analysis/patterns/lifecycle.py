"""A title's life: how fast new ones are watched and forgotten, and which ones rise and fade just now."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.data import Dataset
from analysis.data.dataset import Tables
from analysis.errors import DataError
from analysis.patterns import cubes
from analysis.patterns.events import check_timed, events
from analysis.patterns.kept import Kept, Rows
from analysis.patterns.seasons import FALSE_DISCOVERIES
from analysis.patterns.words import few, percent, with_interval
from analysis.results import Progress, Result
from analysis.stats import clustered, multiplicity, shrinkage
from analysis.stats.clustered import Interval
from analysis.workspace import Workspace

Array = npt.NDArray[np.float64]

FOLLOWED = 84
"""Days that a title is followed for after its release."""
EARLY = 15
"""Days whose share is told: publishers say that three quarters of a hit's views fall into them."""
LEAST_TITLES = 8
WINDOW = 28
"""Days that are held against as many days before: four weeks, so that both have the same weekdays."""
LEAST_PLAYS = 20
"""Plays in both windows together that a title must have to be tested."""


@dataclass(frozen=True)
class DecayCurve:
    """How titles of one kind are watched after their release.

    Attributes:
        kind: `all titles`, `film` or `series`.
        titles: Titles released early enough to be followed.
        plays: Their plays in the days followed.
        share: Share of these plays by each day since release, cumulative, shape (84,).
        low: Lower end of its pointwise 95 % band, clustered by title.
        high: Upper end.
        half_day: Day by which half of them have happened, counted from 1.
        early: Share in the first 15 days.
    """

    kind: str
    titles: int
    plays: int
    share: Array
    low: Array
    high: Array
    half_day: int
    early: Interval


@dataclass(frozen=True)
class Decay(Result):
    """How fast new titles are watched and forgotten.

    Attributes:
        noun: `plays` or `ratings`.
        curves: All titles first, then by kind where there are enough.
        others: Releases left out because their first 84 days are not all in the data.
    """

    noun: str
    curves: tuple[DecayCurve, ...]
    others: int

    def to_frame(self) -> pd.DataFrame:
        """One row a kind and day since release."""
        frames = [
            pd.DataFrame({"kind": c.kind, "day": np.arange(1, FOLLOWED + 1), "share_by_day": c.share, "low": c.low,
                          "high": c.high, "titles": c.titles})
            for c in self.curves
        ]  # fmt: skip
        return pd.concat(frames, ignore_index=True)

    def headline(self) -> str:
        """How soon half is watched."""
        return f"Half of what a title gets in its first {FOLLOWED} days it gets by day {self.curves[0].half_day}"

    def summary(self) -> str:
        """Share of the first fifteen days, with interval and sample size, and kinds beside each other."""
        whole = self.curves[0]
        text = (
            f"Of the {self.noun} in a title's first {FOLLOWED} days, {with_interval(whole.early)} fall into the first "
            f"{EARLY}, half of them by day {whole.half_day} ({whole.titles} releases, {whole.plays:,} {self.noun})"
        )
        kinds = [f"{c.kind}: {percent(c.early.value, 0)}" for c in self.curves[1:]]
        return f"{text}{'; ' if kinds else ''}{', '.join(kinds)}.{few(whole.early, of='titles')}"


@dataclass(frozen=True)
class Movers(Result):
    """Titles that rise and fade.

    Attributes:
        noun: `plays` or `ratings`.
        until: Last day counted.
        tested: Titles tested.
        new: Titles released within the two windows: they can but rise, and then fade, and are not tested.
        titles: One row a tested title, the surest first: `title`, `before` and `after` (counts in the two windows),
            `change` (share after ÷ share before), `low`, `high`, `shrunk`, `q`, `claim` (rising, fading or empty),
            `days_old` (days since release; NaN where unknown).
    """

    noun: str
    until: dt.date
    tested: int
    new: int
    titles: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """The titles."""
        return self.titles

    def claims(self, word: str) -> pd.DataFrame:
        """The titles that rise, or fade."""
        return self.titles[self.titles["claim"] == word]

    def headline(self) -> str:
        """How many rise and fade."""
        rising, fading = (len(self.claims(word)) for word in ("rising", "fading"))
        return f"{rising or 'No'} titles rise and {fading or 'none'} fade, of {self.tested} tested"

    def summary(self) -> str:
        """Numbers of claims, and the strongest rise with its interval."""
        rate = f"false discovery rate {percent(FALSE_DISCOVERIES, 0)}"
        over = f"{WINDOW} days to {self.until} against the {WINDOW} before"
        rising = self.claims("rising").sort_values("shrunk", ascending=False)
        fading = self.claims("fading")
        if rising.empty and fading.empty:
            return f"Of {self.tested} titles none rises or fades beyond chance ({over}, {rate})."
        numbers = f"{len(rising) or 'none'} rise and {len(fading) or 'none'} fade"
        text = f"Of {self.tested} titles {numbers} beyond chance ({over}, {rate})"
        if rising.empty:
            return f"{text}."
        first = rising.iloc[0]
        return (
            f"{text}; the strongest rise is {first['title']}, with {first['change']:.1f} times its share before (95 % "
            f"interval {first['low']:.1f} to {first['high']:.1f}, {first['before']:.0f} then {first['after']:.0f} "
            f"{self.noun})."
        )


def decay(dataset: Dataset, *, workspace: Workspace | None = None, progress: Progress | None = None) -> Decay:
    """Share of a release's first twelve weeks by day since release, all releases pooled.

    Only titles whose first twelve weeks lie in the data count. The unit is the title: intervals say how sure this is
    for other titles (jackknife over titles).

    Raises:
        DataError: Release dates are unknown, or too few titles came out within the data.
    """
    what = events(dataset)
    if not dataset.has("titles") or "released_on" not in dataset.columns("titles"):
        raise DataError(
            f"The titles of {dataset.name} have no release dates.", "Import a catalogue with released_on beside them."
        )
    check_timed(dataset, what)
    cube = cubes.build(dataset, cubes.TITLES, what, workspace=workspace, progress=progress)
    cells = cube.totals(["title_id", "date"], measures=["events"])
    columns = ["title_id", "released_on", *(["kind"] if "kind" in dataset.columns("titles") else [])]
    titles = dataset.frame("titles", columns).drop_duplicates("title_id").set_index("title_id")
    day = pd.to_datetime(cells["date"])
    first, last = day.min(), day.max()
    released = pd.to_datetime(titles["released_on"]).dropna()
    within = released[(released >= first) & (released <= last)]
    followed = within[within <= last - pd.Timedelta(days=FOLLOWED - 1)]
    place = followed.index.get_indexer(pd.Index(cells["title_id"]))
    age = (day - released.reindex(cells["title_id"]).to_numpy()).dt.days.to_numpy()
    use = (place >= 0) & (age >= 0) & (age < FOLLOWED)
    plays = np.zeros((len(followed), FOLLOWED))
    np.add.at(plays, (place[use], age[use].astype(int)), cells["events"].to_numpy(float)[use])
    if (plays.sum(axis=1) > 0).sum() < LEAST_TITLES:
        raise DataError(
            f"Only {len(followed)} titles of {dataset.name} came out early enough to be followed for {FOLLOWED} days.",
            f"At least {LEAST_TITLES} with {what.noun} are needed.",
        )
    kinds = titles["kind"].reindex(followed.index).to_numpy() if "kind" in titles else np.full(len(followed), "")
    groups = [("all titles", np.full(len(followed), True)), *((k, kinds == k) for k in ("film", "series"))]
    curves = tuple(
        _curve(name, plays[chosen]) for name, chosen in groups if (plays[chosen].sum(axis=1) > 0).sum() >= LEAST_TITLES
    )
    return Decay(what.noun, curves if len(curves) > 2 else curves[:1], len(within) - len(followed))


def _curve(kind: str, plays: Array) -> DecayCurve:
    share = clustered.jackknife(plays, lambda s: np.cumsum(s, axis=-1)[..., :-1] / s.sum(axis=-1, keepdims=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        # On the logit scale, so that the band stays within 0 and 1.
        error = share.half_width() / (share.value * (1 - share.value))
        logit = np.log(share.value) - np.log1p(-share.value)
        low, high = (1 / (1 + np.exp(-(logit + side * error))) for side in (-1, 1))
    value, bottom, top = (np.append(ends, 1.0) for ends in (share.value, low, high))
    at = EARLY - 1
    early = Interval(
        float(value[at]), float(bottom[at]), float(top[at]), float(share.standard_error[at]), share.clusters
    )
    half = int(np.searchsorted(value, 0.5)) + 1
    return DecayCurve(kind, share.clusters, int(plays.sum()), value, bottom, top, half, early)


def movers(dataset: Dataset, *, workspace: Workspace | None = None, progress: Progress | None = None) -> Movers:
    """Titles whose share of the last four weeks differs from that of the four weeks before.

    Args:
        dataset: A dataset with views or timed ratings over eight weeks or more.
        workspace: Where counts are kept.
        progress: Told about the counting.

    Raises:
        DataError: The ratings carry no times, or there are fewer than eight weeks.
    """
    what = events(dataset)
    check_timed(dataset, what)
    cells = (RECENT if what.table == "views" else RECENTLY_RATED).read(dataset, workspace=workspace, progress=progress)
    if set(cells["later"]) != {0, 1}:
        raise DataError(
            f"{dataset.name} has no {what.noun} in one of its last two stretches of {WINDOW} days.",
            "Rising and fading needs eight weeks.",
        )
    ids = pd.Index(sorted(cells["title_id"].unique()))
    sums = np.zeros((clustered.BUCKETS, 2, len(ids)))
    where = (cells["bucket"].to_numpy(int), cells["later"].to_numpy(int), ids.get_indexer(cells["title_id"]))
    np.add.at(sums, where, cells["plays"].to_numpy(float))
    total = sums.sum(axis=0)
    until = pd.Timestamp(cells["until"].max())
    known = _about(dataset, ids)
    age = (until - pd.to_datetime(known["released_on"])).dt.days.to_numpy(float)
    new = age < 2 * WINDOW
    change, low, high, shrunk, q = changes(sums, np.asarray(~new))
    frame = pd.DataFrame(
        {
            "title": known["name"].to_numpy(), "before": total[0], "after": total[1], "change": change, "low": low,
            "high": high, "shrunk": shrunk, "q": q,
            "claim": np.where(q <= FALSE_DISCOVERIES, np.where(change > 1, "rising", "fading"), ""),
            "days_old": age,
        }
    )  # fmt: skip
    tested = np.isfinite(q)
    frame = frame[tested].sort_values(["q", "title"], kind="stable", ignore_index=True)
    return Movers(what.noun, until.date(), int(tested.sum()), int(new.sum()), frame)


def changes(sums: Array, old: npt.NDArray[np.bool_]) -> tuple[Array, Array, Array, Array, Array]:
    """Share after over share before, of each title, and which differ from 1 beyond chance.

    The logarithm's standard error is that of the jackknife over viewer buckets, and never less than that of
    independent plays, which matters where few viewers make a title's plays.

    Args:
        sums: Plays by viewer bucket, window (before, after) and title, shape (64, 2, T).
        old: Which titles were there in both windows, shape (T,); the others are not tested.

    Returns:
        Change, ends of its 95 % interval, the change shrunk towards 1, and q-values (Benjamini and Hochberg; NaN where
        it has fewer than 20 plays or is new), shape (T,) each.
    """
    total = sums.sum(axis=0)

    def log_change(s: Array) -> Array:
        # Half a play, so that a title that was not watched before has a finite change.
        shares = np.log(s + 0.5) - np.log(s.sum(axis=-1, keepdims=True))
        return np.asarray(shares[..., 1, :] - shares[..., 0, :], dtype=np.float64)

    found = clustered.jackknife(sums, log_change)
    error = np.sqrt(np.maximum(found.standard_error**2, (1 / (total + 0.5)).sum(axis=0)))
    tested = old & (total.sum(axis=0) >= LEAST_PLAYS)
    p = clustered.p_values(found.value, error, found.clusters)
    q = multiplicity.benjamini_hochberg(np.where(tested & (found.clusters >= 2), p, np.nan))
    half = clustered.Jackknife(found.value, error, found.clusters).half_width()
    shrunk, _ = shrinkage.towards_zero(found.value, np.where(tested, error, np.nan))
    return np.exp(found.value), np.exp(found.value - half), np.exp(found.value + half), np.exp(shrunk), q


def _about(dataset: Dataset, ids: pd.Index) -> pd.DataFrame:
    """Name and day of release of titles, in their order."""
    if not dataset.has("titles"):
        return pd.DataFrame({"name": [f"title {i}" for i in ids], "released_on": pd.NaT})
    columns: list[str] = [c for c in ("title_id", "name", "released_on") if c in dataset.columns("titles")]
    found = dataset.frame("titles", columns).drop_duplicates("title_id").set_index("title_id").reindex(ids)
    if "released_on" not in found:
        found["released_on"] = pd.NaT
    return found.assign(name=found["name"].fillna("not in the catalogue"))


def _count_recent(rows: Rows, tables: Tables, dataset: Dataset) -> Rows:
    table, column = ("views", "started_local") if "started_local" in rows.collect_schema().names() else (
        "ratings", "rated_at")  # fmt: skip
    end = tables[table].select(nw.col(column).max()).collect("pyarrow").to_native()[column][0].as_py()
    start, middle = end - dt.timedelta(days=2 * WINDOW), end - dt.timedelta(days=WINDOW)
    recent = rows.filter(nw.col(column) > start).with_columns(later=(nw.col(column) > middle).cast(nw.Int64))
    return recent.group_by("bucket", "later", "title_id").agg(
        nw.len().cast(nw.Int64).alias("plays"), nw.col(column).max().alias("until")
    )


RECENT = Kept("titles-recent", 1, "views", _count_recent)
RECENTLY_RATED = Kept("titles-recently-rated", 1, "ratings", _count_recent)
