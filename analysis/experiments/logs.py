"""An event log and the assignments beside it: two files, joined in the engine, become a table of units."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import narwhals as nw

from analysis import engine
from analysis.errors import ExperimentError
from analysis.experiments import files, words
from analysis.experiments.daily import daily_of_events
from analysis.experiments.experiment import GUESS, Experiment
from analysis.experiments.exposure import first_assignments
from analysis.experiments.metrics import Ratio, Term, columns_of
from analysis.experiments.sources import experiment_of_units
from analysis.experiments.timeline import Daily

BEFORE_DAYS = 28
"""Days before a unit's assignment whose events serve as covariate."""

MOST_KINDS = 30
"""A column of events with more different values than this does not say what kind of event it is."""

_KIND = re.compile(r"event|^evt|kind|type|action|name", re.IGNORECASE)


@dataclass(frozen=True)
class LogColumns:
    """Which column is which, in a file of assignments and a file of events.

    Attributes:
        unit: Column of the unit in the assignments.
        variant: Column of the variant in the assignments.
        event_unit: Column of the unit in the events.
        assigned_at: Column with the time of the assignment, or None; then all events count.
        happened_at: Column with the time of the event, or None; then all events count.
        kind: Column that says what kind of event it is, or None.
        kinds: Kinds that are counted each by itself.
        values: Number columns of the events that are summed.
        segments: Columns of the assignments that say what kind of unit each is.
    """

    unit: str
    variant: str
    event_unit: str
    assigned_at: str | None = None
    happened_at: str | None = None
    kind: str | None = None
    kinds: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()


@dataclass(frozen=True)
class LogProposal:
    """Two files that seem to be assignments and events; a person corrects it.

    Attributes:
        assignments: What the file of assignments holds.
        events: What the file of events holds.
        swapped: Whether the events were given first.
        columns: Which column seems to be which, or None where a unit or a variant is not to be found.
    """

    assignments: files.Proposal
    events: files.Proposal
    swapped: bool
    columns: LogColumns | None


def pair_up(first: files.Proposal, second: files.Proposal) -> LogProposal | None:
    """Tell assignments from events: only the assignments name variants by their columns or values. None for neither."""
    named = [files.names_variant(p) for p in (first, second)]
    if named[0] == named[1]:
        # Both or neither: assignments have a row a unit, events have more.
        ranks = [(p.variant is not None, p.unit is not None, -p.rows) for p in (first, second)]
        alike = [c.name for c in first.columns] == [c.name for c in second.columns]
        if alike or not any(rank[0] for rank in ranks):
            return None
        swapped = ranks[1] > ranks[0]
    else:
        swapped = named[1]
    assignments, events = (second, first) if swapped else (first, second)
    return LogProposal(assignments, events, swapped, _columns(assignments, events))


def _columns(assignments: files.Proposal, events: files.Proposal) -> LogColumns | None:
    variant = assignments.variant
    unit = assignments.unit or _like_unit(assignments, variant)
    names = [c.name for c in events.columns]
    event_unit = unit if unit in names else _like_unit(events, None)
    if variant is None or unit is None or event_unit is None:
        return None
    kind = next(
        (c for c in events.columns if c.kind == "text" and _KIND.search(c.name) and 2 <= c.distinct <= MOST_KINDS), None
    )
    values = tuple(c.name for c in events.columns if c.kind == "number" and c.name != event_unit and c.distinct > 1)
    kinds = kind.levels[:3] if kind else ()
    identity = re.compile(r"(^|_)id$", re.IGNORECASE)
    values = tuple(v for v in values if not identity.search(v))[:2]
    return LogColumns(
        unit,
        variant,
        event_unit,
        assignments.time,
        events.time,
        kind.name if kind else None,
        kinds,
        values,
        assignments.segments,
    )


def _like_unit(proposal: files.Proposal, variant: str | None) -> str | None:
    others = [c for c in proposal.columns if c.name != variant and c.kind in ("text", "number")]
    return next((c.name for c in others if files.UNIT_NAME.search(c.name)), None)


def metric_names(columns: LogColumns) -> list[str]:
    """What will be measured, by name."""
    names = ["events per unit", "units with an event"]
    for value in columns.values:
        names += [f"{value} per unit", f"{value} per event"]
    return [*names, *(f"{kind} per unit" for kind in columns.kinds)]


def read_log(
    assignments: str | Path,
    events: str | Path,
    columns: LogColumns,
    *,
    control: str | None = GUESS,
    adjusted: bool = False,
    lower_is_better: Sequence[str] = (),
) -> Experiment:
    """An experiment from assignments and events.

    Events count from a unit's assignment on; a unit without any counts with zero. A unit in two variants counts where
    it was first.

    Args:
        assignments: CSV or Parquet with a row an assignment.
        events: CSV or Parquet with a row an event.
        columns: Which column is which.
        control: The control's name, or None for none; found by the names by default.
        adjusted: Whether to adjust by the number of events in the 28 days before the assignment (CUPED).
        lower_is_better: Metrics of which less is good.

    Raises:
        ExperimentError: A file or a column is missing, a column of values holds no numbers, no event belongs to an
            assigned unit, or units are in two variants and nobody knows which was first.
    """
    assignments, events = Path(assignments), Path(events)
    with engine.reading() as cursor:
        who = files.open_table(cursor, assignments, table="assigned")
        what = files.open_table(cursor, events, table="happened")
        _check_columns(who, assignments.name, [columns.unit, columns.variant, columns.assigned_at, *columns.segments])
        _check_columns(what, events.name, [columns.event_unit, columns.happened_at, columns.kind, *columns.values])
        _check_values(what, events.name, columns.values)
        timed = columns.assigned_at is not None and columns.happened_at is not None
        _check_times(who, what, columns)
        if adjusted and not timed:
            raise ExperimentError("Without times there is no before.", "Name both columns of time, or do not adjust.")
        units, crossed = _units(who, columns)
        frame, metrics, daily = _per_unit(units, what, columns, timed, adjusted)
        frame = _with_segments(frame, who, columns)
        # Joined once; all that follows reads one row a unit.
        frame = cursor.arrow(engine.to_arrow(frame))
        stray, last = _stray(units, what, columns)
        experiment = experiment_of_units(
            frame,
            variant="variant",
            outcomes=metrics,
            unit=None,
            control=control,
            time="assigned_at" if columns.assigned_at else None,
            covariate="events before" if adjusted else None,
            lower_is_better=[_long(name, columns) for name in lower_is_better],
            segments=columns.segments,
            name=assignments.stem,
            source=f"assignments {assignments.name} and events {events.name}",
            code=_code(assignments, events, columns, control, adjusted),
        )
    notes = [
        "Events count from each unit’s assignment on; a unit without any counts with zero."
        if timed
        else "When events happened or units were assigned is not known, so all events count, those before too."
    ]
    if stray:
        notes.append(f"{words.plural(stray, 'event belongs', 'events belong')} to units without an assignment.")
    observed = dataclasses.replace(experiment.observed, crossed=crossed)
    first = experiment.observed.exposure.dates[0] if experiment.observed.exposure else None
    days = float((last - first).days + 1) if timed and last and first else experiment.days
    shown = {_long(f"{value} per event", columns): f"{value} per event" for value in columns.values}
    renamed = tuple(dataclasses.replace(m, name=shown.get(m.name, m.name)) for m in experiment.metrics)
    segments = {
        column: {
            value: tuple(dataclasses.replace(m, name=shown.get(m.name, m.name)) for m in own)
            for value, own in values.items()
        }
        for column, values in experiment.segments.items()
    }
    return dataclasses.replace(
        experiment,
        metrics=renamed,
        observed=observed,
        notes=(*experiment.notes, *notes),
        days=days,
        segments=segments,
        daily=daily,
    )


def _long(name: str, columns: LogColumns) -> str:
    """The ratio's own name of `… per event`, any other name as it is."""
    return next((f"{v} per unit per events per unit" for v in columns.values if name == f"{v} per event"), name)


def _units(who: nw.LazyFrame[Any], columns: LogColumns) -> tuple[nw.LazyFrame[Any], int]:
    """One row an assigned unit: `unit` as text, `variant`, and `assigned_at` where it is known."""
    time = [nw.col(columns.assigned_at).cast(nw.Datetime("us")).alias("assigned_at")] if columns.assigned_at else []
    named = who.filter(~nw.col(columns.variant).is_null(), ~nw.col(columns.unit).is_null()).select(
        nw.col(columns.unit).cast(nw.String()).alias("unit"),
        nw.col(columns.variant).cast(nw.String()).alias("variant"),
        *time,
    )
    return first_assignments(named, "unit", "variant", "assigned_at" if columns.assigned_at else None, "units")


def _per_unit(
    units: nw.LazyFrame[Any], what: nw.LazyFrame[Any], columns: LogColumns, timed: bool, adjusted: bool
) -> tuple[nw.LazyFrame[Any], list[Term], Daily | None]:
    """One row a unit with the number of events, the sums of values and who had any; the metrics of it; and its days."""
    chosen = [nw.col(columns.event_unit).cast(nw.String()).alias("unit")]
    chosen += [nw.col(v).cast(nw.Float64()).alias(f"value_{i}") for i, v in enumerate(columns.values)]
    if columns.kind:
        chosen.append(nw.col(columns.kind).cast(nw.String()).alias("kind"))
    if timed:
        chosen.append(nw.col(str(columns.happened_at)).cast(nw.Datetime("us")).alias("happened_at"))
    joined = units.join(what.select(*chosen), on="unit", how="inner")
    after = joined.filter(nw.col("happened_at") >= nw.col("assigned_at")) if timed else joined
    spec = [nw.len().cast(nw.Float64()).alias("events per unit")]
    terms: list[Term] = ["events per unit", "units with an event"]
    for i, value in enumerate(columns.values):
        spec.append(nw.col(f"value_{i}").sum().alias(f"{value} per unit"))
        terms += [f"{value} per unit", Ratio(f"{value} per unit", "events per unit")]
    for kind in columns.kinds:
        spec.append((nw.col("kind") == kind).cast(nw.Float64()).sum().alias(f"{kind} per unit"))
        terms.append(f"{kind} per unit")
    frame = units.join(after.group_by("unit").agg(*spec), on="unit", how="left")
    if adjusted:
        begin = nw.col("assigned_at").dt.offset_by(f"-{BEFORE_DAYS}d")
        early = joined.filter((nw.col("happened_at") < nw.col("assigned_at")) & (nw.col("happened_at") >= begin))
        counted = early.group_by("unit").agg(nw.len().cast(nw.Float64()).alias("events before"))
        frame = frame.join(counted, on="unit", how="left")
    sums = [c for c in frame.collect_schema().names() if c not in ("unit", "variant", "assigned_at")]
    frame = frame.with_columns(*(nw.col(c).fill_null(0.0).alias(c) for c in sums))
    frame = frame.with_columns((nw.col("events per unit") > 0).cast(nw.Float64()).alias("units with an event"))
    return frame, terms, _course(units, after, columns) if timed else None


def _course(units: nw.LazyFrame[Any], after: nw.LazyFrame[Any], columns: LogColumns) -> Daily:
    """Sums of every day of all metrics that are sums over events."""
    made = [nw.lit(1.0).alias("events")]
    terms: dict[str, Term] = {"events per unit": "events"}
    for i, value in enumerate(columns.values):
        terms |= {f"{value} per unit": f"value_{i}", f"{value} per event": Ratio(f"value_{i}", "events")}
    for i, kind in enumerate(columns.kinds):
        made.append((nw.col("kind") == kind).cast(nw.Float64()).alias(f"kind_{i}"))
        terms[f"{kind} per unit"] = f"kind_{i}"
    return daily_of_events(units, after.with_columns(*made), columns_of(*terms.values())[0], terms)


def _with_segments(frame: nw.LazyFrame[Any], who: nw.LazyFrame[Any], columns: LogColumns) -> nw.LazyFrame[Any]:
    """The frame with what the assignments say of each unit, as of any one of its rows."""
    if not columns.segments:
        return frame
    kinds = [nw.col(c).cast(nw.String()).min().alias(c) for c in columns.segments]
    each = who.filter(~nw.col(columns.unit).is_null()).group_by(columns.unit).agg(*kinds)
    named = each.select(nw.col(columns.unit).cast(nw.String()).alias("unit"), *columns.segments)
    return frame.join(named, on="unit", how="left")


def _stray(units: nw.LazyFrame[Any], what: nw.LazyFrame[Any], columns: LogColumns) -> tuple[int, dt.date | None]:
    """Events of units that were never assigned, and the day of the last event of one that was."""
    day = nw.col(columns.happened_at).cast(nw.Date()) if columns.happened_at else nw.lit(None).cast(nw.Date())
    events = what.select(nw.col(columns.event_unit).cast(nw.String()).alias("unit"), day.alias("day"))
    known = units.select("unit", nw.lit(1).alias("known"))
    joined = events.join(known, on="unit", how="left")
    spec = [nw.len().alias("n"), nw.col("known").sum().alias("own")]
    spec.append(nw.when(~nw.col("known").is_null()).then("day").otherwise(None).max().alias("last"))
    row = engine.to_arrow(joined.select(*spec)).to_pylist()[0]
    if not row["own"]:
        raise ExperimentError(
            f"No event belongs to an assigned unit: {columns.event_unit!r} and {columns.unit!r} share no value.",
            "Choose the columns that name the same units in both files.",
        )
    return int(row["n"]) - int(row["own"]), row["last"]


def _check_columns(frame: nw.LazyFrame[Any], file: str, wanted: Sequence[str | None]) -> None:
    have = frame.collect_schema().names()
    for column in wanted:
        if column is not None and column not in have:
            raise ExperimentError(f"{file} has no column {column!r}.", f"Its columns are: {', '.join(have)}.")


def _check_values(frame: nw.LazyFrame[Any], file: str, values: Sequence[str]) -> None:
    for column in values:
        found = files.first_row_where(frame, column, "value IS NOT NULL AND TRY_CAST(value AS DOUBLE) IS NULL")
        if found is not None:
            raise ExperimentError(
                f"{file}: column {column!r} holds {found[1]!r} in row {found[0]:,}, which is not a number.",
                "Correct that row or choose another column. Write decimals with a point.",
            )


def _check_times(who: nw.LazyFrame[Any], what: nw.LazyFrame[Any], columns: LogColumns) -> None:
    for frame, column in ((who, columns.assigned_at), (what, columns.happened_at)):
        if column is not None and not frame.collect_schema()[column].is_temporal():
            raise ExperimentError(f"Column {column!r} holds no dates or times.", "Choose another column, or none.")


def _code(assignments: Path, events: Path, columns: LogColumns, control: str | None, adjusted: bool) -> str:
    options = "" if control == GUESS else f", control={control!r}"
    options += ", adjusted=True" if adjusted else ""
    return (
        "from analysis.experiments.logs import LogColumns, read_log\n"
        "from analysis.experiments.report import analyse\n\n"
        f"columns = {columns!r}\n"
        f"experiment = read_log({assignments.name!r}, {events.name!r}, columns{options})\n"
    )
