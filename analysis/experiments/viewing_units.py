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
        if not says_who_left(dataset):
            raise ExperimentError(
                f"{dataset.name} does not say when viewers left (left_on).", "Choose metrics of viewing instead."
            )
        frame = _with_staying(frame, _endings(frame, tables, dataset), until)
    columns = unit_columns(list(terms.values()))
    if "minutes" in columns and "minutes" not in frame.collect_schema():
        raise ExperimentError(f"The views of {dataset.name} have no minutes.", "Choose another metric.")
    return values_by_variant(frame, "variant", columns), terms


def says_who_left(dataset: Dataset) -> bool:
    """Whether a dataset says when viewers left, by its memberships or its viewers."""
    return dataset.has("memberships") or (dataset.has("viewers") and "left_on" in dataset.columns("viewers"))


def _endings(frame: nw.LazyFrame[Any], tables: Mapping[str, nw.LazyFrame[Any]], dataset: Dataset) -> nw.LazyFrame[Any]:
    """`viewer_id` and `gone`, the day from which the stay that a viewer was assigned in had ended, or null.

    With the table of memberships that is the stay around the assignment: who leaves and comes back has left. Without
    it, the one ending that viewers have is all that is known. Who was in no stay, and watches on as part of a
    household, say, is gone on the day of the assignment.
    """
    if not dataset.has("memberships"):
        return tables["viewers"].select("viewer_id", nw.col("left_on").cast(nw.Datetime("us")).alias("gone"))
    stays = tables["memberships"].select(
        "viewer_id",
        nw.col("joined_on").cast(nw.Datetime("us")).alias("came"),
        nw.col("left_on").cast(nw.Datetime("us")).fill_null(_NEVER).alias("gone"),
    )
    assigned = frame.select("viewer_id", nw.col("assigned_at").dt.date().cast(nw.Datetime("us")).alias("day"))
    joined = assigned.join(stays, on="viewer_id", how="inner")
    # A viewer's clock may be a day ahead of the assignment's, which is in UTC.
    around = (nw.col("came") <= nw.col("day").dt.offset_by("1d")) & (nw.col("gone") > nw.col("day"))
    ended = nw.when(around).then("gone").otherwise(None).min()
    each = joined.group_by("viewer_id").agg(ended.alias("ended"), nw.col("day").min())
    return each.select("viewer_id", nw.when(nw.col("ended").is_null()).then("day").otherwise("ended").alias("gone"))


_NEVER = dt.datetime(9999, 1, 1)


def _with_staying(frame: nw.LazyFrame[Any], endings: nw.LazyFrame[Any], until: dt.date) -> nw.LazyFrame[Any]:
    """The frame with each viewer's days until they left or the end came, and whether they left.

    Days are whole, from the assignment's day to the last day of staying; who had left before counts as staying no day.
    """
    last = dt.datetime.combine(until + dt.timedelta(days=1), dt.time())
    joined = frame.join(endings, on="viewer_id", how="left")
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
