"""How many units, how small an effect, how likely to find it: planning before the start."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from analysis.errors import ParameterError
from analysis.experiments.moments import Moments

ProportionFormula = Literal["pooled", "unpooled", "arcsine"]
"""Which published formula: `pooled` takes the null's variance from both shares together (Fleiss 1981; R's
power.prop.test), `unpooled` the sum of both variances, `arcsine` Cohen's h (1988). They differ by some percent."""


def units_for_mean(
    variance: float, effect: float, *, alpha: float = 0.05, power: float = 0.8, one_sided: bool = False
) -> float:
    """Units an arm that a t-test of two means needs, from the non-central t distribution.

    For non-inferiority give the margin as `effect` and `one_sided`. For a metric with a covariate or for a ratio give
    the variance after the adjustment, as `Moments` of it has.

    >>> round(units_for_mean(1.0, 0.5), 2)
    63.77

    Raises:
        ParameterError: A number is out of range.
    """
    _check(alpha, power)
    if not (variance > 0 and effect != 0 and math.isfinite(variance) and math.isfinite(effect)):
        raise ParameterError(f"Variance {variance:g} and effect {effect:g} do not fit.", "Give a spread and an effect.")
    from scipy import optimize

    standardised = abs(effect) / math.sqrt(variance)
    guess = 2 * (_z(alpha, one_sided) + _z(1 - power, True)) ** 2 / standardised**2

    def gap(n: float) -> float:
        return _power_t(standardised, n, alpha, one_sided) - power

    top = 2 * guess + 10
    return float(optimize.brentq(gap, 1.01, top, xtol=1e-9, rtol=1e-12)) if gap(1.01) < 0 else 1.01


def power_of_mean(
    variance: float, effect: float, units: float, *, alpha: float = 0.05, one_sided: bool = False
) -> float:
    """Probability of finding an effect with so many units an arm.

    Raises:
        ParameterError: A number is out of range.
    """
    _check(alpha, 0.8)
    if not (variance > 0 and units > 1):
        raise ParameterError(f"Variance {variance:g} and {units:g} units do not fit.", "Give a spread and two units.")
    return _power_t(abs(effect) / math.sqrt(variance), units, alpha, one_sided)


def units_for_proportion(
    control: float,
    treatment: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    formula: ProportionFormula = "pooled",
) -> float:
    """Units an arm that a two-sided test of two proportions needs.

    >>> round(units_for_proportion(0.20, 0.25))
    1094

    Raises:
        ParameterError: A number is out of range.
    """
    _check(alpha, power)
    if not (0 < control < 1 and 0 < treatment < 1 and control != treatment):
        raise ParameterError(f"Shares {control:g} and {treatment:g} do not fit.", "Give two different shares.")
    a, b = _z(alpha, False), _z(1 - power, True)
    own = control * (1 - control) + treatment * (1 - treatment)
    if formula == "arcsine":
        h = 2 * math.asin(math.sqrt(treatment)) - 2 * math.asin(math.sqrt(control))
        return _units_for_h(abs(h), a, power)
    middle = (control + treatment) / 2
    null = 2 * middle * (1 - middle) if formula == "pooled" else own
    return ((a * math.sqrt(null) + b * math.sqrt(own)) / (treatment - control)) ** 2


def detectable_lift(control: Moments, units: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """Minimum detectable effect, as a share of the control's mean, with so many units an arm.

    The delta-method variance of the lift grows with the lift itself, which is solved for.

    Raises:
        ParameterError: The control's mean is not above zero, the units are too few to detect any lift, or a number is
            out of range.
    """
    _check(alpha, power)
    if control.mean <= 0 or units <= 0:
        raise ParameterError(f"Mean {control.mean:g} and {units:g} units do not fit.", "Both are above zero.")
    # m² = k (1 + (1 + m)²) with k = z² σ² / (n μ²).
    k = (_z(alpha, False) + _z(1 - power, True)) ** 2 * control.variance / (units * control.mean**2)
    if k >= 1:
        raise ParameterError(f"{units:,.0f} units an arm are too few to find any lift.", "Plan for more units.")
    return (k + math.sqrt(k * k + 2 * k * (1 - k))) / (1 - k)


def detectable_margin(control: Moments, units: float, *, alpha: float = 0.025, power: float = 0.8) -> float:
    """Smallest loss, as a share of the control's mean, that a treatment just as good would be shown to stay within.

    The test is that of `margins.within_margin`: the contrast of the treatment with (1 − margin) × control.

    Args:
        control: Moments of the metric.
        units: Units an arm.
        alpha: One-sided level.
        power: Chance to show it.

    Raises:
        ParameterError: The control's mean is not above zero, the units are too few, or a number is out of range.
    """
    _check(alpha, power)
    if control.mean <= 0 or units <= 0:
        raise ParameterError(f"Mean {control.mean:g} and {units:g} units do not fit.", "Both are above zero.")
    # m² = k (1 + (1 − m)²) with k = z² σ² / (n μ²).
    k = (_z(alpha, True) + _z(1 - power, True)) ** 2 * control.variance / (units * control.mean**2)
    if k >= 1:
        raise ParameterError(f"{units:,.0f} units an arm are too few to rule out any loss.", "Plan for more units.")
    return (math.sqrt(k * k + 2 * k * (1 - k)) - k) / (1 - k)


def units_for_preference(share: float, *, ties: float = 0.0, alpha: float = 0.05, power: float = 0.8) -> float:
    """Viewers that a sign test of interleaved lists needs in all (Noether 1987).

    Args:
        share: Share that prefers one of the rankers, of those who prefer either.
        ties: Share of the viewers who prefer neither.
        alpha: Two-sided level.
        power: Chance to find it.

    >>> round(units_for_preference(0.55))
    783

    Raises:
        ParameterError: A number is out of range.
    """
    _check(alpha, power)
    if not (0 < share < 1 and share != 0.5 and 0 <= ties < 1):
        raise ParameterError(f"Share {share:g} and ties {ties:g} do not fit.", "Give a share other than a half.")
    spread = 2 * math.sqrt(share * (1 - share))
    return ((_z(alpha, False) + _z(1 - power, True) * spread) / (2 * share - 1)) ** 2 / (1 - ties)


def days_for(units: float, accrual: Sequence[float]) -> int | None:
    """Days until so many units have come, from an accrual curve; None where it does not reach them.

    Args:
        units: Units needed in all arms together.
        accrual: Different units seen until the end of each day, from the first on; it flattens, because the same
            people come back.

    >>> days_for(250, [100, 180, 240, 280])
    4
    """
    return next((day for day, reached in enumerate(accrual, start=1) if reached >= units), None)


def _units_for_h(h: float, critical: float, power: float) -> float:
    """Units an arm for Cohen's h, with both tails counted as a two-sided test has them."""
    from scipy import optimize, special

    def gap(n: float) -> float:
        shift = h * math.sqrt(n / 2)
        return float(special.ndtr(shift - critical) + special.ndtr(-shift - critical)) - power

    top = 4 * ((critical + _z(1 - power, True)) / h) ** 2
    return float(optimize.brentq(gap, 1e-9, top, xtol=1e-9, rtol=1e-12))


def _power_t(standardised: float, units: float, alpha: float, one_sided: bool) -> float:
    from scipy import special

    df = 2 * units - 2
    shift = standardised * math.sqrt(units / 2)
    critical = float(special.stdtrit(df, 1 - (alpha if one_sided else alpha / 2)))
    found = 1 - float(special.nctdtr(df, shift, critical))
    return found if one_sided else found + float(special.nctdtr(df, shift, -critical))


def _z(alpha: float, one_sided: bool) -> float:
    from scipy import special

    return float(special.ndtri(1 - (alpha if one_sided else alpha / 2)))


def _check(alpha: float, power: float) -> None:
    if not (0 < alpha < 0.5 and alpha < power < 1):
        raise ParameterError(
            f"Level {alpha:g} and power {power:g} do not fit.", "Say 0.05 and 0.8: the power is above the level."
        )
