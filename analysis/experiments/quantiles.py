"""Quantiles, such as the median or the 95th percentile of start-up time: intervals and comparisons.

Three ways: order statistics (no assumption on the distribution), the bootstrap of units, and the bootstrap of
clusters where one unit of assignment brings many rows (a viewer's plays).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.errors import ExperimentError, ParameterError
from analysis.experiments import words
from analysis.experiments.fixed import Effect, check_options, symmetric
from analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd

Method = Literal["order statistics", "bootstrap", "clustered bootstrap"]

GROUPS = 2000
"""Clusters are drawn together in at most so many random groups: sums of independent clusters are as independent."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class QuantileComparison(Result):
    """One quantile in two variants.

    Attributes:
        quantile: Which one, 0.5 for the median.
        control: Its value in the control.
        treatment: Its value in the treatment.
        effect: Treatment minus control.
        method: How the interval was made.
        confidence: Level of the interval.
    """

    quantile: float
    control: float
    treatment: float
    effect: Effect
    method: Method
    confidence: float

    def to_frame(self) -> pd.DataFrame:
        """One row."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "quantile": self.quantile,
                    "control": self.control,
                    "treatment": self.treatment,
                    "difference": self.effect.estimate,
                    "difference_low": self.effect.low,
                    "difference_high": self.effect.high,
                    "p_value": self.effect.p_value,
                    "method": self.method,
                }
            ]
        )

    def summary(self) -> str:
        """Both values and the difference."""
        e = self.effect
        return (
            f"The {100 * self.quantile:g}th percentile is {words.number(self.treatment)} in the treatment against "
            f"{words.number(self.control)} in the control, a difference of {words.signed(e.estimate)} "
            f"({words.level(self.confidence)} interval {words.signed(e.low)} to {words.signed(e.high)}; "
            f"{words.p_value(e.p_value)})."
        )


def order_statistic_coverage(n: int, quantile: float, lower_rank: int, upper_rank: int) -> float:
    """Chance that the quantile lies between two order statistics of n units, whatever the distribution.

    >>> order_statistic_coverage(10, 0.5, 2, 9)
    0.978515625
    """
    from scipy import special

    if not 1 <= lower_rank < upper_rank <= n or not 0 < quantile < 1:
        raise ParameterError(f"Ranks {lower_rank} and {upper_rank} of {n} do not fit.", "Give two rising ranks.")
    return float(special.bdtr(upper_rank - 1, n, quantile) - special.bdtr(lower_rank - 1, n, quantile))


def interval_ranks(n: int, quantile: float, confidence: float = 0.95) -> tuple[int, int]:
    """Ranks (from 1) of the order statistics whose interval covers the quantile at least so often.

    Raises:
        ExperimentError: There are too few units for an interval of that level.
    """
    from scipy import stats

    tail = (1 - confidence) / 2
    low = int(stats.binom.ppf(tail, n, quantile))
    high = int(stats.binom.isf(tail, n, quantile)) + 1
    if low < 1 or high > n:
        raise ExperimentError(
            f"{n:,} units are too few for an interval of the {100 * quantile:g}th percentile.", "Bring more units."
        )
    return low, high


def quantile_interval(values: ArrayLike, quantile: float, *, confidence: float = 0.95) -> tuple[float, float, float]:
    """A quantile with its distribution-free interval, from the outcomes of all units.

    Returns:
        Estimate, lower and upper end.

    Raises:
        ExperimentError: A value is not finite, or there are too few units.
    """
    x = _finite(values)
    low, high = interval_ranks(x.size, quantile, confidence)
    rank = _rank(x.size, quantile)
    part = np.partition(x, [low - 1, rank - 1, high - 1])
    return float(part[rank - 1]), float(part[low - 1]), float(part[high - 1])


def compare_quantiles(
    control: ArrayLike,
    treatment: ArrayLike,
    quantile: float = 0.5,
    *,
    method: Method = "order statistics",
    clusters: tuple[ArrayLike, ArrayLike] | None = None,
    confidence: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> QuantileComparison:
    """Compare one quantile between two variants.

    `order statistics` takes each side's standard error from its distribution-free interval. `bootstrap` draws the
    quantile of resampled units: the rank of the quantile of a resample is known (the k-th of n uniform numbers is
    beta distributed), so a draw costs one number and not n. `clustered bootstrap` resamples clusters.

    Args:
        control: Outcomes of the control, shape (rows,).
        treatment: Outcomes of the treatment, shape (rows,).
        quantile: Which one.
        method: How the interval is made.
        clusters: Cluster of each row, control's and treatment's; for the clustered bootstrap.
        confidence: Level of the interval.
        draws: Bootstrap draws.
        seed: Seed of the draws.

    Raises:
        ExperimentError: A value is not finite, or there are too few units.
        ParameterError: An option is out of range.
    """
    check_options(confidence)
    if not 0 < quantile < 1:
        raise ParameterError(f"The quantile is {quantile:g}.", "Choose one between 0 and 1, 0.5 for the median.")
    sides = [_finite(control), _finite(treatment)]
    first, second = (float(np.partition(x, _rank(x.size, quantile) - 1)[_rank(x.size, quantile) - 1]) for x in sides)
    gap = second - first
    if method == "order statistics":
        errors = [_standard_error(x, quantile, confidence) for x in sides]
        return QuantileComparison(
            quantile, first, second, _symmetric(gap, math.hypot(*errors), confidence), method, confidence
        )
    rng = np.random.default_rng(seed)
    if method == "bootstrap":
        drawn = [_draw_units(np.sort(x), quantile, draws, rng) for x in sides]
    elif method == "clustered bootstrap" and clusters is not None:
        drawn = [_draw_clusters(x, np.asarray(c), quantile, draws, rng) for x, c in zip(sides, clusters, strict=True)]
    else:
        raise ParameterError(
            f"The method is {method!r}{' without clusters' if clusters is None else ''}.",
            "Choose order statistics, bootstrap, or clustered bootstrap with the cluster of each row.",
        )
    gaps = drawn[1] - drawn[0]
    tail = (1 - confidence) / 2
    low, high = (float(q) for q in np.quantile(gaps, [tail, 1 - tail]))
    below, above = float((gaps <= 0).mean()), float((gaps >= 0).mean())
    p = min(1.0, max(2 * min(below, above), 2 / draws))
    return QuantileComparison(
        quantile, first, second, Effect(gap, low, high, float(gaps.std(ddof=1)), p), method, confidence
    )


def _symmetric(gap: float, error: float, confidence: float) -> Effect:
    if error == 0:
        return Effect(gap, math.nan, math.nan, 0.0, math.nan)
    return symmetric(gap, error, math.inf, confidence, "two-sided")


def _rank(n: int, quantile: float) -> int:
    """Rank (from 1) of the order statistic that is the quantile."""
    return min(n, max(1, math.ceil(n * quantile)))


def _standard_error(x: Floats, quantile: float, confidence: float) -> float:
    from scipy import special

    _, low, high = quantile_interval(x, quantile, confidence=confidence)
    return (high - low) / (2 * float(special.ndtri((1 + confidence) / 2)))


def _draw_units(ordered: Floats, quantile: float, draws: int, rng: np.random.Generator) -> Floats:
    n = ordered.size
    rank = _rank(n, quantile)
    place = np.ceil(n * rng.beta(rank, n - rank + 1, draws)).astype(np.int64)
    found: Floats = ordered[np.clip(place, 1, n) - 1]
    return found


def _draw_clusters(
    x: Floats, cluster: NDArray[np.generic], quantile: float, draws: int, rng: np.random.Generator
) -> Floats:
    """Quantiles of resampled clusters, on a grid of outcomes around the quantile that is finer than the interval."""
    if cluster.shape != x.shape:
        raise ExperimentError(
            f"{x.size:,} outcomes have {cluster.size:,} cluster names.", "Give each outcome the cluster it belongs to."
        )
    names, member = np.unique(cluster, return_inverse=True)
    if names.size < 20:
        raise ExperimentError(f"There are only {names.size} clusters in a variant.", "Bring 20 or more.")
    groups = min(GROUPS, names.size)
    group = rng.permutation(names.size)[member] % groups
    size = np.bincount(group, minlength=groups).astype(float)
    ordered = np.sort(x)
    below = np.bincount(group[x <= ordered[_rank(x.size, quantile) - 1]], minlength=groups)
    # Woodruff's (1952) standard error of the share below the quantile says how far the grid must reach.
    residual = below - quantile * size
    error = math.sqrt(groups / (groups - 1) * float(((residual - residual.mean()) ** 2).sum())) / x.size
    reach = np.clip(quantile + 6 * max(error, 1 / x.size) * np.linspace(-1, 1, 400), 0, 1)
    grid = np.unique(ordered[np.clip(np.ceil(reach * x.size).astype(np.int64), 1, x.size) - 1])
    slot = np.searchsorted(grid, x, side="left")
    counts = np.bincount(group * (grid.size + 1) + slot, minlength=groups * (grid.size + 1))
    cumulative = counts.reshape(groups, grid.size + 1).cumsum(axis=1)[:, :-1].astype(np.float32)
    weights = rng.multinomial(groups, np.full(groups, 1 / groups), draws).astype(np.float32)
    share = (weights @ cumulative) / (weights @ size.astype(np.float32))[:, None]
    found: Floats = grid[np.clip((share < quantile).sum(axis=1), 0, grid.size - 1)]
    return found


def _finite(values: ArrayLike) -> Floats:
    x = np.asarray(values, dtype=float)
    bad = np.flatnonzero(~np.isfinite(x))
    if bad.size:
        raise ExperimentError(f"The outcome of row {bad[0] + 1:,} is {x[bad[0]]}.", "Give every row a finite number.")
    if x.size < 2:
        raise ExperimentError(f"A variant has {x.size} outcomes.", "A quantile's interval needs more.")
    return x
