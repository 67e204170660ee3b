"""A dataset's own experiments: who was assigned to what, joined in the engine with what they watched afterwards."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import narwhals as nw

from analysis import engine
from analysis.data import Dataset
from analysis.errors import ExperimentError
from analysis.experiments.cells import segment_metrics
from analysis.experiments.experiment import GUESS, Experiment, Observed, resolve_control
from analysis.experiments.exposure import exposure, first_assignments
from analysis.experiments.metrics import Kind, Metric, Ratio, Term, columns_of, make_metric
from analysis.experiments.moments import JointMoments, largest_share, moments_by_variant, ranges
from analysis.experiments.outcomes import Staying, curves, unit_metric
from analysis.experiments.plan import FIRST_DAYS, SAMPLE_PLANS, Plan
from analysis.experiments.viewing_units import MAKEUP, makeup, unit_outcomes
from analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd

FINISHED = 0.9
"""Share of the running time from which a play counts as completed."""

BEFORE_DAYS = 28
"""Days before the assignment whose viewing serves as covariate."""

EVERYBODY = "all viewers, all days"
"""How a truth names the effect on all viewers over the whole time."""

METRICS: tuple[tuple[str, Kind, Term], ...] = (
    ("minutes per viewer", "mean", "minutes"),
    ("plays per viewer", "mean", "plays"),
    ("active days per viewer", "mean", "active_days"),
    ("viewers who played", "proportion", "played"),
    ("completion rate", "ratio", Ratio("completed", "plays")),
)
"""Name, kind and columns of what is measured of a viewer's plays."""


@dataclass(frozen=True)
class ExperimentList(Result):
    """The experiments of a dataset.

    Attributes:
        names: Ids, in order.
        viewers: Viewers assigned in each.
        variants: Names of the variants of each.
        first: First assignment of each (UTC).
        last: Last assignment of each (UTC).
    """

    names: tuple[str, ...]
    viewers: tuple[int, ...]
    variants: tuple[tuple[str, ...], ...]
    first: tuple[dt.datetime, ...]
    last: tuple[dt.datetime, ...]

    def to_frame(self) -> pd.DataFrame:
        """One row an experiment."""
        import pandas as pd

        return pd.DataFrame(
            {
                "experiment": self.names,
                "viewers": self.viewers,
                "variants": [", ".join(v) for v in self.variants],
                "first_assigned": self.first,
                "last_assigned": self.last,
            }
        )

    def summary(self) -> str:
        """How many there are."""
        if not self.names:
            return "The dataset has no experiments."
        return f"The dataset has {len(self.names)} experiments with {sum(self.viewers):,} assigned viewers."


def list_experiments(dataset: Dataset) -> ExperimentList:
    """The experiments that a dataset's `assignments` hold; none where it lacks that table."""
    if not dataset.has("assignments"):
        return ExperimentList((), (), (), (), ())
    with dataset.read() as tables:
        counted = (
            tables["assignments"]
            .group_by("experiment_id", "variant")
            .agg(
                nw.col("viewer_id").n_unique().alias("viewers"),
                nw.col("assigned_at").min().alias("first"),
                nw.col("assigned_at").max().alias("last"),
            )
        )
        rows = engine.to_arrow(counted.sort("experiment_id", "variant")).to_pylist()
    names = tuple(dict.fromkeys(str(row["experiment_id"]) for row in rows))
    groups = [[row for row in rows if row["experiment_id"] == name] for name in names]
    return ExperimentList(
        names,
        tuple(sum(int(row["viewers"]) for row in group) for group in groups),
        tuple(tuple(str(row["variant"]) for row in group) for group in groups),
        tuple(min(row["first"] for row in group) for group in groups),
        tuple(max(row["last"] for row in group) for group in groups),
    )


def read_experiment(
    dataset: Dataset,
    experiment_id: str,
    *,
    since: dt.date | None = None,
    until: dt.date | None = None,
    among: Mapping[str, str] | None = None,
    control: str | None = GUESS,
    adjusted: bool = False,
    weights: Mapping[str, float] | None = None,
    plan: Plan | None = None,
    more: Sequence[str] = (),
) -> Experiment:
    """One experiment of a dataset: what each assigned viewer watched from the assignment to the experiment's end.

    Viewers who watched nothing count with zero. Minutes per viewer is the primary metric.

    Args:
        dataset: A dataset with `assignments` and `views`.
        experiment_id: Which experiment.
        since: First day whose views count; the assignment's by default.
        until: Last day whose views count, on the viewers' clocks. By default the experiment's last day where the
            dataset's truth names it, else the last day of the data.
        among: Columns of `viewers` and the value that an analysed viewer has there, such as a plan.
        control: The control's name, or None for none; found by the names by default.
        adjusted: Whether to adjust by the minutes that each viewer watched in the 28 days before (CUPED).
        weights: Planned share of each variant.
        plan: What was written down beforehand; for the sample's experiments it is known.
        more: Names of metrics of `MORE_METRICS` to be measured beside; not adjusted.

    Raises:
        ExperimentError: There is no such experiment, many viewers are in two of its variants or nobody knows in which
            they were first, there is one variant only, or no viewer is among those asked for.
        DataError: The dataset lacks a table.
    """
    with dataset.read() as tables:
        chosen = tables["assignments"].filter(nw.col("experiment_id") == experiment_id)
        end = _check(chosen, tables["views"], experiment_id, dataset)
        start = _first_day(chosen, tables, dataset)
        chosen, crossed = first_assignments(
            chosen, "viewer_id", "variant", "assigned_at", f"viewers of {experiment_id}"
        )
        known = known_truth(dataset, experiment_id)
        if plan is None and known:
            plan = SAMPLE_PLANS.get(experiment_id)
        if until is None:
            until = dt.date.fromisoformat(known["ends_on"]) if "ends_on" in known else end
        if until < start:
            raise ExperimentError(
                f"{experiment_id} began on {start}, after {until}.", "Count views until a day after its beginning."
            )
        if among:
            chosen = _among(chosen, tables["viewers"], among)
        frame = per_viewer(chosen, tables["views"], since, until)
        # Joined once; all that follows reads one row a viewer.
        frame = tables.cursor.arrow(engine.to_arrow(frame))
        wanted = [m for m in METRICS if set(columns_of(m[2])[0]) <= set(frame.collect_schema().names())]
        covariates: list[Term] = ["minutes_before"] if adjusted else []
        if adjusted and "minutes_before" not in frame.collect_schema():
            raise ExperimentError("The views have no minutes to adjust by.", "Analyse without the adjustment.")
        columns = columns_of(*(m[2] for m in wanted), *covariates)[0]
        before = [c for c in ("minutes_before",) if c in frame.collect_schema()]
        columns = list(dict.fromkeys([*columns, *before]))
        pairs = [p for _, _, term in wanted for p in columns_of(term, *covariates)[1]]
        arms = moments_by_variant(frame, "variant", columns, pairs)
        long_enough = since is None and (until - start).days >= 3 * FIRST_DAYS
        first_days = _first_days(frame, until, covariates) if long_enough else {}
        kinds = [c for c in MAKEUP if c in (dataset.columns("viewers") if dataset.has("viewers") else ())]
        own = [(name, kind, term, True) for name, kind, term in wanted]
        segments = segment_metrics(_with_segments(frame, tables, kinds), "variant", kinds, own, covariates)
        each, terms = unit_outcomes(tables, frame, until, more, dataset)
        seen = Observed(
            crossed,
            {c.replace("_", " "): {v: joint.column(c) for v, joint in arms.items()} for c in before},
            makeup(tables, chosen, dataset),
            exposure(chosen, "variant", "assigned_at"),
            _largest(frame, arms),
        )
    metrics = tuple(make_metric(name, arms, term, kind=kind, covariates=covariates) for name, kind, term in wanted)
    metrics += tuple(unit_metric(term, each, name=name) for name, term in terms.items())
    units = {variant: joint.n for variant, joint in arms.items()}
    control = resolve_control(control, tuple(units))
    if control in units:
        units = {control: units[control]} | units
    effects = [t for t in known.get("true_effects", ()) if t["relative"] is not None and t["segment"] == EVERYBODY]
    effects = [] if among or since else effects
    truth = {t["metric"]: (float(t["difference"]), float(t["relative"])) for t in effects}
    narrowed = f"since=dt.date.fromisoformat('{since}'), " if since else ""
    narrowed += f"among={dict(among)!r}, " if among else ""
    code = (
        "import datetime as dt\n\n"
        "from analysis.data import Dataset\n"
        "from analysis.experiments.report import analyse\n"
        "from analysis.experiments.viewing import read_experiment\n\n"
        f"dataset = Dataset.open({(dataset.folder.name if dataset.folder else dataset.name)!r})\n"
        f"experiment = read_experiment(dataset, {experiment_id!r}, until=dt.date.fromisoformat('{until}'), "
        f"{narrowed}control={control!r}, adjusted={adjusted!r}{f', more={list(more)!r}' if more else ''})\n"
    )
    return Experiment(
        experiment_id,
        units,
        metrics,
        control,
        f"assignments and views of {dataset.name}",
        weights,
        days=float((until - start).days + 1),
        notes=(f"Counted are views from each viewer’s assignment to {until}; who watched nothing counts with zero.",),
        code=code,
        plan=plan,
        question=known.get("question", ""),
        truth=truth,
        first_days=first_days,
        observed=seen,
        survival=next((curves(t, each, control) for t in terms.values() if isinstance(t, Staying)), {}),
        segments=segments,
    )


def _with_segments(
    frame: nw.LazyFrame[Any], tables: Mapping[str, nw.LazyFrame[Any]], columns: Sequence[str]
) -> nw.LazyFrame[Any]:
    """The frame with columns of the viewers beside."""
    if not columns:
        return frame
    return frame.join(tables["viewers"].select("viewer_id", *columns), on="viewer_id", how="left")


def _largest(frame: nw.LazyFrame[Any], arms: Mapping[str, JointMoments]) -> dict[str, float]:
    """Share of the spread of minutes and plays in one viewer, by metric."""
    names = {m[2]: m[0] for m in METRICS if m[2] in ("minutes", "plays") and m[2] in frame.collect_schema()}
    _, ends = ranges(frame, [str(c) for c in names])
    shares = {name: largest_share(arms, str(c), ends[str(c)]) for c, name in names.items()}
    return {name: share for name, share in shares.items() if share is not None}


def known_truth(dataset: Dataset, experiment_id: str) -> Mapping[str, Any]:
    """What a simulated dataset's truth says of an experiment; empty otherwise."""
    truth = dataset.truth() or {}
    return next((e for e in truth.get("experiments", ()) if e.get("experiment_id") == experiment_id), {})


def _check(chosen: nw.LazyFrame[Any], views: nw.LazyFrame[Any], experiment_id: str, dataset: Dataset) -> dt.date:
    """Day of the last view; refuses an unknown experiment."""
    if not engine.to_arrow(chosen.select(nw.len().alias("rows"))).column(0)[0].as_py():
        known = ", ".join(list_experiments(dataset).names)
        raise ExperimentError(f"There is no experiment {experiment_id!r}.", f"{dataset.name} has: {known}.")
    end = engine.to_arrow(views.select(nw.col("started_local").max())).column(0)[0].as_py()
    return end.date()  # type: ignore[no-any-return]


def _first_day(chosen: nw.LazyFrame[Any], tables: Mapping[str, nw.LazyFrame[Any]], dataset: Dataset) -> dt.date:
    """Day of the first assignment on that viewer's clock; the viewers' zones differ by up to a day from UTC."""
    zones = dataset.has("viewers") and "time_zone" in dataset.columns("viewers")
    known = (
        chosen.join(tables["viewers"].select("viewer_id", "time_zone"), on="viewer_id", how="left")
        if zones
        else (chosen.with_columns(nw.lit(None).cast(nw.String()).alias("time_zone")))
    )
    first = known.group_by("time_zone").agg(nw.col("assigned_at").min())
    utc, usual = ZoneInfo("UTC"), dataset.info.time_zone or "UTC"
    found: list[dt.date] = [
        row["assigned_at"].replace(tzinfo=utc).astimezone(ZoneInfo(row["time_zone"] or usual)).date()
        for row in engine.to_arrow(first).to_pylist()
    ]
    return min(found)


def _among(chosen: nw.LazyFrame[Any], viewers: nw.LazyFrame[Any], among: Mapping[str, str]) -> nw.LazyFrame[Any]:
    """The assignments of some viewers."""
    known = viewers.collect_schema().names()
    for column, value in among.items():
        if column not in known:
            raise ExperimentError(f"The viewers have no column {column!r}.", f"They have: {', '.join(known)}.")
        viewers = viewers.filter(nw.col(column) == value)
    kept = chosen.join(viewers.select("viewer_id"), on="viewer_id", how="semi")
    if not engine.to_arrow(kept.select(nw.len().alias("n"))).column(0)[0].as_py():
        asked = ", ".join(f"{column} {value}" for column, value in among.items())
        raise ExperimentError(f"No assigned viewer has {asked}.", "Choose a value that some of them have.")
    return kept


def _first_days(frame: nw.LazyFrame[Any], until: dt.date, covariates: list[Term]) -> dict[str, tuple[Metric, Metric]]:
    """Metrics within the first days of those assigned two such spans before the end, and after them."""
    have = frame.collect_schema().names()
    enrolled = dt.datetime.combine(until - dt.timedelta(days=2 * FIRST_DAYS - 1), dt.time())
    names = {m[0]: m[2] for m in METRICS if isinstance(m[2], str) and f"{m[2]}_first" in have}
    columns = [f"{term}_{part}" for term in names.values() for part in ("first", "later")]
    pairs = [p for column in columns for p in columns_of(column, *covariates)[1]] if covariates else []
    early = frame.filter(nw.col("assigned_at") < enrolled)
    arms = moments_by_variant(early, "variant", [*columns, *columns_of(*covariates)[0]], pairs)
    if len(arms) < 2:
        return {}

    def part(name: str, column: str) -> Metric:
        return make_metric(name, arms, column, kind="mean", covariates=covariates)

    return {name: (part(name, f"{term}_first"), part(name, f"{term}_later")) for name, term in names.items()}


@dataclass(frozen=True)
class Plays:
    """An experiment's plays after the assignment, on one cursor.

    Attributes:
        viewers: One row an assigned viewer: `viewer_id`, `variant`, `assigned_at`.
        rows: One row a play: those columns, `day` (UTC), `started_at`, and 1 or a number for each of the metrics'
            columns: `plays`, `minutes`, `completed`, and `active_days` on a viewer's first play of a day.
    """

    viewers: nw.LazyFrame[Any]
    rows: nw.LazyFrame[Any]


def plays_of(tables: Mapping[str, nw.LazyFrame[Any]], experiment_id: str, until: dt.date) -> Plays:
    """The plays of an experiment's viewers, from the assignment to the end of a day on their clocks."""
    chosen = tables["assignments"].filter(nw.col("experiment_id") == experiment_id)
    viewers = chosen.group_by("viewer_id", "variant").agg(nw.col("assigned_at").min())
    # Who is in two variants counts where they were first; the same moment twice was refused when it was read.
    viewers = viewers.filter(nw.col("assigned_at") == nw.col("assigned_at").min().over("viewer_id"))
    views = tables["views"]
    have = set(views.collect_schema().names())
    columns = [c for c in ("viewer_id", "started_at", "started_local", "minutes", "completion") if c in have]
    midnight = dt.datetime.combine(until + dt.timedelta(days=1), dt.time())
    joined = viewers.join(views.select(columns), on="viewer_id", how="inner")
    after = joined.filter((nw.col("started_at") >= nw.col("assigned_at")) & (nw.col("started_local") < midnight))
    made = [nw.lit(1.0).alias("plays"), nw.col("started_at").dt.date().alias("day")]
    if "completion" in have:
        made.append((nw.col("completion") >= FINISHED).cast(nw.Float64()).alias("completed"))
    rows = after.with_columns(*made)
    first = nw.col("started_at") == nw.col("started_at").min().over("viewer_id", "day")
    return Plays(viewers, rows.with_columns(first.cast(nw.Float64()).alias("active_days")))


def last_day(dataset: Dataset, experiment_id: str) -> dt.date:
    """The experiment's last day where the dataset's truth names it, else the last day of the data."""
    known = known_truth(dataset, experiment_id)
    if "ends_on" in known:
        return dt.date.fromisoformat(known["ends_on"])
    with dataset.read() as tables:
        latest = tables["views"].select(nw.col("started_local").max())
        found: dt.date = engine.to_arrow(latest).column(0)[0].as_py().date()
    return found


def per_viewer(
    chosen: nw.LazyFrame[Any], views: nw.LazyFrame[Any], since: dt.date | None, until: dt.date
) -> nw.LazyFrame[Any]:
    """One row an assigned viewer: sums over the plays since the assignment, and minutes before it."""
    have = set(views.collect_schema().names())
    # A viewer logged twice in the same variant is still one viewer.
    viewers = chosen.group_by("viewer_id", "variant").agg(nw.col("assigned_at").min())
    columns = [c for c in ("viewer_id", "started_at", "started_local", "minutes", "completion") if c in have]
    joined = viewers.join(views.select(columns), on="viewer_id", how="inner")
    midnight = dt.datetime.combine(until + dt.timedelta(days=1), dt.time())
    after = joined.filter((nw.col("started_at") >= nw.col("assigned_at")) & (nw.col("started_local") < midnight))
    if since is not None:
        after = after.filter(nw.col("started_local") >= dt.datetime.combine(since, dt.time()))
    new = nw.col("started_at") < nw.col("assigned_at").dt.offset_by(f"{FIRST_DAYS}d")
    spec = [nw.len().alias("plays"), nw.col("started_local").dt.date().n_unique().alias("active_days")]
    spec.append(new.cast(nw.Int64()).sum().alias("plays_first"))
    if "minutes" in have:
        spec += [nw.col("minutes").sum(), nw.when(new).then("minutes").otherwise(0.0).sum().alias("minutes_first")]
    if "completion" in have:
        spec.append((nw.col("completion") >= FINISHED).cast(nw.Float64()).sum().alias("completed"))
    outcomes = after.group_by("viewer_id").agg(*spec)
    frame = viewers.join(outcomes, on="viewer_id", how="left")
    if "minutes" in have:
        begin = nw.col("assigned_at").dt.offset_by(f"-{BEFORE_DAYS}d")
        earlier = joined.filter((nw.col("started_at") < nw.col("assigned_at")) & (nw.col("started_at") >= begin))
        frame = frame.join(
            earlier.group_by("viewer_id").agg(nw.col("minutes").sum().alias("minutes_before")),
            on="viewer_id",
            how="left",
        )
    sums = ("plays", "active_days", "minutes", "completed", "minutes_before", "plays_first", "minutes_first")
    filled = [c for c in sums if c in frame.collect_schema()]
    frame = frame.with_columns(*(nw.col(c).fill_null(0).alias(c) for c in filled))
    rest = [c for c in ("plays", "minutes") if f"{c}_first" in filled]
    frame = frame.with_columns(*((nw.col(c) - nw.col(f"{c}_first")).alias(f"{c}_later") for c in rest))
    return frame.with_columns((nw.col("plays") > 0).cast(nw.Float64()).alias("played"))
