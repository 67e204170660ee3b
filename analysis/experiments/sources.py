"""Where experiments come from: a table of units, or a table of counts, means and variances."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import narwhals as nw
import pandas as pd

from analysis import engine
from analysis.errors import ExperimentError
from analysis.experiments import files, words
from analysis.experiments.cells import segment_metrics
from analysis.experiments.daily import daily_of_units
from analysis.experiments.experiment import GUESS, Experiment, Observed, resolve_control
from analysis.experiments.exposure import exposure
from analysis.experiments.metrics import Kind, Metric, Ratio, Term, columns_of, make_metric
from analysis.experiments.moments import Moments, largest_share, moments_by_variant, ranges
from analysis.experiments.outcomes import (
    Capped,
    Quantile,
    Staying,
    UnitTerm,
    curves,
    label,
    unit_columns,
    unit_metric,
    values_by_variant,
)


def read_units(
    path: str | Path,
    *,
    variant: str,
    outcomes: Sequence[Term | UnitTerm],
    unit: str | None = None,
    control: str | None = GUESS,
    time: str | None = None,
    covariate: str | None = None,
    lower_is_better: Sequence[str] = (),
    weights: Mapping[str, float] | None = None,
    segments: Sequence[str] = (),
    name: str | None = None,
) -> Experiment:
    """Read an experiment from a table with one row a unit.

    Args:
        path: CSV or Parquet file.
        variant: Column that names the variant.
        outcomes: Number columns, or ratios of two; a column of 0 and 1 is a proportion. Quantiles, capped means and
            staying (`outcomes.Quantile` and so on) are read unit by unit, and are not adjusted by a covariate.
        unit: Column that names the unit; checked for repeats.
        control: The control's name, or None for none; found by the names by default.
        time: Column with the time of assignment, from which the runtime follows.
        covariate: Number column measured before the experiment, by which all metrics are adjusted.
        lower_is_better: Outcomes of which less is good.
        weights: Planned share of each variant.
        segments: Columns that say what kind of unit each is, such as plan or country.
        name: Name as shown; the file's by default.

    Raises:
        ExperimentError: The file or a column is missing, a number column holds text, NaN or infinite numbers, a unit
            stands in two variants or twice, or there is one variant only.
    """
    path = Path(path)
    with engine.reading() as cursor:
        frame = files.open_table(cursor, path)
        experiment = experiment_of_units(
            frame,
            variant=variant,
            outcomes=outcomes,
            unit=unit,
            control=control,
            time=time,
            covariate=covariate,
            lower_is_better=lower_is_better,
            weights=weights,
            segments=segments,
            name=name or path.stem,
            source=f"table of units {path.name}",
            code=_units_code(path, variant, outcomes, unit, control, time, covariate, segments),
        )
    return experiment


def experiment_of_units(
    frame: nw.LazyFrame[Any],
    *,
    variant: str,
    outcomes: Sequence[Term | UnitTerm],
    unit: str | None = None,
    control: str | None = GUESS,
    time: str | None = None,
    covariate: str | None = None,
    lower_is_better: Sequence[str] = (),
    weights: Mapping[str, float] | None = None,
    segments: Sequence[str] = (),
    name: str = "experiment",
    source: str = "table of units",
    code: str = "",
) -> Experiment:
    """The same from a lazy frame of the engine; the moments of all metrics take one query.

    Raises:
        ExperimentError: As `read_units`.
    """
    if not outcomes:
        raise ExperimentError("No outcome was chosen.", "Choose at least one number column.")
    covariates = [covariate] if covariate else []
    terms = [t for t in outcomes if isinstance(t, str | Ratio)]
    unit_terms = [t for t in outcomes if not isinstance(t, str | Ratio)]
    columns = list(dict.fromkeys([*columns_of(*terms, *covariates)[0], *unit_columns(unit_terms)]))
    frame = _numbers(frame, [c for c in (variant, unit, time, *segments) if c], columns)
    notes = _check_rows(frame, variant, unit)
    pairs = [p for term in terms if covariates or isinstance(term, Ratio) for p in columns_of(term, *covariates)[1]]
    try:
        arms = moments_by_variant(frame, variant, columns, pairs)
    except ExperimentError as error:
        raise _locate(frame, columns, error) from error
    zero_one, ends = ranges(frame, columns)
    each = values_by_variant(frame, variant, unit_columns(unit_terms)) if unit_terms else {}
    metrics = []
    plain_terms: list[tuple[str, Kind, Term, bool]] = []
    for term in outcomes:
        shown = label(term)
        good = shown not in lower_is_better
        if not isinstance(term, str | Ratio):
            metrics.append(unit_metric(term, each, higher_is_better=good))
            continue
        kind: Kind = "ratio" if isinstance(term, Ratio) else "proportion" if term in zero_one else "mean"
        metrics.append(make_metric(shown, arms, term, kind=kind, covariates=covariates, higher_is_better=good))
        plain_terms.append((shown, kind, term, good))
    units = {label: joint.n for label, joint in arms.items()}
    control = resolve_control(control, tuple(units))
    if control is not None and control in units:
        units = {control: units[control]} | units
        metrics = [_ordered(m, tuple(units)) for m in metrics]
    days = _days(frame, time) if time else None
    staying = next((t for t in unit_terms if isinstance(t, Staying)), None)
    plain = [t for t in terms if isinstance(t, str) and t not in zero_one]
    seen = Observed(
        crossed=0 if unit else None,
        before={covariate: {v: joint.column(covariate) for v, joint in arms.items()}} if covariate else {},
        exposure=exposure(frame, variant, time) if time else None,
        largest={t: share for t in plain if (share := largest_share(arms, t, ends[t])) is not None},
    )
    return Experiment(
        name,
        units,
        tuple(metrics),
        control,
        source,
        weights,
        days,
        notes=tuple(notes),
        code=code,
        observed=seen,
        survival=curves(staying, each, control) if staying else {},
        segments=segment_metrics(frame, variant, segments, plain_terms, covariates),
        daily=daily_of_units(frame, variant, time, arms, plain_terms) if time else None,
    )


def experiment_of_summary(
    table: pd.DataFrame,
    *,
    control: str | None = GUESS,
    weights: Mapping[str, float] | None = None,
    days: float | None = None,
    lower_is_better: Sequence[str] = (),
    name: str = "typed numbers",
) -> Experiment:
    """An experiment from counts, means and variances.

    Args:
        table: One row a variant (and metric): `variant`, `units`, and either `successes`, or `mean` with `variance` or
            `standard_deviation`; `metric` where there are several.
        control: The control's name, or None for none; found by the names by default.
        weights: Planned share of each variant.
        days: How long it ran.
        lower_is_better: Metrics of which less is good.
        name: Name as shown.

    Raises:
        ExperimentError: A column is missing, or a cell is not what it should be; its row is named.
    """
    for column in ("variant", "units"):
        if column not in table:
            raise ExperimentError(
                f"The table has no column {column!r}.",
                "It needs variant, units, and successes or mean with variance (or standard_deviation).",
            )
    # Empty cells come as nan, NA or None, by how the table was made.
    table = table.astype(object).where(table.notna(), None)
    units: dict[str, int] = {}
    found: dict[str, dict[str, Moments]] = {}
    kinds: dict[str, Kind] = {}
    for number, row in enumerate(table.to_dict(orient="records"), start=1):
        variant = str(row["variant"] or "").strip()
        if not variant:
            raise ExperimentError(f"Row {number} has no variant.", "Name every variant.")
        metric = str(row.get("metric") or "outcome")
        moments, kind = _summary_row(row, number, variant)
        if variant in found.setdefault(metric, {}):
            raise ExperimentError(
                f"Row {number} names variant {variant!r} again.", "Give each variant one row a metric."
            )
        if kinds.setdefault(metric, kind) != kind:
            raise ExperimentError(
                f"Row {number} gives {metric} as a {kind}, earlier rows as a {kinds[metric]}.",
                "Give successes for all variants of a metric, or mean and variance for all.",
            )
        found[metric][variant] = moments
        units[variant] = max(units.get(variant, 0), moments.n)
    for metric, arms in found.items():
        lacking = [v for v in units if v not in arms]
        if lacking:
            raise ExperimentError(f"{metric} has no row for {', '.join(lacking)}.", "Give every metric all variants.")
    control = resolve_control(control, tuple(units))
    metrics = tuple(Metric(m, kinds[m], arms, m not in lower_is_better) for m, arms in found.items())
    code = (
        "import pandas as pd\n\n"
        "from analysis.experiments.report import analyse\n"
        "from analysis.experiments.sources import experiment_of_summary\n\n"
        f"table = pd.DataFrame({table.to_dict(orient='list')!r})\n"
        f"experiment = experiment_of_summary(table, control={control!r}, days={days!r})\n"
    )
    return Experiment(name, units, metrics, control, "counts, means and variances", weights, days, code=code)


def _summary_row(row: Mapping[Any, Any], number: int, variant: str) -> tuple[Moments, Kind]:
    units = _cell(row, "units", number)
    if units is None or units < 1 or units != round(units):
        shown = "empty" if units is None else words.number(units)
        raise ExperimentError(f"Row {number}: units is {shown}.", f"Give a whole number of units for {variant!r}.")
    n, successes = int(units), _cell(row, "successes", number)
    if successes is not None:
        if not 0 <= successes <= n or successes != round(successes):
            raise ExperimentError(
                f"Row {number}: {words.number(successes)} successes in {n:,} units.",
                "Successes are a whole number between 0 and the units.",
            )
        return Moments.of_successes(int(successes), n), "proportion"
    mean, variance = _cell(row, "mean", number), _cell(row, "variance", number)
    deviation = _cell(row, "standard_deviation", number)
    if mean is None or (variance is None and deviation is None):
        raise ExperimentError(
            f"Row {number} has neither successes nor a mean with its variance.", "Fill one or the other."
        )
    spread = variance if variance is not None else deviation
    if spread is None or spread < 0:
        raise ExperimentError(f"Row {number}: the spread is {spread}.", "Variances and deviations are 0 or more.")
    return Moments(n, mean, spread if variance is not None else spread**2), "mean"


def _cell(row: Mapping[Any, Any], column: str, number: int) -> float | None:
    """A cell as a number; None where it is empty or there is no such column."""
    value = row.get(column)
    if value is None or value == "":
        return None
    try:
        result = float(value)
    except (TypeError, ValueError):
        raise ExperimentError(
            f"Row {number}: {column} is {value!r}, which is not a number.", "Write it with digits and a decimal point."
        ) from None
    if not math.isfinite(result):
        raise ExperimentError(f"Row {number}: {column} is {result}.", "Give a finite number.")
    return result


def _numbers(frame: nw.LazyFrame[Any], others: Sequence[str], columns: Sequence[str]) -> nw.LazyFrame[Any]:
    """Check that the columns exist and hold numbers, casting text that is written as numbers."""
    schema = frame.collect_schema()
    for column in (*others, *columns):
        if column not in schema:
            raise ExperimentError(f"There is no column {column!r}.", f"The columns are: {', '.join(schema.names())}.")
    for column in columns:
        dtype = schema[column]
        if dtype.is_numeric() or dtype == nw.Boolean:
            continue
        found = files.first_row_where(frame, column, "value IS NOT NULL AND TRY_CAST(value AS DOUBLE) IS NULL")
        if found is not None:
            row, value = found
            raise ExperimentError(
                f"Column {column!r} holds {value!r} in row {row:,}, which is not a number.",
                "Correct that row or choose another column. Write decimals with a point.",
            )
        frame = frame.with_columns(nw.col(column).cast(nw.Float64()))
    return frame.select(list(dict.fromkeys([*others, *columns])))


def _check_rows(frame: nw.LazyFrame[Any], variant: str, unit: str | None) -> list[str]:
    """Refuse what can't be an experiment; say what was left out."""
    spec = [nw.len().alias("n"), nw.col(variant).n_unique().alias("variants"), nw.col(variant).count().alias("named")]
    counts = engine.to_arrow(frame.select(*spec)).to_pylist()[0]
    rows, named = int(counts["n"]), int(counts["named"])
    if not rows:
        raise ExperimentError("The table has no rows.", "Bring one row a unit.")
    variants = int(counts["variants"]) - (1 if named < rows else 0)
    if not named:
        raise ExperimentError(f"Column {variant!r} names no variant in any of {rows:,} rows.", "Choose another column.")
    if variants < 2:
        raise ExperimentError(
            f"Column {variant!r} has a single value, so there is only one variant.", "An experiment needs at least two."
        )
    if variants > files.MOST_VARIANTS:
        raise ExperimentError(
            f"Column {variant!r} has {variants:,} different values.",
            f"Choose the column that names the variant; up to {files.MOST_VARIANTS} are compared.",
        )
    if unit is not None:
        _check_units(frame.filter(~nw.col(variant).is_null()), variant, unit)
    return [f"{words.plural(rows - named, 'row')} without a variant left out."] if named < rows else []


def _check_units(frame: nw.LazyFrame[Any], variant: str, unit: str) -> None:
    each = frame.group_by(unit).agg(nw.len().alias("rows"), nw.col(variant).n_unique().alias("variants"))
    repeated = each.filter(nw.col("rows") > 1)
    spec = [nw.len().alias("units"), (nw.col("variants") > 1).sum().alias("crossed")]
    counts = engine.to_arrow(repeated.select(*spec)).to_pylist()[0]
    if not counts["units"]:
        return
    crossed = int(counts["crossed"] or 0)
    worst = repeated.filter(nw.col("variants") > 1) if crossed else repeated
    example = engine.to_arrow(worst.select(nw.col(unit).min())).to_pylist()[0][unit]
    if crossed:
        raise ExperimentError(
            f"{words.plural(crossed, 'unit is', 'units are')} in more than one variant, for example {example!r}.",
            "Find out how that came about, then leave those units out or keep their first assignment.",
        )
    raise ExperimentError(
        f"{words.plural(int(counts['units']), 'unit has', 'units have')} more than one row, for example {example!r}.",
        "Add up each unit's rows first: rows of one unit are not independent of each other.",
    )


def _locate(frame: nw.LazyFrame[Any], columns: Sequence[str], error: ExperimentError) -> ExperimentError:
    """Name the row of the first NaN or infinite number, where that is what went wrong."""
    for column in columns:
        found = files.first_row_where(frame, column, "NOT isfinite(CAST(value AS DOUBLE))")
        if found is not None:
            row, value = found
            return ExperimentError(
                f"Column {column!r} holds {value} in row {row:,}.",
                "Replace it by a number, or leave the cell empty to count it as missing.",
            )
    return error


def _days(frame: nw.LazyFrame[Any], time: str) -> float | None:
    """Days from the first to the last assignment, both counted."""
    if not frame.collect_schema()[time].is_temporal():
        raise ExperimentError(f"Column {time!r} holds no dates or times.", "Choose another column, or none.")
    spec = [nw.col(time).min().alias("first"), nw.col(time).max().alias("last")]
    row = engine.to_arrow(frame.select(*spec)).to_pylist()[0]
    if row["first"] is None:
        return None
    return float((pd.Timestamp(row["last"]).normalize() - pd.Timestamp(row["first"]).normalize()).days + 1)


def _ordered(metric: Metric, variants: tuple[str, ...]) -> Metric:
    import dataclasses

    return dataclasses.replace(metric, arms={v: metric.arms[v] for v in variants})


def _units_code(
    path: Path,
    variant: str,
    outcomes: Sequence[Term | UnitTerm],
    unit: str | None,
    control: str | None,
    time: str | None,
    covariate: str | None,
    segments: Sequence[str],
) -> str:
    """Python that reads the file again."""
    given = {"unit": unit, "time": time, "covariate": covariate, "segments": list(segments) or None}
    options = "" if control == GUESS else f",\n    control={control!r}"
    options += "".join(f",\n    {name}={value!r}" for name, value in given.items() if value is not None)
    ratio = "from analysis.experiments.metrics import Ratio\n" if any(isinstance(t, Ratio) for t in outcomes) else ""
    named = [c.__name__ for c in (Capped, Quantile, Staying) if any(isinstance(t, c) for t in outcomes)]
    ratio += f"from analysis.experiments.outcomes import {', '.join(named)}\n" if named else ""
    return (
        f"{ratio}from analysis.experiments.report import analyse\n"
        "from analysis.experiments.sources import read_units\n\n"
        f"experiment = read_units(\n    {path.name!r},\n    variant={variant!r},\n    outcomes={list(outcomes)!r}"
        f"{options},\n)\n"
    )
