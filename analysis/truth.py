"""Estimates held to the truth: which function recovers which estimand of a simulated dataset, and how near it comes.

A simulated dataset says in `truth.json` what is true of it, and names for each estimand the function meant to recover
it. Here these functions are called on the data alone; the truth is not shown to them.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

from analysis.data import Dataset
from analysis.data.writer import write_text
from analysis.errors import DataError, ParameterError, PrimetimeError
from analysis.results import Progress, Result, plain

if TYPE_CHECKING:
    import pandas as pd

    from analysis.experiments.metrics import Metric
    from analysis.patterns.ratios import Finding

LEVEL = 0.95
"""Level of all intervals."""

ESTIMATES = "estimates.json"
"""File beside a dataset that keeps what was estimated in it."""

GROUPS = ("clock", "genres", "watching", "home page", "viewers", "experiments")
"""Headings in the order shown; what promises nothing comes last."""

_Z = 1.959964
"""Standard errors from the middle to the end of a 95 % interval."""


@dataclass(frozen=True)
class Estimate:
    """An estimate with its 95 % interval; NaN ends where there is too little data for one."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Held:
    """One estimand: its truth, and what the data say of it.

    Attributes:
        name: Its name.
        group: Heading under which it is shown.
        definition: What it is, in words.
        formula: The same as a formula.
        unit: Unit of truth and estimate.
        truth: The true value.
        truth_error: Standard error left in the truth by the run that gave it; 0 where it is exact.
        function: Dotted name of the function that recovers it, or empty.
        estimate: What that function found, or None.
        reason: Why there is no estimate, or why it promises nothing; empty otherwise.
    """

    name: str
    group: str
    definition: str
    formula: str
    unit: str
    truth: float
    truth_error: float
    function: str
    estimate: Estimate | None
    reason: str

    @property
    def promised(self) -> bool:
        """Whether there is an interval that promises to hold the truth 95 times in 100."""
        return self.estimate is not None and not self.reason

    @property
    def covered(self) -> bool | None:
        """Whether the interval holds the truth; None where none is promised."""
        if self.estimate is None or not self.promised:
            return None
        return self.estimate.low <= self.truth <= self.estimate.high

    @property
    def standardised(self) -> float:
        """Distance of the estimate from the truth in standard errors, read off the interval's end towards the truth.

        So ±1.96 is an end of the interval whatever the scale it was made on. NaN without an interval.
        """
        if self.estimate is None:
            return math.nan
        gap = self.estimate.value - self.truth
        half = self.estimate.value - self.estimate.low if gap > 0 else self.estimate.high - self.estimate.value
        if gap == 0:
            return 0.0
        return _Z * gap / half if half > 0 else math.nan

    def sentence(self) -> str:
        """Estimate, interval and truth in words."""
        truth = f"truly {self.shown(self.truth)}"
        if self.estimate is None:
            return f"{self.name}: {truth}. {self.reason}"
        e = self.estimate
        ends = f"95 % interval {self.shown(e.low)} to {self.shown(e.high)}"
        return f"{self.name}: estimated {self.shown(e.value)} ({ends}), {truth}."

    def shown(self, value: float) -> str:
        """A value of this estimand with its unit; shares as percentages."""
        if self.unit.startswith("share"):
            return f"{100 * value:.3g} %"
        return f"{value:.4g}" if self.unit == "ratio" else f"{value:.4g} {self.unit}"


@dataclass(frozen=True)
class TruthTable(Result):
    """All estimands of a dataset.

    Attributes:
        dataset: Name of the dataset.
        rows: The estimands, in the order of its truth.
    """

    dataset: str
    rows: tuple[Held, ...]

    @property
    def promised(self) -> tuple[Held, ...]:
        """Those whose interval promises to hold the truth."""
        return tuple(row for row in self.rows if row.promised)

    @property
    def covered(self) -> int:
        """How many of them do."""
        return sum(bool(row.covered) for row in self.promised)

    @property
    def missed(self) -> tuple[Held, ...]:
        """Those that do not, farthest first."""
        missed = [row for row in self.promised if not row.covered]
        return tuple(sorted(missed, key=lambda row: -abs(row.standardised)))

    def to_frame(self) -> pd.DataFrame:
        """One row an estimand: truth, estimate, interval, whether it is covered, and why not everything is there."""
        import pandas as pd

        nothing = Estimate(math.nan, math.nan, math.nan)
        rows = [
            {
                "estimand": row.name,
                "unit": row.unit,
                "truth": row.truth,
                "estimate": (row.estimate or nothing).value,
                "low": (row.estimate or nothing).low,
                "high": (row.estimate or nothing).high,
                "covered": row.covered,
                "standard_errors_off": row.standardised,
                "truth_error": row.truth_error,
                "reason": row.reason,
            }
            for row in self.rows
        ]
        return pd.DataFrame(rows)

    def summary(self) -> str:
        """How many intervals hold the truth, and how many are expected to."""
        promised, without = len(self.promised), len(self.rows) - len(self.promised)
        rest = f" {without} estimands have no interval that promises anything." if without else ""
        return (
            f"{self.covered} of {promised} intervals hold the truth; at 95 % about {LEVEL * promised:.0f} are expected "
            f"to.{rest}"
        )


def truth_table(dataset: Dataset, *, fresh: bool = False, progress: Progress | None = None) -> TruthTable:
    """Estimate every estimand of a dataset whose truth is known, from its tables alone.

    Args:
        dataset: A simulated dataset.
        fresh: Whether to estimate anew where estimates of this very content are kept beside it.
        progress: Called with the share of the estimands done.

    Raises:
        DataError: The dataset has no truth.
    """
    estimands = _estimands(dataset)
    kept = {} if fresh else _kept(dataset)
    recover = Recovery()
    rows = []
    for number, estimand in enumerate(estimands):
        if progress is not None:
            progress(number / len(estimands), f"Estimating {estimand['name']}")
        rows.append(_held(dataset, estimand, recover, kept.get(estimand["name"])))
    place = {group: number for number, group in enumerate(GROUPS)}
    return TruthTable(dataset.name, tuple(sorted(rows, key=lambda row: place.get(row.group, len(place)))))


def keep(dataset: Dataset, table: TruthTable) -> None:
    """Keep estimates beside their dataset, so that they need not be made again.

    Raises:
        DataError: The dataset is not on disk.
    """
    if dataset.folder is None:
        raise DataError(f"{dataset.name} is held in memory.", "Write it to a folder first.")
    estimates = {row.name: plain(row.estimate) for row in table.rows if row.estimate is not None}
    content = {"of": _digest(dataset), "estimates": estimates}
    write_text(dataset.folder / ESTIMATES, json.dumps(content, indent=1) + "\n")


def _kept(dataset: Dataset) -> dict[str, Estimate]:
    """Estimates that were kept beside a dataset, if they are of this content and this truth."""
    if dataset.folder is None or not (dataset.folder / ESTIMATES).is_file():
        return {}
    content = json.loads((dataset.folder / ESTIMATES).read_text(encoding="utf-8"))
    if content.get("of") != _digest(dataset):
        return {}
    nothing = math.nan
    return {
        name: Estimate(*(nothing if found[end] is None else float(found[end]) for end in ("value", "low", "high")))
        for name, found in content["estimates"].items()
    }


def _digest(dataset: Dataset) -> str:
    """What estimates depend on: the tables' content, and what is asked."""
    asked = [[e["name"], e["function"], e["scope"]] for e in _estimands(dataset)]
    text = json.dumps([dataset.content_hash, asked], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def known(dataset: Dataset, name: str) -> float | None:
    """The true value of one estimand, or None where the dataset doesn't know it."""
    found = (e for e in (dataset.truth() or {}).get("estimands", ()) if e["name"] == name)
    return next((float(e["value"]) for e in found), None)


class Recovery:
    """The functions that recover estimands, and what they found so far in one dataset."""

    def __init__(self) -> None:
        self._found: dict[tuple[Any, ...], Any] = {}

    def __call__(self, dataset: Dataset, function: str, scope: Mapping[str, Any]) -> Estimate:
        """Ask a function for a scope.

        Raises:
            ParameterError: There is no function of that name here.
        """
        if function not in REGISTRY:
            raise ParameterError(
                f"No function {function!r} recovers estimands here.", f"These do: {', '.join(REGISTRY)}."
            )
        return REGISTRY[function](self, dataset, scope)

    def once(self, key: tuple[Any, ...], compute: Callable[[], Any]) -> Any:
        """What was computed for a key before, so that several metrics of one experiment are read together."""
        if key not in self._found:
            self._found[key] = compute()
        return self._found[key]


def _estimands(dataset: Dataset) -> list[dict[str, Any]]:
    truth = dataset.truth()
    if truth is None:
        raise DataError(
            f"Nothing is known of the truth behind {dataset.name}.",
            "Choose the sample, or a dataset made by `python -m analysis simulate`: those come with their truth.",
        )
    return list(truth.get("estimands", ()))


def _held(dataset: Dataset, estimand: Mapping[str, Any], recover: Recovery, estimate: Estimate | None) -> Held:
    function, reason = estimand.get("function") or "", estimand.get("reason") or ""
    if function and estimate is None:
        try:
            estimate = recover(dataset, function, estimand.get("scope", {}))
        except PrimetimeError as error:
            reason = reason or error.problem
    elif not function and not reason:
        reason = "No function recovers it yet."
    return Held(
        name=estimand["name"],
        group=estimand.get("group", "experiments" if "experiment_id" in estimand.get("scope", {}) else "others"),
        definition=estimand["definition"],
        formula=estimand["formula"],
        unit=estimand["unit"],
        truth=float(estimand["value"]),
        truth_error=float(estimand.get("truth_error") or 0.0),
        function=function,
        estimate=estimate,
        reason=reason,
    )


def _of_finding(finding: Finding) -> Estimate:
    return Estimate(finding.interval.value, finding.interval.low, finding.interval.high)


def _clock(recovery: Recovery, dataset: Dataset, scope: Mapping[str, Any]) -> Estimate:
    from analysis.patterns import clock

    week = recovery.once(("clock", scope["measure"]), lambda: clock(dataset, measure=scope["measure"]))
    found = week.weekend if scope["share"] == "weekend" else week.night
    return Estimate(found.value, found.low, found.high)


def _lift(recovery: Recovery, dataset: Dataset, scope: Mapping[str, Any]) -> Estimate:
    from analysis.patterns import months

    season = recovery.once(("months",), lambda: months(dataset))
    if scope["month"] not in season.months or scope["genre"] not in season.genres:
        raise DataError("The dataset has no plays of that month or genre.", "Choose another one.")
    cell = season.months.index(scope["month"]), season.genres.index(scope["genre"])
    return Estimate(float(season.lift[cell]), float(season.low[cell]), float(season.high[cell]))


def _share(recovery: Recovery, dataset: Dataset, scope: Mapping[str, Any]) -> Estimate:
    from analysis.patterns import ratios

    return _of_finding(ratios.share(dataset, scope["part"], measure=scope["measure"]))


def _share_ratio(recovery: Recovery, dataset: Dataset, scope: Mapping[str, Any]) -> Estimate:
    from analysis.patterns import ratios

    return _of_finding(ratios.share_ratio(dataset, scope["part"], scope["here"], scope["there"]))


def _mean_minutes(recovery: Recovery, dataset: Dataset, scope: Mapping[str, Any]) -> Estimate:
    from analysis.patterns import ratios

    return _of_finding(ratios.mean_minutes(dataset))


def _mean_stars(recovery: Recovery, dataset: Dataset, scope: Mapping[str, Any]) -> Estimate:
    from analysis.patterns import ratios

    return _of_finding(ratios.mean_stars(dataset))


def _viewers_gone(recovery: Recovery, dataset: Dataset, scope: Mapping[str, Any]) -> Estimate:
    from analysis.patterns import ratios

    return _of_finding(ratios.viewers_gone(dataset))


def _clicks(recovery: Recovery, dataset: Dataset, scope: Mapping[str, Any]) -> Estimate:
    from analysis.patterns import page

    return _of_finding(page.clicks_per_visit(dataset, scope["policy"]))


def _examination(recovery: Recovery, dataset: Dataset, scope: Mapping[str, Any]) -> Estimate:
    from analysis.patterns import page

    return _of_finding(page.examination(dataset, scope["place"], scope["against"]))


def _measure(name: str, *asked: str) -> Callable[[Recovery, Dataset, Mapping[str, Any]], Estimate]:
    """A function of `analysis.measures`, asked for these parts of the scope."""

    def recover(recovery: Recovery, dataset: Dataset, scope: Mapping[str, Any]) -> Estimate:
        from analysis import measures

        return _of_finding(getattr(measures, name)(dataset, *(scope[part] for part in asked)))

    return recover


def _effect(recovery: Recovery, dataset: Dataset, scope: Mapping[str, Any]) -> Estimate:
    """The difference between the arms of an experiment, over all viewers and days, a plan or a week.

    Each is one look at days and viewers that were fixed beforehand, so the interval is that of one look.
    """
    from analysis.experiments.experiment import GUESS, resolve_control
    from analysis.experiments.multi import compare_variants

    name, segment = scope["experiment_id"], scope["segment"]
    metrics = recovery.once(("experiment", name, segment), lambda: _metrics(dataset, name, segment))
    metric = metrics[scope["metric"]]
    found = compare_variants(metric, resolve_control(GUESS, tuple(metric.arms)), confidence=LEVEL)
    effect = found.pairs[0].absolute
    return Estimate(effect.estimate, effect.low, effect.high)


def _metrics(dataset: Dataset, name: str, segment: str) -> dict[str, Metric]:
    """An experiment's metrics as `read_experiment` has them, without all that it finds beside them."""
    from analysis import engine
    from analysis.experiments import viewing
    from analysis.experiments.exposure import first_assignments
    from analysis.experiments.metrics import columns_of, make_metric
    from analysis.experiments.moments import moments_by_variant

    asked = _segment(dataset, name, segment)
    until = asked.get("until") or viewing.last_day(dataset, name)
    with dataset.read() as tables:
        chosen = tables["assignments"].filter(nw.col("experiment_id") == name)
        chosen, _ = first_assignments(chosen, "viewer_id", "variant", "assigned_at", f"viewers of {name}")
        for column, value in asked.get("among", {}).items():
            those = tables["viewers"].filter(nw.col(column) == value).select("viewer_id")
            chosen = chosen.join(those, on="viewer_id", how="semi")
        frame = engine.to_arrow(viewing.per_viewer(chosen, tables["views"], asked.get("since"), until))
        each = tables.cursor.arrow(frame)
        wanted = [m for m in viewing.METRICS if set(columns_of(m[2])[0]) <= set(frame.column_names)]
        columns, pairs = columns_of(*(term for _, _, term in wanted))
        arms = moments_by_variant(each, "variant", columns, pairs)
    return {metric: make_metric(metric, arms, term, kind=kind) for metric, kind, term in wanted}


def _segment(dataset: Dataset, name: str, segment: str) -> dict[str, Any]:
    """How `read_experiment` is asked for a segment of the truth."""
    kind, _, which = segment.partition(" ")
    if kind == "plan":
        return {"among": {"plan": which}}
    if kind != "week":
        return {}
    experiment = next(e for e in (dataset.truth() or {})["experiments"] if e["experiment_id"] == name)
    since = dt.date.fromisoformat(experiment["starts_on"]) + dt.timedelta(days=7 * (int(which) - 1))
    until = min(since + dt.timedelta(days=6), dt.date.fromisoformat(experiment["ends_on"]))
    return {"since": since, "until": until}


REGISTRY: Mapping[str, Callable[[Recovery, Dataset, Mapping[str, Any]], Estimate]] = {
    "analysis.patterns.clock": _clock,
    "analysis.patterns.months": _lift,
    "analysis.patterns.ratios.share": _share,
    "analysis.patterns.ratios.share_ratio": _share_ratio,
    "analysis.patterns.ratios.mean_minutes": _mean_minutes,
    "analysis.patterns.ratios.mean_stars": _mean_stars,
    "analysis.patterns.ratios.viewers_gone": _viewers_gone,
    "analysis.patterns.page.clicks_per_visit": _clicks,
    "analysis.patterns.page.examination": _examination,
    "analysis.measures.own_language_share": _measure("own_language_share"),
    "analysis.measures.own_language_clicks": _measure("own_language_clicks"),
    "analysis.measures.genre_by_country": _measure("genre_by_country", "genre", "country"),
    "analysis.measures.genre_in_school_holidays": _measure("genre_in_school_holidays", "genre"),
    "analysis.measures.artwork_clicks": _measure("artwork_clicks"),
    "analysis.measures.monthly_churn": _measure("monthly_churn"),
    "analysis.measures.churn_ratio": _measure("churn_ratio", "plan"),
    "analysis.measures.returns_among_additions": _measure("returns_among_additions"),
    "analysis.experiments.multi.compare_variants": _effect,
}
"""Dotted name of a function of the rooms -> how it is asked for the scope of an estimand."""
