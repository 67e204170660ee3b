"""The analysis of one experiment: all metrics, its health and the verdict, put together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.errors import ParameterError
from analysis.experiments import words
from analysis.experiments.experiment import Experiment
from analysis.experiments.fixed import RelativeMethod, check_options, symmetric
from analysis.experiments.health import SRM_ALPHA, SampleRatio, sample_ratio
from analysis.experiments.metrics import Metric
from analysis.experiments.moments import Moments
from analysis.experiments.multi import MultiComparison, compare_variants
from analysis.experiments.verdict import MINIMUM_DAYS, Reading, Verdict, decide, read_primary, runtime_of
from analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd

POWER_FACTOR = 2.8
"""Standard errors that an effect must measure to be found four times in five at the 5 % level (1.96 + 0.84)."""


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
    """

    experiment: Experiment
    primary: str
    comparisons: tuple[MultiComparison, ...]
    split: SampleRatio
    reading: Reading
    verdict: Verdict
    cautions: tuple[str, ...]
    confidence: float

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
    primary: str | None = None,
    confidence: float = 0.95,
    worth: float = 0.0,
    minimum_days: float = MINIMUM_DAYS,
    srm_alpha: float = SRM_ALPHA,
    relative: RelativeMethod = "consistent",
) -> ExperimentReport:
    """Analyse an experiment at one fixed moment.

    Args:
        experiment: What to analyse.
        primary: The metric that decides; the experiment's first by default.
        confidence: Level of the intervals.
        worth: Smallest lift worth having, as a share of the control's mean.
        minimum_days: Days below which there is no decision.
        srm_alpha: Level of the sample-ratio check.
        relative: Method of the lift's interval.

    Raises:
        ExperimentError: A metric is unknown, or there are fewer than two variants.
        ParameterError: An option is out of range.
    """
    check_options(confidence)
    if not 0 <= worth < 10:
        raise ParameterError(f"The lift worth having is {worth:g}.", "Give a share of 0 or more, 0.01 for 1 %.")
    deciding = experiment.metric(primary) if primary else experiment.metrics[0]
    ordered = [deciding, *(m for m in experiment.metrics if m.name != deciding.name)]
    comparisons = tuple(
        compare_variants(m, experiment.control, confidence=confidence, relative=relative) for m in ordered
    )
    split = sample_ratio(experiment.units, experiment.weights, alpha=srm_alpha)
    reading = read_primary(deciding, comparisons[0], worth)
    runtime = runtime_of(experiment.days, minimum_days)
    verdict = decide(reading, split_as_planned=not split.failed, runtime=runtime)
    cautions = tuple(_cautions(experiment, ordered, comparisons, reading))
    return ExperimentReport(experiment, deciding.name, comparisons, split, reading, verdict, cautions, confidence)


def _mean_interval(metric: Metric, moments: Moments, confidence: float) -> tuple[float, float]:
    """Interval of one variant's mean: Wilson's (1927) for a proportion, Student's otherwise."""
    if metric.counts_successes:
        z = symmetric(0.0, 1.0, math.inf, confidence, "two-sided").high
        p, n = moments.mean, moments.n
        centre, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + (z / (2 * n)) ** 2)
        return (centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)
    if moments.n < 2 or math.isnan(moments.variance) or moments.variance == 0:
        return math.nan, math.nan
    df = math.inf if metric.kind == "ratio" else moments.n - 1
    bounds = symmetric(moments.mean, moments.standard_error, df, confidence, "two-sided")
    return bounds.low, bounds.high


def _cautions(
    experiment: Experiment, metrics: list[Metric], comparisons: tuple[MultiComparison, ...], reading: Reading
) -> list[str]:
    """What a careful reader would want to be told beside the verdict."""
    found = []
    if not experiment.registered:
        found.append(
            "Not pre-registered: if the metric or the moment to stop was chosen after a look at the data, the interval "
            "is too narrow."
        )
    if reading.direction == "unclear" and reading.comparison is not None:
        found.append(_reach(reading))
    for metric, comparison in zip(metrics[1:], comparisons[1:], strict=True):
        bad = -1 if metric.higher_is_better else 1
        hurt = [pair.treatment for pair in comparison.pairs if experiment.control and pair.absolute.sign == bad]
        if hurt:
            found.append(f"{metric.name} is worse in {', '.join(hurt)}.")
    for metric in metrics:
        if metric.missing:
            each = ", ".join(f"{n:,} in {variant}" for variant, n in metric.missing.items())
            found.append(f"{metric.name} is missing for some units ({each}); they are left out of it.")
    if len(metrics) > 1:
        found.append(
            f"The metric that decides is {metrics[0].name}; the others' intervals are not corrected for their number."
        )
    return found + list(experiment.notes)


def _reach(reading: Reading) -> str:
    """The effect that this many units would have found, so that an unclear answer can be judged."""
    comparison = reading.comparison
    assert comparison is not None
    if comparison.relative is not None:
        size = words.percent(POWER_FACTOR * comparison.relative.standard_error, sign=False)
    else:
        size = words.number(POWER_FACTOR * comparison.absolute.standard_error)
    return f"With this many units only effects of about {size} or more would be found four times in five."
