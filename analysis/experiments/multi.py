"""More than two variants: one test over all of them, then pairs with the levels that so many pairs leave."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from analysis.errors import ExperimentError
from analysis.experiments import words
from analysis.experiments.fixed import (
    Comparison,
    RelativeMethod,
    check_options,
    compare_means,
    compare_proportions,
)
from analysis.experiments.metrics import Metric
from analysis.experiments.moments import Moments
from analysis.experiments.multiplicity import adjust_p_values
from analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Overall(Result):
    """One test of whether a metric differs anywhere among all variants.

    Attributes:
        metric: Name of the metric.
        variants: Variants tested.
        statistic: χ² or F.
        degrees_of_freedom: Of the statistic; for F also those of its denominator.
        p_value: Chance of differences at least this large, were all variants the same.
        method: Name of the test.
        problem: Why there is no answer, or empty.
    """

    metric: str
    variants: tuple[str, ...]
    statistic: float
    degrees_of_freedom: tuple[float, ...]
    p_value: float
    method: str
    problem: str = ""

    def to_frame(self) -> pd.DataFrame:
        """One row."""
        import pandas as pd

        row = dataclasses.asdict(self)
        row["variants"] = len(self.variants)
        row["degrees_of_freedom"] = "; ".join(words.number(d) for d in self.degrees_of_freedom)
        return pd.DataFrame([row])

    def summary(self) -> str:
        """Whether the variants differ at all."""
        if self.problem:
            return f"{self.metric}: {self.problem}"
        return f"{self.metric} over all {len(self.variants)} variants: {words.p_value(self.p_value)} ({self.method})."


@dataclass(frozen=True)
class MultiComparison(Result):
    """One metric in two variants or more.

    Attributes:
        metric: Name of the metric.
        overall: One test over all variants.
        pairs: Comparisons, with p-values corrected for their number.
        control: The variant that the others are compared against, or None where all pairs are.
    """

    metric: str
    overall: Overall
    pairs: tuple[Comparison, ...]
    control: str | None

    def to_frame(self) -> pd.DataFrame:
        """One row a pair."""
        import pandas as pd

        return pd.DataFrame([pair.row() for pair in self.pairs])

    def summary(self) -> str:
        """The test over all variants, and how many pairs stand apart."""
        apart = sum(pair.absolute.sign != 0 for pair in self.pairs)
        first = self.overall.summary() if len(self.overall.variants) > 2 else ""
        if len(self.pairs) == 1:
            return self.pairs[0].summary()
        return f"{first} {apart} of {words.plural(len(self.pairs), 'pair')} have an interval that leaves zero out."


def compare_overall(metric: Metric) -> Overall:
    """Whether a metric differs anywhere: Pearson's χ² for proportions, Welch's F for means and ratios (Welch 1951).

    Variants without units, or with a single one, are left out.
    """
    arms = {name: m for name, m in metric.arms.items() if m.n > 1 and not math.isnan(m.variance)}
    names = tuple(arms)
    if len(arms) < 2:
        problem = "Fewer than two variants have enough units to compare."
        return Overall(metric.name, names, math.nan, (), math.nan, "none", problem)
    if metric.counts_successes:
        return _chi_square(metric.name, arms)
    return _welch_f(metric.name, arms)


def compare_variants(
    metric: Metric,
    control: str | None = None,
    *,
    confidence: float = 0.95,
    relative: RelativeMethod = "consistent",
) -> MultiComparison:
    """Compare every variant with the control, or every pair where there is none.

    p-values are Holm's. The intervals are Bonferroni's, so that all of them hold together at the confidence level;
    they are a little wider than Holm's p-values alone would need.

    Raises:
        ExperimentError: There are fewer than two variants, or no variant called `control`.
        ParameterError: The confidence level is out of range.
    """
    check_options(confidence)
    names = list(metric.arms)
    if len(names) < 2:
        raise ExperimentError(
            f"There is only one variant ({', '.join(names) or 'none'}).", "An experiment needs at least two."
        )
    if control is not None and control not in names:
        raise ExperimentError(f"There is no variant {control!r}.", f"The variants are: {', '.join(names)}.")
    chosen = [(control, n) for n in names if n != control] if control is not None else list(combinations(names, 2))
    each = 1 - (1 - confidence) / len(chosen)
    found = [compare(metric, a, b, confidence=each, relative=relative) for a, b in chosen]
    if len(found) > 1:
        adjusted = adjust_p_values([c.absolute.p_value for c in found])
        found = [
            dataclasses.replace(c, adjusted_p_value=p, adjustment="Holm’s correction", family=len(found))
            for c, p in zip(found, adjusted, strict=True)
        ]
    return MultiComparison(metric.name, compare_overall(metric), tuple(found), control)


def compare(
    metric: Metric,
    control: str,
    treatment: str,
    *,
    confidence: float = 0.95,
    relative: RelativeMethod = "consistent",
) -> Comparison:
    """Compare two variants of a metric by the test that fits its kind."""
    a, b, names = metric.arms[control], metric.arms[treatment], (control, treatment)
    if metric.counts_successes:
        return compare_proportions(a, b, confidence=confidence, relative=relative, metric=metric.name, names=names)
    return compare_means(
        a,
        b,
        confidence=confidence,
        relative=relative,
        distribution="t" if metric.kind in ("mean", "proportion") else "normal",
        metric=metric.name,
        names=names,
    )


def _chi_square(metric: str, arms: Mapping[str, Moments]) -> Overall:
    from scipy import special

    units = sum(m.n for m in arms.values())
    share = sum(m.successes for m in arms.values()) / units
    names, df = tuple(arms), len(arms) - 1
    if share in (0.0, 1.0):
        which = "No unit succeeded" if share == 0 else "Every unit succeeded"
        problem = f"{which} in any variant, so there is nothing to compare."
        return Overall(metric, names, math.nan, (df,), math.nan, "Pearson’s χ²", problem)
    statistic = sum(m.n * (m.mean - share) ** 2 for m in arms.values()) / (share * (1 - share))
    return Overall(metric, names, statistic, (df,), float(special.chdtrc(df, statistic)), "Pearson’s χ²")


def _welch_f(metric: str, arms: Mapping[str, Moments]) -> Overall:
    from scipy import special

    names, k = tuple(arms), len(arms)
    if any(m.variance == 0 for m in arms.values()):
        problem = "All units of a variant have the same outcome, so the variants can't be tested together."
        return Overall(metric, names, math.nan, (), math.nan, "Welch’s F", problem)
    weight = {name: m.n / m.variance for name, m in arms.items()}
    whole = sum(weight.values())
    centre = sum(weight[name] * m.mean for name, m in arms.items()) / whole
    between = sum(weight[name] * (m.mean - centre) ** 2 for name, m in arms.items()) / (k - 1)
    spread = sum((1 - weight[name] / whole) ** 2 / (m.n - 1) for name, m in arms.items())
    statistic = between / (1 + 2 * (k - 2) / (k**2 - 1) * spread)
    df = (k**2 - 1) / (3 * spread)
    return Overall(metric, names, statistic, (k - 1, df), float(special.fdtrc(k - 1, df, statistic)), "Welch’s F")
