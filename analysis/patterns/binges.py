"""Binges: episodes in a row, how long a season takes, and the episode after which viewers stay."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.data import Dataset
from analysis.data.dataset import Tables
from analysis.errors import DataError
from analysis.patterns.kept import Kept, Rows, with_minute
from analysis.patterns.ratios import FINISHED
from analysis.patterns.sessions import in_sessions, need, table
from analysis.patterns.words import few, with_interval
from analysis.results import Progress, Result
from analysis.stats import clustered
from analysis.stats.clustered import Interval
from analysis.stats.shares import wilson
from analysis.workspace import Workspace

Array = npt.NDArray[np.float64]

BINGE = 3
"""Different episodes of one series in one session that make a binge."""
MOST_EPISODES = 12
LONGEST = 120
"""Days that a season is followed for."""
STAYS = 0.7
"""Share of viewers that an episode must bring to the end of the season to be called the one that hooks."""
A_WEEK = 7
_LEAST = 30
"""Viewers who must have finished an episode for it to be judged."""


@dataclass(frozen=True)
class Binges(Result):
    """How series are watched.

    Attributes:
        sittings: Sessions with a series in them, one for each series.
        by_episodes: Share of sittings with 1, 2, … different episodes, shape (12,); the last one is open.
        binges: Share of sittings with three episodes or more.
        next_episode: Share of those who finished episode k who began the next one, for k = 1, 2, …; of seasons that
            have it.
        begun: Viewers who began a season at its first episode, each season counted for itself.
        finishing: Share of them who finished the season within so many days, days 0 to 120; the others may still.
        in_a_week: Share of those who began who finished within a week.
        median_days: Days within which half of those who finish in 120 days do; NaN where nobody does.
        seasons: One row a season, the most begun first: `title`, `episodes`, `began`, `finished_share`,
            `hooks_at` (first episode whose viewers finish the season in 70 % of cases; missing where none does),
            `stay_share`, `low`, `high`.
    """

    sittings: int
    by_episodes: Array
    binges: Interval
    next_episode: tuple[Interval, ...]
    begun: int
    finishing: Array
    in_a_week: Interval
    median_days: float
    seasons: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Shares with intervals, then the seasons; `what` says which."""
        rows: list[tuple[str, str, float, float, float]] = [
            ("share of sittings that are binges", "", self.binges.value, self.binges.low, self.binges.high),
            ("finished within a week", "", self.in_a_week.value, self.in_a_week.low, self.in_a_week.high),
        ]
        rows += [("sittings by episodes", str(n + 1), v, np.nan, np.nan) for n, v in enumerate(self.by_episodes)]
        rows += [("go on after episode", str(k + 1), i.value, i.low, i.high) for k, i in enumerate(self.next_episode)]
        rows += [("finished by day", str(day), v, np.nan, np.nan) for day, v in enumerate(self.finishing)]
        rows += [
            ("hooks at", str(title), float(episode), np.nan, np.nan)
            for title, episode in zip(self.seasons["title"], self.seasons["hooks_at"].astype(float), strict=True)
            if np.isfinite(episode)
        ]
        return pd.DataFrame(rows, columns=["what", "class", "value", "low", "high"])

    def headline(self) -> str:
        """How common binges are."""
        return f"{self.binges.value * 100:.0f} % of sittings with a series are binges of three episodes or more"

    def summary(self) -> str:
        """Binges, seasons finished within a week, and episodes that hook."""
        text = f"{with_interval(self.binges)} of {self.sittings:,} sittings with a series hold three episodes or more"
        if not self.begun or not np.isfinite(self.in_a_week.value):
            return f"{text}.{few(self.binges)}"
        hooked = self.seasons["hooks_at"].notna() if len(self.seasons) else pd.Series(dtype=bool)
        hooks = (
            f"{int(hooked.sum())} of {len(hooked)} seasons have an episode after which {STAYS * 100:.0f} % stay to "
            f"the end, half of them by episode {self.seasons.loc[hooked, 'hooks_at'].median():.0f}"
            if hooked.any()
            else f"no season has an episode after which {STAYS * 100:.0f} % stay to the end"
        )
        finish = f"{with_interval(self.in_a_week)} of those who begin a season finish it in a week"
        return f"{text}; {finish}; {hooks}.{few(self.binges)}"


def binges(dataset: Dataset, *, workspace: Workspace | None = None, progress: Progress | None = None) -> Binges:
    """Episodes in one session, days until a season is finished, and the episode that hooks.

    A season is one where the views number seasons, and the whole series otherwise; its length is what the catalogue
    says. Viewers who began too late to be followed for 120 days count as far as they can be followed (Kaplan and
    Meier); the episode that hooks is sought among those who can.

    Args:
        dataset: A dataset with views, their minutes and their episodes.
        workspace: Where counts are kept.
        progress: Told about the counting.

    Raises:
        DataError: There are no views, no minutes, or no play of a numbered or named episode.

    Source: the episode that hooks is the first after which 70 % of its viewers finish the season (Netflix 2015).
    """
    need(dataset, ("minutes",))
    columns = dataset.columns("views")
    if not {"episode", "episode_name"} & set(columns):
        raise DataError(f"The views of {dataset.name} name no episodes.", "Import them with episodes to see binges.")
    runs = RUNS.read(dataset, workspace=workspace, progress=progress)
    if runs.empty:
        raise DataError(f"No view of {dataset.name} is of an episode.", "Import series with their episodes.")
    by_number = table(runs, "episodes", MOST_EPISODES + 1, "sittings")[:, 1:]
    total = by_number.sum(axis=1)
    share = clustered.share(by_number[:, BINGE - 1 :].sum(axis=1), total)
    unknown = Interval(np.nan, np.nan, np.nan, np.nan, 0)
    nothing = np.full(LONGEST + 1, np.nan)
    spread = by_number.sum(axis=0) / total.sum()
    lasting = "episodes" in (dataset.columns("titles") if dataset.has("titles") else ())
    if not lasting or "episode" not in columns or "completion" not in columns or "season" in columns:
        return Binges(int(total.sum()), spread, share, (), 0, nothing, unknown, np.nan, _no_seasons())
    steps = STEPS.read(dataset, workspace=workspace, progress=progress)
    done, onward = (table(steps, "episode", MOST_EPISODES + 1, name) for name in ("finished", "went_on"))
    going = tuple(clustered.share(onward[:, k], done[:, k]) for k in range(1, MOST_EPISODES + 1))
    days = DAYS.read(dataset, workspace=workspace, progress=progress)
    finished = table(days[days["finished"]], "days", LONGEST + 2, "viewers")
    lost = table(days[~days["finished"]], "days", LONGEST + 2, "viewers")
    curve = finishing_by(finished.sum(axis=0), lost.sum(axis=0))
    week = clustered.jackknife(
        np.stack([finished, lost], axis=1),
        lambda s: _logit(finishing_by(s[..., 0, :], s[..., 1, :])[..., A_WEEK]),
    )
    middle, half = float(week.value), float(week.half_width())
    low, high = (float(1 / (1 + np.exp(-end))) for end in (middle - half, middle + half))
    in_a_week = Interval(float(curve[A_WEEK]), low, high, float(week.standard_error), week.clusters)
    median = float(np.searchsorted(curve, curve[-1] / 2)) if curve[-1] > 0 else np.nan
    seasons = _hooks(dataset, days[days["long_enough"]])
    return Binges(
        int(total.sum()), spread, share, going, int(finished.sum() + lost.sum()), curve, in_a_week, median, seasons
    )


def finishing_by(finished: Array, lost: Array) -> Array:
    """Share that has finished by each day, from counts that finish or are lost from sight on each (Kaplan and Meier).

    Args:
        finished: Counts that finish on day 0, 1, … along the last axis; axes before it are kept.
        lost: Counts last seen unfinished on each day, same shape.

    Returns:
        Shares by day, without the last class, which is open.
    """
    both = finished + lost
    there = both[..., ::-1].cumsum(axis=-1)[..., ::-1]
    left = np.cumprod(1 - finished / np.maximum(there, 1e-12), axis=-1)
    return np.asarray(1 - left[..., :-1], dtype=np.float64)


def _logit(share: Array) -> Array:
    # Nobody, or everybody, stays finite, so that differences between buckets do.
    inside = np.clip(share, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(inside) - np.log1p(-inside), dtype=np.float64)


def _no_seasons() -> pd.DataFrame:
    return pd.DataFrame(
        columns=["title", "episodes", "began", "finished_share", "hooks_at", "stay_share", "low", "high"]
    )


def _hooks(dataset: Dataset, reached: pd.DataFrame) -> pd.DataFrame:
    """Each series: who finished it, and the first episode after which 70 % do."""
    titles = dataset.frame("titles", ["title_id", "name", "episodes"]).drop_duplicates("title_id").set_index("title_id")
    counts = reached.groupby(["title_id", "furthest"])["viewers"].sum().reset_index()
    bounds = np.flatnonzero(np.diff(counts["title_id"].to_numpy(), prepend=-1, append=-1))
    furthest, viewers = counts["furthest"].to_numpy(int), counts["viewers"].to_numpy(float)
    known = titles.reindex(counts["title_id"])
    names, lengths = known["name"].tolist(), known["episodes"].astype(int).tolist()
    rows = []
    for start, end in pairwise(bounds):
        name, length = names[start], lengths[start]
        beyond = np.bincount(furthest[start:end], viewers[start:end], length + 1)[::-1].cumsum()[::-1]
        if beyond[1] < _LEAST:
            continue
        stay = beyond[length] / np.maximum(beyond, 1)
        good = np.flatnonzero((stay[1:length] >= STAYS) & (beyond[1:length] >= _LEAST)) + 1
        hook = int(good[0]) if len(good) else None
        low, high = wilson(beyond[length], beyond[hook]) if hook else (np.nan, np.nan)
        at = (np.nan, np.nan) if hook is None else (float(hook), float(stay[hook]))
        rows.append((name, length, int(beyond[0]), beyond[length] / beyond[0], *at, low, high))
    found = pd.DataFrame(rows, columns=_no_seasons().columns)
    return found.sort_values(["began", "title"], ascending=[False, True], ignore_index=True)


def _episodes(rows: Rows, dataset: Dataset) -> Rows:
    """Plays of episodes, with a text `which` that tells one episode of a title from another."""
    named = [c for c in ("season", "episode", "episode_name") if c in dataset.columns("views")]
    # The season alone doesn't say which episode.
    told = [nw.col(c) for c in named if c != "season"]
    rows = rows.filter(~nw.all_horizontal(*(c.is_null() for c in told), ignore_nulls=False))
    return rows.with_columns(
        which=nw.concat_str(*(nw.col(c).cast(nw.String).fill_null("") for c in named), separator="|")
    )


def _count_runs(rows: Rows, tables: Tables, dataset: Dataset) -> Rows:
    each = _episodes(in_sessions(rows, dataset), dataset)
    keys = ("bucket", "viewer_id", "session", "title_id")
    each = each.group_by(*keys, "which").agg(nw.len().alias("plays")).group_by(*keys).agg(nw.len().alias("episodes"))
    each = each.with_columns(episodes=nw.min_horizontal(nw.col("episodes"), nw.lit(MOST_EPISODES)).cast(nw.Int64))
    return each.group_by("bucket", "episodes").agg(nw.len().cast(nw.Int64).alias("sittings"))


def _lengths(rows: Rows, tables: Tables) -> Rows:
    """Plays of numbered episodes with `length`, the series' number of them."""
    titles = tables["titles"].group_by("title_id").agg(nw.col("episodes").max().alias("length"))
    rows = rows.filter(~nw.col("episode").is_null()).join(titles, on="title_id", how="inner")
    return rows.filter(nw.col("length") > 1, nw.col("episode") <= nw.col("length"))


def _by_episode(rows: Rows, tables: Tables) -> Rows:
    """One row a viewer, title and episode: whether it was finished, and the title's length."""
    return (
        _lengths(rows, tables)
        .group_by("bucket", "viewer_id", "title_id", "episode", "length")
        .agg((nw.col("completion").max() >= FINISHED).fill_null(False).cast(nw.Int64).alias("finished"))
    )


def _count_steps(rows: Rows, tables: Tables, dataset: Dataset) -> Rows:
    each = _by_episode(rows, tables)
    following = nw.col("episode").shift(-1).over("viewer_id", "title_id", order_by="episode")
    each = each.with_columns(following=following).filter(
        nw.col("finished") == 1, nw.col("episode") < nw.col("length"), nw.col("episode") <= MOST_EPISODES
    )
    went = (nw.col("following") == nw.col("episode") + 1).fill_null(False).cast(nw.Int64)
    return (
        each.with_columns(went_on=went)
        .group_by("bucket", "episode")
        .agg(nw.len().cast(nw.Int64).alias("finished"), nw.col("went_on").sum().cast(nw.Int64))
    )


def _begun(rows: Rows, tables: Tables) -> Rows:
    """One row a viewer and title: minute of the first play of episode 1, and of finishing the last (or null)."""
    rows = with_minute(_lengths(rows, tables), "started_at", "at")
    last = (nw.col("episode") == nw.col("length")) & (nw.col("completion") >= FINISHED)
    rows = rows.with_columns(
        first=nw.when(nw.col("episode") == 1).then(nw.col("at")),
        done=nw.when(last).then(nw.col("at")),
        passed=nw.when(nw.col("completion") >= FINISHED).then(nw.col("episode")).otherwise(nw.lit(0)),
    )
    each = rows.group_by("bucket", "viewer_id", "title_id").agg(
        nw.col("first").min(), nw.col("done").min(), nw.col("passed").max().alias("furthest")
    )
    end = with_minute(tables["views"].select("started_at"), "started_at", "moment").select(nw.col("moment").max())
    seen = each.join(end.with_columns(one=nw.lit(1)), how="cross")
    return seen.filter(~nw.col("first").is_null()).with_columns(followed=(nw.col("moment") - nw.col("first")) / 1440)


def _count_days(rows: Rows, tables: Tables, dataset: Dataset) -> Rows:
    each = _begun(rows, tables)
    took = (nw.col("done") - nw.col("first")) / 1440
    finished = (~nw.col("done").is_null()) & (took >= 0) & (took <= LONGEST)
    lasted = nw.when(finished).then(took).otherwise(nw.col("followed"))
    each = each.with_columns(
        finished=finished.fill_null(False),
        days=nw.min_horizontal(lasted.floor(), nw.lit(float(LONGEST + 1))).cast(nw.Int64),
        long_enough=nw.col("followed") >= LONGEST,
    )
    keys = ("bucket", "title_id", "days", "finished", "furthest", "long_enough")
    return each.group_by(*keys).agg(nw.len().cast(nw.Int64).alias("viewers"))


RUNS = Kept("binge-runs", 1, "views", _count_runs)
STEPS = Kept("binge-steps", 1, "views", _count_steps)
DAYS = Kept("binge-days", 2, "views", _count_days)
