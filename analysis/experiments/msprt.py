"""The mixture sequential probability ratio test: two published variants, which differ, by name."""

from __future__ import annotations

import math
from typing import Literal

from analysis.errors import ParameterError
from analysis.experiments.fixed import Effect, check_options, welch
from analysis.experiments.moments import Moments

Variant = Literal["Johari", "Statsig"]
"""`Johari` after Johari, Pekelis and Walsh (2022): the interval has −2 ln α, and the p-value is the inverse of the
mixture's likelihood ratio. `Statsig` as that vendor documents it: −2 ln(α/2), wider, and a p-value from the normal
distribution scaled to the interval."""


def msprt(
    control: Moments,
    treatment: Moments,
    *,
    variant: Variant = "Johari",
    confidence: float = 0.95,
    mixing_variance: float | None = None,
) -> Effect:
    """The difference of two means with an interval and p-value that hold at every look.

    Args:
        control: Moments of the control so far.
        treatment: Moments of the treatment so far.
        variant: Which published test.
        confidence: Level that all looks hold together.
        mixing_variance: Variance of the normal mixture over effects. To be chosen before the first look; by default
            Zhao et al.'s (2019) z² V / 2 of the present variance V, which follows the data and so is not exact.

    >>> found = msprt(Moments(5000, 10.0, 25.0), Moments(5000, 10.3, 26.0), variant="Statsig")
    >>> round(found.low, 4), round(found.high, 4)
    (-0.062, 0.662)

    Raises:
        ParameterError: An option is out of range.
    """
    from scipy import special

    check_options(confidence)
    if variant not in ("Johari", "Statsig"):
        raise ParameterError(f"The variant is {variant!r}.", "Choose Johari or Statsig.")
    if mixing_variance is not None and not mixing_variance > 0:
        raise ParameterError(f"The mixing variance is {mixing_variance:g}.", "Give one above zero.")
    difference, error, _ = welch(control, treatment)
    alpha, v = 1 - confidence, error**2
    critical = float(special.ndtri(1 - alpha / 2))
    tau = mixing_variance if mixing_variance is not None else critical**2 * v / 2
    level = alpha if variant == "Johari" else alpha / 2
    wide = math.sqrt((v + tau) / tau * (-2 * math.log(level) + math.log((v + tau) / v)))
    z = difference / error
    if variant == "Johari":
        p = math.exp(min(0.0, 0.5 * math.log((v + tau) / v) - tau * z * z / (2 * (v + tau))))
    else:
        p = 2 * float(special.ndtr(-abs(z) * critical / wide))
    return Effect(difference, difference - wide * error, difference + wide * error, error, p)
