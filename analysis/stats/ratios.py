"""Ratios of sums with intervals clustered by viewer, and ratios of two of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis.stats.clustered import Interval, jackknife

Array = npt.NDArray[np.float64]


def ratio(sums: Array, level: float = 0.95) -> Interval:
    """A ratio of two sums, or the ratio of two such ratios.

    The interval is made on the log scale, on which a ratio's error is nearer to symmetric, by the delete-one-group
    jackknife over viewer buckets. A ratio of 0 has no logarithm and gets no interval.

    Args:
        sums: Sums by bucket, shape (buckets, 2) for Σa / Σb, or (buckets, 4) for (Σa / Σb) / (Σc / Σd); none negative.
        level: Level of the interval.
    """
    total = sums.sum(axis=0)
    top, bottom = (total[0], total[1]) if len(total) == 2 else (total[0] * total[3], total[1] * total[2])
    value = float(top / bottom) if bottom > 0 else float("nan")
    clusters = int(np.any(sums != 0, axis=1).sum())
    nothing = Interval(value, float("nan"), float("nan"), float("nan"), clusters)
    if not np.all(total > 0):
        return nothing
    with np.errstate(divide="ignore", invalid="ignore"):
        found = jackknife(sums, _log_ratio)
    middle, half = float(found.value), float(found.half_width(level))
    if not np.isfinite(half):
        return nothing
    low, high = np.exp(middle - half), np.exp(middle + half)
    return Interval(value, float(low), float(high), float(found.standard_error), found.clusters)


def _log_ratio(sums: Array) -> Array:
    logs = np.log(sums)
    first = logs[..., 0] - logs[..., 1]
    return first if sums.shape[-1] == 2 else first - logs[..., 2] + logs[..., 3]
