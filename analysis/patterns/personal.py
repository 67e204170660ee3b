"""One viewer's year: their clock, seasons, titles, binges and devices."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis import engine
from analysis.data import Dataset
from analysis.data.dataset import Tables
from analysis.errors import DataError, ParameterError
from analysis.patterns.binges import BINGE
from analysis.patterns.events import NO_GENRE, UNKNOWN, catalogue, events
from analysis.patterns.kept import Kept, Rows
from analysis.patterns.sessions import BREAK, need
from analysis.patterns.words import MONTHS, PLAIN, WEEKDAYS, Habits
from analysis.results import Progress, Result
from analysis.workspace import Workspace

Array = npt.NDArray[np.float64]

CHOICES = 200
"""Viewers to choose from: the most active."""
KINDS_SHOWN = 6
LISTED = 12


@dataclass(frozen=True)
class MyYear(Result):
    """One viewer's year.

    Attributes:
        who: Name of the viewer, or `viewer 12`.
        you: Whether the dataset is of one person, their own.
        year: The year.
        measure: What is added up: `minutes`, or `plays` where minutes are unknown.
        has_hours: Whether times of day are known.
        zone_label: On whose clock.
        plays: Plays in the year.
        total: Minutes (or plays) in the year.
        days: Every day of the year, length D.
        by_day: The measure of each day, shape (D,).
        clock: The measure by weekday (Monday first) and hour, shape (7, 24).
        groups: What months are split by: genres, or films and series where no title has a genre.
        by_month: The measure by month and group, shape (12, len(groups)); 1/k for each genre of a title.
        titles: The most watched: `title`, `kind`, `plays`, `minutes`, `share`.
        different: How many different titles.
        devices: `device`, `share`, the most used first; empty where unknown.
        binges: The longest sittings with three episodes or more of one series: `date`, `title`, `episodes`, `minutes`.
        streak: Days in a row with a play, at most, and the first of them.
        first: First title of the year.
        last: Last title of the year.
        again: Share of plays of something watched before; NaN where unknown.
    """

    who: str
    you: bool
    year: int
    measure: str
    has_hours: bool
    zone_label: str
    plays: int
    total: float
    days: tuple[dt.date, ...]
    by_day: Array
    clock: Array
    groups: tuple[str, ...]
    by_month: Array
    titles: pd.DataFrame
    different: int
    devices: pd.DataFrame
    binges: pd.DataFrame
    streak: tuple[int, dt.date]
    first: str
    last: str
    again: float

    def to_frame(self) -> pd.DataFrame:
        """Everything below each other; `part` says which."""
        day = pd.DataFrame({"part": "day", "name": [d.isoformat() for d in self.days], self.measure: self.by_day})
        hour = pd.DataFrame(
            {
                "part": "hour of the week",
                "name": [f"{w} {h}:00" for w in WEEKDAYS for h in range(24)],
                self.measure: self.clock.ravel(),
            }
        )
        month = pd.DataFrame(
            {
                "part": "month",
                "name": [f"{m} {g}" for m in MONTHS for g in self.groups],
                self.measure: self.by_month.ravel(),
            }
        )
        title = pd.DataFrame({"part": "title", "name": self.titles["title"], self.measure: self.titles[self.measure]})
        return pd.concat([day, *([hour] if self.has_hours else []), month, title], ignore_index=True)

    @property
    def active(self) -> int:
        """Days with a play."""
        return int((self.by_day > 0).sum())

    @property
    def peak(self) -> tuple[int, int]:
        """Weekday (0 is Monday) and hour in which most is watched."""
        weekday, hour = divmod(int(self.clock.argmax()), 24)
        return weekday, hour

    @property
    def night(self) -> float:
        """Share from midnight to 6:00."""
        return float(self.clock[:, :6].sum() / max(self.clock.sum(), 1e-12))

    def headline(self) -> str:
        """How much, and what most of all."""
        return f"{self._amount()} in {self.year}, most of all {self.titles['title'].iloc[0]}"

    def summary(self, habits: Habits = PLAIN) -> str:
        """How much on how many days, what most of all, and when."""
        subject = "You" if self.you else self.who[:1].upper() + self.who[1:]
        text = (
            f"{subject} watched {self._amount()} on {self.active} days of {self.year}: {self.different} different "
            f"titles, most of all {self.titles['title'].iloc[0]}"
        )
        if not self.has_hours:
            return f"{text}."
        weekday, hour = self.peak
        hours = f"from {habits.hour(hour)} to {habits.hour(hour + 1)}"
        return f"{text}, and most often on {WEEKDAYS[weekday]} {hours} ({self.zone_label})."

    def _amount(self) -> str:
        return f"{self.total / 60:,.0f} hours" if self.measure == "minutes" else f"{self.plays:,} plays"


def people(dataset: Dataset, *, workspace: Workspace | None = None, progress: Progress | None = None) -> dict[int, str]:
    """The viewers to choose from, the most active first: id and name.

    Raises:
        DataError: There are no views.
    """
    need(dataset, ())
    found = ACTIVE.read(dataset, workspace=workspace, progress=progress)
    found = found.sort_values(["plays", "viewer_id"], ascending=[False, True]).head(CHOICES)
    names: dict[int, str] = {}
    if dataset.has("viewers") and "name" in dataset.columns("viewers"):
        table = dataset.frame("viewers", ["viewer_id", "name"]).dropna()
        names = dict(zip(table["viewer_id"].tolist(), table["name"].astype(str).tolist(), strict=True))
    return {int(viewer): names.get(int(viewer), f"viewer {viewer}") for viewer in found["viewer_id"]}


def my_year(dataset: Dataset, viewer: int, year: int | None = None) -> tuple[MyYear, tuple[int, ...]]:
    """One viewer's year, and the years there are.

    Only this viewer's plays are read.

    Args:
        dataset: A dataset with views.
        viewer: The viewer's id.
        year: A year with plays; the last one by default.

    Raises:
        DataError: There are no views, or none of this viewer.
        ParameterError: The viewer has no plays in that year.
    """
    need(dataset, ())
    plays = _plays(dataset, viewer)
    years = tuple(sorted({int(y) for y in plays["local"].dt.year}))
    year = years[-1] if year is None else year
    if year not in years:
        raise ParameterError(f"There are no plays in {year}.", f"Choose one of: {', '.join(map(str, years))}.")
    plays = plays[plays["local"].dt.year == year].sort_values("local", kind="stable", ignore_index=True)
    what = events(dataset)
    measure = "minutes" if what.has_minutes and plays["minutes"].sum() > 0 else "plays"
    value = plays["minutes"].fillna(0.0) if measure == "minutes" else pd.Series(1.0, plays.index)
    plays = plays.assign(value=value)
    local = plays["local"].dt
    clock = np.zeros((7, 24))
    np.add.at(clock, (local.day_of_week.to_numpy(), local.hour.to_numpy()), value.to_numpy(float))
    days = [stamp.date() for stamp in pd.date_range(f"{year}-01-01", f"{year}-12-31")]
    by_day = np.bincount(local.day_of_year.to_numpy() - 1, value, len(days)).astype(np.float64)
    titles = plays.groupby("title", sort=False).agg(
        kind=("kind", "first"), plays=("title", "size"), minutes=("minutes", "sum"), value=("value", "sum")
    )
    titles = titles.sort_values(["value", "plays"], ascending=False, kind="stable").reset_index()
    titles["share"] = titles.pop("value") / max(float(value.sum()), 1e-12)
    groups, by_month = _months(dataset, plays)
    used = plays.dropna(subset=["device"])
    shares = used.groupby("device")["value"].sum().sort_values(ascending=False, kind="stable")
    devices = (shares / max(float(shares.sum()), 1e-12)).rename("share").reset_index()
    name = _name(dataset, viewer)
    own = dataset.info.kind == "personal" and dataset.info.rows("viewers") <= 1
    found = MyYear(
        who=name, you=own, year=year, measure=measure, has_hours=what.has_hours,
        zone_label=what.zone_label, plays=len(plays), total=float(value.sum()), days=tuple(days), by_day=by_day,
        clock=clock, groups=groups, by_month=by_month, titles=titles.head(LISTED), different=len(titles),
        devices=devices, binges=_binges(plays, measure, what.has_hours), streak=_streak(by_day, days),
        first=str(plays["title"].iloc[0]), last=str(plays["title"].iloc[-1]),
        again=float(plays["is_repeat"].astype(float).mean()) if plays["is_repeat"].notna().any() else float("nan"),
    )  # fmt: skip
    return found, years


def _plays(dataset: Dataset, viewer: int) -> pd.DataFrame:
    """All plays of one viewer with names; columns that the dataset lacks are there and empty."""
    wanted = ("title_id", "started_local", "minutes", "device", "is_repeat", "session_id", "season", "episode",
              "episode_name")  # fmt: skip
    there: list[str] = [column for column in wanted if column in dataset.columns("views")]
    with dataset.read() as tables:
        mine = tables["views"].filter(nw.col("viewer_id") == viewer).select(there)
        plays = engine.to_pandas(mine)
    if plays.empty:
        raise DataError(f"Viewer {viewer} of {dataset.name} has no plays.", "Choose another viewer.")
    plays = plays.reindex(columns=list(wanted)).rename(columns={"started_local": "local"})
    columns: list[str] = [c for c in ("title_id", "name", "kind") if c in dataset.columns("titles")] if (
        dataset.has("titles")) else []  # fmt: skip
    known = (
        dataset.frame("titles", columns).drop_duplicates("title_id").set_index("title_id")
        if columns
        else pd.DataFrame()
    )
    known = known.reindex(plays["title_id"])
    unnamed = [f"title {title}" for title in plays["title_id"]]
    names = known["name"].to_numpy() if "name" in known else np.full(len(plays), None)
    kinds = known["kind"].to_numpy() if "kind" in known else np.full(len(plays), None)
    return plays.assign(
        title=[name if isinstance(name, str) else other for name, other in zip(names, unnamed, strict=True)],
        kind=[kind if isinstance(kind, str) else UNKNOWN for kind in kinds],
        minutes=plays["minutes"].astype(float),
    )


def _months(dataset: Dataset, plays: pd.DataFrame) -> tuple[tuple[str, ...], Array]:
    """Months by genre, the largest genres first and the others together; by kind where no title has a genre."""
    month = plays["local"].dt.month.to_numpy() - 1
    group, weight, place = plays["kind"].to_numpy(str), np.ones(len(plays)), np.arange(len(plays))
    if "genre" in events(dataset).splits:
        genres = catalogue(dataset)["genres"].to_pandas()
        joined = plays.reset_index()[["index", "title_id"]].merge(genres, left_on="title_id", right_on="genre_of")
        if set(joined["genre"]) - {NO_GENRE}:
            group, weight = joined["genre"].to_numpy(str), joined["weight"].to_numpy(float)
            place = joined["index"].to_numpy(int)
    amount = plays["value"].to_numpy(float)[place] * weight
    sizes = pd.Series(amount).groupby(group).sum().sort_values(ascending=False, kind="stable")
    names = list(sizes.index[:KINDS_SHOWN])
    if len(sizes) > KINDS_SHOWN:
        names.append("others")
        group = np.where(np.isin(group, names), group, "others")
    found = np.zeros((12, len(names)))
    np.add.at(found, (month[place], pd.Index(names).get_indexer(pd.Index(group))), amount)
    return tuple(names), found


def _binges(plays: pd.DataFrame, measure: str, has_hours: bool) -> pd.DataFrame:
    """Sittings with three different episodes or more of one series; a day is one where hours are unknown."""
    named = plays[["season", "episode", "episode_name"]].notna()
    of_series = plays[named[["episode", "episode_name"]].any(axis=1)]
    empty = pd.DataFrame(columns=["date", "title", "episodes", measure])
    if of_series.empty:
        return empty
    if not has_hours:
        sitting = of_series["local"].dt.normalize()
    elif of_series["session_id"].notna().all():
        sitting = of_series["session_id"]
    else:
        ended = plays["local"] + pd.to_timedelta(plays["minutes"].fillna(0.0), unit="min")
        begins = plays["local"] - ended.shift() > pd.Timedelta(minutes=BREAK)
        sitting = begins.cumsum().loc[of_series.index]
    # A missing part must not make the whole name missing.
    parts = [of_series[name].astype("string").fillna("") for name in ("season", "episode", "episode_name")]
    which = parts[0] + "|" + parts[1] + "|" + parts[2]
    found = of_series.assign(sitting=sitting, which=which).groupby(["sitting", "title"], sort=False).agg(
        date=("local", "min"), episodes=("which", "nunique"), amount=("value", "sum")
    ).reset_index()  # fmt: skip
    found = found[found["episodes"] >= BINGE].sort_values(["episodes", "amount"], ascending=False, kind="stable")
    found = found.assign(date=found["date"].dt.date).rename(columns={"amount": measure})
    return found[["date", "title", "episodes", measure]].reset_index(drop=True) if len(found) else empty


def _streak(by_day: Array, days: list[dt.date]) -> tuple[int, dt.date]:
    """The longest run of days with a play, and its first day."""
    best = start = run = 0
    for place, value in enumerate(by_day):
        run = run + 1 if value > 0 else 0
        if run > best:
            best, start = run, place - run + 1
    return best, days[start]


def _name(dataset: Dataset, viewer: int) -> str:
    if dataset.has("viewers") and "name" in dataset.columns("viewers"):
        table = dataset.frame("viewers", ["viewer_id", "name"]).dropna().set_index("viewer_id")["name"]
        if viewer in table.index:
            return str(table.loc[viewer])
    return f"viewer {viewer}"


def _count_active(rows: Rows, tables: Tables, dataset: Dataset) -> Rows:
    found = rows.group_by("viewer_id").agg(nw.len().cast(nw.Int64).alias("plays"))
    return found.sort("plays", "viewer_id", descending=[True, False]).head(CHOICES)


ACTIVE = Kept("active-viewers", 1, "views", _count_active)
