"""Exposure: when units came into which variant, whether the split held all along, and who is in two variants."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from analysis import engine
from analysis.errors import ExperimentError
from analysis.experiments import words
from analysis.experiments.health import SRM_ALPHA
from analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd

CROSSED_SHARE = 0.05
"""Above this share of units in two variants nothing can be said: the variants hardly differ in what was seen."""


@dataclass(frozen=True)
class Exposure(Result):
    """Units by day of their assignment and variant.

    Attributes:
        dates: Days, without gaps.
        counts: Units that came on each day, by variant.
        p_value: Of the χ² test that the variants' shares were the same on all days; nan where days are too few.
    """

    dates: tuple[dt.date, ...]
    counts: Mapping[str, tuple[int, ...]]
    p_value: float

    @property
    def moved(self) -> bool:
        """Whether the split changed on the way."""
        return self.p_value < SRM_ALPHA

    def to_frame(self) -> pd.DataFrame:
        """One row a day and variant."""
        import pandas as pd

        return pd.DataFrame(
            [
                {"date": day, "variant": name, "units": own[i], "units_so_far": sum(own[: i + 1])}
                for name, own in self.counts.items()
                for i, day in enumerate(self.dates)
            ]
        )

    def summary(self) -> str:
        """From when to when units came, and whether their split held."""
        total = sum(map(sum, self.counts.values()))
        text = f"{total:,} units came from {self.dates[0]:%d %B %Y} to {self.dates[-1]:%d %B %Y}"
        if self.moved:
            return (
                f"{text}, and the variants’ shares changed on the way ({words.p_value(self.p_value)}): days on which "
                "one variant had more of the units are mixed up with what the variant did."
            )
        return f"{text}; the variants’ shares held all along ({words.p_value(self.p_value)})."


def exposure(frame: nw.LazyFrame[Any], variant: str, time: str) -> Exposure | None:
    """When units came into each variant; None where no time is known.

    Args:
        frame: One row a unit.
        variant: Column that names the variant; rows without one are left out.
        time: Column with the time of the assignment.
    """
    days = frame.filter(~nw.col(variant).is_null(), ~nw.col(time).is_null())
    days = days.select(nw.col(variant).cast(nw.String()).alias("v"), nw.col(time).cast(nw.Date()).alias("day"))
    rows = engine.to_arrow(days.group_by("v", "day").agg(nw.len().alias("n"))).to_pylist()
    if not rows:
        return None
    first, last = min(row["day"] for row in rows), max(row["day"] for row in rows)
    dates = tuple(first + dt.timedelta(days=i) for i in range((last - first).days + 1))
    names = sorted({row["v"] for row in rows})
    table = np.zeros((len(names), len(dates)), dtype=np.int64)
    for row in rows:
        table[names.index(row["v"]), (row["day"] - first).days] += int(row["n"])
    counts = {name: tuple(int(n) for n in table[i]) for i, name in enumerate(names)}
    return Exposure(dates, counts, _same_shares(table))


def _same_shares(table: np.ndarray[Any, np.dtype[np.int64]]) -> float:
    """χ² test of homogeneity; neighbouring days are put together until each cell may expect five units."""
    from scipy import stats

    shares = table.sum(axis=1) / table.sum()
    groups: list[np.ndarray[Any, np.dtype[np.int64]]] = []
    open_ = np.zeros(table.shape[0], dtype=np.int64)
    for column in table.T:
        open_ = open_ + column
        if (open_.sum() * shares).min() >= 5:
            groups.append(open_)
            open_ = np.zeros_like(open_)
    if groups:
        groups[-1] = groups[-1] + open_
    if len(groups) < 2 or table.shape[0] < 2:
        return float("nan")
    return float(stats.chi2_contingency(np.array(groups), correction=False).pvalue)


def first_assignments(
    frame: nw.LazyFrame[Any], unit: str, variant: str, time: str | None, what: str
) -> tuple[nw.LazyFrame[Any], int]:
    """One row a unit with the variant it was in first, and how many units were in another one later.

    A unit counts where it was first, as it was randomised; to leave out who crossed over would be a choice made by what
    happened afterwards.

    Args:
        frame: One row an assignment.
        unit: Column of the unit.
        variant: Column of the variant.
        time: Column with the time of the assignment, or None where that is not known.
        what: The units in words, for the message.

    Raises:
        ExperimentError: Units are in two variants and none of them is the first, or too many of them are.
    """
    keys = [unit, variant]
    each = frame.group_by(*keys).agg(*([nw.col(time).min()] if time else []))
    many = each.group_by(unit).agg(nw.len().alias("variants"))
    spec = [nw.len().alias("units"), (nw.col("variants") > 1).sum().alias("crossed")]
    row = engine.to_arrow(many.select(*spec)).to_pylist()[0]
    crossed, units = int(row["crossed"] or 0), int(row["units"])
    if not crossed:
        return each, 0
    example = engine.to_arrow(many.filter(nw.col("variants") > 1).select(nw.col(unit).min())).column(0)[0].as_py()
    if time is None or crossed > CROSSED_SHARE * units:
        raise ExperimentError(
            f"{crossed:,} {what} are in more than one variant, such as {example}.",
            "Find out how that came about, and keep their first assignment or leave them out.",
        )
    start = nw.col(time).min().over(unit)
    first = each.with_columns(start.alias("first_time")).filter(nw.col(time) == nw.col("first_time"))
    same = first.group_by(unit).agg(nw.len().alias("n")).filter(nw.col("n") > 1)
    ties = engine.to_arrow(same.select(nw.len().alias("n"), nw.col(unit).min().alias("example"))).to_pylist()[0]
    if ties["n"]:
        raise ExperimentError(
            f"{ties['n']:,} {what} are in more than one variant from the same moment on, such as {ties['example']}.",
            "Find out how that came about, and leave them out.",
        )
    return first.drop("first_time"), crossed
