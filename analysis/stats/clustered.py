"""Intervals clustered by viewer: the delete-one-group jackknife over viewer-hash buckets.

A viewer's plays hang together, so plays can't be counted as independent. Viewers are hashed into `BUCKETS` groups, and
the spread of a statistic over "all but one group" gives its standard error, whatever the statistic is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt

BUCKETS = 64
"""Number of viewer-hash buckets; 63 degrees of freedom make the t quantile all but normal."""

Array = npt.NDArray[np.float64]

_MODULUS = 2**31
_MULTIPLIER = 2_654_435_761
"""Knuth's multiplicative hash: 2³² divided by the golden ratio, which spreads consecutive ids evenly."""


def bucket(viewer: nw.Expr) -> nw.Expr:
    """The bucket (0 to `BUCKETS` − 1) of a viewer id, as a narwhals expression.

    Source: Knuth, The Art of Computer Programming, vol. 3, section 6.4 (multiplicative hashing). The id is reduced
    first so that the product stays within 64 bits.
    """
    positive = (viewer % _MODULUS + _MODULUS) % _MODULUS
    return (positive * _MULTIPLIER % 2**32 // (2**32 // BUCKETS)).cast(nw.Int8)


def buckets(viewer: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
    """The same for ids in an array: in 32 bits, what leaves the modulus behind falls off by itself."""
    positive = (viewer & (_MODULUS - 1)).astype(np.uint32)
    return ((positive * np.uint32(_MULTIPLIER)) >> np.uint32(32 - BUCKETS.bit_length() + 1)).astype(np.int8)


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval.

    Attributes:
        value: The estimate.
        low: Lower end; NaN where fewer than two buckets hold viewers.
        high: Upper end; NaN likewise.
        standard_error: On the scale on which the interval was made (logit for shares).
        clusters: Buckets that hold viewers.
    """

    value: float
    low: float
    high: float
    standard_error: float
    clusters: int

    @property
    def known(self) -> bool:
        """Whether there is an interval at all."""
        return bool(np.isfinite(self.low) and np.isfinite(self.high))


@dataclass(frozen=True)
class Jackknife:
    """A statistic, its jackknife standard error and the degrees of freedom.

    Attributes:
        value: The statistic on all buckets; any shape.
        standard_error: Of the same shape; NaN where fewer than two buckets hold anything.
        clusters: Buckets that hold anything.
    """

    value: Array
    standard_error: Array
    clusters: int

    def half_width(self, level: float = 0.95) -> Array:
        """Half the width of the t interval at `level`."""
        from scipy.special import stdtrit

        if self.clusters < 2:
            return np.full_like(self.standard_error, np.nan)
        return np.asarray(stdtrit(self.clusters - 1, 0.5 + level / 2) * self.standard_error, dtype=np.float64)


def jackknife(buckets: Array, statistic: Callable[[Array], Any]) -> Jackknife:
    """Delete-one-group jackknife.

    Args:
        buckets: Additive sums, bucket along the first axis: shape (buckets, …).
        statistic: Takes sums with any leading axes before the shape of one bucket's sums, and keeps those axes:
            it is called once with the total (leading axis of length 1) and once with all the "total without one
            bucket" (leading axis of the number of filled buckets).

    Returns:
        The statistic on the total, with its standard error.

    Source: Efron and Stein (1981), The jackknife estimate of variance; for groups, Shao and Tu (1995), section 2.3.
    """
    axes = tuple(range(1, buckets.ndim))
    filled = buckets[np.any(buckets != 0, axis=axes)] if axes else buckets[buckets != 0]
    total = buckets.sum(axis=0)
    value = np.asarray(statistic(total[None]), dtype=np.float64)[0]
    count = len(filled)
    if count < 2:
        return Jackknife(value, np.full_like(value, np.nan), count)
    without = np.asarray(statistic(total[None] - filled), dtype=np.float64)
    # Around their own mean, which takes out most of the curvature of a ratio.
    squares = (without - without.mean(axis=0)) ** 2
    return Jackknife(value, np.sqrt((count - 1) / count * squares.sum(axis=0)), count)


def share(part: Array, whole: Array, level: float = 0.95) -> Interval:
    """Share of `part` in `whole` (sums by bucket, shape (buckets,)), interval clustered by viewer.

    The interval is made on the logit scale, so that it stays between 0 and 1. A share of exactly 0 or 1 has no logit
    and gets no interval.
    """
    sums = np.stack([np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)], axis=1)
    value = float(sums[:, 0].sum() / sums[:, 1].sum()) if sums[:, 1].sum() > 0 else float("nan")
    if not 0 < value < 1:
        return Interval(value, float("nan"), float("nan"), float("nan"), int((sums[:, 1] != 0).sum()))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = jackknife(sums, lambda s: np.log(s[..., 0]) - np.log(s[..., 1] - s[..., 0]))
    middle, half = float(found.value), float(found.half_width(level))
    if not np.isfinite(half):
        return Interval(value, float("nan"), float("nan"), float("nan"), found.clusters)
    return Interval(value, _expit(middle - half), _expit(middle + half), float(found.standard_error), found.clusters)


def p_values(estimate: Array, standard_error: Array, clusters: int) -> Array:
    """Two-sided p-values of `estimate` = 0, by Student's t with `clusters` − 1 degrees of freedom; 1 where unknown."""
    from scipy.special import stdtr

    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(estimate / standard_error)
    p = 2 * stdtr(max(clusters - 1, 1), -t)
    return np.where(np.isfinite(t) & (clusters >= 2), p, 1.0)


def _expit(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))
