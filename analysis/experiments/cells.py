"""The metrics of each segment's units: moments by segment and variant, one query a column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals as nw

from analysis import engine
from analysis.errors import ExperimentError
from analysis.experiments.metrics import Kind, Metric, Term, columns_of, make_metric
from analysis.experiments.moments import JointMoments, moments_by_cell

MOST_SEGMENTS = 12
"""A column with more values than this is left out: its segments would be too small to say anything."""

_SEGMENT = "segment of the unit"
"""A column of our own; its name is one that files hardly have."""

Wanted = Sequence[tuple[str, Kind, Term, bool]]
"""Name, kind and columns of the metrics, and whether more of each is good."""


def segment_metrics(
    frame: nw.LazyFrame[Any],
    variant: str,
    columns: Sequence[str],
    wanted: Wanted,
    covariates: Sequence[Term] = (),
) -> dict[str, dict[str, tuple[Metric, ...]]]:
    """Metrics of each segment's units, by column and value; adjusted within the segment where there are covariates.

    Args:
        frame: One row a unit.
        variant: Column that names the variant.
        columns: Columns that name segments; those with a single value or very many are left out.
        wanted: The metrics.
        covariates: Terms whose values the experiment can't have changed.
    """
    if not columns:
        return {}
    counts = engine.to_arrow(frame.select(*(nw.col(c).n_unique().alias(f"u{i}") for i, c in enumerate(columns))))
    few = [c for i, c in enumerate(columns) if 2 <= counts.column(i)[0].as_py() <= MOST_SEGMENTS + 1]
    needed, pairs = [], []
    for _, _, term, _ in wanted:
        own = columns_of(term, *covariates)
        needed += own[0]
        pairs += own[1] if covariates else columns_of(term)[1]
    found = {}
    for column in few:
        named = frame.with_columns(nw.col(column).cast(nw.String()).alias(_SEGMENT))
        cells = moments_by_cell(named, variant, _SEGMENT, list(dict.fromkeys(needed)), pairs)
        if len(cells) <= MOST_SEGMENTS:
            found[column] = {value: _metrics(arms, wanted, covariates) for value, arms in cells.items()}
    return found


def _metrics(arms: dict[str, JointMoments], wanted: Wanted, covariates: Sequence[Term]) -> tuple[Metric, ...]:
    made = []
    for name, kind, term, good in wanted:
        try:
            made.append(make_metric(name, arms, term, kind=kind, covariates=covariates, higher_is_better=good))
        except ExperimentError:
            # A segment may lack what a ratio or a covariate needs; the others don't.
            continue
    return tuple(made)
