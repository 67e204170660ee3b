"""An experiment day by day: what each look would have said, and what a look that holds at any time says.

The cumulative sums of every day come from one query: a unit's square grows by x² + 2·(its sum so far)·x on a day on
which it adds x, so that days with nothing cost nothing. The interval that holds at every look takes viewers as its
clock; viewers go on watching after they have joined, so it is an approximation here, as in every tool that has it.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from analysis import engine
from analysis.data import Dataset
from analysis.errors import ExperimentError
from analysis.experiments import words
from analysis.experiments.experiment import Experiment
from analysis.experiments.fixed import UNKNOWN, Distribution, Effect, compare_means
from analysis.experiments.metrics import Term, columns_of, term_moments
from analysis.experiments.mixtures import always_valid_split
from analysis.experiments.moments import JointMoments, pair
from analysis.experiments.sequential import BURN_IN, always_valid
from analysis.experiments.viewing import METRICS, last_day, plays_of
from analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Day:
    """One look.

    Attributes:
        date: The day, with all plays until its end (UTC).
        units: Units of each variant until then.
        fixed: Effect with the interval of a single look.
        any_time: Effect with the interval that holds at every look; unknown before its burn-in.
        split_p: p-value of the sample-ratio check that may be looked at every day.
    """

    date: dt.date
    units: tuple[int, int]
    fixed: Effect
    any_time: Effect
    split_p: float


@dataclass(frozen=True)
class Timeline(Result):
    """One metric in two variants, day by day.

    Attributes:
        metric: Name of the metric.
        control: The variant compared against.
        treatment: The other one.
        days: Looks, one a day; effects are lifts.
        confidence: Level of the intervals.
        counted: What each day counts, in words.
    """

    metric: str
    control: str
    treatment: str
    days: tuple[Day, ...]
    confidence: float
    counted: str = "until the end of each day (UTC), all viewers so far"

    @property
    def looks(self) -> int:
        """Looks with an interval."""
        return sum(not math.isnan(day.fixed.low) for day in self.days)

    @property
    def alarms(self) -> int:
        """Looks at which a test meant for one look leaves zero out."""
        return sum(day.fixed.sign != 0 for day in self.days)

    @property
    def any_time_alarm(self) -> dt.date | None:
        """First day on which the interval that holds at every look leaves zero out, or None."""
        return next((day.date for day in self.days if day.any_time.sign != 0), None)

    def to_frame(self) -> pd.DataFrame:
        """One row a day."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "date": day.date,
                    "control_units": day.units[0],
                    "treatment_units": day.units[1],
                    "effect": day.fixed.estimate,
                    "low": day.fixed.low,
                    "high": day.fixed.high,
                    "p_value": day.fixed.p_value,
                    "any_time_low": day.any_time.low,
                    "any_time_high": day.any_time.high,
                    "any_time_p_value": day.any_time.p_value,
                    "split_p_value": day.split_p,
                }
                for day in self.days
            ]
        )

    def summary(self) -> str:
        """What looking every day would have done, and what the any-time interval says."""
        name = self.metric[:1].upper() + self.metric[1:]
        if not self.looks:
            return f"{name}: no day has enough units in both variants."
        ended = self.days[-1].fixed.sign != 0
        first = self.any_time_alarm
        held = (
            f"the interval that holds at every look leaves it out from {first:%d %B} on"
            if first
            else "the interval that holds at every look never leaves it out"
        )
        times = f"{self.alarms} of {words.plural(self.looks, 'daily look')}"
        text = f"{name}: an interval for a single look leaves zero out at {times}; {held}."
        if self.alarms and not first and not ended:
            text += " Whoever had stopped on the first of those days would have shipped what the end does not bear out."
        return text


def timeline(
    dataset: Dataset,
    experiment: Experiment,
    metric: str | None = None,
    *,
    treatment: str | None = None,
    until: dt.date | None = None,
    confidence: float = 0.95,
) -> Timeline:
    """A metric's effect on every day of a dataset's experiment, not adjusted by covariates.

    Args:
        dataset: A dataset with `assignments` and `views`.
        experiment: The experiment, as `read_experiment` gives it.
        metric: Name of the metric; the plan's primary one by default.
        treatment: The variant held against the control; the first other one by default.
        until: Last day, on the viewers' clocks.
        confidence: Level of the intervals.

    Raises:
        ExperimentError: The metric is not one of viewing, or there is no control.
    """
    control, treatment = arms_of(experiment, treatment)
    name = metric or (experiment.plan.primary if experiment.plan else "") or experiment.metrics[0].name
    term = term_of(name)
    columns = columns_of(term)[0]
    with dataset.read() as tables:
        until = until or last_day(dataset, experiment.name)
        plays = plays_of(tables, experiment.name, until)
        grown = growth(plays.rows, columns)
        joined = engine.to_arrow(
            plays.viewers.with_columns(nw.col("assigned_at").dt.date().alias("day"))
            .group_by("variant", "day")
            .agg(nw.len().alias("n"))
        ).to_pylist()
    # Days of UTC begin before and end after those of the viewers' clocks; what is left of them goes to the nearest day.
    first = until - dt.timedelta(days=round(experiment.days or 1) - 1)
    for row in (*grown, *joined):
        row["day"] = min(max(row["day"], first), until)
    daily = Daily(CumulativeSums(columns, grown, joined, experiment.variants), {name: term}, "")
    days = _days(experiment, daily, name, (control, treatment), confidence)
    return Timeline(name, control, treatment, days, confidence)


@dataclass(frozen=True)
class Daily:
    """Sums of every day, kept with an experiment whose files are gone.

    Attributes:
        sums: Cumulative sums by day and variant.
        terms: The columns behind each metric that can be followed.
        counted: What each day counts, in words.
    """

    sums: CumulativeSums
    terms: Mapping[str, Term]
    counted: str


def course_of(
    experiment: Experiment, metric: str | None = None, *, treatment: str | None = None, confidence: float = 0.95
) -> Timeline:
    """A metric's effect on every day of an experiment that was read from files.

    Args:
        experiment: The experiment, with its days.
        metric: Name of the metric; the first by default.
        treatment: The variant held against the control; the first other one by default.
        confidence: Level of the intervals.

    Raises:
        ExperimentError: There are no days, the metric can't be followed, or there is no control.
    """
    arms = arms_of(experiment, treatment)
    name = metric or experiment.metrics[0].name
    if experiment.daily is None:
        raise ExperimentError("When units came is not known.", "Name the column with the time of assignment.")
    if name not in experiment.daily.terms:
        known = ", ".join(experiment.daily.terms) or "none"
        raise ExperimentError(f"{name} can't be followed over time.", f"Metrics that can: {known}.")
    days = _days(experiment, experiment.daily, name, arms, confidence)
    return Timeline(name, *arms, days, confidence, experiment.daily.counted)


def _days(experiment: Experiment, daily: Daily, name: str, arms: tuple[str, str], confidence: float) -> tuple[Day, ...]:
    places = (daily.sums.arms.index(arms[0]), daily.sums.arms.index(arms[1]))
    planned = [(experiment.weights or {}).get(v, 1.0) for v in arms]
    split = always_valid_split(daily.sums.units[:, places], planned)
    return tuple(
        _day(daily.sums, i, places, daily.terms[name], confidence, float(split[i]))
        for i in range(len(daily.sums.dates))
    )


def arms_of(experiment: Experiment, treatment: str | None = None) -> tuple[str, str]:
    """Control and treatment of what is drawn over time and by segment.

    Raises:
        ExperimentError: There is no control, or no such treatment.
    """
    if experiment.control is None:
        raise ExperimentError("No variant is the control.", "Name the one that stands for how things are now.")
    others = [v for v in experiment.variants if v != experiment.control]
    if treatment is not None and treatment not in others:
        raise ExperimentError(f"There is no variant {treatment!r}.", f"The others are: {', '.join(others)}.")
    return experiment.control, treatment or others[0]


def term_of(metric: str) -> Term:
    """The columns behind a metric of viewing, where sums over plays give it.

    Raises:
        ExperimentError: The metric is not a sum over plays.
    """
    for name, kind, term in METRICS:
        if name == metric and kind != "proportion":
            return term
    raise ExperimentError(f"{metric} can't be followed over time.", "Choose minutes, plays, active days or completion.")


def growth(rows: nw.LazyFrame[Any], columns: list[str]) -> list[dict[str, Any]]:
    """By variant and day: the growth of every column's sum, and of the sums of squares and products over units."""
    daily = rows.group_by("viewer_id", "variant", "day").agg(*(nw.col(c).sum() for c in columns))
    before = [(nw.col(c).cum_sum().over("viewer_id", order_by="day") - nw.col(c)).alias(f"{c}_before") for c in columns]
    spec = [nw.col(c).alias(f"s_{c}") for c in columns]
    for i, a in enumerate(columns):
        for b in columns[i:]:
            x, y = nw.col(a), nw.col(b)
            spec.append((x * y + nw.col(f"{a}_before") * y + nw.col(f"{b}_before") * x).alias(f"q_{a}|{b}"))
    frame = daily.with_columns(*before).select("variant", "day", *spec)
    names = [f"s_{c}" for c in columns]
    names += [f"q_{a}|{b}" for i, a in enumerate(columns) for b in columns[i:]]
    summed = frame.group_by("variant", "day").agg(*(nw.col(n).sum() for n in names))
    found: list[dict[str, Any]] = engine.to_arrow(summed).to_pylist()
    return found


class CumulativeSums:
    """Cumulative sums of every day, shape (days, variants)."""

    def __init__(
        self, columns: list[str], grown: list[dict[str, Any]], joined: list[dict[str, Any]], arms: tuple[str, ...]
    ) -> None:
        self.columns, self.arms = columns, arms
        have = [row for row in (*grown, *joined) if str(row["variant"]) in arms]
        first, last = min(row["day"] for row in have), max(row["day"] for row in have)
        self.dates = [first + dt.timedelta(days=i) for i in range((last - first).days + 1)]

        def cumulative(rows: list[dict[str, Any]], name: str) -> Floats:
            table = np.zeros((len(self.dates), len(arms)))
            for row in rows:
                if str(row["variant"]) in arms:
                    table[(row["day"] - first).days, arms.index(str(row["variant"]))] += float(row[name])
            return table.cumsum(axis=0)

        self.units = cumulative(joined, "n")
        self.sums = {c: cumulative(grown, f"s_{c}") for c in columns}
        keys = [(a, b) for i, a in enumerate(columns) for b in columns[i:]]
        self.products = {key: cumulative(grown, f"q_{key[0]}|{key[1]}") for key in keys}

    def joint(self, day: int, arm: int) -> JointMoments | None:
        """Moments of one variant until the end of a day; None where there are fewer than two units."""
        n = int(self.units[day, arm])
        if n < 2:
            return None
        means = {c: float(s[day, arm]) / n for c, s in self.sums.items()}
        spread = {
            (a, b): (float(q[day, arm]) - n * means[a] * means[b]) / (n - 1) for (a, b), q in self.products.items()
        }
        return JointMoments(
            n,
            means,
            {c: max(0.0, spread[c, c]) for c in self.columns},
            {pair(a, b): v for (a, b), v in spread.items() if a != b},
            {},
        )


def _day(sums: CumulativeSums, day: int, places: tuple[int, int], term: Term, confidence: float, split_p: float) -> Day:
    """One look; without an effect where the control's mean is not clearly above zero."""
    units = (int(sums.units[day, places[0]]), int(sums.units[day, places[1]]))
    arms = [sums.joint(day, arm) for arm in places]
    none = Day(sums.dates[day], units, UNKNOWN, UNKNOWN, split_p)
    own = columns_of(term)[0]
    if arms[0] is None or arms[1] is None or any(arms[0].means[c] <= 0 or arms[1].means[c] <= 0 for c in own):
        return none
    control, treatment = (term_moments(joint, term) for joint in arms if joint is not None)
    distribution: Distribution = "t" if isinstance(term, str) else "normal"
    found = compare_means(control, treatment, confidence=confidence, distribution=distribution)
    if found.problem or found.relative is None:
        return none
    lift = found.relative
    any_time = always_valid(lift, sum(units), confidence=confidence) if sum(units) >= BURN_IN else UNKNOWN
    return Day(sums.dates[day], units, lift, any_time, split_p)
