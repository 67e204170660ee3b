"""Exact confidence sequences: bounds that a sum crosses with a stated chance at most, ever, from the first unit on.

The asymptotic sequences of `sequential.py` want some hundreds of units. These hold from the first one, where the
outcomes are bounded or counted: a share by the beta-binomial mixture, a bounded mean by the gamma-exponential one, a
mean of known spread by the normal one, and the split of units between variants at any look.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.errors import ExperimentError, ParameterError

Floats = NDArray[np.float64]


class Mixture(Protocol):
    """A mixture of exponential supermartingales of a sum `s` with intrinsic time `v` (its accumulated variance)."""

    def log_value(self, s: float, v: float) -> float:
        """Logarithm of the mixture: it starts at 0, and exceeds log(1/α) with probability α at most, ever."""

    def bound(self, v: float, alpha: float = 0.05) -> float:
        """The sum at which the mixture reaches 1/α."""


def best_rho(v_opt: float, alpha: float = 0.05) -> float:
    """The mixture's parameter that makes the bound about tightest at intrinsic time `v_opt`.

    Howard, Ramdas, McAuliffe and Sekhon (2021), section 3.5, as their package has it; the exact optimum differs by a
    few percent, and no bound is less valid for it.
    """
    if not v_opt > 0 or not 0 < alpha < 1:
        raise ParameterError(f"Time {v_opt:g} and level {alpha:g} do not fit.", "Give a time above 0 and a level.")
    log = -math.log(alpha)
    return v_opt / (2 * log + math.log1p(2 * log))


@dataclass(frozen=True)
class NormalMixture:
    """Two-sided normal mixture, for sums of normal or sub-Gaussian parts (Robbins 1970; Howard et al. 2021, eq. 14).

    Attributes:
        rho: Precision of the mixing distribution, from `best_rho`.
    """

    rho: float

    def log_value(self, s: float, v: float) -> float:
        """Logarithm of the mixture at sum `s` and intrinsic time `v`."""
        return 0.5 * math.log(self.rho / (v + self.rho)) + s * s / (2 * (v + self.rho))

    def bound(self, v: float, alpha: float = 0.05) -> float:
        """The distance from zero that the sum passes with probability `alpha` at most, ever."""
        return math.sqrt((v + self.rho) * (math.log1p(v / self.rho) - 2 * math.log(alpha)))


@dataclass(frozen=True)
class BetaBinomialMixture:
    """Two-sided beta-binomial mixture, for sums of parts between −g and h (Howard et al. 2021, proposition 7).

    Attributes:
        r: Weight of the beta distribution, from `beta_binomial`.
        g: Largest fall of one part.
        h: Largest rise of one part.
    """

    r: float
    g: float
    h: float

    def log_value(self, s: float, v: float) -> float:
        """Logarithm of the mixture at sum `s` and intrinsic time `v` = g·h per part."""
        from scipy import special

        g, h, both = self.g, self.h, self.g + self.h
        failures, successes = (v / g - s) / both, (v / h + s) / both
        a, b = self.r / (g * both), self.r / (h * both)
        return float(
            special.betaln(a + failures, b + successes)
            - special.betaln(a, b)
            - successes * math.log(g / both)
            - failures * math.log(h / both)
        )

    def bound(self, v: float, alpha: float = 0.05) -> float:
        """The sum that is passed upwards with probability `alpha` at most, ever; the largest possible at most."""
        # Beyond v / g the parts can't take the sum.
        return _solve(lambda s: self.log_value(s, v), alpha, v / self.g * (1 - 1e-12))


def beta_binomial(v_opt: float, g: float, h: float, alpha: float = 0.05) -> BetaBinomialMixture:
    """The beta-binomial mixture that is about tightest at intrinsic time `v_opt`."""
    if min(g, h) <= 0:
        raise ParameterError(f"The parts fall by {g:g} and rise by {h:g}.", "Give two distances above zero.")
    return BetaBinomialMixture(max(best_rho(v_opt, alpha) - g * h, 1e-3 * g * h), g, h)


@dataclass(frozen=True)
class GammaExponentialMixture:
    """One-sided gamma-exponential mixture, for sums with heavy upper tails (Howard et al. 2021, proposition 9).

    Attributes:
        rho: Parameter of the mixing distribution, from `gamma_exponential`.
        c: Scale of the tail; the range of one part for bounded ones.
    """

    rho: float
    c: float

    def log_value(self, s: float, v: float) -> float:
        """Logarithm of the mixture at sum `s` and intrinsic time `v`."""
        from scipy import special

        shape = self.rho / self.c**2
        moved, later = (self.c * s + v) / self.c**2, (v + self.rho) / self.c**2
        leading = shape * math.log(shape) - special.gammaln(shape) - math.log(special.gammainc(shape, shape))
        inside = float(special.gammainc(later, moved + shape))
        if inside <= 0:
            return -math.inf
        return float(leading + special.gammaln(later) + math.log(inside) - later * math.log(moved + shape) + moved)

    def bound(self, v: float, alpha: float = 0.05) -> float:
        """The sum that is passed upwards with probability `alpha` at most, ever."""
        return _solve(lambda s: self.log_value(s, v), alpha)


def gamma_exponential(v_opt: float, c: float, alpha: float = 0.05) -> GammaExponentialMixture:
    """The gamma-exponential mixture that is about tightest at intrinsic time `v_opt`."""
    if c <= 0:
        raise ParameterError(f"The scale of the tail is {c:g}.", "Give one above zero: the range of one outcome.")
    return GammaExponentialMixture(best_rho(v_opt, 2 * alpha), c)


@dataclass(frozen=True)
class Sequence:
    """Intervals that hold together, one a look.

    Attributes:
        units: Units until each look.
        estimate: Estimate at each look.
        low: Lower ends.
        high: Upper ends.
        confidence: Level that all of them hold together.
    """

    units: tuple[int, ...]
    estimate: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    confidence: float


def share_sequence(
    successes: ArrayLike, units: ArrayLike, *, confidence: float = 0.95, prior: tuple[float, float] = (1.0, 1.0)
) -> Sequence:
    """Exact confidence sequence of a share, from the counts at each look.

    All shares p that the beta-binomial mixture of the likelihood ratio does not reject (Robbins 1970; Howard et al.
    2021, section 4.2): at any look, after any number of looks.

    Args:
        successes: Successes until each look, shape (looks,).
        units: Units until each look, shape (looks,).
        confidence: Level that all looks hold together.
        prior: Parameters of the beta mixture; a guess of the share makes the sequence tighter near it.

    Raises:
        ExperimentError: A count is impossible, or falls from one look to the next.
    """
    from scipy import special

    k, n = np.atleast_1d(np.asarray(successes, dtype=float)), np.atleast_1d(np.asarray(units, dtype=float))
    if k.shape != n.shape or np.any(k < 0) or np.any(k > n) or np.any(n < 1):
        raise ExperimentError("A look has impossible counts.", "Give successes between 0 and the units, look by look.")
    if np.any(np.diff(k) < 0) or np.any(np.diff(n) < 0):
        raise ExperimentError("The counts fall from one look to the next.", "Give the counts until each look.")
    a, b = prior
    # {p : k log p + (n − k) log(1 − p) > log mixture − log(1/α)}
    floor = special.betaln(a + k, b + n - k) - special.betaln(a, b) + math.log(1 - confidence)

    def height(p: Floats) -> Floats:
        found: Floats = special.xlogy(k, p) + special.xlog1py(n - k, -p) - floor
        return found

    centre = k / n
    low = _bisect(height, np.zeros_like(centre), centre)
    high = _bisect(height, np.ones_like(centre), centre)
    return _sequence(n, centre, low, high, confidence)


def bounded_mean_sequence(
    values: ArrayLike, *, low: float = 0.0, high: float = 1.0, confidence: float = 0.95, best_after: int = 1000
) -> Sequence:
    """Exact confidence sequence of a mean of outcomes between `low` and `high`, such as completion.

    The empirical-Bernstein sequence of Howard et al. (2021), theorem 4: intrinsic time is the sum of squared misses of
    the running mean, the bound is the gamma-exponential mixture's, half of the level on either side.

    Args:
        values: Outcomes in the order in which they came, shape (units,).
        low: Smallest possible outcome.
        high: Largest possible outcome.
        confidence: Level that all looks hold together.
        best_after: Units at which the sequence is about tightest, for outcomes of spread a quarter of the range.

    Raises:
        ExperimentError: A value lies outside of the range.
    """
    x = (np.asarray(values, dtype=float) - low) / (high - low)
    if x.ndim != 1 or not x.size or not np.all((x >= 0) & (x <= 1)):
        raise ExperimentError(f"An outcome lies outside of {low:g} to {high:g}.", "Give the range of all outcomes.")
    count = np.arange(1, x.size + 1)
    mean = np.cumsum(x) / count
    # The forecast of each outcome knows the earlier ones only; the first is forecast as the middle.
    forecast = np.concatenate([[0.5], mean[:-1]])
    time = np.cumsum((x - forecast) ** 2)
    alpha = (1 - confidence) / 2
    # The bound grows with time, so the one at the next point of a fixed grid is on the safe side.
    place = np.ceil(_PER_DOUBLING * np.log2(np.maximum(time, _SOONEST) / _SOONEST)).astype(int)
    reached, member = np.unique(place, return_inverse=True)
    half = np.array([_grid_bound(int(i), best_after / 16, alpha) for i in reached])[member] / count
    span = high - low
    ends = (low + span * np.clip(mean - half, 0, 1), low + span * np.clip(mean + half, 0, 1))
    return _sequence(count, low + span * mean, *ends, confidence)


def always_valid_split(counts: ArrayLike, weights: ArrayLike, *, concentration: float = 100.0) -> Floats:
    """p-values of the sample-ratio check that may be looked at every day.

    The Dirichlet-multinomial mixture of Lindon and Malek (2022), whose Dirichlet distribution is centred on the
    planned shares: the chance that the p-value ever falls below α while the assignment works is α at most.

    Args:
        counts: Units of each variant until each look, shape (looks, variants).
        weights: Planned share of each variant, on any scale, shape (variants,).
        concentration: Weight of the plan; small imbalances are found with large ones.

    Returns:
        p-values, shape (looks,), never rising from one look to the next.
    """
    from scipy import special

    n = np.atleast_2d(np.asarray(counts, dtype=float))
    share = np.asarray(weights, dtype=float) / np.sum(weights)
    if n.shape[1] != len(share) or np.any(n < 0) or np.any(share <= 0):
        raise ExperimentError("Counts and planned shares do not fit.", "Give each variant its count and its share.")
    prior = concentration * share
    total = n.sum(axis=1)
    mixture = special.gammaln(concentration) - special.gammaln(concentration + total)
    mixture = mixture + (special.gammaln(prior + n) - special.gammaln(prior)).sum(axis=1)
    log_ratio = mixture - n @ np.log(share)
    found: Floats = np.minimum.accumulate(np.minimum(1.0, np.exp(-log_ratio)))
    return found


_SOONEST, _PER_DOUBLING = 1e-3, 16
"""Where the grid of times begins, and its points until a time is twice as long."""


@lru_cache(maxsize=4096)
def _grid_bound(place: int, v_opt: float, alpha: float) -> float:
    """The gamma-exponential bound at a point of the grid."""
    return gamma_exponential(v_opt, 1.0, alpha).bound(_SOONEST * 2 ** (place / _PER_DOUBLING), alpha)


def _sequence(units: NDArray[Any], estimate: Floats, low: Floats, high: Floats, confidence: float) -> Sequence:
    return Sequence(
        tuple(units.astype(int).tolist()),
        tuple(estimate.tolist()),
        tuple(low.tolist()),
        tuple(high.tolist()),
        confidence,
    )


def _solve(log_value: Callable[[float], float], alpha: float, top: float = math.inf) -> float:
    """The sum at which a rising mixture reaches 1/α."""
    from scipy import optimize

    target = -math.log(alpha)
    high = 1.0
    while log_value(min(high, top)) < target:
        if high >= top:
            return top
        high *= 2
    return float(optimize.brentq(lambda s: log_value(s) - target, 0.0, min(high, top), xtol=1e-10))


def _bisect(height: Callable[[Floats], Floats], outside: Floats, inside: Floats) -> Floats:
    """Where `height` changes its sign between a point outside and one inside, for all looks at once."""
    for _ in range(60):
        middle = (outside + inside) / 2
        kept = height(middle) > 0
        inside, outside = np.where(kept, middle, inside), np.where(kept, outside, middle)
    return outside
