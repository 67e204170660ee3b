"""Tests of two variants at one moment fixed beforehand: a mean, a ratio and a proportion, absolute and relative.

The absolute and the relative effect are two scales of one test: by default the relative interval inverts the very
test that gives the p-value, so the two never contradict each other. Other relative methods are named and offered.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from analysis.errors import ParameterError
from analysis.experiments import score, words
from analysis.experiments.moments import Moments
from analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd

Alternative = Literal["two-sided", "greater", "less"]
"""What the test looks for: any difference, a treatment above the control, or one below."""

RelativeMethod = Literal["consistent", "delta", "log-ratio"]
"""How the interval of the relative effect is made.

`consistent` inverts the test of the difference: Fieller's interval for means, Koopman's score interval for
proportions. `delta` is symmetric around the estimate, with its own p-value. `log-ratio` is symmetric for the logarithm
of the ratio, so it never goes below −100 %.
"""

Distribution = Literal["t", "normal"]

SMALL_COUNT = 5
"""Cochran's rule: the normal approximation of a proportion wants this many expected successes and failures."""


@dataclass(frozen=True)
class Effect:
    """An estimate with its interval and test.

    Attributes:
        estimate: Treatment minus control, or that as a share of the control's mean.
        low: Lower end of the interval; −∞ where only an upper bound was asked for.
        high: Upper end of the interval; ∞ where only a lower bound was asked for.
        standard_error: Standard error of the estimate.
        p_value: Chance of data at least this far from no effect, were there none.
    """

    estimate: float
    low: float
    high: float
    standard_error: float
    p_value: float

    @property
    def sign(self) -> int:
        """1 where the whole interval is above zero, −1 where it is below, 0 where it holds zero or is unknown."""
        if self.low > 0:
            return 1
        return -1 if self.high < 0 else 0


UNKNOWN = Effect(math.nan, math.nan, math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class Comparison(Result):
    """One metric in two variants.

    Attributes:
        metric: Name of the metric.
        control: Name of the variant compared against.
        treatment: Name of the other variant.
        control_moments: Moments of the control.
        treatment_moments: Moments of the treatment.
        absolute: Treatment's mean minus control's, in the metric's own unit.
        relative: The same as a share of the control's mean; None where that mean is not clearly above zero.
        statistic: Test statistic, positive where the treatment is above.
        degrees_of_freedom: Of Welch's t; ∞ for a normal statistic.
        alternative: What the test looks for.
        confidence: Level of the intervals.
        method: Name of the test and of its intervals.
        problem: Why there is no answer, or empty.
        caution: What weakens the answer, or empty.
        adjusted_p_value: p-value of the difference after the correction for many comparisons.
        adjustment: Name of that correction, or empty.
        family: Number of comparisons whose intervals hold together at the level asked for.
        interval_kind: What sets the interval apart from one for a single look, such as `always-valid`, or empty.
        looks_level: Level that all planned looks hold together, where that is not this interval's own.
    """

    metric: str
    control: str
    treatment: str
    control_moments: Moments
    treatment_moments: Moments
    absolute: Effect
    relative: Effect | None
    statistic: float
    degrees_of_freedom: float
    alternative: Alternative
    confidence: float
    method: str
    problem: str = ""
    caution: str = ""
    adjusted_p_value: float = math.nan
    adjustment: str = ""
    family: int = 1
    interval_kind: str = ""
    looks_level: float = math.nan

    @property
    def p_value(self) -> float:
        """p-value of the difference, corrected where many comparisons were made."""
        return self.adjusted_p_value if self.adjustment else self.absolute.p_value

    @property
    def interval_name(self) -> str:
        """The interval's level in words, and for how many comparisons it was widened."""
        kind = f"{self.interval_kind} " if self.interval_kind else ""
        own = self.looks_level if self.looks_level == self.looks_level else 1 - (1 - self.confidence) * self.family
        if self.family == 1:
            return f"{words.level(own)} {kind}interval"
        return f"{words.level(own)} {kind}interval, widened for {self.family} comparisons,"

    def to_frame(self) -> pd.DataFrame:
        """One row with both scales."""
        import pandas as pd

        return pd.DataFrame([self.row()])

    def row(self) -> dict[str, Any]:
        """The numbers by column name."""
        relative = self.relative or UNKNOWN
        return {
            "metric": self.metric,
            "control": self.control,
            "treatment": self.treatment,
            "control_n": self.control_moments.n,
            "treatment_n": self.treatment_moments.n,
            "control_mean": self.control_moments.mean,
            "treatment_mean": self.treatment_moments.mean,
            "difference": self.absolute.estimate,
            "difference_low": self.absolute.low,
            "difference_high": self.absolute.high,
            "lift": relative.estimate,
            "lift_low": relative.low,
            "lift_high": relative.high,
            "p_value": self.absolute.p_value,
            "adjusted_p_value": self.p_value,
            "adjustment": self.adjustment,
            "confidence": self.confidence,
            "method": self.method,
            "problem": self.problem,
            "caution": self.caution,
        }

    def summary(self) -> str:
        """Both means, the difference and its interval, the lift and its interval, and the p-value."""
        means = (
            f"{self.metric}: {words.number(self.treatment_moments.mean)} in {self.treatment} against "
            f"{words.number(self.control_moments.mean)} in {self.control}"
        )
        if self.problem:
            return f"{means}. {self.problem}"
        a = self.absolute
        interval = f"{self.interval_name} {words.signed(a.low)} to {words.signed(a.high)}"
        adjusted = f" after {self.adjustment}" if self.adjustment else ""
        text = (
            f"{means}, a difference of {words.signed(a.estimate)} ({interval}; {words.p_value(self.p_value)}{adjusted})"
        )
        if self.relative:
            r = self.relative
            text += f", or {words.percent(r.estimate)} ({words.percent(r.low)} to {words.percent(r.high)})"
        return f"{text}. {self.caution}".strip() if self.caution else f"{text}."


def compare_means(
    control: Moments,
    treatment: Moments,
    *,
    confidence: float = 0.95,
    alternative: Alternative = "two-sided",
    relative: RelativeMethod = "consistent",
    distribution: Distribution = "t",
    metric: str = "outcome",
    names: tuple[str, str] = ("control", "treatment"),
) -> Comparison:
    """Welch's test of two means (Welch 1947), from their moments.

    Ratios and covariate-adjusted means come as moments too (`metrics.py`), and are tested here as well; for them
    `distribution="normal"` says that the variance itself is an approximation for many units.

    >>> result = compare_means(Moments.of([1, 2, 3, 4]), Moments.of([3, 4, 5, 6]))
    >>> round(result.absolute.estimate, 2), round(result.absolute.p_value, 3)
    (2.0, 0.071)

    Raises:
        ParameterError: The confidence level or another option is unknown.
    """
    check_options(confidence, alternative)
    label = "Welch’s t-test" if distribution == "t" else "z-test of means, variances apart"
    problem = _untestable(control, treatment)
    if problem:
        effect = Effect(treatment.mean - control.mean, math.nan, math.nan, math.nan, math.nan)
        return Comparison(
            metric,
            *names,
            control,
            treatment,
            effect,
            None,
            math.nan,
            math.nan,
            alternative,
            confidence,
            label,
            problem,
        )
    difference, error, df = welch(control, treatment)
    df = df if distribution == "t" else math.inf
    absolute = symmetric(difference, error, df, confidence, alternative)
    lift, name = _relative(control, treatment, absolute, df, confidence, alternative, relative)
    return Comparison(
        metric,
        *names,
        control,
        treatment,
        absolute,
        lift,
        difference / error,
        df,
        alternative,
        confidence,
        f"{label}; {name}" if lift else label,
    )


def compare_proportions(
    control: Moments,
    treatment: Moments,
    *,
    confidence: float = 0.95,
    alternative: Alternative = "two-sided",
    relative: RelativeMethod = "consistent",
    metric: str = "outcome",
    names: tuple[str, str] = ("control", "treatment"),
) -> Comparison:
    """Two-proportion z-test with the pooled variance, and the score intervals that invert it.

    The interval of the difference is Mee's (1984), that of the ratio Koopman's (1984), both without a continuity
    correction: each leaves zero out exactly when the test's p-value is below 1 − confidence.

    >>> result = compare_proportions(Moments.of_successes(49, 100), Moments.of_successes(51, 100))
    >>> round(result.absolute.p_value, 3), round(result.absolute.low, 3), round(result.absolute.high, 3)
    (0.777, -0.118, 0.157)

    Raises:
        ExperimentError: The means are not shares of the units.
        ParameterError: The confidence level or another option is unknown.
    """
    check_options(confidence, alternative)
    counts = score.Counts(control.successes, control.n, treatment.successes, treatment.n)
    label = "two-proportion z-test, pooled; Mee’s score interval"
    pooled = counts.pooled
    if pooled in (0.0, 1.0):
        which = "No unit succeeded" if pooled == 0 else "Every unit succeeded"
        effect = Effect(0.0, math.nan, math.nan, math.nan, math.nan)
        problem = f"{which} in either variant, so there is nothing to compare."
        return Comparison(
            metric,
            *names,
            control,
            treatment,
            effect,
            None,
            math.nan,
            math.inf,
            alternative,
            confidence,
            label,
            problem,
        )
    z = counts.z_of_difference(0.0)
    critical = _critical(math.inf, confidence, alternative)
    low, high = score.difference_interval(counts, critical)
    low, high = _one_sided(low, high, alternative, -math.inf, math.inf)
    p = _p_value(z, math.inf, alternative)
    absolute = Effect(counts.difference, low, high, counts.standard_error, p)
    if relative == "consistent":
        lift, name = _koopman(counts, critical, alternative, p), "Koopman’s score interval of the lift"
    else:
        lift, name = _relative(control, treatment, absolute, math.inf, confidence, alternative, relative)
    few = min(pooled, 1 - pooled) * min(control.n, treatment.n) < SMALL_COUNT
    caution = (
        f"Fewer than {SMALL_COUNT} successes or failures are expected in a variant, so the interval is rough."
        if few
        else ""
    )
    return Comparison(
        metric,
        *names,
        control,
        treatment,
        absolute,
        lift,
        z,
        math.inf,
        alternative,
        confidence,
        f"{label}; {name}" if lift else label,
        caution=caution,
    )


def welch(control: Moments, treatment: Moments) -> tuple[float, float, float]:
    """Difference of two means, its standard error and Welch and Satterthwaite's degrees of freedom."""
    a, b = control.variance / control.n, treatment.variance / treatment.n
    total = a + b
    # Shares of the variance, not its squares: those of tiny outcomes would underflow.
    share = a / total
    df = 1 / (share**2 / (control.n - 1) + (1 - share) ** 2 / (treatment.n - 1))
    return treatment.mean - control.mean, math.sqrt(total), df


def symmetric(estimate: float, error: float, df: float, confidence: float, alternative: Alternative) -> Effect:
    """The effect with the interval estimate ± critical value × standard error, or its one-sided bound."""
    half = _critical(df, confidence, alternative) * error
    low, high = _one_sided(estimate - half, estimate + half, alternative, -math.inf, math.inf)
    return Effect(estimate, low, high, error, _p_value(estimate / error, df, alternative))


def check_options(confidence: float, alternative: str = "two-sided") -> None:
    """Refuse a confidence level or an alternative that can't be.

    Raises:
        ParameterError: One of them is out of range.
    """
    if not 0.5 <= confidence < 1:
        raise ParameterError(f"The confidence level is {confidence:g}.", "Choose one from 0.5 up to below 1, say 0.95.")
    if alternative not in ("two-sided", "greater", "less"):
        raise ParameterError(
            f"The alternative is {alternative!r}.", "Choose two-sided, greater (treatment above control) or less."
        )


def _untestable(control: Moments, treatment: Moments) -> str:
    if min(control.n, treatment.n) < 2:
        return "A variant has a single unit, and its spread can't be known from one."
    if math.isnan(control.variance) or math.isnan(treatment.variance):
        return "The variance of a variant is missing, so no interval can be given."
    if control.variance == 0 and treatment.variance == 0:
        if control.mean == treatment.mean:
            return "Every unit has the same outcome, so there is nothing to compare."
        return "Within each variant every unit has the same outcome, so there is no spread to judge the difference by."
    return ""


def _relative(
    control: Moments,
    treatment: Moments,
    absolute: Effect,
    df: float,
    confidence: float,
    alternative: Alternative,
    method: RelativeMethod,
) -> tuple[Effect | None, str]:
    """The lift with its interval and the method's name; None where the control's mean is not clearly above zero."""
    critical = _critical(df, confidence, alternative)
    var_c, var_t = control.variance / control.n, treatment.variance / treatment.n
    if control.mean <= critical * math.sqrt(var_c):
        return None, ""
    ratio = treatment.mean / control.mean
    error = math.sqrt(var_t + ratio**2 * var_c) / control.mean
    if method == "consistent":
        low, high = _fieller(control.mean, treatment.mean, var_c, var_t, critical)
        low, high = _one_sided(low - 1, high - 1, alternative, -math.inf, math.inf)
        return Effect(ratio - 1, low, high, error, absolute.p_value), "Fieller’s interval of the lift"
    if method == "delta":
        return symmetric(ratio - 1, error, df, confidence, alternative), "delta-method interval of the lift"
    if method != "log-ratio":
        raise ParameterError(f"The relative method is {method!r}.", "Choose consistent, delta or log-ratio.")
    if treatment.mean <= 0:
        return None, ""
    a, b = Moments(control.n, 1.0, control.variance / control.mean**2), treatment.variance / treatment.mean**2
    _, log_error, log_df = welch(a, Moments(treatment.n, 1.0, b))
    logs = symmetric(math.log(ratio), log_error, log_df if math.isfinite(df) else df, confidence, alternative)
    name = "log-ratio interval of the lift"
    return Effect(ratio - 1, math.expm1(logs.low), math.expm1(logs.high), error, logs.p_value), name


def _fieller(mean_c: float, mean_t: float, var_c: float, var_t: float, critical: float) -> tuple[float, float]:
    """Both ends of Fieller's (1954) interval of mean_t / mean_c, for a control's mean clearly above zero."""
    a = mean_c**2 - critical**2 * var_c
    b = mean_t * mean_c
    root = critical * math.sqrt(max(0.0, mean_t**2 * var_c + mean_c**2 * var_t - critical**2 * var_c * var_t))
    return (b - root) / a, (b + root) / a


def _koopman(counts: score.Counts, critical: float, alternative: Alternative, p: float) -> Effect | None:
    if counts.control_successes == 0:
        return None
    low, high = score.ratio_interval(counts, critical)
    low, high = _one_sided(low - 1, high - 1, alternative, -1.0, math.inf)
    ratio, error = counts.ratio, counts.ratio_standard_error
    return Effect(ratio - 1, low, high, error, p)


def _critical(df: float, confidence: float, alternative: Alternative) -> float:
    from scipy import special

    q = (1 + confidence) / 2 if alternative == "two-sided" else confidence
    return float(special.ndtri(q) if math.isinf(df) else special.stdtrit(df, q))


def _p_value(statistic: float, df: float, alternative: Alternative) -> float:
    from scipy import special

    def below(x: float) -> float:
        return float(special.ndtr(x) if math.isinf(df) else special.stdtr(df, x))

    if alternative == "two-sided":
        return 2 * below(-abs(statistic))
    return below(-statistic) if alternative == "greater" else below(statistic)


def _one_sided(low: float, high: float, alternative: Alternative, lowest: float, highest: float) -> tuple[float, float]:
    """Open the side that a one-sided alternative leaves unbounded."""
    if alternative == "greater":
        return low, highest
    return (lowest, high) if alternative == "less" else (low, high)
