"""Quantiles of counted values, with intervals clustered by viewer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis.stats.clustered import Interval, share

Array = npt.NDArray[np.float64]


def quantile(counts: Array, edges: Array, level: float = 0.5) -> Interval:
    """A quantile of values counted into classes; within a class they are taken as evenly spread.

    The share of values below the estimate gets an interval clustered by viewer, whose ends are turned back into
    values: unlike a quantile, a share has a good jackknife.

    Args:
        counts: Values by viewer bucket and class, shape (buckets, C).
        edges: Ends of the classes, increasing, shape (C + 1,).
        level: Which quantile.

    Source: Woodruff (1952), Confidence intervals for medians and other position measures.
    """
    total = counts.sum(axis=0)
    whole = float(total.sum())
    nothing = float("nan")
    if whole <= 0:
        return Interval(nothing, nothing, nothing, nothing, 0)
    below = np.r_[0.0, np.cumsum(total)] / whole

    def value_at(wanted: float) -> float:
        # The first class in which the share below reaches what is wanted.
        end = min(max(int(np.searchsorted(below, wanted, side="left")), 1), len(total))
        inside = (wanted - below[end - 1]) / (below[end] - below[end - 1])
        return float(edges[end - 1] + inside * (edges[end] - edges[end - 1]))

    value = value_at(level)
    place = min(int(np.searchsorted(edges, value, side="right")) - 1, len(total) - 1)
    inside = (value - edges[place]) / (edges[place + 1] - edges[place])
    part = counts[:, :place].sum(axis=1) + inside * counts[:, place]
    found = share(part, counts.sum(axis=1))
    if not found.known:
        return Interval(value, nothing, nothing, nothing, found.clusters)
    return Interval(value, value_at(found.low), value_at(found.high), found.standard_error, found.clusters)
