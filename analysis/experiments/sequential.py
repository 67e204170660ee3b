"""Looking more than once: asymptotic confidence sequences, which hold at every look.

A confidence sequence is a list of intervals, one a look, that all hold the true effect together with the stated
confidence, however many looks there are and whatever made one stop. The price is width: about twice that of an
interval for one look. The sequences here are asymptotic: they want a first look after some hundreds of units.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from analysis.errors import ParameterError
from analysis.experiments.fixed import Alternative, Effect, check_options

BEST_AFTER = 5000
"""Units in both variants together at which the sequence is tightest, by default."""

BURN_IN = 300
"""Units in both variants together before which an asymptotic sequence is not to be relied on."""


def always_valid(
    effect: Effect,
    units: int,
    *,
    confidence: float = 0.95,
    alternative: Alternative = "two-sided",
    best_after: int = BEST_AFTER,
) -> Effect:
    """The effect with the interval and p-value of an asymptotic confidence sequence.

    Two-sided after Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2021), equation 9, one-sided after their equation
    134, with the standard error of any estimate that is asymptotically normal. The p-value inverts the sequence, so
    it too may be looked at as often as one likes.

    Args:
        effect: An effect at this look, of which the estimate and its standard error are used.
        units: Units in both variants so far.
        confidence: Level that all looks hold together.
        alternative: What is looked for.
        best_after: Units at which the sequence is tightest; to be chosen before the first look.

    Raises:
        ParameterError: A number is out of range.
    """
    check_options(confidence, alternative)
    if units < 1 or best_after < 1:
        raise ParameterError(f"{units} units and best_after {best_after} do not fit.", "Both are 1 or more.")
    if math.isnan(effect.standard_error) or effect.standard_error <= 0:
        return Effect(effect.estimate, math.nan, math.nan, effect.standard_error, math.nan)
    level = 1 - confidence if alternative == "two-sided" else 2 * (1 - confidence)
    rho = mixing_scale(min(level, 0.999), best_after)
    # Variance of one unit's part in the estimate, and the sums' variance in its scale.
    clock = units * rho**2
    half = effect.standard_error * math.sqrt((clock + 1) / clock * 2 * _log_bound(clock, confidence, alternative))
    low, high = effect.estimate - half, effect.estimate + half
    if alternative == "greater":
        high = math.inf
    elif alternative == "less":
        low = -math.inf
    z = effect.estimate / effect.standard_error
    return Effect(effect.estimate, low, high, effect.standard_error, _p_value(z, clock, alternative))


def always_valid_p_values(
    z: NDArray[np.float64], units: NDArray[np.float64], *, confidence: float = 0.95, best_after: int = BEST_AFTER
) -> NDArray[np.float64]:
    """Two-sided always-valid p-values of many z-scores at once, each with its units in both variants; nan stays nan."""
    clock = units * mixing_scale(1 - confidence, best_after) ** 2
    return np.minimum(1.0, np.exp(0.5 * np.log1p(clock) - z * z * clock / (2 * (clock + 1))))


def mixing_scale(alpha: float, best_after: int) -> float:
    """The scale ρ of the mixture that makes the sequence about tightest after so many units."""
    return math.sqrt((-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / best_after)


def _log_bound(clock: float, confidence: float, alternative: Alternative) -> float:
    alpha = 1 - confidence
    if alternative == "two-sided":
        return math.log(math.sqrt(clock + 1) / alpha)
    return math.log1p(math.sqrt(clock + 1) / (2 * alpha))


def _p_value(z: float, clock: float, alternative: Alternative) -> float:
    """The smallest level whose sequence leaves zero out at this look, at the mixture of the level asked for."""
    exponent = z * z * clock / (2 * (clock + 1))
    if alternative == "two-sided":
        return min(1.0, math.exp(0.5 * math.log1p(clock) - exponent))
    toward = z if alternative == "greater" else -z
    if toward <= 0:
        return 1.0
    # 1 + √(t+1) / 2α = exp(exponent), solved for α.
    return min(1.0, math.sqrt(clock + 1) / (2 * math.expm1(exponent))) if exponent > 0 else 1.0
