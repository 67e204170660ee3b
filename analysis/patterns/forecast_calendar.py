"""What is known of days to come: weekday, season of the year, public holidays, school holidays."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.data import Dataset
from analysis.patterns import cubes
from analysis.patterns.events import Events
from analysis.patterns.filters import Filters
from analysis.patterns.forecast_models import WEEK, YEAR, waves
from analysis.workspace import Workspace

Array = npt.NDArray[np.float64]

A_YEAR_BACK = 364
"""Days: the same weekday of the year before."""
PAIRS = ((730, 3), (548, 2), (400, 1))
"""Days of history from which the year is drawn with so many pairs of waves; with less, it isn't told from a trend."""


@dataclass(frozen=True)
class Calendar:
    """What regressions know of each day.

    Attributes:
        design: One row a day, the first columns a constant and a linear trend, shape (days, K).
        names: What it knows beside the trend, in words.
    """

    design: Array
    names: tuple[str, ...]

    def split(self, days: int, horizon: int) -> tuple[Array, Array]:
        """The days of a history, and those ahead, without columns that never moved in the history."""
        history, ahead = self.design[:days], self.design[days : days + horizon]
        moved = np.ptp(history, axis=0) > 0
        moved[0] = True
        return history[:, moved], ahead[:, moved]


def calendar_of(
    dataset: Dataset, what: Events, first: dt.date, days: int, history: int, *, workspace: Workspace | None = None
) -> Calendar:
    """The calendar of a dataset's viewers, by where they watch.

    Public holidays are those of the viewers' countries (the package `holidays`), weighted by plays; school holidays
    those of the dataset's own calendar, beyond its end those of the same weekday a year before.

    Args:
        dataset: The dataset.
        what: What is counted.
        first: First day.
        days: Days from the first one, those ahead included.
        history: Days of the shortest history that a regression is fitted to.
        workspace: Where cubes are kept.
    """
    weights = _countries(dataset, what, workspace)
    extra: dict[str, Array] = {}
    if (closed := _public(weights, first, days)).any():
        extra["public holidays"] = closed
    school = _school(dataset, weights, first, days) if dataset.has("calendar") else np.zeros(0)
    if school.any():
        extra["school holidays"] = school
    return calendar(first, days, history, extra)


def calendar(first: dt.date, days: int, history: int, extra: dict[str, Array] | None = None) -> Calendar:
    """Weekday and season of the year, and other columns by name."""
    time = np.arange(days, dtype=np.float64)
    weekday = (first.weekday() + np.arange(days)) % WEEK
    columns = [np.ones((days, 1)), time[:, None] / YEAR, np.eye(WEEK)[weekday][:, 1:]]
    names = ["weekday"]
    pairs = next((pairs for least, pairs in PAIRS if history >= least), 0)
    if pairs:
        columns.append(waves(time, YEAR, pairs))
        names.append("season of the year")
    for name, column in (extra or {}).items():
        columns.append(column[:, None])
        names.append(name)
    return Calendar(np.concatenate(columns, axis=1), tuple(names))


def _countries(dataset: Dataset, what: Events, workspace: Workspace | None) -> dict[str, float]:
    """Share of plays by country."""
    if "country" not in what.splits:
        return {}
    cube = cubes.build(dataset, cubes.DAILY, what, workspace=workspace)
    plays = cube.totals(["country"], Filters(), measures=["events"])
    return dict(zip(plays["country"], plays["events"] / plays["events"].sum(), strict=True))


def _public(weights: dict[str, float], first: dt.date, days: int) -> Array:
    """Share of plays in countries with a public holiday."""
    import holidays

    known = holidays.list_supported_countries(include_aliases=False)
    years = range(first.year, (first + dt.timedelta(days=days)).year + 1)
    closed = np.zeros(days)
    for country, weight in weights.items():
        if country not in known:
            continue
        for day in holidays.country_holidays(country, years=years):
            if 0 <= (place := (day - first).days) < days:
                closed[place] += weight
    return closed


def _school(dataset: Dataset, weights: dict[str, float], first: dt.date, days: int) -> Array:
    """Share of plays in places where schools are closed."""
    table = dataset.frame("calendar")
    column = "school_share" if "school_share" in table.columns else "is_school_holiday"
    table = table[table["region"].isin(list(weights))]
    place = (pd.to_datetime(table["date"]) - pd.Timestamp(first)).dt.days.to_numpy()
    value = table["region"].map(weights).to_numpy(float) * table[column].fillna(0).to_numpy(float)
    inside = (place >= 0) & (place < days)
    found = np.bincount(place[inside], weights=value[inside], minlength=days)
    known = np.bincount(place[inside], minlength=days) > 0
    for day in np.flatnonzero(~known):
        found[day] = found[day - A_YEAR_BACK] if day >= A_YEAR_BACK else 0.0
    return np.asarray(found, dtype=np.float64)
