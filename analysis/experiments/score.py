"""Score tests of two proportions, and the intervals that invert them: Mee (difference) and Koopman (ratio)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

_FAR = 1e6
"""Stands for an infinite statistic, which a root finder can't take."""


@dataclass(frozen=True)
class Counts:
    """Successes and units of a control and a treatment."""

    control_successes: int
    control_n: int
    treatment_successes: int
    treatment_n: int

    @property
    def control(self) -> float:
        """Control's share of successes."""
        return self.control_successes / self.control_n

    @property
    def treatment(self) -> float:
        """Treatment's share of successes."""
        return self.treatment_successes / self.treatment_n

    @property
    def difference(self) -> float:
        """Treatment's share minus control's."""
        return self.treatment - self.control

    @property
    def ratio(self) -> float:
        """Treatment's share over control's."""
        return self.treatment / self.control

    @property
    def pooled(self) -> float:
        """Share of successes in both together."""
        return (self.control_successes + self.treatment_successes) / (self.control_n + self.treatment_n)

    @property
    def standard_error(self) -> float:
        """Unpooled standard error of the difference."""
        return math.sqrt(_spread(self.treatment, self.treatment_n) + _spread(self.control, self.control_n))

    @property
    def ratio_standard_error(self) -> float:
        """Delta-method standard error of the ratio."""
        t = _spread(self.treatment, self.treatment_n)
        return math.sqrt(t + self.ratio**2 * _spread(self.control, self.control_n)) / self.control

    def z_of_difference(self, delta: float) -> float:
        """Score statistic of the hypothesis that the shares differ by `delta` (Mee 1984)."""
        control = self._control_given_difference(delta)
        treatment = control + delta
        variance = _spread(treatment, self.treatment_n) + _spread(control, self.control_n)
        return _standardised(self.difference - delta, variance)

    def z_of_ratio(self, ratio: float) -> float:
        """Score statistic of the hypothesis that treatment's share is `ratio` times control's (Koopman 1984)."""
        a = (self.control_n + self.treatment_n) * ratio
        b = (self.treatment_n + self.control_successes) * ratio + self.treatment_successes + self.control_n
        c = self.control_successes + self.treatment_successes
        # The smaller root, in the form that does not cancel.
        control = 2 * c / (b + math.sqrt(max(0.0, b * b - 4 * a * c)))
        treatment = min(1.0, ratio * control)
        variance = _spread(treatment, self.treatment_n) + ratio**2 * _spread(control, self.control_n)
        return _standardised(self.treatment - ratio * self.control, variance)

    def _control_given_difference(self, delta: float) -> float:
        """Likeliest share of the control where treatment's is `delta` above (Miettinen and Nurminen 1985, appendix)."""
        n1, n2, x2 = self.treatment_n, self.control_n, self.control_successes
        total, successes = n1 + n2, self.control_successes + self.treatment_successes
        third = ((n1 + 2 * n2) * delta - total - successes) / (3 * total)
        linear = ((n2 * delta - total - 2 * x2) * delta + successes) / total
        constant = x2 * delta * (1 - delta) / total
        q = third**3 - linear * third / 2 + constant / 2
        p = math.copysign(math.sqrt(max(0.0, third**2 - linear / 3)), q)
        angle = (math.pi + math.acos(min(1.0, max(-1.0, q / p**3)))) / 3 if p else math.pi / 2
        return min(1.0, 1 - delta, max(0.0, -delta, 2 * p * math.cos(angle) - third))


def difference_interval(counts: Counts, critical: float) -> tuple[float, float]:
    """All differences whose score statistic is within ± critical: Mee's interval."""
    centre = counts.difference
    low = _root(lambda d: counts.z_of_difference(d) - critical, -1.0, centre) if centre > -1 else -1.0
    high = _root(lambda d: counts.z_of_difference(d) + critical, centre, 1.0) if centre < 1 else 1.0
    return low, high


def ratio_interval(counts: Counts, critical: float) -> tuple[float, float]:
    """All ratios whose score statistic is within ± critical: Koopman's interval, for a control with successes."""
    # Half a success stands for none when a place to start searching is chosen.
    centre = math.log(max(counts.ratio, 0.5 / counts.treatment_n))
    low = 0.0
    if counts.treatment_successes:
        bottom = centre - 1
        while counts.z_of_ratio(math.exp(bottom)) < critical:
            bottom -= 2
        low = math.exp(_root(lambda r: counts.z_of_ratio(math.exp(r)) - critical, bottom, centre))
    top = centre + 1
    while counts.z_of_ratio(math.exp(top)) > -critical:
        top += 2
    start = centre if counts.treatment_successes else centre - 20
    return low, math.exp(_root(lambda r: counts.z_of_ratio(math.exp(r)) + critical, start, top))


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    from scipy import optimize

    if function(low) * function(high) > 0:
        # Both ends lie on one side only where the interval reaches the end of what can be.
        return low if abs(function(low)) < abs(function(high)) else high
    return float(optimize.brentq(function, low, high, xtol=1e-14, rtol=1e-12, maxiter=200))


def _spread(share: float, n: int) -> float:
    return max(0.0, share * (1 - share)) / n


def _standardised(gap: float, variance: float) -> float:
    if variance <= 0:
        return math.copysign(_FAR, gap) if abs(gap) > 1e-12 else 0.0
    return max(-_FAR, min(_FAR, gap / math.sqrt(variance)))
