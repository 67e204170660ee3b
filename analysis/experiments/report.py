"""The analysis of one experiment: all metrics, its health and the verdict, put together."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.experiments import words
from analysis.experiments.checks import Health, health
from analysis.experiments.experiment import Experiment
from analysis.experiments.fixed import Comparison, Effect, RelativeMethod, check_options, symmetric
from analysis.experiments.health import SRM_ALPHA, SampleRatio, sample_ratio
from analysis.experiments.metrics import Metric
from analysis.experiments.moments import Moments
from analysis.experiments.multi import MultiComparison, compare, compare_variants
from analysis.experiments.plan import Look, Plan
from analysis.experiments.segments import Segments, by_segment
from analysis.experiments.sequential import BURN_IN, always_valid
from analysis.experiments.verdict import (
    Findings,
    GuardrailReading,
    Lasting,
    Reading,
    Spread,
    Verdict,
    decide,
    read_guardrail,
    read_lasting,
    read_primary,
    runtime_of,
)
from analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ExperimentReport(Result):
    """One experiment, analysed.

    Attributes:
        experiment: What was analysed.
        primary: Name of the metric that decides.
        comparisons: Every metric's comparisons, the primary one first.
        split: The sample-ratio check.
        reading: What the primary metric says.
        verdict: What to do, and why.
        cautions: What weakens the answer, one sentence each.
        confidence: Level of the intervals, held by all pairs of a metric together.
        plan: What it was judged by.
        look: Which kind of look this is.
        guardrails: What the guardrails say of the variant spoken of.
        lasting: Whether the gain outlasts each unit's first days.
        health: All checks that the data allow, the split's among them.
        segments: The primary metric's effect by segment, or None where no segments are known or there is no control.
    """

    experiment: Experiment
    primary: str
    comparisons: tuple[MultiComparison, ...]
    split: SampleRatio
    reading: Reading
    verdict: Verdict
    cautions: tuple[str, ...]
    confidence: float
    plan: Plan
    look: Look
    guardrails: tuple[GuardrailReading, ...]
    lasting: Lasting
    health: Health
    segments: Segments | None

    def to_frame(self) -> pd.DataFrame:
        """One row a metric and pair of variants, the primary metric first."""
        import pandas as pd

        frame = pd.DataFrame([pair.row() for comparison in self.comparisons for pair in comparison.pairs])
        # What is the same in every row is said in the text; what is empty everywhere is left out.
        single = not frame["adjustment"].any()
        dull = ["confidence", "method", *(c for c in ("problem", "caution") if not frame[c].any())]
        return frame.drop(columns=[*dull, *(["adjustment", "adjusted_p_value"] if single else [])])

    def summary(self) -> str:
        """The verdict as a sentence."""
        return self.verdict.sentence

    def comparison(self, metric: str) -> MultiComparison:
        """The comparisons of one metric."""
        return next(c for c in self.comparisons if c.metric == metric)

    def variants_frame(self) -> pd.DataFrame:
        """One row a metric and variant: what was summed, over what, and the mean with its interval."""
        import pandas as pd

        ordered = [self.experiment.metric(c.metric) for c in self.comparisons]
        return pd.DataFrame([self._variant_row(metric, name) for metric in ordered for name in metric.arms])

    def _variant_row(self, metric: Metric, variant: str) -> dict[str, object]:
        moments = metric.arms[variant]
        above, below = metric.total(variant)
        low, high = _mean_interval(metric, moments, self.confidence)
        return {
            "metric": metric.name,
            "kind": metric.kind,
            "variant": variant,
            "is_control": variant == self.experiment.control,
            "units": self.experiment.units.get(variant, moments.n),
            "missing": (metric.missing or {}).get(variant, 0),
            "numerator": above,
            "denominator": below,
            "mean": moments.mean,
            "mean_low": low,
            "mean_high": high,
            "standard_deviation": math.sqrt(moments.variance) if moments.variance >= 0 else math.nan,
        }


def analyse(
    experiment: Experiment,
    *,
    plan: Plan | None = None,
    primary: str | None = None,
    confidence: float | None = None,
    worth: float | None = None,
    srm_alpha: float = SRM_ALPHA,
    relative: RelativeMethod = "consistent",
) -> ExperimentReport:
    """Analyse an experiment by its plan.

    At the planned end and without a plan the intervals are those of one look. At a look planned before the end they
    are as wide as the design's boundary, and at a look that nobody planned as a confidence sequence.

    Args:
        experiment: What to analyse.
        plan: How to judge it; the experiment's own plan by default.
        primary: Another metric that decides than the plan's. What departs from a plan counts as not written down.
        confidence: Another level of the intervals.
        worth: Another smallest lift worth having, as a share of the control's mean.
        srm_alpha: Level of the sample-ratio check.
        relative: Method of the lift's interval.

    Raises:
        ExperimentError: A metric is unknown, or there are fewer than two variants.
        ParameterError: An option is out of range.
    """
    plan = _judged_by(plan or experiment.plan or Plan(), primary, confidence, worth)
    check_options(plan.confidence)
    deciding = experiment.metric(plan.primary) if plan.primary else experiment.metrics[0]
    ordered = [deciding, *(m for m in experiment.metrics if m.name != deciding.name)]
    look = plan.look(experiment.days)
    comparisons = tuple(_at_look(m, experiment, plan, look, relative) for m in ordered)
    split = sample_ratio(experiment.units, experiment.weights, alpha=srm_alpha)
    reading = read_primary(deciding, comparisons[0], plan.worth)
    guardrails = _guardrails(experiment, plan, comparisons, reading)
    lasting, later = _lasting(experiment, deciding, reading, plan.confidence)
    segments = _segments(experiment, plan, deciding, reading)
    spread, differing = _spread(segments, look)
    findings = Findings(
        reading,
        not split.failed,
        runtime_of(experiment.days, plan.minimum_days),
        look,
        guardrails,
        lasting,
        later,
        spread,
        differing,
    )
    checks = health(experiment, split, segments)
    cautions = (
        *_futile(experiment, plan, deciding, reading),
        *_cautions(experiment, plan, ordered, comparisons, checks),
    )
    return ExperimentReport(
        experiment,
        deciding.name,
        comparisons,
        split,
        reading,
        decide(findings),
        cautions,
        plan.confidence,
        plan,
        look,
        guardrails,
        lasting,
        checks,
        segments,
    )


def _segments(experiment: Experiment, plan: Plan, metric: Metric, reading: Reading) -> Segments | None:
    """The effect of the variant spoken of, by segment."""
    if experiment.control is None or not experiment.segments:
        return None
    other = reading.variant if reading.variant != experiment.control else None
    return by_segment(experiment, metric.name, plan=plan, treatment=other or None, confidence=plan.confidence)


def _spread(found: Segments | None, look: Look) -> tuple[Spread, str]:
    """What the segments asked about beforehand say, at the planned end; their tests are those of a single look."""
    planned = [t for t in found.interactions if t.planned and t.found] if found is not None and look == "last" else []
    if found is None or not planned:
        return "alike", ""
    worst = min(planned, key=lambda test: (not test.reverses, test.p_value))
    return ("reverses" if worst.reverses else "differs"), found.sentence(worst)


def _judged_by(plan: Plan, primary: str | None, confidence: float | None, worth: float | None) -> Plan:
    """The plan with what was asked for instead; a departure is no longer what was written down."""
    asked = {"primary": primary, "confidence": confidence, "worth": worth}
    changed = {name: value for name, value in asked.items() if value is not None and value != getattr(plan, name)}
    if not changed:
        return plan
    return dataclasses.replace(plan, **changed, registered=False)  # type: ignore[arg-type]


def _at_look(
    metric: Metric, experiment: Experiment, plan: Plan, look: Look, relative: RelativeMethod
) -> MultiComparison:
    """A metric's comparisons with the intervals that this kind of look allows."""
    single = plan.look_confidence(experiment.days)
    found = compare_variants(metric, experiment.control, confidence=single, relative=relative)
    if look == "unplanned":
        return dataclasses.replace(found, pairs=tuple(_any_time(pair) for pair in found.pairs))
    if single != plan.confidence:
        named = (
            dataclasses.replace(pair, interval_kind="group-sequential", looks_level=plan.confidence)
            for pair in found.pairs
        )
        return dataclasses.replace(found, pairs=tuple(named))
    return found


def _any_time(pair: Comparison) -> Comparison:
    """The comparison with intervals that hold at every look."""
    units = pair.control_moments.n + pair.treatment_moments.n

    def widened(effect: Effect) -> Effect:
        if units < BURN_IN:
            return dataclasses.replace(effect, low=-math.inf, high=math.inf, p_value=1.0)
        return always_valid(effect, units, confidence=pair.confidence)

    if pair.problem:
        return pair
    lift = None if pair.relative is None else widened(pair.relative)
    changed = dataclasses.replace(pair, absolute=widened(pair.absolute), relative=lift, interval_kind="always-valid")
    if not pair.adjustment:
        return changed
    corrected = min(1.0, changed.absolute.p_value * pair.family)
    return dataclasses.replace(changed, adjusted_p_value=corrected, adjustment="Bonferroni’s correction")


def _guardrails(
    experiment: Experiment, plan: Plan, comparisons: tuple[MultiComparison, ...], reading: Reading
) -> tuple[GuardrailReading, ...]:
    """Every guardrail held against its margin, for the variant that the verdict speaks of."""
    found = []
    for guardrail in plan.guardrails:
        metric = experiment.metric(guardrail.metric)
        pairs = next(c.pairs for c in comparisons if c.metric == metric.name)
        pair = reading.comparison
        own = None
        if pair is not None:
            own = next((p for p in pairs if {p.control, p.treatment} == {pair.control, pair.treatment}), None)
            if own is not None and own.treatment != pair.treatment:
                own = compare(metric, pair.control, pair.treatment, confidence=own.confidence)
        found.append(read_guardrail(guardrail, metric, own))
    return tuple(found)


def _lasting(experiment: Experiment, metric: Metric, reading: Reading, confidence: float) -> tuple[Lasting, str]:
    halves = experiment.first_days.get(metric.name)
    if halves is None or reading.comparison is None or reading.direction != "better":
        return "unknown", ""
    arms = (reading.comparison.control, reading.comparison.treatment)
    first, later = (compare(half, *arms, confidence=confidence) for half in halves)
    return read_lasting(metric, first, later)


def _futile(experiment: Experiment, plan: Plan, metric: Metric, reading: Reading) -> list[str]:
    """At a planned look before the end: whether the effect planned for has become unlikely to be found."""
    bound = plan.futile_z(experiment.days)
    if bound is None or reading.comparison is None or reading.comparison.problem:
        return []
    z = reading.comparison.statistic * (1 if metric.higher_is_better else -1)
    if z >= bound:
        return []
    return [
        f"This look’s z-score of {words.signed(z)} is below its futility bound of {words.signed(bound)}: an effect of "
        "the size that so many units can find has become unlikely, and one may give up. Going on breaks nothing either."
    ]


def _mean_interval(metric: Metric, moments: Moments, confidence: float) -> tuple[float, float]:
    """Interval of one variant's mean: Wilson's (1927) for a proportion, Student's otherwise."""
    if metric.counts_successes:
        z = symmetric(0.0, 1.0, math.inf, confidence, "two-sided").high
        p, n = moments.mean, moments.n
        centre, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + (z / (2 * n)) ** 2)
        return (centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)
    if moments.n < 2 or math.isnan(moments.variance) or moments.variance == 0:
        return math.nan, math.nan
    df = moments.n - 1 if metric.kind in ("mean", "proportion") else math.inf
    bounds = symmetric(moments.mean, moments.standard_error, df, confidence, "two-sided")
    return bounds.low, bounds.high


def _cautions(
    experiment: Experiment,
    plan: Plan,
    metrics: list[Metric],
    comparisons: tuple[MultiComparison, ...],
    checks: Health,
) -> list[str]:
    """What a careful reader would want to be told beside the verdict."""
    found = []
    if not plan.registered:
        found.append(
            "Not pre-registered: if the metric or the moment to stop was chosen after a look at the data, the interval "
            "is too narrow."
        )
    split, *others = checks.checks
    if split.state == "look twice":
        found.append(
            f"The split is {split.text[:1].lower()}{split.text[1:-1]}, though not enough to call it broken: of few "
            "units a tenth may be missing unseen. Make sure that every assigned unit was logged."
        )
    found += [f"{check.name}: {check.text}" for check in others if check.state in ("broken", "look twice")]
    guarded = {guardrail.metric for guardrail in plan.guardrails}
    for metric, comparison in zip(metrics[1:], comparisons[1:], strict=True):
        if metric.name in guarded:
            continue
        bad = -1 if metric.higher_is_better else 1
        hurt = [pair.treatment for pair in comparison.pairs if experiment.control and pair.absolute.sign == bad]
        if hurt:
            found.append(f"{metric.name} is worse in {', '.join(hurt)}.")
    for metric in metrics:
        if metric.missing:
            each = ", ".join(f"{n:,} in {variant}" for variant, n in metric.missing.items())
            found.append(f"{metric.name} is missing for some units ({each}); they are left out of it.")
        if metric.note and (metric is metrics[0] or metric.kind in ("quantile", "staying")):
            found.append(f"{metric.name}: {metric.note}")
    if len(metrics) > 1:
        found.append(
            f"The metric that decides is {metrics[0].name}; the others' intervals are not corrected for their number."
        )
    return found + list(experiment.notes)
