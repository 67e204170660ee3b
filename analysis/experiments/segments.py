"""Where an effect differs: by segment of the viewers, with a test of interaction, and by week since the assignment."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import narwhals as nw

from analysis import engine
from analysis.data import Dataset
from analysis.experiments import words
from analysis.experiments.experiment import Experiment
from analysis.experiments.fixed import Comparison, compare_means
from analysis.experiments.health import sample_ratio
from analysis.experiments.heterogeneity import common_lift, qualitative
from analysis.experiments.metrics import Metric, columns_of, term_moments
from analysis.experiments.moments import moments_by_variant
from analysis.experiments.multi import compare
from analysis.experiments.multiplicity import adjust_p_values
from analysis.experiments.plan import Plan
from analysis.experiments.timeline import arms_of, term_of
from analysis.experiments.verdict import MINIMUM_UNITS
from analysis.experiments.viewing import known_truth, last_day, plays_of
from analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd

PLANNED_LEVEL, EXPLORATORY_LEVEL = 0.05, 0.01
"""Corrected p-value below which effects are said to differ; more is asked of what nobody asked about beforehand."""


@dataclass(frozen=True)
class Segment:
    """The effect within one segment.

    Attributes:
        column: Column of the viewers.
        value: The segment's value there.
        comparison: Treatment against control within it; p-values corrected over all segments.
        split_p: p-value of the sample-ratio check within it.
    """

    column: str
    value: str
    comparison: Comparison
    split_p: float


@dataclass(frozen=True)
class Interaction:
    """Whether the effect differs between the segments of a column.

    Attributes:
        column: The column.
        statistic: F of the test that the lift is the same in all segments.
        p_value: Its p-value, corrected over the columns planned, or over those not planned.
        reversal_p_value: The same of Gail and Simon's test that it is a gain in some and a loss in others.
        planned: Whether the column was named before results were seen.
    """

    column: str
    statistic: float
    p_value: float
    reversal_p_value: float
    planned: bool

    @property
    def found(self) -> bool:
        """Whether the effects differ."""
        return self.p_value < (PLANNED_LEVEL if self.planned else EXPLORATORY_LEVEL)

    @property
    def reverses(self) -> bool:
        """Whether it is a gain in some segments and a loss in others, beyond chance."""
        return self.found and self.reversal_p_value < (PLANNED_LEVEL if self.planned else EXPLORATORY_LEVEL)


@dataclass(frozen=True)
class Segments(Result):
    """One metric's effect by segment.

    Attributes:
        metric: Name of the metric.
        segments: Segments, column by column.
        interactions: One test a column.
        confidence: Level of the intervals, each by itself.
    """

    metric: str
    segments: tuple[Segment, ...]
    interactions: tuple[Interaction, ...]
    confidence: float

    @property
    def reversals(self) -> tuple[str, ...]:
        """Columns by which the effect reverses."""
        return tuple(test.column for test in self.interactions if test.reverses)

    def of(self, column: str) -> tuple[Segment, ...]:
        """The segments of one column."""
        return tuple(s for s in self.segments if s.column == column)

    def to_frame(self) -> pd.DataFrame:
        """One row a segment."""
        import pandas as pd

        tests = {test.column: test for test in self.interactions}
        return pd.DataFrame(
            [
                {"segment": s.column, "value": s.value}
                | {k: v for k, v in s.comparison.row().items() if k in _SHOWN}
                | {
                    "interaction_p_value": tests[s.column].p_value,
                    "reversal_p_value": tests[s.column].reversal_p_value,
                    "planned": tests[s.column].planned,
                    "split_p_value": s.split_p,
                }
                for s in self.segments
                if s.column in tests
            ]
        )

    def sentence(self, test: Interaction) -> str:
        """How the effect differs by one column, in words: the clear lifts first, up before down, then the unclear.

        A segment's lift is called unclear where its own interval, of a single test, holds zero.
        """
        parts = []
        for sign in (1, -1, 0):
            own = [s for s in self.of(test.column) if s.comparison.absolute.sign == sign]
            each = [f"{_lift(s.comparison)} for {s.value}" for s in own]
            if sign == 0:
                each = [f"unclear for {s.value} ({_lift(s.comparison)})" for s in own]
            parts += each
        verb = "reverses" if test.reverses else "differs"
        name = spoken(test.column)
        return f"The effect on {self.metric} {verb} by {name} ({words.p_value(test.p_value)}): {', '.join(parts)}."

    def summary(self) -> str:
        """Which columns' effects differ, and whether some segment is hurt."""
        if not self.segments:
            return "There is no segment with enough units."
        found = [test for test in self.interactions if test.found]
        if not found:
            return (
                f"{_upper(self.metric)}: no segment’s effect differs from the others’ by more than chance makes it. "
                "A segment that stands out alone is to be expected when one looks at many."
            )
        asked = {True: "It was asked about beforehand.", False: "Nobody asked beforehand: test it again."}
        return " ".join(f"{self.sentence(test)} {asked[test.planned]}" for test in found)


def spoken(column: str) -> str:
    """A column's name as it is said.

    >>> spoken("age_band")
    'age band'
    """
    return column.replace("_", " ")


def _lift(comparison: Comparison) -> str:
    lift = comparison.relative
    return words.percent(lift.estimate) if lift is not None else words.signed(comparison.absolute.estimate)


_SHOWN = (
    "control_n",
    "treatment_n",
    "control_mean",
    "treatment_mean",
    "difference",
    "lift",
    "lift_low",
    "lift_high",
    "p_value",
    "adjusted_p_value",
)


@dataclass(frozen=True)
class Weeks(Result):
    """The effect by week since each viewer's assignment.

    Attributes:
        metric: Name of the metric.
        weeks: Comparisons, from the first week on; each of the viewers who were in it for the whole week.
    """

    metric: str
    weeks: tuple[Comparison, ...]

    def to_frame(self) -> pd.DataFrame:
        """One row a week."""
        import pandas as pd

        return pd.DataFrame(
            [{"week": i} | {k: v for k, v in c.row().items() if k in _SHOWN} for i, c in enumerate(self.weeks, start=1)]
        )

    def summary(self) -> str:
        """The first week's lift against the last one's."""
        if len(self.weeks) < 2:
            return "It ran too short for a course over weeks."
        first, last = self.weeks[0].relative, self.weeks[-1].relative
        if first is None or last is None:
            return f"{_upper(self.metric)}: the weeks have no lift."
        early, late = (
            f"{words.percent(x.estimate)} ({words.percent(x.low)} to {words.percent(x.high)})" for x in (first, last)
        )
        return f"{_upper(self.metric)}: {early} in a viewer’s first week, {late} in week {len(self.weeks)}."


def by_segment(
    experiment: Experiment,
    metric: str | None = None,
    *,
    plan: Plan | None = None,
    treatment: str | None = None,
    confidence: float = 0.95,
) -> Segments:
    """A metric's effect by segment, and for each column whether the effects differ, and whether they turn round.

    The p-values of the columns that the plan names are Holm's over those, the others' Holm's over the others; the
    segments' own are Holm's over all segments. Segments with fewer than 30 units in a variant are left out.

    Args:
        experiment: The experiment, with the metrics of its segments.
        metric: Name of the metric; the plan's primary one by default.
        plan: What was written down beforehand; the experiment's own plan by default.
        treatment: The variant held against the control; the first other one by default.
        confidence: Level of each interval.

    Raises:
        ExperimentError: There is no such treatment, or no control.
    """
    control, treatment = arms_of(experiment, treatment)
    plan = plan or experiment.plan or Plan()
    name = metric or plan.primary or experiment.metrics[0].name
    planned = plan.segments if plan.registered else ()
    found = [
        segment
        for column, values in experiment.segments.items()
        for value, metrics in values.items()
        if (segment := _segment(experiment, column, value, metrics, name, (control, treatment), confidence))
    ]
    alone = [c for c in experiment.segments if sum(s.column == c for s in found) < 2]
    found = [s for s in found if s.column not in alone]
    adjusted = adjust_p_values([s.comparison.absolute.p_value for s in found])
    segments = tuple(
        dataclasses.replace(
            s, comparison=dataclasses.replace(s.comparison, adjusted_p_value=p, adjustment="Holm’s correction")
        )
        for s, p in zip(found, adjusted, strict=True)
    )
    tests = [_interaction(segments, c, c in planned) for c in dict.fromkeys(s.column for s in segments)]
    return Segments(
        name, segments, (*_corrected(t for t in tests if t.planned), *_corrected(t for t in tests if not t.planned)),
        confidence,
    )  # fmt: skip


def true_lifts(dataset: Dataset, experiment: Experiment, metric: str) -> dict[tuple[str, str], float]:
    """What a simulated dataset's truth says of a metric's lift by segment: by column and value; empty otherwise.

    Args:
        dataset: The dataset.
        experiment: The experiment, as `read_experiment` gives it.
        metric: Name of the metric.
    """
    known = known_truth(dataset, experiment.name).get("true_effects", ())
    found = {}
    for effect in known:
        column = next((c for c in experiment.segments if str(effect["segment"]).startswith(f"{c} ")), None)
        if effect["metric"] == metric and column is not None and effect["relative"] is not None:
            found[column, str(effect["segment"])[len(column) + 1 :]] = float(effect["relative"])
    return found


def by_week(
    dataset: Dataset,
    experiment: Experiment,
    metric: str | None = None,
    *,
    treatment: str | None = None,
    until: dt.date | None = None,
    confidence: float = 0.95,
) -> Weeks:
    """A metric's effect in each whole week since the viewers' assignment: what is new wears off, what is good stays.

    Args:
        dataset: A dataset with `assignments` and `views`.
        experiment: The experiment, as `read_experiment` gives it.
        metric: Name of the metric; the plan's primary one by default.
        treatment: The variant held against the control; the first other one by default.
        until: Last day, on the viewers' clocks.
        confidence: Level of each interval.

    Raises:
        ExperimentError: The metric is not one of viewing, or there is no control.
    """
    arms = arms_of(experiment, treatment)
    name = metric or (experiment.plan.primary if experiment.plan else "") or experiment.metrics[0].name
    term = term_of(name)
    columns = columns_of(term)[0]
    count = int((experiment.days or 0) // 7)
    with dataset.read() as tables:
        until = until or last_day(dataset, experiment.name)
        plays = plays_of(tables, experiment.name, until)
        spec = []
        for week in range(count):
            begin, end = (nw.col("assigned_at").dt.offset_by(f"{7 * w}d") for w in (week, week + 1))
            inside = (nw.col("started_at") >= begin) & (nw.col("started_at") < end)
            spec += [nw.when(inside).then(c).otherwise(0.0).sum().alias(f"{c}_{week}") for c in columns]
        summed = plays.rows.group_by("viewer_id").agg(*spec) if spec else plays.viewers.select("viewer_id")
        frame = engine.to_arrow(plays.viewers.join(summed, on="viewer_id", how="left"))
        midnight = dt.datetime.combine(until + dt.timedelta(days=1), dt.time())
        weeks = []
        for week in range(count):
            # Only viewers who have been in it for the whole week; others would count as having stopped.
            whole = nw.col("assigned_at") <= midnight - dt.timedelta(days=7 * (week + 1))
            named = [nw.col(f"{c}_{week}").fill_null(0.0).alias(c) for c in columns]
            own = tables.cursor.arrow(frame).filter(whole).select("variant", *named)
            moments = moments_by_variant(own, "variant", columns, columns_of(term)[1])
            if any(arm not in moments or moments[arm].n < MINIMUM_UNITS for arm in arms):
                break
            control, treatment_ = (term_moments(moments[arm], term) for arm in arms)
            weeks.append(compare_means(control, treatment_, confidence=confidence, metric=name, names=arms))
    return Weeks(name, tuple(weeks))


def _segment(
    experiment: Experiment,
    column: str,
    value: str,
    metrics: Sequence[Metric],
    name: str,
    arms: tuple[str, str],
    confidence: float,
) -> Segment | None:
    """The effect in one segment, or None where it has too few units or no such metric."""
    metric = next((m for m in metrics if m.name == name), None)
    if metric is None or any(arm not in metric.arms or metric.arms[arm].n < MINIMUM_UNITS for arm in arms):
        return None
    comparison = compare(metric, *arms, confidence=confidence)
    if comparison.problem:
        return None
    weights = {arm: (experiment.weights or {}).get(arm, 1.0) for arm in arms}
    split = sample_ratio({arm: metric.arms[arm].n for arm in arms}, weights)
    return Segment(column, value, comparison, split.p_value)


def _interaction(segments: Sequence[Segment], column: str, planned: bool) -> Interaction:
    own = [s.comparison for s in segments if s.column == column]
    statistic, p = common_lift([c.control_moments for c in own], [c.treatment_moments for c in own])
    turned = qualitative([c.absolute.estimate / c.absolute.standard_error for c in own])
    return Interaction(column, statistic, p, turned, planned)


def _corrected(tests: Iterable[Interaction]) -> list[Interaction]:
    """Holm's p-values over tests that belong together."""
    own = list(tests)
    differ, turn = (adjust_p_values(p) for p in ([t.p_value for t in own], [t.reversal_p_value for t in own]))
    return [dataclasses.replace(t, p_value=p, reversal_p_value=r) for t, p, r in zip(own, differ, turn, strict=True)]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
