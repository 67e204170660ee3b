"""What a dataset's experiment knows of each viewer besides sums: quantiles, staying, and what the variants hold."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw

from analysis import engine
from analysis.data import Dataset
from analysis.errors import ExperimentError
from analysis.experiments.outcomes import (
    Capped,
    Quantile,
    Staying,
    UnitTerm,
    unit_columns,
    values_by_variant,
)

STAYING_DAYS = 28
"""By which day a viewer's staying is asked about."""

MORE_METRICS: Mapping[str, UnitTerm] = {
    "median minutes per viewer": Quantile("minutes", 0.5),
    "90th percentile of minutes": Quantile("minutes", 0.9),
    "minutes per viewer, capped": Capped("minutes", 0.99),
    f"staying {STAYING_DAYS} days": Staying("days_watched", "left", STAYING_DAYS),
}
"""What may be measured beside, by name; it needs each viewer's numbers and not only their sums."""

MAKEUP = ("plan", "age_band", "country")
"""Columns of the viewers that the variants should have in equal shares."""


def unit_outcomes(
    tables: Mapping[str, nw.LazyFrame[Any]],
    frame: nw.LazyFrame[Any],
    until: dt.date,
    more: Sequence[str],
    dataset: Dataset,
) -> tuple[dict[str, Any], dict[str, UnitTerm]]:
    """Each viewer's outcomes that the metrics asked for need, and the metrics."""
    unknown = [name for name in more if name not in MORE_METRICS]
    if unknown:
        raise ExperimentError(
            f"There is no metric {unknown[0]!r}.", f"Beside can be measured: {', '.join(MORE_METRICS)}."
        )
    terms = {name: MORE_METRICS[name] for name in more}
    if not terms:
        return {}, {}
    if any(isinstance(term, Staying) for term in terms.values()):
        if "left_on" not in (dataset.columns("viewers") if dataset.has("viewers") else ()):
            raise ExperimentError(
                f"{dataset.name} does not say when viewers left (left_on).", "Choose metrics of viewing instead."
            )
        frame = _with_staying(frame, tables["viewers"], until)
    columns = unit_columns(list(terms.values()))
    if "minutes" in columns and "minutes" not in frame.collect_schema():
        raise ExperimentError(f"The views of {dataset.name} have no minutes.", "Choose another metric.")
    return values_by_variant(frame, "variant", columns), terms


def _with_staying(frame: nw.LazyFrame[Any], viewers: nw.LazyFrame[Any], until: dt.date) -> nw.LazyFrame[Any]:
    """The frame with each viewer's days until they left or the end came, and whether they left.

    Days are whole, from the assignment's day to the last day of staying. Who had left before, and watches on as part of
    a household, say, counts as staying no day.
    """
    last = dt.datetime.combine(until + dt.timedelta(days=1), dt.time())
    gone = viewers.select("viewer_id", nw.col("left_on").cast(nw.Datetime("us")).alias("gone"))
    joined = frame.join(gone, on="viewer_id", how="left")
    left = (~nw.col("gone").is_null()) & (nw.col("gone") < last)
    end = nw.when(left).then(nw.col("gone")).otherwise(nw.lit(last))
    start = nw.col("assigned_at").dt.date().cast(nw.Datetime("us"))
    days = (end - start).dt.total_minutes() / (24 * 60)
    joined = joined.with_columns(days.alias("days_watched"), left.cast(nw.Float64()).alias("left"))
    short = nw.col("days_watched") < 0
    return joined.with_columns(nw.when(short).then(nw.lit(0.0)).otherwise("days_watched").alias("days_watched"))


def makeup(
    tables: Mapping[str, nw.LazyFrame[Any]], chosen: nw.LazyFrame[Any], dataset: Dataset
) -> dict[str, dict[str, dict[str, int]]]:
    """Viewers by variant and value, of every column that the variants should have in equal shares."""
    have = dataset.columns("viewers") if dataset.has("viewers") else ()
    columns = [c for c in MAKEUP if c in have]
    if not columns:
        return {}
    kept = tables["viewers"].select("viewer_id", *(nw.col(c).cast(nw.String()) for c in columns))
    joined = chosen.select("viewer_id", "variant").join(kept, on="viewer_id", how="inner")
    rows = engine.to_arrow(joined.group_by("variant", *columns).agg(nw.len().alias("n"))).to_pylist()
    found: dict[str, dict[str, dict[str, int]]] = {c: {} for c in columns}
    for row in rows:
        for column in columns:
            if row[column] is not None:
                own = found[column].setdefault(str(row["variant"]), {})
                own[str(row[column])] = own.get(str(row[column]), 0) + int(row["n"])
    return found
