"""Where an effect differs: by segment of the viewers, with a test of interaction, and by week since the assignment."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from analysis import engine
from analysis.data import Dataset
from analysis.errors import ExperimentError
from analysis.experiments import words
from analysis.experiments.experiment import Experiment
from analysis.experiments.fixed import Comparison, compare_means
from analysis.experiments.health import sample_ratio
from analysis.experiments.metrics import columns_of, term_moments
from analysis.experiments.moments import moments_by_variant
from analysis.experiments.multiplicity import adjust_p_values
from analysis.experiments.timeline import arms_of, term_of
from analysis.experiments.verdict import MINIMUM_UNITS
from analysis.experiments.viewing import known_truth, last_day, plays_of
from analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("plan", "age_band", "country")
"""Columns of the viewers that are looked at, where they are there."""

MOST_SEGMENTS = 12
"""A column with more values than this is left out: its segments would be too small to say anything."""

_SEPARATOR = "\x1f"


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
        column: Column of the viewers.
        statistic: Cochran's Q: χ² of the segments' differences around their common one.
        degrees_of_freedom: Segments less one.
        p_value: Its p-value, corrected over the columns that were not named beforehand.
        planned: Whether the column was named before results were seen.
    """

    column: str
    statistic: float
    degrees_of_freedom: int
    p_value: float
    planned: bool

    @property
    def found(self) -> bool:
        """Whether the effects differ, at the 5 % level."""
        return self.p_value < 0.05


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
        """Columns whose effects differ and have segments on both sides of zero."""
        found = []
        for test in self.interactions:
            effects = [s.comparison.absolute.estimate for s in self.segments if s.column == test.column]
            if test.found and min(effects) < 0 < max(effects):
                found.append(test.column)
        return tuple(found)

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
                    "planned": tests[s.column].planned,
                    "split_p_value": s.split_p,
                }
                for s in self.segments
            ]
        )

    def summary(self) -> str:
        """Which columns' effects differ, and whether some segment is hurt."""
        if not self.segments:
            return "There is no segment with enough viewers."
        found = [test for test in self.interactions if test.found]
        if not found:
            return (
                f"{_upper(self.metric)}: no segment’s effect differs from the others’ by more than chance makes it. "
                "A segment that stands out alone is to be expected when one looks at many."
            )
        texts = []
        for test in found:
            own = [s for s in self.segments if s.column == test.column and s.comparison.relative is not None]
            each = ", ".join(f"{words.percent(s.comparison.relative.estimate)} for {s.value}" for s in own)  # type: ignore[union-attr]
            kind = "asked about beforehand" if test.planned else "exploratory: test it again"
            reversed_ = "reverses" if test.column in self.reversals else "differs"
            texts.append(f"the effect {reversed_} by {test.column} ({words.p_value(test.p_value)}, {kind}): {each}")
        return f"{_upper(self.metric)}: {'; '.join(texts)}."


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
    dataset: Dataset,
    experiment: Experiment,
    metric: str | None = None,
    *,
    columns: Sequence[str] = COLUMNS,
    treatment: str | None = None,
    until: dt.date | None = None,
    confidence: float = 0.95,
) -> Segments:
    """A metric's effect by segment, and for each column whether the effects differ (Cochran 1954).

    Columns that the plan names are tested each by itself; the p-values of all others are Holm's. The segments' own
    p-values are Holm's over all segments. Segments with fewer than 30 viewers in a variant are left out.

    Args:
        dataset: A dataset with `assignments`, `views` and `viewers`.
        experiment: The experiment, as `read_experiment` gives it.
        metric: Name of the metric; the plan's primary one by default.
        columns: Columns of `viewers`.
        treatment: The variant held against the control; the first other one by default.
        until: Last day, on the viewers' clocks.
        confidence: Level of each interval.

    Raises:
        ExperimentError: The metric is not one of viewing, or there is no control.
    """
    control, treatment = arms_of(experiment, treatment)
    name = metric or (experiment.plan.primary if experiment.plan else "") or experiment.metrics[0].name
    planned = experiment.plan.segments if experiment.plan else ()
    term = term_of(name)
    found: list[Segment] = []
    have = dataset.columns("viewers") if dataset.has("viewers") else ()
    columns = [c for c in columns if c in have]
    with dataset.read() as tables:
        plays = plays_of(tables, experiment.name, until or last_day(dataset, experiment.name))
        summed = plays.rows.group_by("viewer_id").agg(*(nw.col(c).sum() for c in columns_of(term)[0]))
        values = tables["viewers"].select("viewer_id", *(nw.col(c).cast(nw.String()) for c in columns))
        frame = plays.viewers.join(values, on="viewer_id", how="inner").join(summed, on="viewer_id", how="left")
        # Joined once; each column then reads one row a viewer.
        viewers = tables.cursor.arrow(engine.to_arrow(frame))
        for column in columns:
            found += _segments(viewers, experiment, name, column, (control, treatment), confidence)
    adjusted = adjust_p_values([s.comparison.absolute.p_value for s in found])
    segments = tuple(
        dataclasses.replace(
            s, comparison=dataclasses.replace(s.comparison, adjusted_p_value=p, adjustment="Holm’s correction")
        )
        for s, p in zip(found, adjusted, strict=True)
    )
    names = dict.fromkeys(s.column for s in segments)
    tests = [t for t in (_interaction(segments, c, c in planned) for c in names) if t is not None]
    open_ = [t for t in tests if not t.planned]
    corrected = dict(zip([t.column for t in open_], adjust_p_values([t.p_value for t in open_]), strict=True))
    tests = [dataclasses.replace(t, p_value=corrected.get(t.column, t.p_value)) for t in tests]
    return Segments(name, segments, tuple(tests), confidence)


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
        column = next((c for c in COLUMNS if str(effect["segment"]).startswith(f"{c} ")), None)
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


def _segments(
    viewers: nw.LazyFrame[Any],
    experiment: Experiment,
    name: str,
    column: str,
    arms: tuple[str, str],
    confidence: float,
) -> list[Segment]:
    """All segments of one column, in one query."""
    term = term_of(name)
    columns = columns_of(term)[0]
    frame = viewers.filter(~nw.col(column).is_null())
    if not 2 <= engine.to_arrow(frame.select(nw.col(column).n_unique())).column(0)[0].as_py() <= MOST_SEGMENTS:
        return []
    cell = nw.concat_str([nw.col(column), nw.col("variant")], separator=_SEPARATOR)
    frame = frame.with_columns(*(nw.col(c).fill_null(0.0) for c in columns), cell.alias("cell"))
    moments = moments_by_variant(frame, "cell", columns, columns_of(term)[1])
    found = []
    for value in dict.fromkeys(key.partition(_SEPARATOR)[0] for key in moments):
        pair = [moments.get(f"{value}{_SEPARATOR}{arm}") for arm in arms]
        if any(m is None or m.n < MINIMUM_UNITS for m in pair):
            continue
        sides = [term_moments(m, term) for m in pair if m is not None]
        try:
            comparison = compare_means(sides[0], sides[1], confidence=confidence, metric=name, names=arms)
        except ExperimentError:
            continue
        weights = {arm: (experiment.weights or {}).get(arm, 1.0) for arm in arms}
        split = sample_ratio({arm: m.n for arm, m in zip(arms, sides, strict=True)}, weights)
        found.append(Segment(column, value, comparison, split.p_value))
    return found


def _interaction(segments: Sequence[Segment], column: str, planned: bool) -> Interaction | None:
    """Cochran's Q over the differences of a column's segments."""
    from scipy import special

    own = [s.comparison.absolute for s in segments if s.column == column and not s.comparison.problem]
    if len(own) < 2:
        return None
    gaps, weights = np.array([e.estimate for e in own]), np.array([e.standard_error**-2 for e in own])
    centre = float(weights @ gaps / weights.sum())
    statistic = float(weights @ (gaps - centre) ** 2)
    return Interaction(column, statistic, len(own) - 1, float(special.chdtrc(len(own) - 1, statistic)), planned)


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
