"""How near the simulated service comes to what is published about real ones: targets beside what a dataset shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis import measures
from analysis.data import Dataset
from analysis.errors import DataError
from analysis.results import Result


@dataclass(frozen=True)
class Target:
    """One calibration target.

    Attributes:
        name: What is measured.
        wanted: What is published, in words or numbers.
        low: Smallest value counted as met, or None where there is only something to look at.
        high: Largest value counted as met.
        shown: What the dataset shows.
        unit: Unit of the value.
    """

    name: str
    wanted: str
    low: float | None
    high: float | None
    shown: float
    unit: str

    @property
    def met(self) -> bool | None:
        """Whether the value lies within the limits; None without limits."""
        return None if self.low is None or self.high is None else self.low <= self.shown <= self.high


@dataclass(frozen=True)
class Calibration(Result):
    """All calibration targets of a dataset."""

    targets: tuple[Target, ...]

    def to_frame(self) -> pd.DataFrame:
        """One row a target."""
        rows = [(t.name, t.wanted, t.shown, t.unit, t.met) for t in self.targets]
        return pd.DataFrame(rows, columns=["target", "published", "shown", "unit", "met"])

    def summary(self) -> str:
        """How many targets are met."""
        judged = [target for target in self.targets if target.met is not None]
        return f"{sum(bool(target.met) for target in judged)} of {len(judged)} calibration targets are met."


def calibration(dataset: Dataset) -> Calibration:
    """Hold a simulated dataset to published numbers.

    Sources: Netflix's viewing statistics of 2017 and its engagement reports, Gomez-Uribe and Hunt (2015), Antenna's
    churn reports; the limits are ours.

    Raises:
        DataError: The dataset lacks views, titles or viewers.
    """
    missing = [table for table in ("views", "titles", "viewers") if not dataset.has(table)]
    if missing:
        raise DataError(f"{dataset.name} has no table {missing[0]}.", "Calibrate a dataset written by `simulate`.")
    views, titles = dataset.frame("views"), dataset.frame("titles").set_index("title_id")
    views["genre"] = views["title_id"].map(titles["genres"].str[0])
    views["day"] = views["started_local"].dt.normalize()
    return Calibration(
        (
            *_concentration(views, len(titles)),
            *_clock(views),
            *_seasons(views),
            *_mixes(views),
            *_watching(views, titles),
            *_loyalty(dataset),
            *_ratings(dataset),
        )
    )


def _share(minutes: pd.Series, where: pd.Series) -> float:
    return float(minutes[where].sum() / minutes.sum())


def _concentration(views: pd.DataFrame, titles: int) -> list[Target]:
    by_title = np.sort(views.groupby("title_id")["minutes"].sum().to_numpy())[::-1]
    hours = np.concatenate([by_title, np.zeros(titles - len(by_title))])
    held = np.cumsum(hours) / hours.sum()
    top = [float(held[max(1, round(part * titles)) - 1]) for part in (0.01, 0.10, 0.20)]
    # Gini from the Lorenz curve of titles from the least to the most watched.
    lorenz = np.concatenate([[0], np.cumsum(hours[::-1]) / hours.sum()])
    gini = float(1 - (lorenz[1:] + lorenz[:-1]).sum() / titles)
    return [
        Target("hours held by the top 1 % of titles", "24 %", 0.18, 0.30, top[0], "share"),
        Target("hours held by the top 10 % of titles", "68 %", 0.62, 0.74, top[1], "share"),
        Target("hours held by the top 20 % of titles", "84 %", 0.79, 0.89, top[2], "share"),
        Target("Gini coefficient of hours by title", "0.80", 0.75, 0.85, gini, "ratio"),
    ]


def _clock(views: pd.DataFrame) -> list[Target]:
    local, minutes = views["started_local"].dt, views["minutes"]
    weekday = minutes.groupby(local.day_of_week).sum() / minutes.sum()
    hour = minutes.groupby(local.hour).sum()
    own = pd.crosstab(views["viewer_id"], local.hour)
    own = own[own.sum(axis=1) >= 50]
    peaks = own.to_numpy().argmax(axis=1)
    evening = peaks[(peaks >= 12)]
    return [
        Target("Sunday's share of hours", "18–19 %", 0.17, 0.20, float(weekday[6]), "share"),
        Target("mean share of a day, Monday to Thursday", "12–13 %", 0.115, 0.135, float(weekday[:4].mean()), "share"),
        Target("hours between midnight and 6 am", "15 %", 0.12, 0.18, _share(minutes, local.hour < 6), "share"),
        Target("busiest hour of the day", "20–22", 20, 22, float(np.argmax(hour.to_numpy())), "hour"),
        Target("spread of viewers' own busiest hours", "hours", 1, 4, float(evening.std()), "hours"),
    ]


def _seasons(views: pd.DataFrame) -> list[Target]:
    local, minutes = views["started_local"].dt, views["minutes"]
    month = local.month
    per_viewer_day = (
        minutes.groupby([local.year, month]).sum() / views.groupby([local.year, month])["viewer_id"].nunique()
    )
    per_viewer_day /= views.groupby([local.year, month])["day"].nunique()
    by_month = per_viewer_day.groupby(level=1).mean()
    high, low = by_month.reindex([12, 1]).mean(), by_month.reindex([3, 4, 5, 6]).mean()

    def ratio(genre: str, here: pd.Series, there: pd.Series) -> float:
        return _share(minutes[here], views.loc[here, "genre"] == genre) / _share(
            minutes[there], views.loc[there, "genre"] == genre
        )

    around = month.isin([8, 9, 11, 12])
    evening = local.hour >= 18
    return [
        Target("December and January over March to June", "1.2 times", 1.1, 1.35, float(high / low), "ratio"),
        Target(
            "horror's share, October over the months around",
            "1.3 to 1.45 times",
            1.15,
            1.8,
            ratio("Horror", month == 10, around),
            "ratio",
        ),
        Target(
            "romance's share, Friday evening over Monday to Thursday",
            "higher",
            1.1,
            2.0,
            ratio("Romance", evening & (local.day_of_week == 4), evening & (local.day_of_week < 4)),
            "ratio",
        ),
        Target(
            "thriller's share, 9 to 11 pm over daytime",
            "1.27 times at 9 pm",
            1.1,
            1.6,
            ratio("Thriller", local.hour.isin([21, 22]), local.hour.between(9, 17)),
            "ratio",
        ),
    ]


def _mixes(views: pd.DataFrame) -> list[Target]:
    minutes = views["minutes"]
    device = [(name, _share(minutes, views["device"] == name)) for name in ("tv", "computer", "phone", "tablet")]
    wanted = (0.70, 0.15, 0.10, 0.05)
    return [
        *(
            Target(f"hours on {name}", f"{share:.0%}".replace("%", " %"), share - 0.04, share + 0.04, shown, "share")
            for (name, shown), share in zip(device, wanted, strict=True)
        ),
        Target(
            "hours that came from search", "20 %", 0.15, 0.25, _share(minutes, views["surface"] == "search"), "share"
        ),
    ]


def _watching(views: pd.DataFrame, titles: pd.DataFrame) -> list[Target]:
    finished = views["completion"] >= 0.9
    sessions = views.groupby("session_id")["minutes"].sum()
    of_series = views[views["episode"].notna() & finished]
    in_a_row = of_series.groupby(["session_id", "title_id"]).size()
    age = (views["day"] - pd.to_datetime(views["title_id"].map(titles["released_on"]))).dt.days
    start, end = views["day"].min(), views["day"].max()
    released = pd.to_datetime(views["title_id"].map(titles["released_on"]))
    fresh = (released >= start) & (released <= end - pd.Timedelta(days=90)) & (age < 90)
    return [
        Target("plays that run to completion", "20 %", 0.15, 0.25, float(finished.mean()), "share"),
        Target(
            "plays left in the first tenth",
            "most are short",
            None,
            None,
            float((views["completion"] < 0.1).mean()),
            "share",
        ),
        Target("median minutes of a session with a play", "", None, None, float(sessions.median()), "minutes"),
        Target(
            "series sessions with three or more finished episodes",
            "",
            None,
            None,
            float((in_a_row >= 3).mean()),
            "share",
        ),
        Target(
            "of a new title's first 90 days, views in the first 15",
            "up to 75 % for popular shows",
            0.3,
            0.8,
            float((age[fresh] < 15).mean()),
            "share",
        ),
    ]


def _loyalty(dataset: Dataset) -> list[Target]:
    if not dataset.has("memberships"):
        return []
    churn = measures.monthly_churn(dataset).interval.value
    returns = measures.returns_among_additions(dataset).interval.value
    return [
        Target("monthly churn", "2–5 %", 0.02, 0.05, churn, "share"),
        Target("returns among additions", "34 %", 0.29, 0.39, returns, "share"),
    ]


def _ratings(dataset: Dataset) -> list[Target]:
    if not dataset.has("ratings"):
        return []
    stars = dataset.frame("ratings")["stars"]
    return [
        Target("mean of the ratings given", "3.5 in most public data", 3.2, 3.9, float(stars.mean()), "stars"),
        Target("ratings of 1 or 5 stars", "", None, None, float(stars.isin([1, 5]).mean()), "share"),
    ]
