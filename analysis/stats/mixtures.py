"""A mixture of two distributions whose shapes are unknown, told apart by what each is a distribution of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.stats.clustered import Interval, share
from analysis.stats.quantiles import quantile

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_STEPS = 1_500
_TOLERANCE = 1e-7
_ALIVE = 1e-6
"""Classes with a smaller height are taken as empty."""


@dataclass(frozen=True)
class TwoShares:
    """How much of each of two histograms is in a mixture.

    Attributes:
        first: Share of the first, of what was given as the whole.
        second: Share of the second.
        median: Median of the first.
    """

    first: Interval
    second: Interval
    median: Interval


def shares_of_two(counts: Array, group: Ints, first: Array, second: Array, edges: Array, whole: Array) -> TwoShares:
    """Split events into two histograms, with intervals clustered by viewer.

    Cells come in groups. In each group the first histogram has a share of its own; the shapes of both are the same in
    all of them, on scales that shift against each other from group to group, which is what tells them apart. What
    each bucket of viewers adds to the estimates is found from one Newton step.

    Args:
        counts: Events by viewer bucket and cell, shape (buckets, N).
        group: Number of each cell's group, 0 to G − 1, shape (N,).
        first: Probability of each cell under each class of the first histogram, shape (N, K).
        second: The same under the second, shape (N, J).
        edges: Ends of the first histogram's classes, shape (K + 1,).
        whole: By bucket, what the shares are of (events in the mixture, and others), shape (buckets,).

    Source: Dempster, Laird and Rubin (1977) for EM; Jaeckel (1972) for the infinitesimal jackknife.
    """
    total = counts.sum(axis=0)
    a, b, q, r = _fit(total, group, first, second)
    parts = _parts(counts, group, (first, second), (a, b), (q, r))
    heights = np.maximum(parts[:, : first.shape[1]], 0)
    return TwoShares(
        share(parts[:, : first.shape[1]].sum(axis=1), whole),
        share(parts[:, first.shape[1] :].sum(axis=1), whole),
        quantile(heights, edges),
    )


def _fit(total: Array, group: Ints, first: Array, second: Array) -> tuple[Array, Array, Array, Array]:
    """Events of both in each group, shape (G,) each, and the two histograms' heights, each adding up to 1."""
    size = int(group.max()) + 1
    a = b = np.bincount(group, total, size) / 2
    q, r = (np.full(m.shape[1], 1 / m.shape[1]) for m in (first, second))
    for _ in range(_STEPS):
        one, two = first @ q, second @ r
        mean = np.maximum(a[group] * one + b[group] * two, 1e-300)
        odds = total / mean
        new_q, new_r = q * (first.T @ (odds * a[group])), r * (second.T @ (odds * b[group]))
        new_q, new_r = new_q / max(new_q.sum(), 1e-300), new_r / max(new_r.sum(), 1e-300)
        a, b = a * np.bincount(group, odds * one, size), b * np.bincount(group, odds * two, size)
        moved = max(float(np.abs(new_q - q).max()), float(np.abs(new_r - r).max()))
        q, r = new_q, new_r
        if moved < _TOLERANCE:
            break
    return a, b, np.asarray(q, dtype=np.float64), np.asarray(r, dtype=np.float64)


def _parts(
    counts: Array, group: Ints, cells: tuple[Array, Array], levels: tuple[Array, Array], heights: tuple[Array, Array]
) -> Array:
    """Each bucket's part of the estimated events in each class of both histograms, shape (buckets, K + J)."""
    (first, second), (a, b), (q, r) = cells, levels, heights
    there = np.eye(len(a))[group]
    live_q, live_r = q > _ALIVE, r > _ALIVE
    one, two = first @ q, second @ r
    mean = a[group] * one + b[group] * two
    slope = np.hstack(
        [
            there * one[:, None], there * two[:, None],
            a[group][:, None] * first[:, live_q], b[group][:, None] * second[:, live_r],
        ]
    )  # fmt: skip
    seen = mean > 1e-9 * mean.max()
    slope, mean, counts = slope[seen], mean[seen], counts[:, seen]
    information = slope.T @ (slope / mean[:, None])
    # Levels and heights can be scaled against each other: the generalised inverse leaves that direction alone.
    pulled = (counts / mean) @ slope @ np.linalg.pinv(information, rcond=1e-10, hermitian=True)
    size, kept = len(a), int(live_q.sum())
    levels_a, levels_b = pulled[:, :size].sum(axis=1), pulled[:, size : 2 * size].sum(axis=1)
    parts = np.hstack([levels_a[:, None] * q, levels_b[:, None] * r])
    parts[:, np.flatnonzero(live_q)] += a.sum() * pulled[:, 2 * size : 2 * size + kept]
    parts[:, len(q) + np.flatnonzero(live_r)] += b.sum() * pulled[:, 2 * size + kept :]
    # EM comes near the maximum and stops; what is left of the way is not a bucket's doing.
    weight = counts.sum(axis=1, keepdims=True) / counts.sum()
    estimate = np.concatenate([a.sum() * q, b.sum() * r])
    return np.asarray(parts + weight * (estimate - parts.sum(axis=0)), dtype=np.float64)
