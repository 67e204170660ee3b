"""Single numbers of how people watch, with intervals clustered by viewer: a share, one share against another, a mean.

The charts show whole tables; these functions answer one question each, for any cut of the plays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from analysis import engine
from analysis.data import Dataset
from analysis.errors import DataError, ParameterError
from analysis.patterns.selection import Measure
from analysis.results import Result
from analysis.stats import clustered, ratios

FINISHED = 0.9
"""Share of the running time from which a play counts as finished."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cut:
    """Some of the plays; None means all.

    Attributes:
        weekdays: Days of the week they begin on, 1 (Monday) to 7, on the viewer's clock.
        hours: Hours they begin in, 0 to 23.
        months: Months of the year, 1 to 12.
        genre: A genre that the title has, whatever others it has.
        device: A device.
        surface: Where they began.
        finished: Whether they reached 90 % of the running time.
    """

    weekdays: Sequence[int] | None = None
    hours: Sequence[int] | None = None
    months: Sequence[int] | None = None
    genre: str | None = None
    device: str | None = None
    surface: str | None = None
    finished: bool | None = None

    @classmethod
    def of(cls, cut: Cut | Mapping[str, Any] | None) -> Cut:
        """A cut, also from its JSON form.

        Raises:
            ParameterError: It names what plays can't be cut by.
        """
        if isinstance(cut, Cut):
            return cut
        known = {setting.name for setting in fields(cls)}
        if unknown := sorted(set(cut or {}) - known):
            raise ParameterError(f"Plays can't be cut by {unknown[0]!r}.", f"Cut by: {', '.join(sorted(known))}.")
        return cls(**(cut or {}))

    def describe(self) -> str:
        """The cut in words."""
        words = []
        for setting in fields(self):
            value = getattr(self, setting.name)
            if value is not None:
                shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
                words.append(f"{setting.name} {shown}")
        return "; ".join(words) or "all plays"

    def condition(self) -> nw.Expr:
        """The plays as a condition on rows that carry `local` and, for a genre, `of_genre`."""
        local = nw.col("local").dt
        found = [nw.lit(True)]
        if self.weekdays is not None:
            found.append(local.weekday().is_in(list(self.weekdays)))
        if self.hours is not None:
            found.append(local.hour().is_in(list(self.hours)))
        if self.months is not None:
            found.append(local.month().is_in(list(self.months)))
        if self.genre is not None:
            found.append(nw.col("of_genre").fill_null(False))
        if self.device is not None:
            found.append(nw.col("device") == self.device)
        if self.surface is not None:
            found.append(nw.col("surface") == self.surface)
        if self.finished is not None:
            reached = nw.col("completion") >= FINISHED
            found.append(reached if self.finished else ~reached)
        return nw.all_horizontal(*found, ignore_nulls=True)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of `views` that the condition needs."""
        needed = {"device": self.device, "surface": self.surface, "completion": self.finished}
        return tuple(column for column, value in needed.items() if value is not None)


@dataclass(frozen=True)
class Finding(Result):
    """One number with its 95 % interval, clustered by viewer.

    Attributes:
        what: What it is, in words.
        interval: The number and its interval.
        unit: Its unit.
        rows: Events it rests on.
    """

    what: str
    interval: clustered.Interval
    unit: str
    rows: int

    def to_frame(self) -> pd.DataFrame:
        """One row."""
        i = self.interval
        columns = ["what", "value", "low", "high", "unit", "events"]
        return pd.DataFrame([(self.what, i.value, i.low, i.high, self.unit, self.rows)], columns=columns)

    def summary(self) -> str:
        """The number with its interval."""
        i = self.interval
        ends = f"95 % interval {i.low:.4g} to {i.high:.4g}" if i.known else "too little data for an interval"
        return f"{self.what}: {i.value:.4g} {self.unit} ({ends}, from {self.rows:,} events)."


def share(dataset: Dataset, part: Cut | Mapping[str, Any], *, measure: Measure = "minutes") -> Finding:
    """Share of all plays, or of the minutes watched, that lies in a cut.

    Args:
        dataset: A dataset with views.
        part: Which plays (also as a mapping).
        measure: What the share is of: `events` (plays) or `minutes`.

    Raises:
        DataError: The dataset lacks a table or column that this needs.
        ParameterError: The cut names what plays can't be cut by.
    """
    part = Cut.of(part)
    sums, rows = _sums(dataset, [(part, measure), (Cut(), measure)])
    words = "minutes" if measure == "minutes" else "plays"
    return Finding(f"{part.describe()}", clustered.share(sums[:, 0], sums[:, 1]), f"share of {words}", rows)


def share_ratio(
    dataset: Dataset,
    part: Cut | Mapping[str, Any],
    here: Cut | Mapping[str, Any],
    there: Cut | Mapping[str, Any],
    *,
    measure: Measure = "minutes",
) -> Finding:
    """Share of a cut in one place, over its share in another: romance on Fridays against other days.

    Args:
        dataset: A dataset with views.
        part: Whose share.
        here: In which plays.
        there: Against which plays.
        measure: What shares are of.

    Raises:
        DataError: The dataset lacks a table or column that this needs.
        ParameterError: A cut names what plays can't be cut by.
    """
    part, here, there = Cut.of(part), Cut.of(here), Cut.of(there)
    inside = [(_joined(part, where), where) for where in (here, there)]
    sums, rows = _sums(dataset, [(cut, measure) for pair in inside for cut in pair])
    what = f"share of {part.describe()} in {here.describe()}, over that in {there.describe()}"
    return Finding(what, ratios.ratio(sums), "times", rows)


def mean_minutes(dataset: Dataset) -> Finding:
    """Minutes watched in a mean play.

    Raises:
        DataError: The dataset has no minutes.
    """
    sums, rows = _sums(dataset, [(Cut(), "minutes"), (Cut(), "events")])
    return Finding("minutes per play", ratios.ratio(sums), "minutes", rows)


def mean_stars(dataset: Dataset) -> Finding:
    """Mean stars of the ratings given. Who rates is no random draw, so it says nothing of the plays left unrated.

    Raises:
        DataError: The dataset has no ratings.
    """
    _need(dataset, "ratings", ("stars",))
    with dataset.read() as tables:
        frame = tables["ratings"].with_columns(bucket=clustered.bucket(nw.col("viewer_id")), one=nw.lit(1.0))
        sums = by_bucket(frame, {"stars": nw.col("stars"), "ratings": nw.col("one")})
    return Finding("mean stars of the ratings given", ratios.ratio(sums), "stars", int(sums[:, 1].sum()))


def viewers_gone(dataset: Dataset) -> Finding:
    """Share of all viewers who have left and had not come back by the last day.

    Raises:
        DataError: The viewers have no day of leaving.
    """
    _need(dataset, "viewers", ("left_on",))
    with dataset.read() as tables:
        frame = tables["viewers"].with_columns(bucket=clustered.bucket(nw.col("viewer_id")), one=nw.lit(1.0))
        left = (~nw.col("left_on").is_null()).cast(nw.Float64)
        sums = by_bucket(frame, {"gone": left, "viewers": nw.col("one")})
    found = clustered.share(sums[:, 0], sums[:, 1])
    return Finding("viewers gone on the last day", found, "share of viewers", int(sums[:, 1].sum()))


def by_bucket(frame: nw.LazyFrame[Any], columns: Mapping[str, nw.Expr]) -> Array:
    """Sums of columns by the viewer's bucket, shape (64, columns); the frame carries `bucket`."""
    spec = [expression.cast(nw.Float64).sum().alias(name) for name, expression in columns.items()]
    found = engine.to_pandas(frame.group_by("bucket").agg(*spec))
    sums = np.zeros((clustered.BUCKETS, len(columns)))
    sums[found["bucket"].to_numpy(int)] = found[list(columns)].fillna(0.0).to_numpy(float)
    return sums


def _joined(part: Cut, where: Cut) -> Cut:
    """Plays in both cuts, where they don't cut by the same thing."""
    settings = {f.name: getattr(where, f.name) for f in fields(where)}
    for setting in fields(part):
        value = getattr(part, setting.name)
        if value is not None and settings[setting.name] is not None:
            raise ParameterError(f"Both cuts are by {setting.name}.", "Cut the part by something else than the place.")
        settings[setting.name] = settings[setting.name] if value is None else value
    return Cut(**settings)


def _sums(dataset: Dataset, wanted: Sequence[tuple[Cut, str]]) -> tuple[Array, int]:
    """Sums of a measure over each cut by the viewer's bucket, in one scan, and the number of plays."""
    measures = {"minutes"} if any(measure == "minutes" for _, measure in wanted) else set()
    _need(dataset, "views", {column for cut, _ in wanted for column in cut.columns} | measures)
    genre = next((cut.genre for cut, _ in wanted if cut.genre is not None), None)
    with dataset.read() as tables:
        frame = tables["views"].with_columns(
            local=nw.col("started_local"), bucket=clustered.bucket(nw.col("viewer_id")), one=nw.lit(1.0)
        )
        if genre is not None:
            frame = frame.join(tables.cursor.arrow(_titles_of(dataset, genre)), on="title_id", how="left")
        columns = {
            f"sum_{i}": nw.when(cut.condition()).then(nw.col("minutes" if measure == "minutes" else "one")).otherwise(0)
            for i, (cut, measure) in enumerate(wanted)
        }
        sums = by_bucket(frame, {**columns, "rows": nw.col("one")})
    return sums[:, :-1], int(sums[:, -1].sum())


def _titles_of(dataset: Dataset, genre: str) -> pa.Table:
    """The titles that have a genre."""
    _need(dataset, "titles", ("genres",))
    titles = dataset.frame("titles", ["title_id", "genres"]).drop_duplicates("title_id")
    has = [listed is not None and genre in list(listed) for listed in titles["genres"]]
    ids = pa.array(titles["title_id"][has].to_numpy(), pa.int64())
    return pa.table({"title_id": ids, "of_genre": pa.array([True] * len(ids), pa.bool_())})


def _need(dataset: Dataset, table: str, columns: Sequence[str] | set[str]) -> None:
    if not dataset.has(table):
        raise DataError(f"{dataset.name} has no table {table}.", "Choose a dataset that has one.")
    if lacking := sorted(set(columns) - set(dataset.columns(table))):
        raise DataError(f"The {table} of {dataset.name} have no column {lacking[0]}.", "Choose a dataset that has it.")
