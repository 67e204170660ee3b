"""Sums of every day of an experiment that is read from files, so that its course is known when the files are gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals as nw

from analysis import engine
from analysis.experiments.cells import Wanted
from analysis.experiments.metrics import Ratio, Term, columns_of
from analysis.experiments.moments import JointMoments
from analysis.experiments.timeline import CumulativeSums, Daily, growth


def daily_of_units(
    frame: nw.LazyFrame[Any], variant: str, time: str, arms: Mapping[str, JointMoments], wanted: Wanted
) -> Daily | None:
    """Sums over the units assigned until each day; without metrics that some unit lacks.

    Args:
        frame: One row a unit.
        variant: Column that names the variant.
        time: Column with the time of the assignment; units without one are left out.
        arms: Moments by variant, which say what is missing.
        wanted: The metrics.
    """
    terms = {name: term for name, _, term, _ in wanted if _complete(term, arms)}
    columns = columns_of(*terms.values())[0]
    own = {column: f"column_{i}" for i, column in enumerate(columns)}
    rows = frame.filter(~nw.col(variant).is_null(), ~nw.col(time).is_null()).select(
        nw.col(variant).cast(nw.String()).alias("variant"),
        nw.col(time).cast(nw.Date()).alias("day"),
        *(nw.col(c).cast(nw.Float64()).alias(own[c]) for c in columns),
    )
    if not columns:
        return None
    names = list(own.values())
    spec = [nw.len().alias("n"), *(nw.col(c).sum().alias(f"s_{c}") for c in names)]
    for i, a in enumerate(names):
        spec += [(nw.col(a) * nw.col(b)).sum().alias(f"q_{a}|{b}") for b in names[i:]]
    found = engine.to_arrow(rows.group_by("variant", "day").agg(*spec)).to_pylist()
    if len({row["day"] for row in found}) < 2:
        return None
    return Daily(
        CumulativeSums(names, found, found, tuple(arms)),
        {name: renamed(term, own) for name, term in terms.items()},
        "for the units assigned until each day, with their outcomes as in the file",
    )


def daily_of_events(
    units: nw.LazyFrame[Any], events: nw.LazyFrame[Any], columns: list[str], terms: Mapping[str, Term]
) -> Daily:
    """Sums over each unit's events until the end of each day.

    Args:
        units: One row a unit: `unit`, `variant` and `assigned_at`.
        events: One row an event from the assignment on: `unit`, `variant`, `happened_at` and the columns.
        columns: Number columns of the events.
        terms: Columns behind each metric.
    """
    rows = events.with_columns(
        nw.col("unit").alias("viewer_id"),
        nw.col("happened_at").cast(nw.Date()).alias("day"),
        *(nw.col(c).fill_null(0.0) for c in columns),
    )
    came = units.with_columns(nw.col("assigned_at").cast(nw.Date()).alias("day"))
    joined = engine.to_arrow(came.group_by("variant", "day").agg(nw.len().alias("n"))).to_pylist()
    arms = tuple(dict.fromkeys(str(row["variant"]) for row in joined))
    sums = CumulativeSums(columns, growth(rows, columns), joined, arms)
    return Daily(sums, terms, "until the end of each day, all units so far")


def renamed(term: Term, names: Mapping[str, str]) -> Term:
    """The term with other names of its columns."""
    return names[term] if isinstance(term, str) else Ratio(names[term.numerator], names[term.denominator])


def _complete(term: Term, arms: Mapping[str, JointMoments]) -> bool:
    return not any(set(columns_of(term)[0]) & set(joint.counts) for joint in arms.values())
