"""Intervals over viewers, and whether two models can be told apart: a paired bootstrap and a paired t-test.

All models are judged on the same viewers, so a resample draws viewers, and each draw serves every model and metric.
Wilcoxon and sign tests are wrong at these sizes; the paired bootstrap or t-test with an effect size and Holm's
correction is what Ihemelandu & Ekstrand (SIGIR 2023) recommend.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]

DRAWS = 2_000
"""Resamples of viewers: enough for 95 % intervals."""

_AT_ONCE = 4_000_000
"""Entries of the matrix of draws that are held in memory at once (32 MiB)."""


@dataclass(frozen=True)
class Estimate:
    """A number and its 95 % interval.

    Attributes:
        value: The estimate, NaN where it could not be computed.
        low: Lower end of the interval; NaN where the metric has none (coverage, Gini: a resample of viewers can only
            show fewer titles, so a bootstrap of them is biased).
        high: Upper end.
    """

    value: float
    low: float = float("nan")
    high: float = float("nan")


@dataclass(frozen=True)
class Comparison:
    """One model against another on one metric, over the same viewers.

    Attributes:
        first: Name of the model that ranks higher.
        second: Name of the other one.
        metric: The metric.
        difference: Mean difference, first minus second, over all viewers.
        low: Lower end of its 95 % interval.
        high: Upper end.
        effect: Standardised mean of the paired differences (Cohen's d_z); 0.2 is small, 0.8 is large.
        p: Two-sided p-value of a paired t-test over viewers.
        p_holm: The same after Holm's correction for all pairs compared.
    """

    first: str
    second: str
    metric: str
    difference: float
    low: float
    high: float
    effect: float
    p: float
    p_holm: float

    @property
    def told_apart(self) -> bool:
        """Whether the two differ by more than chance would explain, at 5 % over all pairs together."""
        return self.p_holm < 0.05

    def turned(self) -> Comparison:
        """The same comparison, second minus first."""
        return replace(
            self, first=self.second, second=self.first, difference=-self.difference,
            low=-self.high, high=-self.low, effect=-self.effect,
        )  # fmt: skip


def bootstrap_ratios(numerators: Floats, denominators: Floats, seed: int, draws: int = DRAWS) -> Floats:
    """Σ numerator / Σ denominator over resampled viewers.

    Args:
        numerators: One row a viewer, one column a quantity, shape (n, m).
        denominators: The same shape; all ones for a mean over viewers.
        seed: Of the resampling.
        draws: Number of resamples.

    Returns:
        Shape (draws, m); NaN where a denominator sums to 0.
    """
    stacked = np.hstack([numerators, denominators])
    sums = np.vstack([weights @ stacked for weights in _draws(len(numerators), draws, seed)])
    above, below = sums[:, : numerators.shape[1]], sums[:, numerators.shape[1] :]
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below != 0)


def interval(draws: Floats) -> tuple[float, float]:
    """The 95 % percentile interval of bootstrap draws, NaN where there are none."""
    known = draws[np.isfinite(draws)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)


def compare_all(metric: str, per_viewer: dict[str, Floats], draws: dict[str, Floats]) -> tuple[Comparison, ...]:
    """Every pair of models on one metric, best pair first.

    Args:
        metric: Name of the metric.
        per_viewer: For each model, best first, its value for each viewer, shape (n,); the same viewers for all.
        draws: For each model its bootstrap means, shape (draws,), from the same resamples.
    """
    names = list(per_viewer)
    found = []
    for place, first in enumerate(names):
        for second in names[place + 1 :]:
            difference = per_viewer[first] - per_viewer[second]
            resampled = draws[first] - draws[second]
            spread = float(difference.std(ddof=1)) if len(difference) > 1 else 0.0
            mean = float(difference.mean())
            effect = mean / spread if spread > 0 else 0.0
            low, high = interval(resampled)
            found.append((first, second, mean, low, high, effect, paired_t(mean, spread, len(difference))))
    corrected = holm([row[-1] for row in found])
    return tuple(
        Comparison(first, second, metric, mean, low, high, effect, p, adjusted)
        for (first, second, mean, low, high, effect, p), adjusted in zip(found, corrected, strict=True)
    )


def holm(p_values: list[float]) -> list[float]:
    """Holm's step-down correction (Scandinavian Journal of Statistics 1979), in the order given."""
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(len(p_values))
    running = 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = running
    return [float(p) for p in adjusted]


def paired_t(mean: float, spread: float, n: int) -> float:
    """Two-sided p-value of a paired t-test, from mean and standard deviation of n differences.

    Not from the resamples: of 2,000 draws the smallest p-value is 0.001, which after Holm's correction for the 190
    pairs of twenty models could tell nobody apart.

    >>> round(paired_t(0.5, 1.0, 20), 4), paired_t(0.0, 0.0, 20)
    (0.0375, 1.0)
    """
    if n < 2 or mean == 0:
        return 1.0
    if spread == 0:
        return 0.0
    return float(2 * special.stdtr(n - 1, -abs(mean) / (spread / math.sqrt(n))))


def _draws(n: int, draws: int, seed: int) -> Iterator[Floats]:
    """How often each of n viewers is drawn, a row a resample, some rows at a time."""
    generator = np.random.default_rng(seed)
    rows = max(1, min(draws, _AT_ONCE // max(n, 1)))
    for start in range(0, draws, rows):
        count = min(rows, draws - start)
        chosen = generator.integers(0, n, size=(count, n), dtype=np.int64)
        chosen += np.arange(count)[:, None] * n
        yield np.bincount(chosen.ravel(), minlength=count * n).reshape(count, n).astype(np.float64)
