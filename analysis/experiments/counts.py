"""Exact tests of counts: proportions of few units, and rates of events."""

from __future__ import annotations

import math

import numpy as np

from analysis.errors import ExperimentError
from analysis.experiments.fixed import Effect
from analysis.experiments.moments import Moments


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
