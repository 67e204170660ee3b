"""Tests of counts: proportions of few units and rates of events exactly, and events of units that differ in kind."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.errors import ExperimentError, ParameterError
from analysis.experiments import words
from analysis.experiments.fixed import Effect, check_options, symmetric
from analysis.experiments.moments import Moments
from analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd

CountModel = Literal["quasi-Poisson", "negative binomial"]
"""How counts that vary more than chance alone are told: by one factor on the variance, or by a variance that grows with
the square of the mean."""


def fisher_exact(control: Moments, treatment: Moments, *, confidence: float = 0.95) -> Effect:
    """Fisher's exact test of two proportions; the estimate is the conditional odds ratio with its exact interval.

    No effect is an odds ratio of 1, so the sign of the interval is to be judged against 1.

    Raises:
        ExperimentError: The means are not shares of the units.
    """
    from scipy import stats
    from scipy.stats.contingency import odds_ratio

    table = [[m.successes, m.n - m.successes] for m in (treatment, control)]
    ratio = odds_ratio(table, kind="conditional")
    bounds = ratio.confidence_interval(confidence)
    p = float(stats.fisher_exact(np.array(table)).pvalue)
    return Effect(float(ratio.statistic), float(bounds.low), float(bounds.high), math.nan, p)


def compare_rates(control: tuple[int, float], treatment: tuple[int, float], *, confidence: float = 0.95) -> Effect:
    """Exact conditional test of two Poisson rates; the estimate is treatment's rate over control's.

    Given all events, those of the treatment are binomial (Przyborowski and Wilenski 1940). No effect is a ratio of 1.

    Args:
        control: Events and exposure of the control.
        treatment: Events and exposure of the treatment, in the same unit.
        confidence: Level of the interval.

    Raises:
        ExperimentError: There are no events, or an exposure is not above zero.
    """
    from scipy import stats

    (x, s), (y, t) = control, treatment
    if min(x, y) < 0 or x + y == 0 or min(s, t) <= 0:
        raise ExperimentError(
            f"{x:,} and {y:,} events in exposures of {s:g} and {t:g} can't be compared.",
            "Give at least one event, and exposures above zero.",
        )
    test = stats.binomtest(y, x + y, t / (s + t))
    bounds = test.proportion_ci(confidence)

    def as_ratio(share: float) -> float:
        return math.inf if share >= 1 else share / (1 - share) * s / t

    estimate = math.inf if x == 0 else y / t / (x / s)
    return Effect(estimate, as_ratio(bounds.low), as_ratio(bounds.high), math.nan, float(test.pvalue))


def corrected_z_test(control: Moments, treatment: Moments, *, confidence: float = 0.95) -> Effect:
    """Two-proportion z-test with Yates's continuity correction, pooled; the interval is Fleiss's (1981), corrected.

    It errs on the safe side for few units; `fixed.compare_proportions` is closer to its level.

    Raises:
        ExperimentError: The means are not shares of the units, or all units are alike.
    """
    from scipy import special

    x, y = control.successes, treatment.successes
    pooled = (x + y) / (control.n + treatment.n)
    if pooled in (0.0, 1.0):
        raise ExperimentError("Every unit has the same outcome.", "There is nothing to compare.")
    inverse = 1 / control.n + 1 / treatment.n
    gap = treatment.mean - control.mean
    shifted = max(0.0, abs(gap) - inverse / 2)
    p = 2 * float(special.ndtr(-shifted / math.sqrt(pooled * (1 - pooled) * inverse)))
    own = math.sqrt(sum(m.mean * (1 - m.mean) / m.n for m in (control, treatment)))
    half = float(special.ndtri((1 + confidence) / 2)) * own + inverse / 2
    return Effect(gap, max(-1.0, gap - half), min(1.0, gap + half), own, p)


@dataclass(frozen=True)
class CountComparison(Result):
    """Counts of events per unit in two variants, which vary more than chance alone would make them.

    Attributes:
        control: Events per unit in the control.
        treatment: Events per unit in the treatment.
        ratio: Treatment's rate over the control's; no effect is 1, and the interval is to be judged against 1.
        dispersion: Variance over what chance alone (Poisson) would give; above 1 the counts are overdispersed.
        model: How the spread was taken into account.
        confidence: Level of the interval.
    """

    control: float
    treatment: float
    ratio: Effect
    dispersion: float
    model: CountModel
    confidence: float

    def to_frame(self) -> pd.DataFrame:
        """One row."""
        import pandas as pd

        r = self.ratio
        row = {"control": self.control, "treatment": self.treatment, "rate_ratio": r.estimate, "low": r.low}
        row |= {"high": r.high, "p_value": r.p_value, "dispersion": self.dispersion}
        return pd.DataFrame([row]).assign(model=self.model)

    def summary(self) -> str:
        """Both rates, their ratio, and how far the counts are from chance alone."""
        r = self.ratio
        return (
            f"{words.number(self.treatment)} events per unit in the treatment against {words.number(self.control)} in "
            f"the control, {words.number(r.estimate)} times as many ({words.level(self.confidence)} interval "
            f"{words.number(r.low)} to {words.number(r.high)}; {words.p_value(r.p_value)}; {self.model}, the counts "
            f"vary {words.number(self.dispersion, 2)} times as much as chance alone would make them)."
        )


def compare_counts(
    control: ArrayLike, treatment: ArrayLike, *, model: CountModel = "quasi-Poisson", confidence: float = 0.95
) -> CountComparison:
    """Compare counts per unit without taking them for Poisson: some units do much more than others.

    `quasi-Poisson` takes one dispersion for both variants from Pearson's χ² (Wedderburn 1974) and Student's t;
    `negative binomial` takes the variance as μ + κ μ² with κ by maximum likelihood (Lawless 1987). Every unit is
    watched for the same time.

    Args:
        control: Events of each unit of the control, whole numbers, shape (units,).
        treatment: The same of the treatment.
        model: How the spread is taken into account.
        confidence: Level of the interval.

    Raises:
        ExperimentError: A count is negative, missing or no whole number, or a variant has no events.
        ParameterError: An option is unknown.
    """
    check_options(confidence)
    arms = [_counts(control, "control"), _counts(treatment, "treatment")]
    means = [float(x.mean()) for x in arms]
    n = sum(x.size for x in arms)
    pearson = sum(float(((x - m) ** 2).sum() / m) for x, m in zip(arms, means, strict=True))
    dispersion = pearson / (n - 2)
    if model == "quasi-Poisson":
        error, df = math.sqrt(dispersion * sum(1 / x.sum() for x in arms)), float(n - 2)
    elif model == "negative binomial":
        kappa = _overdispersion(arms, means)
        error = math.sqrt(sum((1 / m + kappa) / x.size for x, m in zip(arms, means, strict=True)))
        df = math.inf
    else:
        raise ParameterError(f"The model is {model!r}.", "Choose quasi-Poisson or negative binomial.")
    if error == 0:
        raise ExperimentError("All units of a variant have the same count.", "There is no spread to judge it by.")
    log = math.log(means[1] / means[0])
    own = symmetric(log, error, df, confidence, "two-sided")
    ratio = Effect(math.exp(log), math.exp(own.low), math.exp(own.high), error, own.p_value)
    return CountComparison(means[0], means[1], ratio, dispersion, model, confidence)


def _counts(values: ArrayLike, name: str) -> NDArray[np.float64]:
    x = np.asarray(values, dtype=float)
    bad = np.flatnonzero(~np.isfinite(x) | (x < 0) | (x != np.round(x)))
    if bad.size:
        raise ExperimentError(
            f"Unit {bad[0] + 1:,} of the {name} has {x[bad[0]]:g} events.", "Counts are whole numbers of 0 or more."
        )
    if x.size < 2 or not x.any():
        raise ExperimentError(f"The {name} has {x.size:,} units and {int(x.sum()):,} events.", "Wait for events.")
    return x


def _overdispersion(arms: list[NDArray[np.float64]], means: list[float]) -> float:
    """κ of the negative binomial by maximum likelihood; 0 where the counts vary no more than chance makes them.

    The means of a variant are their own maximum likelihood estimates whatever κ is, so one number is left.
    """
    from scipy import optimize, special

    tables = [np.unique(x, return_counts=True) for x in arms]

    def loss(log_kappa: float) -> float:
        size = math.exp(-log_kappa)
        total = 0.0
        for (value, count), mean in zip(tables, means, strict=True):
            part = special.gammaln(value + size) - special.gammaln(size)
            part += size * math.log(size / (size + mean)) + value * math.log(mean / (size + mean))
            total -= float(count @ part)
        return total

    best = optimize.minimize_scalar(loss, bounds=(-14.0, 7.0), method="bounded", options={"xatol": 1e-8})
    return 0.0 if best.x < -13 else math.exp(float(best.x))
